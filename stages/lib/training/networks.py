"""The network that a training starts from, as a value: a description that builds it for any seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from litepose import models
from litepose.core.errors import InputError
from litepose.core.layout import channels_last
from litepose.models import weights
from litepose.models.litepose import ARCHITECTURES, Architecture, LitePose, LitePoseClassifier
from litepose.models.supernet import Supernet


class Network(Protocol):
    """What a training starts from."""

    def build(self, outputs: int, seed: int) -> nn.Module:
        """The network, channels last; its fresh weights depend on the seed only.

        Args:
            outputs: joints of the data set, or classes.
            seed: of fresh weights.
        """


@dataclass(frozen=True)
class Fresh:
    """A system of the zoo with fresh weights."""

    system: str
    depth: float
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def build(self, outputs: int, seed: int) -> nn.Module:
        """See :class:`Network`."""
        torch.manual_seed(seed)
        return channels_last(models.create(self.system, outputs, depth=self.depth, **self.overrides))


@dataclass(frozen=True)
class SubNetwork:
    """A sub-network with the weights of a trained supernet (paper, section 5.2, fine-tuning).

    Where the supernet was trained for another number of joints, the predictions start afresh; where there is
    no file, everything does.
    """

    architecture: Architecture
    depth: float
    supernet: Path | None

    def build(self, outputs: int, seed: int) -> LitePose:
        """See :class:`Network`."""
        trained = weights.load(self.supernet).model.state_dict() if self.supernet else None
        shared = _supernet(outputs, self.depth, seed)
        if trained:
            # The channels of a trained supernet are in order already.
            shared.load_pretrained(trained, reorder=False)
        return shared.extract(self.architecture)


@dataclass(frozen=True)
class SharedWeights:
    """A supernet that starts from the pre-trained widest network (paper, section 4)."""

    depth: float
    pretrained: Path | None

    def build(self, outputs: int, seed: int) -> Supernet:
        """See :class:`Network`."""
        trained = weights.load(self.pretrained).model.state_dict() if self.pretrained else None
        shared = _supernet(outputs, self.depth, seed)
        if trained:
            shared.load_pretrained(trained)
        return shared


@dataclass(frozen=True)
class Classifier:
    """The backbone of 0.5 LitePose as an image classifier (Figure 7)."""

    kernel: int
    depth: float

    def build(self, outputs: int, seed: int) -> LitePoseClassifier:
        """See :class:`Network`."""
        torch.manual_seed(seed)
        return channels_last(LitePoseClassifier(ARCHITECTURES["half"], outputs, self.kernel, self.depth))


def trained_supernet(file: Path) -> Supernet:
    """The supernet in a file of weights.

    Raises:
        InputError: the file holds another network.
    """
    network = weights.load(file).model
    if not isinstance(network, Supernet):
        raise InputError(f"{file} holds no supernet: run dvc repro supernet")
    return network


def _supernet(num_joints: int, depth: float, seed: int) -> Supernet:
    torch.manual_seed(seed)
    return channels_last(Supernet(num_joints, depth=depth))
