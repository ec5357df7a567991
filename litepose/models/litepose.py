"""Lite Pose: one branch of large-kernel inverted residuals with a fusion deconvolution head (section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn

from litepose.core.errors import InputError
from litepose.models.blocks import conv_norm, depthwise_norm, initialise, scaled_depth, upsampling_conv

STEM_CHANNELS = 32
EXPANSION = 6
BLOCKS = (6, 8, 10, 10)
STRIDES = (2, 2, 2, 1)
HEAD_KERNEL = 5


@dataclass(frozen=True)
class Architecture:
    """Channel widths of a Lite Pose network; all else is the same in every one.

    Attributes:
        stem: channels out of the stem, at half the input's resolution.
        stages: channels of the four stages, at strides 4, 8, 16 and 16.
        deconv: channels of the three transposed convolutions, at strides 8, 4 and 2.
    """

    stem: int
    stages: tuple[int, int, int, int]
    deconv: tuple[int, int, int]

    @property
    def widths(self) -> tuple[int, ...]:
        """All eight widths in the order of the forward pass: stem, stages, transposed convolutions."""
        return (self.stem, *self.stages, *self.deconv)

    @classmethod
    def from_widths(cls, widths: Sequence[Any]) -> Self:
        """The architecture of eight widths, or arrays of them, in the order of `widths`."""
        stem, first, second, third, fourth, *deconv = widths
        coarse, middle, fine = deconv
        return cls(stem, (first, second, third, fourth), (coarse, middle, fine))


ARCHITECTURES = {
    "xs": Architecture(16, (16, 32, 48, 80), (16, 24, 24)),
    "s": Architecture(16, (16, 32, 48, 120), (32, 24, 32)),
    "m": Architecture(16, (24, 48, 72, 120), (64, 40, 32)),
    "l": Architecture(24, (24, 64, 96, 160), (64, 40, 32)),
    "half": Architecture(16, (16, 32, 48, 80), (32, 24, 16)),
    "full": Architecture(24, (32, 64, 96, 160), (64, 48, 32)),
}


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and linear projection, with a residual connection or without."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, residual: bool) -> None:
        super().__init__()
        expanded = EXPANSION * inputs
        self.residual = residual
        self.expand = conv_norm(inputs, expanded, activation=nn.ReLU6)
        self.depthwise = depthwise_norm(expanded, kernel, stride, nn.ReLU6)
        self.project = conv_norm(expanded, outputs, activation=None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,inputs,H,W] -> [B,outputs,H/stride,W/stride]."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class Backbone(nn.Module):
    """Modified MobileNetV2 without the last down-sampling (section 3.4)."""

    def __init__(self, architecture: Architecture, kernel: int, depth: float) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise InputError(f"kernel is {kernel}, but depthwise kernels must have an odd size such as 7.")
        self.stem = nn.Sequential(
            conv_norm(3, STEM_CHANNELS, 3, 2, activation=nn.ReLU6),
            depthwise_norm(STEM_CHANNELS, 3, activation=nn.ReLU6),
            *conv_norm(STEM_CHANNELS, architecture.stem, activation=None),
        )
        self.stages = nn.ModuleList()
        inputs = architecture.stem
        for width, blocks, stride in zip(architecture.stages, BLOCKS, STRIDES, strict=True):
            first = InvertedResidual(inputs, width, kernel, stride, residual=False)
            rest = (
                InvertedResidual(width, width, kernel, 1, residual=True)
                for _ in range(scaled_depth(blocks, depth) - 1)
            )
            self.stages.append(nn.Sequential(first, *rest))
            inputs = width

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> features at strides 2 (stem), 4, 8, 16 and 16 (stages)."""
        features = [self.stem(images)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features


class LitePose(nn.Module):
    """Lite Pose for associative embedding.

    Args:
        architecture: the channel widths.
        num_joints: J, the keypoints of one person.
        kernel: size of the backbone's depthwise kernels.
        fusion: whether the head also reads the raw features of earlier stages (section 3.3).
        depth: relative number of blocks of each stage.
    """

    def __init__(
        self,
        architecture: Architecture,
        num_joints: int,
        kernel: int = 7,
        fusion: bool = True,
        depth: float = 1.0,
    ) -> None:
        super().__init__()
        self.architecture, self.num_joints = architecture, num_joints
        self.kernel, self.fusion, self.depth = kernel, fusion, depth
        stage, deconv = architecture.stages, architecture.deconv
        self.backbone = Backbone(architecture, kernel, depth)
        self.deep_deconvs = nn.ModuleList(map(upsampling_conv, (stage[3], *deconv[:2]), deconv))
        self.deconv_norms = nn.ModuleList(nn.Sequential(nn.BatchNorm2d(width), nn.ReLU()) for width in deconv)
        predictions = (2 * num_joints, num_joints)
        self.deep_heads = nn.ModuleList(map(_prediction, deconv[1:], predictions))
        if fusion:
            self.raw_deconvs = nn.ModuleList(map(upsampling_conv, stage[2::-1], deconv))
            self.raw_heads = nn.ModuleList(map(_prediction, (stage[0], architecture.stem), predictions))
        initialise(self, predictions=[head[-1] for head in self.heads()])

    def heads(self) -> list[nn.Sequential]:
        """The prediction branches; the last layer of each gives the maps."""
        return [*self.deep_heads, *(self.raw_heads if self.fusion else ())]

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> heatmaps and tags [B,2J,H/4,W/4], heatmaps [B,J,H/2,W/2]."""
        stem, *stages, deep = self.backbone(images)
        outputs = []
        for level, raw in enumerate(reversed(stages)):  # strides 16, 8, 4
            up = self.deep_deconvs[level](deep)
            if self.fusion:
                # The sum of two transposed convolutions is one over the concatenation that the paper draws.
                up = up + self.raw_deconvs[level](raw)
            deep = self.deconv_norms[level](up)
            if level > 0:
                prediction = self.deep_heads[level - 1](deep)
                if self.fusion:
                    prediction = prediction + self.raw_heads[level - 1]((stages[0], stem)[level - 1])
                outputs.append(prediction)
        return outputs


class LitePoseClassifier(nn.Module):
    """The same backbone for image classification (Figure 7): global average pooling and a linear layer."""

    def __init__(
        self, architecture: Architecture, num_classes: int, kernel: int = 7, depth: float = 1.0
    ) -> None:
        super().__init__()
        self.architecture, self.num_classes = architecture, num_classes
        self.kernel, self.depth = kernel, depth
        self.backbone = Backbone(architecture, kernel, depth)
        self.classifier = nn.Linear(architecture.stages[3], num_classes)
        initialise(self.backbone)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[B,3,H,W] -> class scores [B,num_classes]."""
        return self.classifier(self.backbone(images)[-1].mean(dim=(2, 3)))


def _prediction(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*depthwise_norm(inputs, HEAD_KERNEL), nn.Conv2d(inputs, outputs, 1, bias=False))
