"""Regions of images in every form that COCO's format allows, checked before pycocotools sees them.

That parser is compiled code which trusts what it is given.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Any, TypedDict

import msgspec
import numpy as np
from pycocotools import mask as coco_mask

BEYOND = 10  # image sides that a polygon may reach beyond its image


class RunLengths(TypedDict):
    """A region of pixels as COCO compresses it.

    Attributes:
        size: height and width of the image.
        counts: lengths of the runs outside and inside, column by column.
    """

    size: list[int]
    counts: str | bytes


class _Compressed(msgspec.Struct, gc=False):
    size: list[int]
    counts: str


class _Uncompressed(msgspec.Struct, gc=False):
    size: list[int]
    counts: list[int]


class RegionError(Exception):
    """A segmentation that cannot be read; the message says what was found and what is expected."""


def encoded(segmentation: msgspec.Raw, height: int, width: int) -> list[RunLengths]:
    """A segmentation as run lengths, one per polygon; none where it covers nothing.

    Args:
        segmentation: JSON: polygons, one polygon, or run lengths as a list or compressed.
        height, width: of the image in pixels.

    Raises:
        RegionError: it is none of these, or does not fit the image.
    """
    if bytes(segmentation) in (b"", b"{}"):
        return []
    for kind, read in _FORMS:
        try:
            region = msgspec.json.decode(segmentation, type=kind)
        except (ValueError, RecursionError):
            continue
        return read(region, height, width)
    raise RegionError("is no segmentation of COCO's; expected polygons or run lengths (size and counts)")


def _nothing(region: None, height: int, width: int) -> list[RunLengths]:
    return []


def _polygon(polygon: list[float], height: int, width: int) -> list[RunLengths]:
    return _polygons([polygon], height, width)


def _polygons(polygons: list[list[float]], height: int, width: int) -> list[RunLengths]:
    """Polygons of fewer than three points cover nothing; pycocotools takes two points for a box."""
    areas = [polygon for polygon in polygons if len(polygon) >= 6]
    for polygon in areas:
        points = np.array(polygon)
        if len(points) % 2:
            raise RegionError(f"has a polygon of {len(polygon)} numbers; expected pairs of x and y")
        if not (np.abs(points) <= BEYOND * max(height, width)).all():
            raise RegionError(f"has a polygon that reaches far beyond its image of {width}x{height} pixels")
    return coco_mask.frPyObjects(areas, height, width) if areas else []  # type: ignore[arg-type]


def _uncompressed(region: _Uncompressed, height: int, width: int) -> list[RunLengths]:
    _check(region.size, region.counts, height, width)
    runs: Any = {"size": region.size, "counts": region.counts}  # a form that its types do not know
    return [coco_mask.frPyObjects(runs, height, width)]


def _compressed(region: _Compressed, height: int, width: int) -> list[RunLengths]:
    _check(region.size, _decompressed(region.counts), height, width)
    return [RunLengths(size=region.size, counts=region.counts)]


def _decompressed(counts: str) -> list[int]:
    """The lengths behind COCO's compression: digits to base 32, from the fourth on as differences.

    Raises:
        RegionError: it is no such text.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        digit = ord(character) - 48
        if not 0 <= digit < 64:
            raise RegionError(f"has counts with {character!r}; expected COCO's compressed run lengths")
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            value -= (1 << shift) if digit & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
        elif shift > 60:
            break
    if shift:
        raise RegionError("has counts that end within a number; expected COCO's compressed run lengths")
    return runs


def _check(size: list[int], runs: list[int], height: int, width: int) -> None:
    if size != [height, width]:
        raise RegionError(f"has size {size}; expected its image's [height, width] = {[height, width]}")
    total = list(accumulate(runs, initial=0))
    if min(runs, default=0) < 0 or total[-1] != height * width:
        raise RegionError(
            f"has run lengths of {total[-1]} pixels; expected the {height * width} of its image, none below 0"
        )


_FORMS: tuple[tuple[object, Callable], ...] = (
    (list[list[float]], _polygons),
    (list[float], _polygon),
    (_Compressed, _compressed),
    (_Uncompressed, _uncompressed),
    (None, _nothing),
)


def union(regions: list[RunLengths]) -> RunLengths | None:
    """The regions together; None for none."""
    return coco_mask.merge(regions) if regions else None
