"""Checkpoints of the authors' released code load by name and compute the same heatmaps and tags."""

import numpy as np
import pytest
import torch

from litepose.core.errors import InputError
from litepose.models import load_official
from litepose.models.official import released_joints
from litepose.models.supernet import Supernet
from support import DATA
from support.official import SHAPES, released


def name_and_joints(key):
    name, _, joints = key.rpartition("-")
    return name.replace("-shrink0", ""), int(joints)


def load(key, checkpoint):
    return load_official(*name_and_joints(key), checkpoint)


@pytest.mark.parametrize(
    "key",
    ["litepose-xs-14", "higherhrnet-w16-shrink0-14", "higherhrnet-w16-shrink3-14", "efficienthrnet-h-1-14"],
)
def test_a_released_checkpoint_computes_what_the_released_code_computes(key):
    torch.set_num_threads(1)
    model = load(key, released(key))
    images = np.random.default_rng(7).normal(0, 1, (1, 3, 128, 128)).astype(np.float32)
    with torch.no_grad():
        coarse, fine = (output.numpy() for output in model(torch.from_numpy(images)))
    golden = np.load(DATA / "models" / f"forward_{key}.npz")
    largest = golden["largest"]
    assert np.abs(coarse[..., 1::3, ::3] - golden["out0"]).max() < 1e-4 * largest[0]
    assert np.abs(fine[..., ::5, 2::5] - golden["out1"]).max() < 1e-4 * largest[1]
    assert np.abs(coarse).max() == pytest.approx(largest[0], rel=1e-4)


@pytest.mark.parametrize("key", SHAPES)
def test_every_tensor_of_every_released_model_finds_its_place(key):
    # Only names and shapes matter here: no memory is touched.
    checkpoint = {name: torch.zeros(()).expand(shape) for name, shape in SHAPES[key].items()}
    assert released_joints(name_and_joints(key)[0], checkpoint) == name_and_joints(key)[1]
    model = load(key, checkpoint)
    used = [shape for name, shape in SHAPES[key].items() if "Linear" not in name]
    network = model.network if isinstance(model, Supernet) else model
    assert sorted(used) == sorted(list(tensor.shape) for tensor in network.state_dict().values())


@pytest.mark.parametrize("prefix", ["module.", "1.", "module.1."])
def test_a_wrapped_checkpoint_loads_like_a_bare_one(prefix):
    checkpoint = released("litepose-xs-14")
    wrapped = {"epoch": 3, "state_dict": {prefix + name: tensor for name, tensor in checkpoint.items()}}
    bare, unwrapped = load("litepose-xs-14", checkpoint), load("litepose-xs-14", wrapped)
    assert all(
        torch.equal(a, b)
        for a, b in zip(bare.state_dict().values(), unwrapped.state_dict().values(), strict=True)
    )


def test_a_checkpoint_of_another_architecture_is_told_by_one_misshapen_tensor():
    with pytest.raises(InputError, match=r"has the shape .* where litepose-m has"):
        load_official("litepose-m", 14, released("litepose-s-14"))


def test_a_checkpoint_of_another_family_is_told_by_one_missing_tensor():
    with pytest.raises(InputError, match="has no tensor for"):
        load_official("higherhrnet-w16", 14, released("litepose-s-14"))


def test_a_missing_tensor_is_named():
    checkpoint = released("litepose-xs-14")
    del checkpoint["first.2.weight"]
    with pytest.raises(InputError, match=r"backbone\.stem\.2\.weight"):
        load("litepose-xs-14", checkpoint)


def test_an_unknown_tensor_is_named():
    checkpoint = released("litepose-xs-14") | {"stage.9.surplus": torch.zeros(1)}
    with pytest.raises(InputError, match=r"backbone\.stages\.9|stage\.9\.surplus"):
        load("litepose-xs-14", checkpoint)


def test_a_file_that_is_no_state_dict_is_told():
    with pytest.raises(InputError, match="state dict"):
        load_official("litepose-xs", 14, [1, 2])


def test_a_number_among_the_tensors_is_named():
    checkpoint = released("litepose-xs-14") | {"best": 58.3}
    with pytest.raises(InputError, match=r"more than tensors \(best is a float\): save its state_dict alone"):
        load("litepose-xs-14", checkpoint)


@pytest.mark.parametrize("number", [float("nan"), float("-inf")])
def test_a_number_that_is_not_finite_is_refused_by_the_checkpoints_own_name(number):
    checkpoint = dict(released("litepose-xs-14"))
    name = "stage.0.0.inv.0.weight"
    checkpoint[name] = checkpoint[name].clone()
    checkpoint[name][0, 0] = number
    with pytest.raises(
        InputError, match=r"checkpoint's tensor stage\.0\.0\.inv\.0\.weight holds NaN or infinity"
    ):
        load("litepose-xs-14", checkpoint)


def test_a_system_without_released_code_is_told():
    with pytest.raises(InputError, match="litepose-xs"):
        load_official("personlab", 17, {})
