"""The public face: weights are loaded, people are found in images of any kind, and drawn."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import litepose
from litepose import InputError, models
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.drawing import draw_people
from litepose.inference import estimator as estimator_module
from litepose.inference import predict
from litepose.models import weights
from litepose.models.litepose import ARCHITECTURES, LitePoseClassifier
from support import ROOT, networks
from support.official import released

SIZES = ((96, 64), (64, 96), (64, 64))  # width, height
INPUT = 64


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Weights with random numbers, on which the network finds people in noise."""
    return networks.write_drawn(tmp_path_factory.mktemp("trained") / "weights.pt", INPUT)


@pytest.fixture
def images():
    return [
        np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
        for number, (width, height) in enumerate(SIZES)
    ]


def same(people, other):
    return np.array_equal(people.keypoints, other.keypoints) and np.array_equal(people.scores, other.scores)


def test_the_estimator_knows_what_its_weights_say(file):
    estimator = litepose.load(file)
    assert (estimator.skeleton, estimator.input_size) == (CROWDPOSE, INPUT)
    assert estimator.device == torch.device("cuda" if torch.cuda.is_available() else "cpu")
    assert litepose.load(str(file), device="cpu", size=96).input_size == 96


def test_the_people_of_an_image_are_those_of_predict(file, images):
    people = litepose.load(file, device="cpu")(images[0])
    expected = predict(weights.load(file).model, images[:1], CROWDPOSE, INPUT)
    assert len(people) == len(expected) > 0
    assert (people.keypoints.dtype, people.scores.dtype) == (np.float32, np.float32)
    assert people.keypoints.shape == (len(expected), 14, 3)
    for found, person, score in zip(expected, people.keypoints, people.scores, strict=True):
        assert person.ravel() == pytest.approx(found["keypoints"], rel=1e-5)
        assert score == pytest.approx(found["score"], rel=1e-5)


def test_several_images_give_a_list_in_their_order(file, images):
    estimator = litepose.load(file, device="cpu")
    together = estimator(images)
    assert isinstance(together, list)
    assert all(map(same, together, map(estimator, images)))
    assert all(map(same, together, estimator(tuple(images))))
    assert estimator([]) == []


def test_a_call_looks_at_an_image_on_each_thread(file, images):
    estimator = litepose.load(file, device="cpu", threads=len(images))
    meeting, network = threading.Barrier(len(images)), estimator.network

    def meet(given):
        meeting.wait(timeout=20)  # only all images at the same time pass
        return network(given)

    estimator.network = Hooked(meet)
    assert len(estimator(images, flip=False)) == len(images)


