"""Heatmaps and tags as the decoder looks at them: in square blocks, of which few are worth a look.

Tags are up-sampled only there: at peaks, and in blocks where a missing joint may lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as functional

BLOCK = 16  # side of a block in heatmap pixels


@dataclass(frozen=True)
class Heatmaps:
    """Heatmaps of a batch, and their blocks.

    Attributes:
        maps: [B, J, H, W], contiguous.
        blocks: [B, J, rows, columns, BLOCK, BLOCK], -inf beyond the ends of the maps.
        largest: value of each block, [B, J, rows, columns].
    """

    maps: torch.Tensor
    blocks: torch.Tensor
    largest: torch.Tensor

    @classmethod
    def of(cls, maps: torch.Tensor) -> Self:
        """Of heatmaps [B, J, H, W]."""
        maps = maps.contiguous()
        whole = _whole(maps.flatten(0, 1), BLOCK, value=-torch.inf)
        blocks = whole.unfold(1, BLOCK, BLOCK).unfold(2, BLOCK, BLOCK).unflatten(0, maps.shape[:2])
        return cls(maps, blocks, blocks.amax(4).amax(4))

    def tops(self, threshold: float, kernel: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The N pixels above a threshold which no pixel beside them in their block exceeds.

        All local maxima are among them, and few other pixels.

        Args:
            threshold: of pixels that count.
            kernel: side of the window of a local maximum; in one of 1 every pixel is one.

        Returns:
            Plane (of B x J), y and x, int64 [N].
        """
        block = (self.largest.flatten(0, 1) > threshold).nonzero(as_tuple=True)
        blocks = self.blocks.flatten(0, 1)[block]
        top = blocks > threshold
        for side in (1, 2) if kernel > 1 else ():
            first, second = blocks.narrow(side, 0, BLOCK - 1), blocks.narrow(side, 1, BLOCK - 1)
            top.narrow(side, 0, BLOCK - 1).logical_and_(first >= second)
            top.narrow(side, 1, BLOCK - 1).logical_and_(second >= first)
        number, y, x = top.nonzero(as_tuple=True)
        plane, row, column = (place[number] for place in block)
        return plane, row * BLOCK + y, column * BLOCK + x


@dataclass(frozen=True)
class Tags:
    """The tags of a batch at every pixel of its heatmaps, by bilinear up-sampling, not corner-aligned.

    Attributes:
        components: T maps [B, J, h, w].
        factor: heatmap pixels per map pixel on each side; 1 where the maps are as large as the heatmaps.
    """

    components: tuple[torch.Tensor, ...]
    factor: int

    @classmethod
    def of(cls, components: Sequence[torch.Tensor], size: Sequence[int]) -> Self:
        """Of T maps [B, J, h, w] for heatmaps of a size (H, W), which is usually a multiple of theirs."""
        height, width = components[0].shape[2:]
        factor = max(size[0] // height, 1)
        if (factor * height, factor * width) == tuple(size) and BLOCK % factor == 0:
            return cls(tuple(components), factor)
        large = (functional.interpolate(maps, tuple(size), mode="bilinear") for maps in components)
        return cls(tuple(large), 1)

    def at(
        self, image: torch.Tensor | int, joint: torch.Tensor, y: torch.Tensor, x: torch.Tensor
    ) -> torch.Tensor:
        """Tags [N, T] at N heatmap pixels, all int64 [N]."""
        if self.factor == 1:
            return torch.stack([maps[image, joint, y, x] for maps in self.components], 1)
        height, width = self.components[0].shape[2:]
        (top, bottom, lower), (left, right, righter) = self._nearest(y, height), self._nearest(x, width)
        found = []
        for maps in self.components:
            above, below = (
                torch.lerp(maps[image, joint, row, left], maps[image, joint, row, right], righter)
                for row in (top, bottom)
            )
            found.append(torch.lerp(above, below, lower))
        return torch.stack(found, 1)

    def blocks(self, image: int) -> "list[TagBlocks]":
        """The blocks of an image, per component."""
        side, border = BLOCK // self.factor, int(self.factor > 1)
        return [
            TagBlocks(_whole(maps[image], side, border, mode="replicate"), self.factor)
            for maps in self.components
        ]

    def _nearest(self, place: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The two map pixels along a side that a heatmap pixel lies between, and the second one's share."""
        exact = ((place + 0.5) / self.factor - 0.5).clamp(0)
        low = exact.long()
        return low, (low + 1).clamp(max=size - 1), exact - low


@dataclass(frozen=True)
class TagBlocks:
    """The blocks of one component of an image's tags.

    Attributes:
        tags: what they are up-sampled from, [J, h, w]: whole blocks, with a border of a pixel around the map
            if there is anything to up-sample.
        factor: block pixels per map pixel on each side.
    """

    tags: torch.Tensor
    factor: int

    def ranges(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The smallest and the largest tag that a block can have, [J, rows, columns] each.

        Up-sampled values lie between those that they are made of.
        """
        # Along columns first: whole rows of the map are compared at once, five times as fast as windows.
        strips = self._windows(self.tags, 1)
        low, high = self._windows(strips.amin(3), 2), self._windows(strips.amax(3), 2)
        return low.amin(3), high.amax(3)

    def at(self, joint: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        """The tags of N blocks, [N, BLOCK, BLOCK]; beyond the ends of the map, some or other."""
        patches = self._windows(self._windows(self.tags, 1), 2)[joint, row, column]
        if self.factor == 1:
            return patches
        large = functional.interpolate(patches[None], scale_factor=self.factor, mode="bilinear")[0]
        return large[:, self.factor : -self.factor, self.factor : -self.factor]

    def _windows(self, maps: torch.Tensor, side: int) -> torch.Tensor:
        """A view of maps by block along a side, with borders over the neighbours; their pixels come last."""
        step = BLOCK // self.factor
        return maps.unfold(side, step + 2 * (self.factor > 1), step)


def _whole(
    maps: torch.Tensor, side: int, border: int = 0, mode: str = "constant", value: float | None = None
) -> torch.Tensor:
    """Maps [N, h, w] that go on to the ends of their last blocks, and a border further.

    Args:
        maps: [N, h, w].
        side: of a block, in pixels.
        border: width of the border in pixels, on all sides.
        mode: how the maps go on beyond their ends, as in PyTorch's ``pad``.
        value: beyond the ends in the mode ``constant``.

    Returns:
        The maps, or a larger copy.
    """
    below, right = -maps.shape[1] % side, -maps.shape[2] % side
    if not (border or below or right):
        return maps
    around = (border, border + right, border, border + below)
    return functional.pad(maps[None], around, mode, value)[0]
