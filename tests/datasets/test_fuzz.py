"""Annotation files changed at random: a result, a sentence or a warning, never a traceback or a silent AP.

LITEPOSE_FUZZ in the environment gives the number of changes per skeleton.
"""

import copy
import json
import os
import random

import numpy as np
import pytest

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.datasets.annotations import load
from litepose.evaluation.bootstrap import matches
from support.pose_data import content, person, write

CHANGES = int(os.environ.get("LITEPOSE_FUZZ", "800"))
VALUES = (
    None, True, False, 0, 1, 2, 3, -1, 0.5, -0.0, 1e-9, 1e5, 1e9, -1e9, 1e308, 2**63, 10**40, float("nan"),
    float("inf"), "", "0", "1", "x", "1.png", "é\n", "\ud800", [], [0], [[]], [1, 2, 3, 4], [None], ["x"], {},
    {"id": 1}, {"size": [120, 160], "counts": "0o"}, {"size": [120, 160], "counts": [1, -1]},
)  # fmt: skip
# Fields in which any number of the right kind is what an annotator may have meant: AP may change
JUDGED = {"keypoints", "bbox", "area", "iscrowd", "image_id"}


@pytest.fixture(scope="module", params=[COCO, CROWDPOSE], ids=lambda skeleton: skeleton.name)
def split(request, tmp_path_factory):
    """A valid split, its images, and what finds everybody a little off their place."""
    skeleton, rng, people = request.param, np.random.default_rng(0), []
    for image in (1, 2, 3):
        for _ in range(2):
            joints = np.full((skeleton.num_joints, 3), 2.0)
            joints[:, :2] = rng.uniform(5, 60, 2) + rng.uniform(0, 50, (skeleton.num_joints, 2))
            people.append(person(skeleton, joints.round(1), image))
    nobody = np.zeros((skeleton.num_joints, 3))
    people.append(person(skeleton, nobody, 1, segmentation=[[20, 20, 60, 20, 60, 50]]))
    runs = {"size": [120, 160], "counts": [100, 200, 120 * 160 - 300]}
    people.append(person(skeleton, nobody, 2, iscrowd=1, segmentation=runs))
    truth = content(skeleton, people, [(160, 120)] * 3)
    detections = [
        {
            "image_id": one["image_id"],
            "keypoints": [value + 1.5 for value in one["keypoints"]],
            "score": round(0.9 - number / 100, 2),
        }
        for number, one in enumerate(people)
    ]
    file, images = write(tmp_path_factory.mktemp(skeleton.name), truth)
    return skeleton, truth, file, images, detections


def places(value, path=()):
    """All places in a JSON value, from which something can be taken, or where something else can be put."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def changed(truth, chance):
    """A copy with one change, and the path of what was changed."""
    truth = copy.deepcopy(truth)
    entry = chance.choice([("images", 0), ("annotations", 0), ("annotations", 6), ("annotations", 7), ()])
    below = truth
    for key in entry:
        below = below[key]
    path = (*entry, *chance.choice(list(places(below))))
    parent = truth
    for key in path[:-1]:
        parent = parent[key]
    kind = chance.random()
    if kind < 0.15:
        del parent[path[-1]]
    elif kind < 0.25 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[path[-1]]))
    elif kind < 0.35 and isinstance(parent[path[-1]], int | float):
        parent[path[-1]] = str(parent[path[-1]])
    elif kind < 0.45 and isinstance(parent[path[-1]], int | float):
        parent[path[-1]] *= chance.choice([-1, 0.01, 3, 100])
    else:
        parent[path[-1]] = chance.choice(VALUES)
    return truth, path


def judged(split, text):
    """AP and warnings of a file, or None where it is refused in one sentence that names it."""
    skeleton, _, file, images, detections = split
    other = file.with_name("changed.json")
    other.write_bytes(text)
    try:
        loaded = load(other, images, skeleton)
        score = matches(other, detections, skeleton).average_precision()
    except InputError as error:
        sentence = str(error)
        assert "\n" not in sentence
        assert str(other) in sentence or str(images) in sentence
        assert len(sentence) < 1500
        return None
    assert all(np.isfinite(image.keypoints).all() and np.isfinite(image.areas).all() for image in loaded)
    return score, loaded.warnings


def may_change_ap(path, before, after):
    """Whether a change makes another file that says what an annotator may have meant."""
    if path[0] in ("images", "annotations") and len(path) <= 2:
        return True  # an image or a person more or less
    return path[0] == "annotations" and path[2] in JUDGED and isinstance(after, int | float | None)


def value_at(truth, path):
    for key in path:
        if isinstance(truth, dict) and key not in truth:
            return None
        if isinstance(truth, list) and key >= len(truth):
            return None
        truth = truth[key]
    return truth


def test_a_changed_file_is_judged_as_before_refused_or_told(split):
    _, truth, file, _, _ = split
    expected, warnings = judged(split, file.read_bytes())
    assert 0.5 < expected < 1
    assert warnings == ()
    chance, refused, told, same = random.Random(0), 0, 0, 0
    for _ in range(CHANGES):
        other, path = changed(truth, chance)
        result = judged(split, json.dumps(other).encode())
        if result is None:
            refused += 1
        elif result[1]:
            told += 1
        elif result[0] == expected:
            same += 1
        else:
            after = value_at(other, path)
            assert may_change_ap(path, value_at(truth, path), after), (
                f"{path} became {after!r}: AP {result[0]}"
            )
    assert min(refused, same) > CHANGES / 10
    assert told > CHANGES / 50


def test_damaged_bytes_are_judged_as_before_refused_or_told(split):
    _, _, file, _, _ = split
    whole, chance = file.read_bytes(), random.Random(1)
    results = []
    for _ in range(CHANGES // 4):
        damaged = bytearray(whole)
        kind = chance.random()
        if kind < 0.4:
            damaged = damaged[: chance.randrange(len(damaged))]
        elif kind < 0.8:
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        else:
            start = chance.randrange(len(damaged))
            del damaged[start : start + chance.randrange(1, 40)]
        results.append(judged(split, bytes(damaged)))
    assert results.count(None) > CHANGES / 10
