"""PersonLab (Papandreou et al. 2018): an atrous ResNet-152 with part heatmaps and geometric offsets."""

import torch
from torch import nn

from litepose.models.blocks import conv_norm, initialise, scaled_depth
from litepose.models.hrnet import BOTTLENECK_EXPANSION, Bottleneck

# ResNet-152 (He et al. 2016, Table 1) at output stride 16: channels, blocks, stride, dilation. With this
# stride an image of 1401 x 1051 px costs the published MACs.
STAGES = ((64, 3, 1, 1), (128, 8, 2, 1), (256, 36, 2, 1), (512, 3, 1, 2))
STEM_CHANNELS = 64


class PersonLab(nn.Module):
    """Five dense predictions, which are grouped by offsets along the limbs and not by tags.

    Args:
        num_joints: J, the keypoints of one person; they form a tree of J-1 limbs.
        depth: relative number of blocks of each stage.
    """

    def __init__(self, num_joints: int, depth: float = 1.0) -> None:
        super().__init__()
        self.num_joints, self.depth = num_joints, depth
        layers = [conv_norm(3, STEM_CHANNELS, 7, 2), nn.MaxPool2d(3, 2, padding=1)]
        inputs = STEM_CHANNELS
        for channels, blocks, stride, dilation in STAGES:
            for index in range(scaled_depth(blocks, depth)):
                layers.append(Bottleneck(inputs, channels, stride if index == 0 else 1, dilation))
                inputs = BOTTLENECK_EXPANSION * channels
        self.backbone = nn.Sequential(*layers)
        limb_ends = 2 * (num_joints - 1)
        maps = (num_joints, 2 * num_joints, 2 * limb_ends, 2 * num_joints, 1)
        self.heads = nn.ModuleList(nn.Conv2d(inputs, outputs, 1) for outputs in maps)
        initialise(self, self.heads)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> maps of [H/16,W/16], in this order.

        Heatmaps [B,J], short-range offsets [B,2J], mid-range offsets of each limb in both directions
        [B,4(J-1)], long-range offsets [B,2J] and the person mask [B,1].
        """
        features = self.backbone(images)
        return [head(features) for head in self.heads]
