"""A network in ONNX Runtime or TVM is called as PyTorch's, in several threads, and computes the same."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
import torch

import litepose
from litepose import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.inference.estimator import RUNTIMES
from litepose.models import weights
from litepose.runtimes import registry
from litepose.runtimes.interface import check_output
from support import ROOT, networks

INPUT = 64


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def network():
    """With random numbers, on which it finds people in noise."""
    return networks.drawn("litepose-xs", depth=0.1).eval()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "weights.pt"
    weights.save(path, network(), CROWDPOSE, INPUT)
    return path


@pytest.fixture(scope="module", params=["onnxruntime", "tvm"])
def estimator(request, file):
    """In a runtime, on one thread."""
    return litepose.load(file, "cpu", request.param, threads=1)


@torch.inference_mode()
def test_a_batch_of_any_size_gives_pytorchs_outputs(estimator):
    for shape in ((1, 3, 64, 96), (3, 3, 64, 96), (1, 3, 96, 64)):
        images = torch.randn(shape)
        check_output("network", list(estimator.network(images)), list(estimator.model(images)))


def test_the_people_are_pytorchs_also_from_several_threads(estimator, file):
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    expected = litepose.load(file, "cpu")(image)
    assert len(expected) > 0
    with ThreadPoolExecutor(3) as threads:
        for people in threads.map(estimator, [image] * 6):
            assert people.scores == pytest.approx(expected.scores, abs=1e-4)
            assert np.abs(people.keypoints - expected.keypoints)[..., :2].max() < 1


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_people_of_many_images_in_a_call_are_those_of_one_by_one(file, runtime):
    estimator = litepose.load(file, "cpu", runtime, threads=2)
    draws = np.random.default_rng(0)
    images = [draws.integers(0, 255, shape, np.uint8) for shape in ((64, 96, 3), (96, 64, 3)) * 3]
    for together, image in zip(estimator(images), images, strict=True):
        alone = estimator(image)
        assert len(together) == len(alone) > 0
        assert together.scores == pytest.approx(alone.scores, abs=1e-4)
        assert np.abs(together.keypoints - alone.keypoints)[..., :2].max() < 1e-2


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not bind threads to cores")
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_thread_that_looks_at_an_image_may_still_run_on_every_core(file, runtime):
    estimator = litepose.load(file, "cpu", runtime, threads=1)
    image = np.zeros((64, 96, 3), np.uint8)

    def cores(_):
        estimator(image)
        return os.sched_getaffinity(0)

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(cores, range(2))) == 2 * [os.sched_getaffinity(0)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory, file):
    """A folder with an ONNX file for any size, and one for 64x128."""
    folder = tmp_path_factory.mktemp("exported")
    estimator = litepose.load(file, "cpu")
    estimator.export(folder / "any.onnx", dynamic=True)
    estimator.export(folder / "fixed.onnx", size=(64, 128))
    return folder


def test_an_exported_file_needs_nothing_else(exported, file):
    estimator = litepose.load(exported / "any.onnx", threads=1)
    assert (estimator.skeleton, estimator.input_size) == (CROWDPOSE, INPUT)
    draws = np.random.default_rng(0)
    images = [draws.integers(0, 255, shape, np.uint8) for shape in ((64, 96, 3), (96, 64, 3))]
    for image, people in zip(images, estimator(images), strict=True):
        assert people.scores == pytest.approx(litepose.load(file, "cpu")(image).scores, abs=1e-4)


def test_a_file_for_one_size_takes_batches_and_refuses_other_sizes(exported):
    estimator = litepose.load(exported / "fixed.onnx", threads=1)
    image = np.zeros((64, 96, 3), np.uint8)
    assert len(estimator([image, image])) == 2
    with pytest.raises(InputError, match=r"inputs of 64x128 px, but this image becomes one of 128x64"):
        estimator(np.zeros((96, 64, 3), np.uint8))


@pytest.mark.parametrize(
    ("write", "sentence"),
    [(None, r"net\.onnx is missing"), (b"no network", r"net\.onnx cannot be read as a network")],
)
def test_a_bad_file_is_told_in_one_sentence(tmp_path, write, sentence):
    if write:
        (tmp_path / "net.onnx").write_bytes(write)
    with pytest.raises(InputError, match=sentence) as refusal:
        litepose.load(tmp_path / "net.onnx")
    assert "\n" not in str(refusal.value)


def test_a_file_that_does_not_say_its_joints_is_refused(tmp_path):
    from litepose.runtimes.onnx_session import export

    export(torch.nn.Conv2d(3, 1, 1).eval(), torch.zeros(1, 3, 16, 16), tmp_path / "other.onnx")
    with pytest.raises(InputError, match=r"does not say its joints and input size"):
        litepose.load(tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("flip", "[0, 14]", "does not say its joints and input size"),
        ("limbs", "[[0]]", "does not say its joints and input size"),
        ("input_size", "null", "does not say its joints and input size"),
        ("joints", "3", "does not say its joints and input size"),
        ("sigmas", "[0.1]", "sigmas has 1 numbers for 14 joints"),
    ],
)
def test_what_a_file_says_wrongly_of_its_joints_is_told_in_one_sentence(
    exported, tmp_path, name, value, sentence
):
    content = onnx.load(exported / "any.onnx")
    next(entry for entry in content.metadata_props if entry.key == name).value = value
    onnx.save(content, tmp_path / "other.onnx")
    with pytest.raises(InputError, match=rf"other\.onnx.* {sentence}") as refusal:
        litepose.load(tmp_path / "other.onnx")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("runtime", "extra"), [("onnxruntime", "onnx"), ("tvm", "tvm")])
def test_a_runtime_that_is_not_installed_is_told_with_its_extra(file, runtime, extra):
    call = f"litepose.load({str(file)!r}, 'cpu', {runtime!r})"
    code = f"import sys; sys.modules[{runtime!r}] = None\nimport litepose\n{call}"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert f"pip install 'litepose[{extra}]'" in ended.stderr.splitlines()[-1]


def test_the_registry_names_the_runtimes_that_networks_run_in():
    assert set(registry.NETWORKS) <= set(registry.RUNTIMES)
