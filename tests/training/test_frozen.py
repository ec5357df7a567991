"""Frozen batch norms keep their statistics while they learn, and are ordinary ones again afterwards."""

import torch
from torch import nn

from litepose.training.frozen import frozen_statistics


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def test_statistics_stay_and_scales_learn():
    model = network()
    norm = model[1]
    before = norm.running_mean.clone()
    with frozen_statistics(model):
        model.train()
        model(5 + torch.randn(2, 3, 8, 8)).sum().backward()
        assert torch.equal(norm.running_mean, before)
        assert norm.weight.grad.abs().max() > 0
    model.train()(5 + torch.randn(2, 3, 8, 8))
    assert not torch.equal(norm.running_mean, before)
    assert type(norm) is nn.BatchNorm2d


def test_an_image_s_output_does_not_depend_on_its_batch():
    model, images = network(), torch.randn(4, 3, 8, 8)
    with frozen_statistics(model):
        model.train()
        torch.testing.assert_close(model(images)[:1], model(images[:1]))
    model.train()
    assert not torch.allclose(model(images)[:1], model(images[:1]))
