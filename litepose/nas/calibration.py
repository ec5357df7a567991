"""Batch-norm statistics of a network, estimated afresh on images."""

from collections.abc import Iterable

import torch
from torch import nn

from litepose.core.errors import InputError


@torch.no_grad()
def recalibrate(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Replace a network's batch-norm statistics, in place, by their mean over batches of images.

    A sub-network inherits the statistics of all configurations of its supernet mixed, but is evaluated with
    its own.

    Args:
        model: a network with batch norm; its mode stays as it was.
        batches: normalised images [B,3,H,W], on the model's device.

    Raises:
        InputError: there is no batch.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    modes = {module: module.training for module in model.modules()}
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
        norm.train()
    count = 0
    for count, images in enumerate(batches, start=1):  # noqa: B007
        model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for module, mode in modes.items():
        module.training = mode
    if count == 0:
        raise InputError("There are no images to estimate batch-norm statistics on: give at least one batch.")
