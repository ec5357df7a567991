"""HigherHRNet (Cheng et al. 2020) and the paper's gradual shrinkings of it (section 3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from litepose.models.blocks import conv_norm, initialise, scaled_depth
from litepose.models.hrnet import BOTTLENECK_EXPANSION, AssociativeHead, Bottleneck, HighResolutionStage

STEM_CHANNELS = 64
BOTTLENECKS = 4
MODULES = (1, 4, 3)
FULL_BLOCKS = ((4, 4), (4, 4, 4), (4, 4, 4, 4))


@dataclass(frozen=True)
class HigherHRNetArchitecture:
    """What differs between the HigherHRNets.

    Attributes:
        width: C, channels of the highest-resolution branch; branch i has C * 2^i.
        bottleneck: channels inside the bottlenecks of the first stage.
        head: channels of the head's up-sampled features.
        head_blocks: basic blocks that refine them.
        blocks: basic blocks of each branch in each module of stages 2, 3 and 4.
    """

    width: int
    bottleneck: int
    head: int
    head_blocks: int
    blocks: tuple[tuple[int, ...], ...] = FULL_BLOCKS


ARCHITECTURES = {
    "w16": HigherHRNetArchitecture(16, 32, 32, 0),
    "w24": HigherHRNetArchitecture(24, 48, 32, 0),
    "w32": HigherHRNetArchitecture(32, 64, 32, 4),
    "w48": HigherHRNetArchitecture(48, 64, 48, 4),
    "w16-shrink1": HigherHRNetArchitecture(16, 32, 32, 0, ((3, 4), (2, 3, 4), (1, 2, 3, 4))),
    "w16-shrink2": HigherHRNetArchitecture(18, 36, 32, 0, ((1, 4), (1, 1, 4), (1, 1, 1, 4))),
    "w16-shrink3": HigherHRNetArchitecture(18, 36, 32, 0, ((0, 4), (0, 0, 4), (0, 0, 0, 4))),
}


class HigherHRNet(nn.Module):
    """HigherHRNet for associative embedding.

    Args:
        architecture: widths and blocks.
        num_joints: J, the keypoints of one person.
        depth: relative number of modules of each stage.
    """

    def __init__(self, architecture: HigherHRNetArchitecture, num_joints: int, depth: float = 1.0) -> None:
        super().__init__()
        self.architecture, self.num_joints, self.depth = architecture, num_joints, depth
        width, bottleneck = architecture.width, architecture.bottleneck
        self.stem = nn.Sequential(
            conv_norm(3, STEM_CHANNELS, 3, 2), conv_norm(STEM_CHANNELS, STEM_CHANNELS, 3, 2)
        )
        widths = [BOTTLENECK_EXPANSION * bottleneck]
        inputs = [STEM_CHANNELS, *widths * (BOTTLENECKS - 1)]
        self.bottlenecks = nn.Sequential(*(Bottleneck(channels, bottleneck) for channels in inputs))
        self.transitions, self.stages = nn.ModuleList(), nn.ModuleList()
        for blocks, modules in zip(architecture.blocks, MODULES, strict=True):
            before, widths = widths, [width * 2**branch for branch in range(len(blocks))]
            outputs = 1 if blocks is architecture.blocks[-1] else len(widths)
            self.transitions.append(_transition(before, widths))
            self.stages.append(HighResolutionStage(widths, blocks, scaled_depth(modules, depth), outputs))
        self.head = AssociativeHead(width, architecture.head, architecture.head_blocks, num_joints)
        initialise(self, self.head.predictions)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> heatmaps and tags [B,2J,H/4,W/4], heatmaps [B,J,H/2,W/2]."""
        branches = [self.bottlenecks(self.stem(images))]
        for transition, stage in zip(self.transitions, self.stages, strict=True):
            # A new branch starts from the lowest resolution.
            sources = [*branches, branches[-1]]
            branches = stage(
                [enter(x) for enter, x in zip(cast(nn.ModuleList, transition), sources, strict=True)]
            )
        return self.head(branches[0])


def _transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    kept = [
        nn.Identity() if inputs == outputs else conv_norm(inputs, outputs, 3)
        for inputs, outputs in zip(before, after[:-1], strict=True)
    ]
    return nn.ModuleList([*kept, conv_norm(before[-1], after[-1], 3, 2)])
