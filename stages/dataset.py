"""Draw a data set or find it on disk, check every split, and report its statistics.

Usage: python -m stages.dataset {coco,crowdpose,classification}
"""

import json
import logging
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from litepose import chance
from litepose.datasets import annotations, manifest, statistics, synthetic
from litepose.datasets.classification import ClassificationDataset
from litepose.errors import InputError
from litepose.evaluation import evaluate
from litepose.skeletons import SKELETONS
from stages.common import params, run_stage, write_json

DATA = Path("data")
Splits = dict[str, tuple[Path, Path]]


def keypoint_splits(name: str, section: dict[str, Any], out: Path, seed: int) -> Splits:
    """Draw the splits below the output directory, or find them in the local one."""
    if section["source"] == "local":
        return manifest.find_splits(Path(section["root"]).expanduser(), name)
    settings = synthetic.SceneSettings(**section["scenes"])
    synthetic.write(out, SKELETONS[name], section["images"], settings, seed)
    return manifest.find_splits(out, name)


def describe(name: str, section: dict[str, Any], splits: Splits) -> dict[str, float]:
    """Number of images per split, the AP of a blind guess, and statistics beside CrowdPose's.

    Raises:
        InputError: a split that the parameters name is not there, or its annotations are not as they must be.
    """
    for split in (*section["fit"], section["monitor"], *section["test"]):
        if split not in splits:
            raise InputError(
                f"params.yaml: {name} names the split {split}, but its root has only {', '.join(splits)}"
            )
    loaded = {split: annotations.load(*paths, SKELETONS[name]) for split, paths in splits.items()}
    counts = {f"images_{split}": len(content) for split, content in loaded.items()}
    for split, number in counts.items():
        logging.info("%s: %s %d", name, split, number)
    fit, tested = section["fit"][0], section["test"][0]
    guess = chance.blind_guess(loaded[fit], loaded[tested])
    scores = evaluate(splits[tested][0], guess, SKELETONS[name])
    counts |= {f"chance_{key}": 100 * scores[key] for key in ("AP", "AP50")}
    filters = {}
    if section["source"] == "synthetic":
        filters = {key: section["scenes"][key] for key in ("min_height", "max_people", "max_crowd_index")}
    return counts | statistics.compare(splits[fit][0], **filters)


def keypoints(name: str, section: dict[str, Any], out: Path, seed: int) -> dict[str, float]:
    """Write the manifest of a keypoint data set."""
    splits = keypoint_splits(name, section, out, seed)
    metrics = describe(name, section, splits)
    manifest.write(out / "dataset.json", splits, source=section["source"])
    return metrics


def classes(section: dict[str, Any], out: Path, seed: int) -> dict[str, float]:
    """Write the manifest of the classification images."""
    root, final_root = out, DATA / "classification"
    if section["source"] == "local":
        root = final_root = Path(section["root"]).expanduser().resolve()
    else:
        synthetic.write_classification(out, section["images"], section["size"], seed)
    splits = {split: ClassificationDataset(root, split) for split in ("train", "val")}
    if splits["train"].classes != splits["val"].classes:
        raise InputError(f"{root}: train and val have different class folders; give both the same")
    (out / "dataset.json").write_text(json.dumps({"root": str(final_root)}) + "\n")
    return {f"images_{split}": len(content) for split, content in splits.items()}


def main() -> None:
    """Write data/<name> and the metrics of its images."""
    started = time.perf_counter()
    name = sys.argv[1]
    values = params()
    section = values[name]
    if section["source"] not in ("synthetic", "local"):
        raise InputError(f"params.yaml: {name}.source is {section['source']!r}: use synthetic or local")
    out, unfinished = DATA / name, DATA / f".{name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    if name == "classification":
        metrics = classes(section, unfinished, values["seed"])
    else:
        metrics = keypoints(name, section, unfinished, values["seed"])
    # Only now, so that bad input leaves the earlier data set as it was.
    shutil.rmtree(out, ignore_errors=True)
    unfinished.rename(out)
    metrics["seconds"] = round(time.perf_counter() - started)
    write_json(Path("metrics/dataset") / f"{name}.json", metrics)


if __name__ == "__main__":
    run_stage(main)
