"""The programs of ``examples`` find the library's people, without the library."""

import importlib
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from litepose.core.skeletons import CROWDPOSE
from litepose.datasets.images import read_image
from litepose.inference.estimator import Estimator
from litepose.inference.grouping import group
from support import ROOT, networks, photographs
from support.perfect_network import maps

EXAMPLES = ROOT / "examples"
SURE = 0.5  # score of people who are compared on photographs
# Of a score: a joint that one of several equal assignments gives to nobody is found again, but does not count
SCORE = 0.12
# px in the image; with ONNX Runtime's rounding, a joint's quarter of a pixel may go the other way
SAME, CLOSE = 1e-3, 0.6
SIZE = (64, 128)
HEIGHT = 0.03  # of the random network's heatmaps


@pytest.fixture(scope="module")
def example():
    """The program as a module."""
    sys.path.insert(0, str(EXAMPLES))
    yield importlib.import_module("find_people_onnx")
    sys.path.remove(str(EXAMPLES))


@pytest.fixture(scope="module")
def estimator():
    """A small Lite Pose with random numbers, whose heatmaps are so low that it finds few people in noise."""
    torch.set_num_threads(1)
    model = networks.drawn("litepose-xs", depth=0.1)
    with torch.no_grad():
        for head in model.heads():
            head[-1].weight[:14] *= HEIGHT
    return Estimator(model, CROWDPOSE, 64)


def figures(count):
    """Joints [P, 14, 3] of people beside each other in a map of 256 x 128 px; some are not labelled."""
    rng = np.random.default_rng(0)
    joints = np.concatenate([rng.uniform(10, 54, (count, 14, 2)), np.full((count, 14, 1), 2)], 2)
    joints[..., 0] += 60 * np.arange(count)[:, None]
    joints[:1, 3] = 0
    return joints


@pytest.mark.parametrize("count", [0, 1, 4])
def test_the_example_groups_peaks_as_the_library_does(example, count):
    heatmaps, tags = maps(figures(count), 256, 128)
    ((expected, scores),) = group(heatmaps, tags)
    people, found = example.group(heatmaps[0].numpy(), tags[0].numpy())
    assert len(people) == len(expected) == count
    np.testing.assert_allclose(people, expected[..., :3], atol=SAME)
    np.testing.assert_allclose(found, scores, atol=1e-6)


@pytest.fixture(scope="module")
def network(estimator, tmp_path_factory):
    """An ONNX file for inputs of 64 x 128 px."""
    path = tmp_path_factory.mktemp("onnx") / "network.onnx"
    estimator.export(path, size=SIZE)
    return path


@pytest.fixture
def image(tmp_path):
    """A file of noise that becomes such an input."""
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 255, (96, 160, 3), np.uint8))
    return path


def test_the_onnx_example_needs_nothing_of_this_project(estimator, network, image, tmp_path):
    blocked = (
        "import sys, runpy\n"
        "for name in ('torch', 'litepose'): sys.modules[name] = None\n"
        f"sys.argv = ['', {str(network)!r}, 'image.png', 'people.png']\n"
        f"runpy.run_path({str(EXAMPLES / 'find_people_onnx.py')!r}, run_name='__main__')"
    )
    printed = subprocess.run(
        [sys.executable, "-c", blocked], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert len(printed.splitlines()) == len(estimator(image)) > 0
    assert cv2.imread(str(tmp_path / "people.png")).shape == (96, 160, 3)


def test_the_onnx_example_finds_the_library_s_people(example, estimator, network, image):
    run, about = example.load(network)
    people, scores = example.find(run, cv2.imread(str(image)), about)
    assert compare(people, scores, estimator(image), 0, 96 / 64 * CLOSE) > 0


def test_a_file_for_any_size_gives_the_same_people(example, estimator, image, tmp_path):
    estimator.export(tmp_path / "network.onnx", dynamic=True)
    run, about = example.load(tmp_path / "network.onnx")
    people, scores = example.find(run, cv2.imread(str(image)), about)
    assert compare(people, scores, estimator(image), 0, 96 / 64 * CLOSE) > 0


def test_the_tvm_example_runs_what_was_compiled(estimator, image, tmp_path):
    pytest.importorskip("tvm")
    estimator.export(tmp_path / "network.so", "tvm", size=SIZE)
    command = [sys.executable, EXAMPLES / "find_people_tvm.py", "network.so", "image.png", "people.png"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert len(printed.splitlines()) == len(estimator(image)) > 0


@photographs.needed
@pytest.mark.parametrize("format", ["onnx", "tvm"])
def test_on_photographs_the_examples_find_the_library_s_people(example, tmp_path, format):
    network = photographs.network()
    root = photographs.folder("real") / "coco"
    content = json.loads((root / "annotations/person_keypoints_val2017.json").read_text())
    shape = next((i["height"], i["width"]) for i in content["images"] if i["width"] == 640)
    same = [i for i in content["images"] if (i["height"], i["width"]) == shape][:4]
    estimator = Estimator(network.model, network.skeleton, 256)
    path = tmp_path / {"onnx": "network.onnx", "tvm": "network.so"}[format]
    estimator.export(path, format, size=input_size(shape, 256))
    run, about = importlib.import_module(f"find_people_{format}").load(str(path))
    found = 0
    for image in same:
        path = root / "val2017" / image["file_name"]
        people, scores = example.find(run, cv2.imread(str(path)), about)
        found += compare(people, scores, estimator(read_image(path)), SURE, shape[0] / 256 * CLOSE)
    assert found >= 3


def input_size(shape, short):
    height, width = shape
    return short, int(short * width / height + 63) // 64 * 64


def compare(people, scores, expected, least, pixels):
    """The same people of at least a score, their sure joints within so many pixels; returns how many."""
    sure = expected.above(least)
    assert (scores >= least).sum() == len(sure)
    for keypoints, score in zip(sure.keypoints, sure.scores, strict=True):
        distance = [np.median(np.linalg.norm(person[:, :2] - keypoints[:, :2], axis=1)) for person in people]
        nearest = int(np.argmin(distance))
        assert abs(scores[nearest] - score) < SCORE
        joints = keypoints[:, 2] > 0.3
        assert (np.linalg.norm(people[nearest] - keypoints, axis=1)[joints] < pixels).all()
    return len(sure)
