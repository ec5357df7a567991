"""What `dvc repro` will cost with the present params.yaml, stage by stage: images, MACs, time, memory, disk.

Usage: python -m tools.plan

Every stage runs for a moment on drawn images, in a temporary directory; nothing is written elsewhere.
"""

import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from tqdm import tqdm

from litepose import download
from litepose.cores import cores
from litepose.datasets import annotations, manifest
from litepose.datasets.classification import ClassificationDataset
from litepose.errors import InputError
from litepose.skeletons import find
from stages.common import PARAMS, SKELETON_FILES, device, params, run_stage
from stages.dataset import splits_in_use
from stages.rehearsal import Rehearsal, Work

# Images with people of the published data sets, for those that are not on the disk yet
PUBLISHED = {
    "coco": {"train": 64_115, "val": 5_000},
    "crowdpose": {"train": 10_000, "val": 2_000, "test": 8_000},
    "classification": {"train": 1_281_167, "val": 50_000},
}
# Stages whose time does not follow from steps and images
NOT_MEASURED = {"stages.complexity", "stages.examples", "stages.report"}
READ = ("litepose", "skeletons", "profiles", "data/paper")  # by stages, from the project's directory


def main() -> None:
    """Print the table, what it rests on, and what it leaves out."""
    values = params()
    place = device(values["device"])
    counts = {name: images(name, values[name]) for name in PUBLISHED}
    rehearsal = Rehearsal(
        place,
        {(name, split): count for name, splits in counts.items() for split, count in splits.items()},
        values["workers"],
        values["compute"]["processes"] * values["compute"]["nodes"],
        start := start_seconds(),
        cores(),
    )
    works: dict[str, Work | None] = {}
    with rehearsal_directory(values) as steps:
        for name, command in tqdm(steps, desc="plan", leave=False, disable=None):
            module, *arguments = command.split()[2:]
            works[name] = None if module in NOT_MEASURED else rehearsal.run(module, arguments)
    print(text(table(works)))
    print(*remarks(values, works, start, place), sep="\n")


def images(name: str, section: dict[str, Any]) -> dict[str, int]:
    """Images of each split of a data set: drawn, on the disk, or published."""
    if section["source"] == "synthetic":
        return dict(section["images"])
    root = Path(section["root"]).expanduser()
    with contextlib.suppress(InputError):
        if name == "classification":
            return {split: len(ClassificationDataset(root, split)) for split in ("train", "val")}
        skeleton = find(section["skeleton"], SKELETON_FILES)
        needed = splits_in_use(name, section)
        found = manifest.find_splits(root, name, needed)
        return {
            split: len(annotations.load(*found[split], skeleton, section["max_pixels"])) for split in needed
        }
    return PUBLISHED[name]


def start_seconds() -> float:
    """Seconds that Python takes to load what a stage needs."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import stages.pose_run"], check=True)
    return time.perf_counter() - started


@contextlib.contextmanager
def rehearsal_directory(values: dict[str, Any]) -> Iterator[list[tuple[str, str]]]:
    """A temporary directory where stages run on drawn data; gives their names and commands in DVC's order."""
    project = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="litepose-plan-") as temporary:
        directory = Path(temporary)
        for name in READ:
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).symlink_to(project / name)
        shutil.copy(project / "dvc.yaml", directory)
        (directory / PARAMS).write_text(yaml.safe_dump(drawn(values), sort_keys=False))
        (directory / ".dvc").mkdir()
        (directory / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
        os.chdir(directory)
        try:
            with Repo() as repo:
                order = [(stage.addressing, stage.cmd) for stage in plan_repro(repo.index.graph)]
            yield order
        finally:
            os.chdir(project)


def drawn(values: dict[str, Any]) -> dict[str, Any]:
    """The parameters with all data drawn, and read within the step."""
    changed = dict(values, workers=0)
    for name in PUBLISHED:
        section = dict(values[name], source="synthetic", images=dict.fromkeys(values[name]["images"], 1))
        changed[name] = section | ({"skeleton": name} if "skeleton" in section else {})
    return changed


def table(works: dict[str, Work | None]) -> pd.DataFrame:
    """One row per stage and their total; empty where a stage was not measured."""
    rows = {
        name: {
            "trained": work.trained,
            "steps": work.steps,
            "tested": work.tested,
            "TMACs": work.macs / 1e12,
            "minutes": work.seconds / 60,
            "memory, GiB": work.memory / 2**30,
            "disk, MiB": work.disk / 2**20,
            "measured at": work.share,
        }
        for name, work in works.items()
        if work
    }
    measured = pd.DataFrame(rows).T
    measured.loc["total"] = measured.sum().where(~measured.columns.isin(["memory, GiB", "measured at"]))
    measured.loc["total", "memory, GiB"] = measured["memory, GiB"].max()
    return measured


def text(rows: pd.DataFrame) -> str:
    """The table for a terminal; zeros and whole batches stay empty."""
    digits = {"TMACs": ",.1f", "minutes": ",.1f", "memory, GiB": ".2f", "measured at": ".0%"}

    def cell(column: str, value: float) -> str:
        hidden = pd.isna(value) or value == 0 or (column == "measured at" and value == 1)
        return "" if hidden else format(value, digits.get(column, ",.0f"))

    cells = {name: [cell(name, value) for value in rows[name]] for name in rows}
    return pd.DataFrame(cells, rows.index).to_string()


def remarks(
    values: dict[str, Any], works: dict[str, Work | None], start: float, place: torch.device
) -> list[str]:
    """What the table rests on, and what it leaves out."""
    measured = [work for work in works.values() if work]
    minutes = sum(work.seconds for work in measured) / 60
    disk = sum(work.disk for work in measured)
    checkpoint = max(work.checkpoint for work in measured)
    left_out = [name for name, work in works.items() if not work]
    processes = values["compute"]["processes"] * values["compute"]["nodes"]
    lines = [
        f"In all {minutes + len(works) * start / 60:,.0f} minutes on {place}: {minutes:,.0f} of the stages "
        f"and {len(works)} starts of Python in {start:.0f} s each.",
        f"Not measured: {', '.join(left_out)}, and DVC's own time.",
        f"Disk: {2 * disk / 2**30:.1f} GiB for the outputs and their copies in DVC's cache, and up to "
        f"{checkpoint / 2**30:.1f} GiB for the state of a training while it lasts.",
        "trained, tested: images, counted as often as they pass. memory: of a training step.",
    ]
    if place.type == "cpu" and os.getloadavg()[0] > cores() + 1:
        lines.append("Other programs keep the processor busy: on a quiet machine all of it takes less time.")
    if any(work.share < 1 for work in measured):
        lines.append("measured at: part of a batch that the measured step had; time and memory are scaled.")
    if processes > 1:
        lines.append(f"{processes} processes share every batch; their exchange of gradients is not counted.")
    return lines + fetched(values)


def fetched(values: dict[str, Any]) -> list[str]:
    """What has to be fetched before anything can train."""
    lines = []
    for name in PUBLISHED:
        section = values[name]
        if section["source"] != "download" or Path(section["root"]).expanduser().is_dir():
            continue
        what = "a person has to fetch it"
        if name == "coco":
            size = sum(archive.size for archive in download.COCO) / 1e9
            what = f"{size:.0f} GB are fetched, twice that on the disk while they are extracted"
        lines.append(f"{name} is not in {section['root']}: {what}; its time and disk are not counted.")
    return lines


if __name__ == "__main__":
    logging.disable(logging.INFO)
    run_stage(main)
