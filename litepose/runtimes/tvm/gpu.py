"""Schedules for NVIDIA GPUs: a thread computes some neighbouring pixels of one channel.

Neighbouring threads compute neighbouring channels: they read neighbouring weights, and the same pixels.
Nothing is shared between threads, and nothing is tuned.
"""

import tvm
from tvm import s_tir
from tvm.s_tir.schedule import LoopRV, SBlockRV

from litepose.runtimes.tvm.schedules import SUMS, divisors, schedule_parts

_THREADS = 128  # of a block
_MOST_COLUMNS = 8  # pixels of a thread


def target(capability: tuple[int, int], host: tvm.target.Target) -> tvm.target.Target:
    """A GPU by its compute capability, with the processor beside it."""
    return tvm.target.Target({"kind": "cuda", "arch": "sm_{}{}".format(*capability)}, host)


def is_gpu(target: tvm.target.Target) -> bool:
    """Whether kernels for a target run on a GPU."""
    return target.kind.name == "cuda"


def apply(schedule: s_tir.Schedule) -> None:
    """Schedule a kernel in place.

    Args:
        schedule: of the kernel, untouched: at most one convolution, channels last, and element-wise blocks.
    """
    schedule_parts(schedule, _flat, _threaded)


def _threaded(
    schedule: s_tir.Schedule, before: list[SBlockRV], block: SBlockRV, after: list[SBlockRV]
) -> None:
    """A convolution that sums in a thread's registers, computed with the element-wise block after it."""
    for padding in before:
        schedule.compute_inline(padding)
    if after:
        schedule.set_scope(block, 0, "local")
    writer = after[0] if after else schedule.cache_write(block, 0, "local")
    schedule.compute_at(block, _thread(schedule, writer), preserve_unit_loops=True)
    _sum_in_registers(schedule, block)


def _flat(schedule: s_tir.Schedule, block: SBlockRV) -> None:
    """An element-wise block: neighbouring elements to neighbouring threads."""
    blocks, thread = schedule.split(schedule.fuse(*schedule.get_loops(block)), [None, _THREADS])
    schedule.bind(blocks, "blockIdx.x")
    schedule.bind(thread, "threadIdx.x")


def _thread(schedule: s_tir.Schedule, writer: SBlockRV) -> LoopRV:
    """Give the block that writes the output to threads, some columns to each; the inner loop over threads."""
    *rows, column, channel = schedule.get_loops(writer)
    lanes = max(divisors(int(schedule.get(channel).extent), _THREADS))
    width = int(schedule.get(column).extent)
    inner = max(divisors(width, _MOST_COLUMNS))
    beside = max(divisors(width // inner, _THREADS // lanes))
    columns, neighbour, inner_column = schedule.split(column, [None, beside, inner])
    channels, lane = schedule.split(channel, [None, lanes])
    schedule.reorder(*rows, columns, channels, neighbour, lane, inner_column)
    schedule.bind(schedule.fuse(*rows, columns, channels), "blockIdx.x")
    schedule.bind(neighbour, "threadIdx.y")
    schedule.bind(lane, "threadIdx.x")
    schedule.unroll(inner_column)
    return lane


def _sum_in_registers(schedule: s_tir.Schedule, block: SBlockRV) -> None:
    """Put the reduction around the thread's pixels, which are unrolled."""
    axes = len(schedule.get(block).iter_vars)
    loops = schedule.get_loops(block)[-axes:]
    own, sums = loops[:-SUMS], loops[-SUMS:]
    schedule.reorder(*sums, *own)
    start = schedule.decompose_reduction(block, sums[0])
    for loop in (*own, *schedule.get_loops(start)[-len(own) :]):
        schedule.unroll(loop)
