"""EfficientHRNet (Neff et al. 2020): an EfficientNet backbone, scaled HRNet stages and HigherHRNet's head."""

from dataclasses import dataclass
from math import ceil
from typing import cast

import torch
from torch import nn

from litepose.models.blocks import conv_norm, initialise, round_channels, scaled_depth
from litepose.models.hrnet import AssociativeHead, HighResolutionStage

STEM_CHANNELS = 32
SQUEEZE_RATIO = 4
BRANCH_BLOCKS = 2
HEAD_BLOCKS = 2
BASE_WIDTH, WIDTH_BASE = 32, 1.2455
# EfficientNet-B0 (Tan and Le 2019, Table 1): expansion, channels, blocks, stride, kernel.
BACKBONE = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


@dataclass(frozen=True)
class EfficientHRNetArchitecture:
    """One scaling of EfficientHRNet.

    Attributes:
        scale: i of H-i; the branches have ceil(32 * 1.2455^-i * 2^b) channels.
        backbone_width: multiplier of the backbone's channels.
        backbone_depth: multiplier of the backbone's blocks.
        modules: high-resolution modules of stages 2, 3 and 4.
    """

    scale: int
    backbone_width: float
    backbone_depth: float
    modules: tuple[int, int, int]

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the four branches."""
        return tuple(ceil(BASE_WIDTH * WIDTH_BASE**-self.scale * 2**branch) for branch in range(4))


ARCHITECTURES = {
    "h-1": EfficientHRNetArchitecture(1, 0.909, 0.833, (1, 3, 3)),
    "h-2": EfficientHRNetArchitecture(2, 0.826, 0.694, (1, 2, 3)),
    "h-3": EfficientHRNetArchitecture(3, 0.751, 0.578, (1, 1, 3)),
    "h-4": EfficientHRNetArchitecture(4, 0.684, 0.483, (1, 1, 2)),
}


class SqueezeExcitation(nn.Module):
    """Channels weighted by a gate that reads all of them: [B,C,H,W] -> [B,C,H,W]."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.SiLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,C,H,W] -> [B,C,H,W]."""
        return x * self.gate(x)


class MobileBlock(nn.Module):
    """EfficientNet's inverted residual with squeeze-excitation.

    Stochastic depth, which EfficientNet trains with, is left out.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        expanded = expansion * inputs
        self.stride = stride
        self.residual = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            *([_swish_conv(inputs, expanded)] if expansion > 1 else []),
            _swish_conv(expanded, expanded, kernel, stride, groups=expanded),
            SqueezeExcitation(expanded, inputs // SQUEEZE_RATIO),
            nn.Conv2d(expanded, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,inputs,H,W] -> [B,outputs,H/stride,W/stride]."""
        y = self.layers(x)
        return x + y if self.residual else y


class EfficientBackbone(nn.Sequential):
    """EfficientNet's stem and mobile blocks, which also gives the features before each down-sampling."""

    def __init__(self, architecture: EfficientHRNetArchitecture, depth: float) -> None:
        inputs = round_channels(STEM_CHANNELS * architecture.backbone_width)
        layers: list[nn.Module] = [_swish_conv(3, inputs, 3, 2)]
        channels = [inputs]
        for expansion, width, blocks, stride, kernel in BACKBONE:
            outputs = round_channels(width * architecture.backbone_width)
            if stride == 2:
                channels.append(inputs)
            for index in range(scaled_depth(ceil(blocks * architecture.backbone_depth), depth)):
                layers.append(MobileBlock(inputs, outputs, expansion, kernel, stride if index == 0 else 1))
                inputs = outputs
        super().__init__(*layers)
        self.channels = [*channels[2:], inputs]  # at strides 4, 8, 16 and 32

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> features at strides 4, 8, 16 and 32."""
        stem, *blocks = self
        x = stem(images)
        features = []
        for block in blocks:
            if block.stride == 2:
                features.append(x)
            x = block(x)
        return [*features[1:], x]  # those at stride 2 are not read


class EfficientHRNet(nn.Module):
    """EfficientHRNet for associative embedding.

    Args:
        architecture: the scaling.
        num_joints: J, the keypoints of one person.
        depth: relative number of backbone blocks and of modules of each stage.
    """

    def __init__(self, architecture: EfficientHRNetArchitecture, num_joints: int, depth: float = 1.0) -> None:
        super().__init__()
        self.architecture, self.num_joints, self.depth = architecture, num_joints, depth
        widths = architecture.widths
        self.backbone = EfficientBackbone(architecture, depth)
        self.transitions, self.stages = nn.ModuleList(), nn.ModuleList()
        for level, modules in enumerate(architecture.modules):
            # Every stage adds a branch that starts from the backbone; the first stage takes two.
            active = level + 2
            inputs = [*widths[: active - 1], self.backbone.channels[active - 1]]
            if level == 0:
                inputs[0] = self.backbone.channels[0]
            enter = (conv_norm(*pair, 3, bias=True) for pair in zip(inputs, widths, strict=False))
            self.transitions.append(nn.ModuleList(enter))
            outputs = 1 if active == len(widths) else active
            stage = widths[:active], [BRANCH_BLOCKS] * active, scaled_depth(modules, depth), outputs
            self.stages.append(HighResolutionStage(*stage))
        self.head = AssociativeHead(widths[0], widths[0], HEAD_BLOCKS, num_joints)
        initialise(self, self.head.predictions)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> heatmaps and tags [B,2J,H/4,W/4], heatmaps [B,J,H/2,W/2]."""
        highest, *lower = self.backbone(images)
        branches = [highest]
        for transition, stage, features in zip(self.transitions, self.stages, lower, strict=True):
            sources = [*branches, features]
            branches = stage(
                [enter(x) for enter, x in zip(cast(nn.ModuleList, transition), sources, strict=True)]
            )
        return self.head(branches[0])


def _swish_conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    # EfficientNet pads as TensorFlow does: at stride 2 one more row and column behind than before.
    pad = nn.Identity() if stride == 1 else nn.ZeroPad2d((0, 1, 0, 1))
    padding = (kernel - stride) // 2
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(pad, conv, nn.BatchNorm2d(outputs), nn.SiLU())
