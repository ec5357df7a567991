"""Tuning: measure the tiles of each kernel's space on a device, and keep their times in a file."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tvm
from tvm import s_tir

from litepose.core.errors import InputError
from litepose.core.files import write_text
from litepose.runtimes.tvm import gpu, schedules
from litepose.runtimes.tvm.schedules import Tile

# Tiles of a kernel that are timed twice, the second time side by side: a machine that was slower for a moment
# must not decide.
_FINALISTS = 3
# Microseconds that a schedule takes, from a kernel and the shapes of its arguments.
Timer = Callable[[tvm.IRModule, list[tuple[int, ...]]], float]


class Tuning:
    """Tiles and their times, by kernel; a kernel is measured once, whatever networks it occurs in.

    Args:
        path: of the JSON file, which need not be there.
        machine: that times are added of; a file with times of another one is started anew. None takes any.

    Raises:
        InputError: the file cannot be read.
    """

    def __init__(self, path: Path, machine: str | None = None) -> None:
        self._path, self._machine = path, machine
        self._kernels: dict[str, list[dict[str, Any]]] = {}
        if path.is_file():
            try:
                content = json.loads(path.read_text())
                if machine in (None, content["machine"]):
                    self._kernels = content["kernels"]
            except (ValueError, KeyError, TypeError):
                raise InputError(f"{path} is no record of a tuning: remove it to tune anew.") from None

    def measured(self, kernel: str) -> list[Tile]:
        """The tiles of a kernel whose times are known, the fastest first."""
        entries = sorted(self._kernels.get(kernel, []), key=lambda entry: entry["us"])
        return [Tile(**{key: value for key, value in entry.items() if key != "us"}) for entry in entries]

    def add(self, kernel: str, tile: Tile, microseconds: float) -> None:
        """Record a time; of several times of a tile the shortest stays."""
        entry = asdict(tile) | {"us": round(microseconds, 2)}
        entries = self._kernels.setdefault(kernel, [])
        for position, known in enumerate(entries):
            if known | {"us": entry["us"]} == entry:
                entries[position] = min(known, entry, key=lambda either: either["us"])
                return
        entries.append(entry)

    def write(self) -> None:
        """Write the file, one line per kernel."""
        kernels = sorted(self._kernels.items())
        body = ",\n  ".join(f"{json.dumps(kernel)}: {json.dumps(tiles)}" for kernel, tiles in kernels)
        write_text(self._path, f'{{"machine": {json.dumps(self._machine)}, "kernels": {{\n  {body}\n}}}}\n')

    def best(self) -> dict[str, Tile]:
        """The fastest tile of every kernel."""
        return {kernel: self.measured(kernel)[0] for kernel in self._kernels}


def tune(
    module: tvm.IRModule,
    target: tvm.target.Target,
    tuning: Tuning,
    trials: int,
    timer: Timer,
    until: float,
    on_trial: Callable[[str], None] = lambda kernel: None,
) -> None:
    """Measure tiles of a lowered network's convolutions that were not measured before, the fastest twice.

    The file is written after each kernel.

    Args:
        module: lowered, without schedules.
        target: of the device.
        tuning: read, added to, and written.
        trials: most tiles per kernel, those already measured included.
        timer: runs a scheduled kernel on the device.
        until: of `time.monotonic`; no kernel is begun after it.
        on_trial: told the kernel of every measurement.
    """
    lanes = schedules.vector_lanes(target)
    for alone in kernels(module):
        untouched = s_tir.Schedule(alone)
        name = schedules.kernel_name(untouched)
        known = tuning.measured(name)
        wanted = [tile for tile in schedules.tiles(untouched, lanes)[:trials] if tile not in known]
        if not wanted or time.monotonic() > until:
            continue
        shapes = [tuple(int(side) for side in buffer.shape) for buffer in alone["main"].params]
        for tile in _with_finalists(wanted, tuning, name):
            schedule = s_tir.Schedule(alone)
            schedules.apply(schedule, tile, lanes)
            tuning.add(name, tile, timer(schedule.mod, shapes))
            on_trial(name)
        tuning.write()


def _with_finalists(wanted: list[Tile], tuning: Tuning, kernel: str) -> Iterator[Tile]:
    """Tiles, and once these are measured the fastest that are known of the kernel."""
    yield from wanted
    yield from tuning.measured(kernel)[:_FINALISTS]


def kernels(module: tvm.IRModule) -> Iterator[tvm.IRModule]:
    """The kernels of a lowered network, each as the `main` of a module of its own."""
    for function in module.functions.values():
        if isinstance(function, tvm.tirx.PrimFunc):
            yield tvm.IRModule({"main": function.with_attr("global_symbol", "main")})


def scheduled(module: tvm.IRModule, target: tvm.target.Target, tiles: dict[str, Tile]) -> tvm.IRModule:
    """A lowered network with a schedule for every kernel.

    Args:
        module: lowered, without schedules.
        target: of the device.
        tiles: by kernel; a convolution that is not there gets the first tile of its space. A GPU takes none.
    """
    on_gpu = gpu.is_gpu(target)
    lanes = 0 if on_gpu else schedules.vector_lanes(target)
    done = {}
    for variable, function in module.functions.items():
        if isinstance(function, tvm.tirx.PrimFunc):
            schedule = s_tir.Schedule(tvm.IRModule({"main": function}))
            if on_gpu:
                gpu.apply(schedule)
            else:
                _apply(schedule, lanes, tiles)
            function = schedule.mod["main"].with_attr("global_symbol", variable.name_hint)
        done[variable] = function
    return tvm.IRModule(done, attrs=module.attrs, global_infos=module.global_infos)


def _apply(schedule: s_tir.Schedule, lanes: int, tiles: dict[str, Tile]) -> None:
    """Schedule a kernel with its tile, or the first of its space."""
    space = schedules.tiles(schedule, lanes)
    tile = tiles.get(schedules.kernel_name(schedule)) if space else None
    schedules.apply(schedule, tile or (space[0] if space else None), lanes)


def host_timer(target: tvm.target.Target) -> Timer:
    """Time schedules in this process."""

    def time_of(module: tvm.IRModule, shapes: list[tuple[int, ...]]) -> float:
        device = tvm.cpu()
        library = tvm.compile(module, target).mod
        arguments = [tvm.runtime.tensor(np.ones(shape, "float32"), device) for shape in shapes]
        evaluate = library.time_evaluator("main", device, number=1, repeat=5, min_repeat_ms=5)
        return 1e6 * min(evaluate(*arguments).results)

    return time_of
