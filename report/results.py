"""What this run measured, read from its metrics files and the logs of its trainings; else empty."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from statistics import geometric_mean
from typing import Any, NamedTuple

from litepose.core.errors import InputError
from report.runs import MACHINE

_LOG = "training.json"  # how the trainings of a run went, beside their curves


class Time(NamedTuple):
    """Wall time of a run in seconds.

    Attributes:
        training: of all its seeds; None where it trains nothing.
        others: of its test, or of what else it does; None where it is trained only.
    """

    training: float | None = None
    others: float | None = None

    @property
    def total(self) -> float:
        """All seconds."""
        return (self.training or 0.0) + (self.others or 0.0)


class Results:
    """The metrics of one run of the pipeline.

    Args:
        directory: where the stages write their metrics files.
        runs: names ``<stage>/<run>`` of the runs that the parameters ask for; None for all that left a file.
            Files of other runs are what an earlier run with other parameters left behind.
        logs: where the trainings log, ``<stage>/<run>/training.json``.
    """

    def __init__(
        self, directory: Path, runs: Collection[str] | None = None, logs: Path | None = None
    ) -> None:
        self._directory, self._runs, self._logs = directory, runs, logs

    def asked_for(self, name: str) -> bool:
        """Whether a run, ``<stage>/<run>``, is one of this run of the pipeline."""
        return self._runs is None or name in self._runs

    def run(self, name: str) -> dict[str, Any]:
        """Metrics of a run, `<stage>/<run>`; empty when it was not run.

        Raises:
            InputError: the file is not a JSON object.
        """
        path = self._directory / f"{name}.json"
        return _read(path) if path.is_file() and self.asked_for(name) else {}

    def warnings(self, name: str) -> list[str]:
        """Sentences about a data set that is allowed to be as it is, but looks wrong."""
        path = self._directory / f"dataset/{name}.md"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [line.removeprefix("- ") for line in lines if line.startswith("- ")]

    def cost(self, system: str) -> dict[str, float]:
        """`input_size`, `params_m`, `macs_g`, `macs_paper_g` of a system; empty when it was not counted."""
        return self.run("complexity").get(system, {})

    def devices(self) -> list[str]:
        """Devices with measured latencies, this host first."""
        found = (path.stem for path in self._directory.glob("latency/*.json"))
        devices = (name for name in found if not name.endswith(MACHINE) and self.asked_for(f"latency/{name}"))
        return sorted(devices, key=lambda name: (name != "host", name))

    def timed(self) -> list[tuple[str, str]]:
        """Devices, this host first, each with every runtime that systems were timed with there."""
        return [(device, runtime) for device in self.devices() for runtime in self._milliseconds(device)]

    def latency(self, device: str, runtime: str, system: str) -> dict[str, float]:
        """`ms`, `low_ms`, `high_ms` of a system on a device; empty when it was not measured."""
        return self.run(f"latency/{device}").get(system, {}).get(runtime, {})

    def main_runtime(self, device: str) -> str:
        """The runtime that stands for a device in figures: of those that timed most systems, the fastest.

        Fastest by the geometric mean, in which the slowest systems do not decide; empty when nothing was
        measured.
        """
        times = self._milliseconds(device)
        return min(times, key=lambda name: (-len(times[name]), geometric_mean(times[name])), default="")

    def _milliseconds(self, device: str) -> dict[str, list[float]]:
        """Milliseconds of every system that each runtime timed."""
        times: dict[str, list[float]] = {}
        for timed in self.run(f"latency/{device}").values():
            for runtime, latency in timed.items():
                times.setdefault(runtime, []).append(latency["ms"])
        return times

    def machine(self, device: str) -> dict[str, Any]:
        """What a device is; empty when it was not measured."""
        return self.run(f"latency/{device}{MACHINE}")

    def times(self) -> dict[str, Time]:
        """Wall time of every run that states one."""
        times: dict[str, Time] = {}
        for path in sorted(self._directory.rglob("*.json")):
            name = path.relative_to(self._directory).with_suffix("").as_posix()
            seconds = self.run(name).get("seconds")
            if isinstance(seconds, int | float):
                times[name.removesuffix(MACHINE)] = Time(others=float(seconds))
        for name, seconds in self._trainings():
            times[name] = times.get(name, Time())._replace(training=seconds)
        return times

    def images(self, name: str) -> int | None:
        """Images that each training of a run saw, one counted each time; None where no log tells."""
        path = None if self._logs is None else self._logs / name / _LOG
        return _read(path).get("images") if path and path.is_file() and self.asked_for(name) else None

    def _trainings(self) -> Iterator[tuple[str, float]]:
        """Runs that were trained, and the seconds that it took."""
        if self._logs is None:
            return
        for path in sorted(self._logs.rglob(_LOG)):
            name = path.parent.relative_to(self._logs).as_posix()
            if self.asked_for(name):
                yield name, float(_read(path)["seconds"])


def _read(path: Path) -> dict[str, Any]:
    """Content of a JSON file that holds an object.

    Raises:
        InputError: it does not.
    """
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON ({error}): repeat the stage that writes it.") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} should hold a JSON object: repeat the stage that writes it.")
    return content
