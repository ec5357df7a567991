"""Lightweight OpenPose (Osokin 2018): dilated MobileNet, one initial and one refinement stage."""

import torch
from torch import nn

from litepose.models.blocks import conv_norm, initialise, scaled_depth

FEATURES = 128
INITIAL_HIDDEN = 512
# MobileNet v1 up to conv5_5: channels, stride, dilation, repetitions.
BACKBONE = (
    (64, 1, 1, 1),
    (128, 2, 1, 1),
    (128, 1, 1, 1),
    (256, 2, 1, 1),
    (256, 1, 1, 1),
    (512, 1, 1, 1),
    (512, 1, 2, 1),
    (512, 1, 1, 4),
)
STEM_CHANNELS = 32
POINTWISE_BLOCKS = 3
REFINEMENT_BLOCKS = 5


class LightweightOpenPose(nn.Module):
    """Heatmaps and part-affinity fields, which are grouped along limbs and not by tags.

    A neck is added to the joints and a background map to the heatmaps; there are as many limbs as heatmaps,
    as in OpenPose's skeleton of COCO (17 joints: 19 heatmaps, 19 limbs).

    Args:
        num_joints: J, the keypoints of one person.
        depth: relative number of the backbone's repeated blocks.
    """

    def __init__(self, num_joints: int, depth: float = 1.0) -> None:
        super().__init__()
        self.num_joints, self.depth = num_joints, depth
        heatmaps, fields = num_joints + 2, 2 * (num_joints + 2)
        layers = [conv_norm(3, STEM_CHANNELS, 3, 2)]
        inputs = STEM_CHANNELS
        for width, stride, dilation, repeats in BACKBONE:
            for _ in range(scaled_depth(repeats, depth)):
                layers.append(_separable(inputs, width, stride, dilation))
                inputs = width
        self.backbone = nn.Sequential(*layers)
        self.align = _conv(inputs, FEATURES, 1)
        self.trunk = nn.Sequential(*(_plain_separable(FEATURES) for _ in range(POINTWISE_BLOCKS)))
        self.features = _conv(FEATURES, FEATURES, 3)
        self.initial_trunk = nn.Sequential(*(_conv(FEATURES, FEATURES, 3) for _ in range(3)))
        self.initial_heads = _heads(INITIAL_HIDDEN, heatmaps, fields)
        widths = [FEATURES + heatmaps + fields, *[FEATURES] * (REFINEMENT_BLOCKS - 1)]
        self.refinement_trunk = nn.Sequential(*map(RefinementBlock, widths))
        self.refinement_heads = _heads(FEATURES, heatmaps, fields)
        initialise(self, [head[-1] for head in (*self.initial_heads, *self.refinement_heads)])

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> per stage: heatmaps [B,J+2,H/8,W/8], then affinity fields [B,2(J+2),H/8,W/8]."""
        x = self.align(self.backbone(images))
        features = self.features(x + self.trunk(x))
        x = self.initial_trunk(features)
        initial = [head(x) for head in self.initial_heads]
        x = self.refinement_trunk(torch.cat((features, *initial), dim=1))
        return [*initial, *(head(x) for head in self.refinement_heads)]


class RefinementBlock(nn.Module):
    """A 1x1 convolution, then two 3x3 convolutions around which it is added."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.reduce = _conv(inputs, FEATURES, 1)
        self.trunk = nn.Sequential(
            conv_norm(FEATURES, FEATURES, 3, bias=True),
            conv_norm(FEATURES, FEATURES, 3, dilation=2, bias=True),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,inputs,H,W] -> [B,128,H,W]."""
        x = self.reduce(x)
        return x + self.trunk(x)


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU())


def _separable(inputs: int, outputs: int, stride: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, dilation, dilation, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU(),
        *conv_norm(inputs, outputs),
    )


def _plain_separable(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.ELU(),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.ELU(),
    )


def _heads(hidden: int, heatmaps: int, fields: int) -> nn.ModuleList:
    return nn.ModuleList(
        nn.Sequential(nn.Conv2d(FEATURES, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, outputs, 1))
        for outputs in (heatmaps, fields)
    )
