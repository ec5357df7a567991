"""The stacked hourglass for associative embedding (Newell et al. 2017)."""

import torch
from torch import nn
from torch.nn import functional as F

from litepose.models.blocks import conv_norm, initialise, scaled_depth

STACKS = 4
LEVELS = 4
CHANNELS = 256
INCREASE = 128  # channels more at each halving of the resolution


class Hourglass(nn.Module):
    """Down through several resolutions and up again: [B,C,H,W] -> [B,C,H,W], sides multiples of 2^levels."""

    def __init__(self, levels: int, channels: int) -> None:
        super().__init__()
        deeper = channels + INCREASE
        self.skip = _conv(channels, channels)
        self.down = nn.Sequential(nn.MaxPool2d(2), _conv(channels, deeper))
        self.inner = Hourglass(levels - 1, deeper) if levels > 1 else _conv(deeper, deeper)
        self.up = nn.Sequential(_conv(deeper, channels), nn.Upsample(scale_factor=2, mode="nearest"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B,C,H,W] -> [B,C,H,W]."""
        return self.skip(x) + self.up(self.inner(self.down(x)))


class Stack(nn.Module):
    """One hourglass, its features and its prediction."""

    def __init__(self, predictions: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            Hourglass(LEVELS, CHANNELS), _plain_conv(CHANNELS), _plain_conv(CHANNELS)
        )
        self.prediction = nn.Conv2d(CHANNELS, predictions, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[B,256,H,W] -> features [B,256,H,W], prediction [B,2J,H,W]."""
        features = self.features(x)
        return features, self.prediction(features)


class StackedHourglass(nn.Module):
    """Four hourglasses, each of which starts from the features and the prediction of the one before.

    The published network predicts at stride 4 only; here its heatmaps, up-sampled bilinearly, stand in at
    stride 2.

    Args:
        num_joints: J, the keypoints of one person.
        depth: relative number of hourglasses.
    """

    def __init__(self, num_joints: int, depth: float = 1.0) -> None:
        super().__init__()
        predictions = 2 * num_joints
        self.num_joints, self.depth = num_joints, depth
        self.stem = nn.Sequential(
            _conv(3, 64, 7, 2), _conv(64, 128), nn.MaxPool2d(2), _conv(128, 128), _conv(128, CHANNELS)
        )
        stacks = [Stack(predictions) for _ in range(scaled_depth(STACKS, depth))]
        self.stacks = nn.ModuleList(stacks)
        merges = range(len(stacks) - 1)
        self.merge_features = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in merges)
        self.merge_predictions = nn.ModuleList(nn.Conv2d(predictions, CHANNELS, 1) for _ in merges)
        initialise(self, [stack.prediction for stack in stacks])

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> heatmaps and tags [B,2J,H/4,W/4], heatmaps [B,J,H/2,W/2]; H, W multiples of 64."""
        x = self.stem(images)
        features, prediction = self.stacks[0](x)
        for stack, feature_merge, prediction_merge in zip(
            self.stacks[1:], self.merge_features, self.merge_predictions, strict=True
        ):
            x = x + feature_merge(features) + prediction_merge(prediction)
            features, prediction = stack(x)
        heatmaps = prediction[:, : self.num_joints]
        fine = F.interpolate(heatmaps, scale_factor=2, mode="bilinear", align_corners=False)
        return [prediction, fine]


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return conv_norm(inputs, outputs, kernel, stride, bias=True)


def _plain_conv(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())
