"""Heatmaps and tags of a network in the flip test and at several scales, in the released code's order."""

from collections.abc import Sequence

import cv2
import torch
import torch.nn.functional as functional
from torch import nn

from litepose.core.skeletons import Skeleton


@torch.no_grad()
def forward_test(
    model: nn.Module, images: torch.Tensor, skeleton: Skeleton, flip: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Heatmaps and tags at the input's size.

    The heatmaps of both outputs are averaged at stride 2, those of the mirrored image too; its tags are kept
    as a second component. All resizing is bilinear, not corner-aligned, in the released code's order.

    Args:
        model: a network with outputs [B, 2J, H/4, W/4] (heatmaps, then tags) and [B, J, H/2, W/2].
        images: float32 [B, 3, H, W], normalised.
        skeleton: gives J and the mirrored joints.
        flip: whether to look at the mirrored image as well.

    Returns:
        Heatmaps [B, J, H, W] and tags [B, J, H, W, T]; T is 2 with flip, else 1.
    """
    heatmaps, tags = forward(model, images, skeleton, flip)
    size = images.shape[2:]
    return upsampled([heatmaps], size), torch.stack([_resized(component, size) for component in tags], -1)


def forward(
    model: nn.Module, images: torch.Tensor, skeleton: Skeleton, flip: bool
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Heatmaps [B, J, H/2, W/2] and T components of tags [B, J, H/2, W/2]."""
    heatmaps, tags = _stride2(model(images), skeleton.num_joints)
    if not flip:
        return heatmaps, (tags,)
    back = torch.tensor(skeleton.flip, device=images.device)
    other_heatmaps, other_tags = (
        maps.index_select(1, back).flip(3) for maps in _stride2(model(images.flip(3)), skeleton.num_joints)
    )
    return heatmaps.add_(other_heatmaps).div_(2), (tags, other_tags)


def _stride2(outputs: Sequence[torch.Tensor], num_joints: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Averaged heatmaps and tags at the size of the second output, float32 [B, J, H/2, W/2] each.

    Channels become planes first: everything after the network looks at one joint's map at a time.
    """
    coarse, fine = (output.float().contiguous() for output in outputs)
    coarse = _resized(coarse, fine.shape[2:])
    return (coarse[:, :num_joints] + fine).div_(2), coarse[:, num_joints:]


def upsampled(heatmaps: Sequence[torch.Tensor], size: Sequence[int]) -> torch.Tensor:
    """Heatmaps [B, J, H, W], averaged over scales, of those of `forward`."""
    average = _resized(heatmaps[0], size)
    for other in heatmaps[1:]:
        average += _resized(other, size)
    return average if len(heatmaps) == 1 else average.div_(len(heatmaps))


def _resized(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    if maps.device.type != "cpu":
        return functional.interpolate(maps, tuple(size), mode="bilinear", align_corners=False)
    # OpenCV does the same in a quarter of the time; values differ in the last bit.
    large = maps.new_empty((*maps.shape[:2], *size))
    for small, plane in zip(maps.flatten(0, 1).numpy(), large.flatten(0, 1).numpy(), strict=True):
        cv2.resize(small, plane.shape[::-1], plane, interpolation=cv2.INTER_LINEAR)
    return large
