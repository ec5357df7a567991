"""The parts of HRNet that HigherHRNet and EfficientHRNet share: blocks, multi-branch modules and the head."""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import nn

from litepose.models.blocks import conv_norm, upsampling_conv

BOTTLENECK_EXPANSION = 4


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a residual connection: [B,C,H,W] -> [B,C,H,W]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv_norm(channels, channels, 3)
        self.conv2 = conv_norm(channels, channels, 3, activation=None)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,C,H,W] -> [B,C,H,W]."""
        return self.relu(x + self.conv2(self.conv1(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a residual: [B,inputs,H,W] -> [B,4*channels,H/stride,W/stride]."""

    def __init__(self, inputs: int, channels: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        outputs = BOTTLENECK_EXPANSION * channels
        self.conv1 = conv_norm(inputs, channels)
        self.conv2 = conv_norm(channels, channels, 3, stride, dilation=dilation)
        self.conv3 = conv_norm(channels, outputs, activation=None)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else conv_norm(inputs, outputs, stride=stride, activation=None)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,inputs,H,W] -> [B,4*channels,H/stride,W/stride]."""
        return self.relu(self.shortcut(x) + self.conv3(self.conv2(self.conv1(x))))


class HighResolutionModule(nn.Module):
    """Parallel branches that are refined, then fused.

    Args:
        widths: channels of each branch; each branch has half the resolution of the one before.
        blocks: basic blocks of each branch before the fusion. A branch of none keeps one 3x3 convolution, as
            in the authors' released code and published MACs (section 3.2 draws it as removed).
        outputs: number of branches that come out, from the highest resolution on.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(map(_branch, widths, blocks))
        self.fusions = nn.ModuleList(
            nn.ModuleList(_resample(widths, source, target) for source in range(len(widths)))
            for target in range(outputs)
        )
        self.relu = nn.ReLU()

    def forward(self, branches: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Branch i is [B,widths[i],H/2^i,W/2^i], in and out."""
        refined = [blocks(branch) for blocks, branch in zip(self.branches, branches, strict=True)]
        return [
            self.relu(sum(resample(branch) for resample, branch in zip(fusion, refined, strict=True)))
            for fusion in cast(Iterable[Iterable[nn.Module]], self.fusions)
        ]


class HighResolutionStage(nn.Sequential):
    """Modules of the same widths and blocks, one after another; the last gives only the first `outputs`."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], modules: int, outputs: int) -> None:
        counts = [*[len(widths)] * (modules - 1), outputs]
        super().__init__(*(HighResolutionModule(widths, blocks, count) for count in counts))


class AssociativeHead(nn.Module):
    """HigherHRNet's predictions at two resolutions (Cheng et al. 2020, section 3.3).

    Args:
        inputs: channels of the highest-resolution branch.
        channels: channels of the up-sampled features.
        blocks: basic blocks that refine the up-sampled features.
        num_joints: J, the keypoints of one person.
    """

    def __init__(self, inputs: int, channels: int, blocks: int, num_joints: int) -> None:
        super().__init__()
        predictions = 2 * num_joints
        deconv = upsampling_conv(inputs + predictions, channels)
        self.deconv = nn.Sequential(
            nn.Sequential(deconv, nn.BatchNorm2d(channels), nn.ReLU()),
            *(BasicBlock(channels) for _ in range(blocks)),
        )
        self.predictions = nn.ModuleList(
            [nn.Conv2d(inputs, predictions, 1), nn.Conv2d(channels, num_joints, 1)]
        )

    def forward(self, features: torch.Tensor) -> list[torch.Tensor]:
        """[B,inputs,H/4,W/4] -> heatmaps and tags [B,2J,H/4,W/4], heatmaps [B,J,H/2,W/2]."""
        coarse = self.predictions[0](features)
        fine = self.predictions[1](self.deconv(torch.cat((features, coarse), dim=1)))
        return [coarse, fine]


def _branch(width: int, blocks: int) -> nn.Sequential:
    if blocks == 0:
        return conv_norm(width, width, 3, activation=nn.ReLU6)
    return nn.Sequential(*(BasicBlock(width) for _ in range(blocks)))


def _resample(widths: Sequence[int], source: int, target: int) -> nn.Module:
    if source == target:
        return nn.Identity()
    if source > target:
        upsample = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return nn.Sequential(*conv_norm(widths[source], widths[target], activation=None), upsample)
    halvings = [conv_norm(widths[source], widths[source], 3, 2) for _ in range(target - source - 1)]
    return nn.Sequential(*halvings, conv_norm(widths[source], widths[target], 3, 2, activation=None))
