"""A device's latency is predicted from the kinds of a network's multiply-accumulates."""

import numpy as np
import pytest
import torch

from litepose.complexity import count, litepose_macs_by_kind
from litepose.core.errors import InputError
from litepose.models.litepose import ARCHITECTURES, LitePose
from litepose.models.space import SPACES
from litepose.nas.latency_model import LatencyModel, features, leave_one_out
from litepose.nas.stratified import stratified_sample

DEVICE = LatencyModel(constant=1.5, dense=20.0, depthwise=90.0, transposed=35.0)


def known(number=12, depth=0.34):
    """Features of configurations spread over the space."""
    space = SPACES["xs"]
    macs = space.costs(lambda architecture, side: features(architecture, side, 14, depth)[:, 1])
    chosen = [space.at(row) for row in stratified_sample(macs, number, seed=0)]
    return np.concatenate([features(one.architecture, one.resolution, 14, depth) for one in chosen])


def test_the_kinds_of_convolution_add_up_to_all_macs():
    model = LitePose(ARCHITECTURES["s"], 14, depth=0.34)
    counted = {"depthwise": 0, "transposed": 0}

    def add(module, inputs, output):
        if isinstance(module, torch.nn.ConvTranspose2d):
            counted["transposed"] += module.weight.numel() * inputs[0].shape[2:].numel()
        elif isinstance(module, torch.nn.Conv2d) and module.groups > 1:
            counted["depthwise"] += module.weight.numel() * output.shape[2:].numel()

    for module in model.modules():
        module.register_forward_hook(add)
    model(torch.zeros(1, 3, 64, 64))
    kinds = litepose_macs_by_kind(ARCHITECTURES["s"], 64, 14, depth=0.34)
    assert {kind: kinds[kind] for kind in counted} == counted
    assert sum(kinds.values()) == count(model, 64)["macs"]


def test_a_device_whose_latency_is_linear_is_found_exactly():
    x = known()
    found = LatencyModel.fit(x, DEVICE.predict(x))
    expected = [DEVICE.constant, DEVICE.dense, DEVICE.depthwise, DEVICE.transposed]
    assert [found.constant, found.dense, found.depthwise, found.transposed] == pytest.approx(
        expected, rel=1e-6
    )
    assert np.abs(leave_one_out(x, DEVICE.predict(x))).max() < 1e-6


def test_noise_of_5_percent_leaves_unseen_networks_predicted_within_10():
    x = known(24)
    noise = np.random.default_rng(0).uniform(0.95, 1.05, len(x))
    found = LatencyModel.fit(x, DEVICE.predict(x) * noise)
    unseen = known(17)
    assert np.abs(found.predict(unseen) / DEVICE.predict(unseen) - 1).max() < 0.1


def test_no_coefficient_is_negative():
    x = known()
    found = LatencyModel.fit(x, x @ np.array([5.0, 20.0, -3.0, 10.0]))
    assert min(found.constant, found.dense, found.depthwise, found.transposed) >= 0


def test_leaving_one_out_predicts_a_network_from_the_others_alone():
    x = known()
    milliseconds = DEVICE.predict(x)
    milliseconds[4] *= 2
    assert leave_one_out(x, milliseconds)[4] == pytest.approx(-0.5)


def test_too_few_networks_are_refused():
    x = known(3)
    with pytest.raises(InputError, match="give at least 4"):
        LatencyModel.fit(x, DEVICE.predict(x))
