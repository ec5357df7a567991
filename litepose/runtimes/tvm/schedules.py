"""Schedules of the kernels: a small space that holds the good ones, so that few trials find them.

A tile of the output, some columns by some vectors of channels, stays in registers while the reduction runs
over it. Everything else follows from that: rows of the image go to the cores, element-wise neighbours are
computed with the tile, and what remains to be tuned is the tile's shape.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import tvm
from tvm import s_tir
from tvm.s_tir.schedule import LoopRV, SBlockRV

_REDUCTION = 2  # the type of a block's axis that is summed over
_PLAIN = 4  # axes of a convolution's output, N,H,W,C
SUMS = 3  # a convolution sums over a kernel's rows, its columns, and channels
_REGISTERS = 16
_FEWEST_ACCUMULATORS = 4


@dataclass(frozen=True)
class Tile:
    """Outputs that one pass of the reduction computes.

    Attributes:
        columns: neighbouring pixels of a row.
        vectors: of channels.
        lanes: channels of a vector.
        weights_stay: walk along the row before the channels, so that the weights stay in the cache.
    """

    columns: int
    vectors: int
    lanes: int
    weights_stay: bool


def tiles(schedule: s_tir.Schedule, lanes: int) -> list[Tile]:
    """The tiles of a kernel's space, those first that are likely to be good; none if it sums over nothing.

    Args:
        schedule: of the kernel, untouched.
        lanes: float32 values of the processor's vectors.
    """
    block = find_convolution(schedule)
    if block is None:
        return []
    extents = [int(schedule.get(loop).extent) for loop in schedule.get_loops(block)[:-SUMS]]
    width, filters = extents[_column(extents)], extents[-1]
    lanes = _lanes(filters, lanes)
    found = [
        Tile(columns, vectors, lanes, weights_stay)
        for columns in divisors(width)
        for vectors in divisors(filters // lanes)
        for weights_stay in (False, True)
        if columns * vectors <= _REGISTERS - 2
    ]
    enough = [tile for tile in found if tile.columns * tile.vectors >= _FEWEST_ACCUMULATORS] or found
    return sorted(enough, key=_unlikelihood)


def _unlikelihood(tile: Tile) -> tuple[int, bool]:
    # Two multiply-adds per cycle of four to five cycles each keep eight to ten accumulators busy; two vectors
    # use what is loaded of the image twice.
    return abs(tile.columns * tile.vectors - 9) + 2 * abs(tile.vectors - 2), tile.weights_stay


def _lanes(filters: int, lanes: int) -> int:
    """The vector's length, or a smaller one that divides the channels; all channels where they are few."""
    fitting = [count for count in (lanes, lanes // 2) if count > 1 and filters % count == 0]
    if fitting:
        return fitting[0]
    return filters if filters <= 2 * lanes else max(divisors(filters, lanes))


def divisors(number: int, most: int = _REGISTERS) -> list[int]:
    """Divisors of a number up to another, ascending."""
    return [divisor for divisor in range(1, min(number, most) + 1) if number % divisor == 0]


def kernel_name(schedule: s_tir.Schedule) -> str:
    """A convolution by its kind and shapes, the same in every network; the empty string if there is none.

    Element-wise neighbours are left out: they do not change which tile is good.
    """
    block = find_convolution(schedule)
    if block is None:
        return ""
    summed = schedule.get(block)
    regions = (*summed.reads[:2], *summed.writes)
    image, weight, output = ("x".join(str(int(side)) for side in region.source.shape) for region in regions)
    return f"{summed.name_hint} {image} * {weight} -> {output}"


def vector_lanes(target: tvm.target.Target) -> int:
    """Float32 values of the target's vectors."""
    if tvm.target.codegen.target_has_features("avx512f", target):
        return 16
    return 8 if tvm.target.codegen.target_has_features("avx2", target) else 4


def apply(schedule: s_tir.Schedule, tile: Tile | None, lanes: int) -> None:
    """Schedule a kernel in place.

    Args:
        schedule: of the kernel, untouched: at most one convolution, channels last, and element-wise blocks.
        tile: of the convolution, from `tiles`; None where there is none.
        lanes: float32 values of the processor's vectors.
    """
    schedule_parts(schedule, partial(_flat, lanes=lanes), partial(_tiled, tile=tile, lanes=lanes))


def schedule_parts(
    schedule: s_tir.Schedule,
    elementwise: Callable[[s_tir.Schedule, SBlockRV], None],
    convolution: Callable[[s_tir.Schedule, list[SBlockRV], SBlockRV, list[SBlockRV]], None],
) -> None:
    """Inline a kernel's element-wise blocks into each other, and schedule what is left in place.

    Args:
        schedule: of the kernel, untouched.
        elementwise: schedules the one block of a kernel without a convolution.
        convolution: schedules a convolution between the block before it, one or none, and the one after it.
    """
    before, block, after = _fused(schedule)
    if block is None:
        elementwise(schedule, before[0])
    else:
        convolution(schedule, before, block, after)


def _tiled(
    schedule: s_tir.Schedule,
    before: list[SBlockRV],
    block: SBlockRV,
    after: list[SBlockRV],
    tile: Tile | None,
    lanes: int,
) -> None:
    """A convolution in tiles, computed with the element-wise block after it where that is possible."""
    assert tile is not None, "a convolution needs a tile"
    # A transposed convolution's pixels lie apart in the image: they are written once more, in their order.
    own = after if len(schedule.get_loops(block)) == _PLAIN + SUMS else []
    for elementwise in (*before, *(one for one in after if not own)):
        _flat(schedule, elementwise, lanes)
    writer = own[0] if own else schedule.cache_write(block, 0, "global")
    outer = _tile_loops(schedule, writer, tile)
    schedule.compute_at(block, outer, preserve_unit_loops=True)
    _reduce_in_registers(schedule, block, tile)


def _fused(schedule: s_tir.Schedule) -> tuple[list[SBlockRV], SBlockRV | None, list[SBlockRV]]:
    """Inline a kernel's element-wise blocks into each other.

    Returns:
        What is left before the convolution, one block or none; the convolution, None where there is none and
        one element-wise block is left; what is left after it, one block or none.
    """
    block = find_convolution(schedule)
    blocks = list(schedule.get_child_blocks(schedule.get_sblock("root")))
    position = len(blocks)
    if block is not None:
        position = [schedule.get(one).same_as(schedule.get(block)) for one in blocks].index(True)
    before, after = blocks[:position], blocks[position + 1 :]
    for inner in (*before[:-1], *after[:-1]):
        schedule.compute_inline(inner)
    return before[-1:], block, after[-1:]


def find_convolution(schedule: s_tir.Schedule) -> SBlockRV | None:
    """The kernel's block that sums."""
    for block in schedule.get_child_blocks(schedule.get_sblock("root")):
        if any(axis.iter_type == _REDUCTION for axis in schedule.get(block).iter_vars):
            return block
    return None


def _column(own: list) -> int:
    """Which axis of a convolution's output runs along a row: of N,H,W,C, or of N,H,phase,W,phase,C."""
    return 2 if len(own) == _PLAIN else 3


def _flat(schedule: s_tir.Schedule, block: SBlockRV, lanes: int) -> None:
    """An element-wise block: rows to the cores, vectors along the channels."""
    loops = schedule.get_loops(block)
    channels = int(schedule.get(loops[-1]).extent)
    if len(loops) < 2:
        schedule.vectorize(schedule.split(loops[0], [None, max(divisors(channels, lanes))])[1])
        return
    _, vector = schedule.split(loops[-1], [None, max(divisors(channels, lanes))])
    schedule.vectorize(vector)
    schedule.parallel(schedule.fuse(*loops[: len(loops) - 2]) if len(loops) > 3 else loops[0])


def _tile_loops(schedule: s_tir.Schedule, block: SBlockRV, tile: Tile) -> LoopRV:
    """Tile the block that writes the convolution's output; the innermost loop around a tile."""
    loops = schedule.get_loops(block)
    batch, row, *phases = loops[:-1]
    column, channel = phases.pop(_column(loops) - 2), loops[-1]
    columns, inner_column = schedule.split(column, [None, tile.columns])
    channels, vector, lane = schedule.split(channel, [None, tile.vectors, tile.lanes])
    walk = [channels, columns] if tile.weights_stay else [columns, channels]
    schedule.reorder(batch, row, *phases, *walk, inner_column, vector, lane)
    schedule.parallel(schedule.fuse(batch, row))
    schedule.vectorize(lane)
    schedule.unroll(vector)
    schedule.unroll(inner_column)
    return walk[-1]


def _reduce_in_registers(schedule: s_tir.Schedule, block: SBlockRV, tile: Tile) -> None:
    """Put the reduction around the tile, and unroll the tile, so that its sums need no memory."""
    loops = schedule.get_loops(block)
    axes = len(schedule.get(block).iter_vars)
    own, sums = loops[-axes:-SUMS], loops[-SUMS:]
    column = own[_column(own)]
    vector, lane = schedule.split(own[-1], [None, tile.lanes])
    schedule.reorder(*sums, *own[:-1], vector, lane)
    if own[-2] is not column:
        schedule.reorder(own[-2], column)
    schedule.vectorize(lane)
    schedule.unroll(vector)
    schedule.unroll(column)
    if int(schedule.get(sums[1]).extent) > 1:
        schedule.unroll(sums[1])
    start = schedule.decompose_reduction(block, sums[0])
    *_, column, vector, lane = schedule.get_loops(start)
    schedule.vectorize(lane)
    schedule.unroll(vector)
    schedule.unroll(column)
