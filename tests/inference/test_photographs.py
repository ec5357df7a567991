"""The released code's people on photographs, with the authors' weights."""

import hashlib
import zlib

import cv2
import numpy as np
import pytest
import torch

from litepose.datasets.images import read_image
from litepose.inference import Resizing, predict
from support import photographs

pytestmark = photographs.needed
OPENCV = int(cv2.__version__.split(".")[0])  # 4 and 5 warp images differently
INPUT = 448
PLACES = [x + 600 * copy for copy in range(6) for x in (301, 345)]  # of the people in the panorama, px
TIES = {"coco/train2017/000000063217.jpg": 1}  # a joint's place is decided by 6e-9 of its heatmap


@pytest.fixture(scope="module")
def images():
    torch.set_num_threads(1)
    files = [photographs.folder("real") / entry["file"] for entry in photographs.golden()["photographs"]]
    for file, entry in zip(files, photographs.golden()["photographs"], strict=True):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == entry["sha256"], file
    return [read_image(file) for file in files]


@pytest.fixture(scope="module")
def detections(images):
    network = photographs.network()
    found = predict(network.model, images, network.skeleton, INPUT)
    return [[one for one in found if one["image_id"] == number] for number in range(len(images))]


def joints(people):
    """[P, 14, 3]: x, y, score."""
    return np.array([person["keypoints"] for person in people]).reshape(-1, 14, 3)


@pytest.mark.skipif(OPENCV < 5, reason="the inputs were recorded with OpenCV 5")
def test_the_networks_inputs_equal_the_released_ones_byte_for_byte(images):
    for image, entry in zip(images, photographs.golden()["photographs"], strict=True):
        resizing = Resizing.fit(*image.shape[1::-1], INPUT)
        assert [resizing.width, resizing.height] == entry["input_size"], entry["file"]
        assert zlib.crc32(resizing.apply(image).tobytes()) == entry["input_crc32"], entry["file"]


@pytest.mark.parametrize("number", range(20))
def test_people_their_number_and_their_order_equal_the_released_ones(detections, number):
    entry = photographs.golden()["photographs"][number]
    people = entry["people"] if OPENCV >= 5 else entry.get("people_opencv4")
    if people is None:
        pytest.skip("recorded with OpenCV 5 only")
    found = detections[number]
    assert len(found) == len(people), entry["file"]
    scores, expected = ([one["score"] for one in group] for group in (found, people))
    assert scores == pytest.approx(expected, abs=1e-5)
    difference = np.abs(joints(found) - joints(people))
    wrong = (difference[..., :2] > 1e-3).any(2) | (difference[..., 2] > 1e-5)
    assert wrong.sum() <= TIES.get(entry["file"], 0), entry["file"]


def test_everybody_in_a_panorama_is_found_once_and_with_nobody_elses_joints():
    people = in_picture(row())
    assert np.sort(people[..., 0].mean(1)) == pytest.approx(PLACES, abs=10)
    assert np.ptp(people[..., 0], axis=1).max() < 100


def test_everybody_in_a_picture_that_must_shrink_is_found_inside_it():
    people = in_picture(row()[:, :1800], max_side=1024)
    assert np.sort(people[..., 0].mean(1)) == pytest.approx(PLACES[:6], abs=20)


def row():
    """Six times the same two people, 8:1."""
    return read_image(photographs.folder("cases") / "images/panorama/row.jpg")


def in_picture(image, max_side=None):
    """Joints [P, 14, 3] of the people that are found, each inside the picture and surely there."""
    network = photographs.network()
    found = predict(network.model, [image], network.skeleton, INPUT, max_side=max_side)
    assert min(one["score"] for one in found) > 0.6
    places = joints(found)
    assert (places[..., 2] > 0).all()
    assert (places[..., :2] >= 0).all()
    assert (places[..., :2] <= image.shape[1::-1]).all()
    return places
