"""Perfect heatmaps and tags are decoded to the annotated people: the decoder itself costs nothing."""

import json
from collections import defaultdict

import pytest

from litepose.core.skeletons import CROWDPOSE
from litepose.evaluation import CROWDPOSE_AREA, evaluate
from litepose.evaluation.bootstrap import matches
from support import perfect_network, pose_data

IMAGES, SIZE = 120, 256


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """CrowdPose val's first images: the annotation file, perfect detections, and what can cost people."""
    truth, _ = pose_data.crowdpose_val()
    file = tmp_path_factory.mktemp("oracle") / "val.json"
    truth["images"] = truth["images"][:IMAGES]
    chosen = {image["id"] for image in truth["images"]}
    truth["annotations"] = [entry for entry in truth["annotations"] if entry["image_id"] in chosen]
    file.write_text(json.dumps(truth))
    people = defaultdict(list)
    for annotation in truth["annotations"]:
        people[annotation["image_id"]].append(annotation)
    detections, reasons = [], {}
    for image in truth["images"]:
        detections += perfect_network.detect(image, people[image["id"]], SIZE)
        reasons[image["id"]] = perfect_network.losses(image, people[image["id"]], CROWDPOSE, SIZE, area)
    return file, detections, reasons


def area(annotation):
    return annotation["bbox"][2] * annotation["bbox"][3] * CROWDPOSE_AREA


def test_nearly_everybody_is_found(decoded):
    file, detections, _ = decoded
    assert evaluate(file, detections, CROWDPOSE)["AP"] > 0.97


def test_only_collisions_and_the_maps_resolution_cost_people(decoded):
    file, detections, reasons = decoded
    clear = [image for image, counts in reasons.items() if not counts.any()]
    assert len(clear) > IMAGES / 2
    assert evaluate(file, detections, CROWDPOSE, clear)["AP"] == 1
    imperfect = perfect_network.imperfect_images(matches(file, detections, CROWDPOSE))
    assert not set(imperfect) & set(clear)


def test_a_collision_is_counted_and_costs_somebody(tmp_path):
    rows = [[(20 + 9 * joint, 40 + joint, 2) for joint in range(14)]] * 2
    truth = pose_data.content(CROWDPOSE, [pose_data.person(CROWDPOSE, row) for row in rows], [(192, 192)])
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    (image,) = truth["images"]
    counts = perfect_network.losses(image, truth["annotations"], CROWDPOSE, 192, area)
    assert dict(zip(perfect_network.REASONS, counts, strict=True))[perfect_network.REASONS[2]] == 2
    detections = perfect_network.detect(image, truth["annotations"], 192)
    assert perfect_network.imperfect_images(matches(file, detections, CROWDPOSE)) == [1]
