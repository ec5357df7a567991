"""A small network with every operator of the systems that TVM compiles."""

import torch
from torch import nn


class EveryOperator(nn.Module):
    """Strides, groups, upsampling, a transposed convolution, concatenation, sums."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(16, 16, 7, padding=3, groups=16)
        self.down = nn.Conv2d(16, 24, 3, stride=2, padding=1, bias=False)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.transposed = nn.ConvTranspose2d(24, 12, 4, stride=2, padding=1, bias=False)
        self.head = nn.Conv2d(52, 14, 1)
        self.relu6, self.relu = nn.ReLU6(), nn.ReLU()

    def forward(self, image):
        stem = self.relu6(self.stem(image))
        deep = self.depthwise(stem) + stem
        low = self.relu(self.down(deep))
        return self.head(torch.cat([self.up(low), self.relu(self.transposed(low)), deep], 1)), low