class Hooked(torch.nn.Module):
    """Calls a function instead of a network."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


def test_a_gpus_batches_have_the_same_people_however_many_are_read_at_once(file, images, monkeypatch):
    estimator = litepose.load(file, device="cpu")
    together = estimator._in_batches([*images, images[0]], flip=True)
    assert all(map(same, together, map(estimator, [*images, images[0]])))
    monkeypatch.setattr(estimator_module, "IMAGES_AT_ONCE", 1)
    assert all(map(same, together, estimator._in_batches([*images, images[0]], flip=True)))


def test_a_file_is_read_upright(file, images, tmp_path):
    estimator = litepose.load(file, device="cpu")
    turned = Image.fromarray(images[0]).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 270 degrees
    turned.save(tmp_path / "turned.png", exif=exif)
    assert same(estimator(tmp_path / "turned.png"), estimator(images[0]))
    assert same(estimator([str(tmp_path / "turned.png")])[0], estimator(images[0]))


def test_without_flip_test_other_people_are_found(file, images):
    estimator = litepose.load(file, device="cpu")
    plain = estimator(images[0], flip=False)
    expected = predict(weights.load(file).model, images[:1], CROWDPOSE, INPUT, flip=False)
    assert len(plain) == len(expected)
    assert not same(plain, estimator(images[0]))


def test_an_image_without_people_has_none(file):
    estimator = litepose.load(file, device="cpu")
    with torch.no_grad():
        for parameter in estimator.model.parameters():
            parameter.zero_()
    people = estimator(np.zeros((64, 64, 3), np.uint8))
    assert len(people) == 0
    assert people.keypoints.shape == (0, 14, 3)


def test_several_threads_may_ask_at_the_same_time(file, images):
    estimator = litepose.load(file, device="cpu")
    expected = [estimator(image) for image in images]
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(estimator, images * 4))
    assert all(map(same, found, expected * 4))


@pytest.mark.parametrize(("key", "skeleton"), [("litepose-xs-14", CROWDPOSE), ("litepose-xs-17", COCO)])
def test_an_official_checkpoint_says_its_joints_by_its_tensors(tmp_path, key, skeleton):
    torch.save({"state_dict": released(key)}, tmp_path / "ckpt.pth")
    estimator = litepose.load("litepose-xs", "cpu", official=tmp_path / "ckpt.pth")
    assert estimator.skeleton == skeleton
    assert estimator.input_size == 256
    assert litepose.load("litepose-xs", "cpu", official=tmp_path / "ckpt.pth", size=128).input_size == 128
    expected = models.load_official("litepose-xs", skeleton.num_joints, released(key)).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in estimator.model.state_dict().items())


def test_an_official_checkpoint_of_other_joints_is_told(tmp_path):
    tensors = released("litepose-xs-14")
    name = next(name for name in reversed(tensors) if name.startswith("final_refined.1"))
    torch.save(tensors | {name: torch.zeros(21, 24, 1, 1)}, tmp_path / "ckpt.pth")
    with pytest.raises(
        InputError, match=r"ckpt\.pth: it predicts 21 joints, but CrowdPose has 14 and COCO 17"
    ):
        litepose.load("litepose-xs", "cpu", official=tmp_path / "ckpt.pth")


def test_people_are_drawn_over_a_copy_of_the_image_or_file(file, images, tmp_path):
    people = litepose.load(file, device="cpu")(images[0])
    before = images[0].copy()
    drawing = litepose.draw(images[0], people, CROWDPOSE, min_score=0)
    assert np.array_equal(images[0], before)
    assert np.array_equal(drawing, draw_people(images[0], people.keypoints, CROWDPOSE))
    cv2.imwrite(str(tmp_path / "image.png"), images[0][..., ::-1])
    assert np.array_equal(litepose.draw(tmp_path / "image.png", people, CROWDPOSE, min_score=0), drawing)


def test_unsure_people_are_not_drawn(file, images):
    people = litepose.load(file, device="cpu")(images[0])
    assert np.array_equal(litepose.draw(images[0], people, CROWDPOSE, min_score=1e6), images[0])
    sure = people.above(float(np.median(people.scores)))
    assert 0 < len(sure) < len(people)
    drawing = litepose.draw(images[0], people, CROWDPOSE, min_score=float(sure.scores.min()))
    assert np.array_equal(drawing, draw_people(images[0], sure.keypoints, CROWDPOSE))


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.zeros((8, 8, 3), np.float32), r"array \[8, 8, 3\] of float32: give uint8 RGB"),
        (np.zeros((8, 8), np.uint8), r"array \[8, 8\] of uint8: give uint8 RGB"),
        (np.zeros((8, 8, 4), np.uint8), r"array \[8, 8, 4\]"),
        (np.zeros((2, 8, 8, 3), np.uint8), r"array \[2, 8, 8, 3\]"),
        (np.zeros((0, 8, 3), np.uint8), r"array \[0, 8, 3\]"),
        ([None], "of the type NoneType: give an array or a file"),
        ("missing.jpg", r"missing\.jpg: cannot be read"),
    ],
)
def test_what_is_no_image_is_told_in_one_sentence(file, image, sentence):
    with pytest.raises(InputError, match=sentence):
        litepose.load(file, device="cpu")(image)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"runtime": "tensorrt"},
            "runtime is 'tensorrt', but networks run in pytorch, ",
        ),
        ({"threads": 0}, "threads are 0"),
        ({"device": "toaster"}, "device is 'toaster': use auto, cpu or cuda"),
        ({"size": 0}, "size is 0"),
    ],
)
def test_a_bad_argument_is_told_in_one_sentence(file, arguments, sentence):
    with pytest.raises(InputError, match=sentence) as refusal:
        litepose.load(file, **arguments)
    assert "\n" not in str(refusal.value)


def test_a_networks_name_alone_is_told_to_need_its_file():
    with pytest.raises(InputError, match="litepose-m is the name of a network: give the file"):
        litepose.load("litepose-m")


def test_a_network_that_finds_no_people_is_told(tmp_path):
    path = tmp_path / "weights.pt"
    weights.save(path, LitePoseClassifier(ARCHITECTURES["half"], 5, depth=0.1), None, 32)
    with pytest.raises(InputError, match=r"weights\.pt: The network classifies images"):
        litepose.load(path)
    weights.save(path, models.create("personlab", depth=0.1), CROWDPOSE, 32)
    with pytest.raises(InputError, match=r"weights\.pt: PersonLab predicts no tags"):
        litepose.load(path)


def test_an_import_alone_loads_no_pytorch_and_every_public_name_is_there():
    code = (
        "import sys, litepose; assert not {'torch', 'cv2', 'numpy'} & set(sys.modules)\n"
        "assert set(litepose.__all__) <= set(dir(litepose))\n"
        "for name in litepose.__all__: getattr(litepose, name)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(ROOT)})
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = litepose.nothing
