"""What `make gpu` checked and measured on a GPU, as Markdown."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from report.table import Column, Row, Table

NONE = "Nobody has run `make gpu` on a GPU yet: there are no numbers of one."
Items = Mapping[str, Mapping[str, Any]]
_MACHINE = ("gpu", "gpu_memory_gib", "capability", "driver", "cuda", "cudnn", "nccl", "processor", "cores")
_SOFTWARE = ("python", "torch", "triton", "numpy", "opencv-python-headless", "onnxruntime", "apache-tvm")


def markdown(file: Path) -> str:
    """Tables of a results file of `make gpu`; a sentence where there is none."""
    if not file.is_file():
        return f"{NONE}\n"
    results = json.loads(file.read_text(encoding="utf-8"))
    parts = {number: part["items"] for number, part in results["parts"].items()}
    sections = [
        _machine(results),
        _states(results["parts"]),
        _table("Training steps", _STEPS, _steps(parts.get("3", {}))),
        _table("Data", _DATA, _data(parts.get("3", {}))),
        _table("Inference", _INFERENCE, _inference(parts.get("4", {}))),
        _table("Cost of a profile", _PLAN, _plan(parts.get("6", {}))),
        _table("Trainings on drawn pictures", _SMALL, _small(parts.get("7", {}))),
        _exceptions(results["parts"]),
    ]
    return "\n".join(section for section in sections if section)


def _machine(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    facts = [f"{key} {machine[key]}" for key in (*_MACHINE, *_SOFTWARE) if key in machine]
    missing = f" Not installed: {', '.join(machine['missing'])}." if machine["missing"] else ""
    sizes = "" if results["sizes"] == "full" else f" Sizes: {results['sizes']}."
    return f"{', '.join(facts)}; code {machine['code']}.{sizes}{missing}\n"


def _states(parts: Mapping[str, Any]) -> str:
    """One row per part: how many of its items passed."""
    columns = [
        Column("part", "Part"),
        Column("state", "State"),
        Column("passed", "Passed", 0),
        Column("failed", "Failed", 0),
        Column("not run", "Not run", 0),
        Column("out of time", "Out of time", 0),
        Column("minutes", "Minutes", 1),
    ]
    rows = []
    for _, part in sorted(parts.items()):
        states = [item["state"] for item in part["items"].values()]
        counts = {state: states.count(state) for state in set(states)}
        rows.append({**part, "part": part["title"], "minutes": part["seconds"] / 60, **counts})
    return _table("Parts", columns, rows)


_STEPS = [
    Column("case", "Step"),
    Column("way", "Way"),
    Column("images_per_s", "Images/s", 0),
    Column("ms_per_step", "ms per step", 1),
    Column("memory_gib", "Memory (GiB)", 1),
    Column("peak_percent", "Share of the matrix product's peak (%)", 1),
]
_DATA = [
    Column("case", "Step"),
    Column("images_per_s_worker", "Images/s per worker", 0),
    Column("workers_needed", "Workers needed", 1),
    Column("images_per_s_together", "Images/s of all workers", 0),
    Column("workers", "Workers", 0),
]
_INFERENCE = [
    Column("system", "System"),
    Column("runtime", "Runtime"),
    Column("ms", "ms", 2),
    Column("images_per_s", "Images/s", 0),
]
_PLAN = [
    Column("profile", "Profile"),
    Column("hours", "Hours", 1),
    Column("memory_gib", "Memory (GiB)", 1),
    Column("disk_gib", "Disk (GiB)", 1),
]
_SMALL = [
    Column("network", "Network"),
    Column("epochs", "Epochs", 0),
    Column("minutes", "Minutes", 1),
    Column("images_per_s", "Images/s", 0),
    Column("loss", "Loss", 3),
    Column("AP", "AP", 1),
    Column("AP by minutes", "AP by minutes"),
]


def _steps(items: Items) -> Iterator[Row]:
    for name, numbers in _measured(items):
        case, _, way = name.partition(": ")
        if "ms_per_step" in numbers:
            share = 100 * numbers["share_of_peak"] if "share_of_peak" in numbers else None
            yield {"case": case, "way": way, "peak_percent": share, **numbers}


def _data(items: Items) -> Iterator[Row]:
    for name, numbers in _measured(items):
        if "images_per_s_worker" in numbers:
            yield {"case": name.partition(": ")[0], **numbers}


def _inference(items: Items) -> Iterator[Row]:
    for name, numbers in _measured(items):
        system, _, runtime = name.partition(": ")
        yield {"system": system, "runtime": runtime, **numbers}


def _plan(items: Items) -> Iterator[Row]:
    for name, numbers in _measured(items):
        yield {"profile": name.removeprefix("profile "), "hours": numbers["minutes"] / 60, **numbers}


def _small(items: Items) -> Iterator[Row]:
    for name, numbers in _measured(items):
        if "epochs" in numbers:
            yield {"network": name, **numbers}


def _measured(items: Items) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, item["numbers"]) for name, item in items.items() if "numbers" in item)


def _exceptions(parts: Mapping[str, Any]) -> str:
    """What failed, or was not run, and why."""
    lines = [
        f"- {part['title']}: {name}: {item['state']}" + (f" ({item['why']})" if "why" in item else "")
        for _, part in sorted(parts.items())
        for name, item in part["items"].items()
        if item["state"] != "passed"
    ]
    lines += [f"- {part['title']}: {part['why']}" for _, part in sorted(parts.items()) if "why" in part]
    return "\n".join(["*Not passed.*", "", *lines, ""]) if lines else ""


def _table(title: str, columns: list[Column], rows: Iterator[Row] | list[Row]) -> str:
    found = list(rows)
    return f"*{title}.*\n\n{Table(title, columns, found).markdown()}" if found else ""
