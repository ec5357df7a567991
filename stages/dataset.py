"""Draw a data set, fetch it, or find it on disk; check every split, and report its statistics.

Usage: python -m stages.dataset {coco,crowdpose,classification}
"""

import json
import logging
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import scenes
from litepose import download
from litepose.core.errors import InputError
from litepose.core.files import write_text
from litepose.core.skeletons import Skeleton, find
from litepose.datasets import annotations, inspection, manifest
from litepose.datasets.annotations import Annotations
from litepose.datasets.classification import ClassificationDataset
from litepose.datasets.keypoints import supervised
from litepose.datasets.manifest import Splits
from litepose.evaluation import chance, evaluate
from scenes import statistics
from stages.lib.common.data import DATA, root_of
from stages.lib.common.parameters import PARAMS, Values
from stages.lib.common.results import write_json
from stages.lib.common.running import run_stage
from stages.lib.common.schema import SKELETON_FILES
from stages.lib.dataset.contents import content_digest, file_hashes, trained_on

METRICS = Path("metrics/dataset")
ALARM = 0.5  # AP from which on a blind guess is an alarm; on CrowdPose's scenes it scores below 0.01


def splits_in_use(name: str, section: dict[str, Any]) -> list[str]:
    """The splits that this run's stages read, each once; the search evaluates on CrowdPose's val."""
    named = [*section["fit"], section["monitor"], *section["test"]]
    return list(dict.fromkeys([*named, "val"] if name == "crowdpose" else named))


def splits_to_draw(name: str, section: dict[str, Any]) -> dict[str, int]:
    """Images of each split that is drawn: of all, or beside photographs only of `DRAWN`, where it is used."""
    images = section["images"]
    if section["source"] == "synthetic":
        return {split: count for split, count in images.items() if count}
    return {split: images[split] for split in splits_in_use(name, section) if split == manifest.DRAWN}


def keypoint_splits(name: str, section: dict[str, Any], skeleton: Skeleton, out: Path, seed: int) -> Splits:
    """Draw splits below the output directory, and find the others in the local one, fetched where asked for.

    Raises:
        InputError: a split in use is not there.
    """
    to_draw = splits_to_draw(name, section)
    found = {}
    if section["source"] != "synthetic":
        root = root_of(section)
        needed = [split for split in splits_in_use(name, section) if split not in to_draw]
        if section["source"] == "download":
            download.complete(root, name, needed)
        found = manifest.find_splits(root, name, needed, f"{name}.root in {PARAMS}")
    if to_draw:
        scenes.write(out, skeleton, to_draw, scenes.SceneSettings(**section["scenes"]), seed)
        found |= manifest.find_splits(out, name, to_draw)
    return found


def describe(
    name: str,
    section: dict[str, Any],
    splits: Splits,
    loaded: Mapping[str, Annotations],
    skeleton: Skeleton,
) -> tuple[dict[str, float], list[str]]:
    """Number of images per split, the AP of a blind guess, and statistics beside CrowdPose's; and warnings.

    Raises:
        InputError: annotations or images are not as any later stage needs them.
    """
    counts: dict[str, float] = {f"images_{split}": len(content) for split, content in loaded.items()}
    for split, number in counts.items():
        logging.info("%s: %s %d", name, split, number)
    warnings = inspect(name, section, loaded)
    fit, tested = section["fit"][0], section["test"][0]
    guess = chance.blind_guess(loaded[fit], loaded[tested])
    scores = evaluate(splits[tested][0], guess, skeleton)
    counts |= {f"chance_{key}": 100 * scores[key] for key in ("AP", "AP50")}
    if scores["AP"] >= ALARM:
        warnings.append(
            f"{tested}: a blind guess, the same average person in every image, scores AP "
            f"{counts['chance_AP']:.1f}: no AP on this split says whether a network looks at the images"
        )
    filters = {}
    if section["source"] == "synthetic":
        filters = {key: section["scenes"][key] for key in ("min_height", "max_people", "max_crowd_index")}
    return counts | statistics.compare(splits[fit][0], skeleton, **filters), warnings


def inspect(name: str, section: dict[str, Any], loaded: Mapping[str, Annotations]) -> list[str]:
    """Warnings about the splits, after a look at the header of every image that a later stage reads.

    Raises:
        InputError: an image is not as annotated, there is nobody to learn, or nobody to find.
    """
    warnings = [f"{split}: {text}" for split, content in loaded.items() for text in content.warnings]
    for split in splits_in_use(name, section):
        found = inspection.inspect(loaded[split], section["max_pixels"], f"{name} {split}")
        warnings += [f"{split}: {text}" for text in found]
    labelled = {
        split for split, content in loaded.items() if any(supervised(image).any() for image in content)
    }
    if not labelled.intersection(section["fit"]):
        files = ", ".join(str(loaded[split].file) for split in section["fit"])
        raise InputError(f"{files}: nobody has a labelled keypoint; there is nothing to train on")
    for split in splits_in_use(name, section):
        if split not in labelled and split not in section["fit"]:
            raise InputError(
                f"{loaded[split].file}: nobody has a labelled keypoint; there is nothing to judge"
            )
    return warnings


def found_on_disk(
    name: str, section: dict[str, Any], loaded: Mapping[str, Annotations]
) -> tuple[str, list[str]]:
    """The digest of a data set that was not drawn, and warnings about what its splits have in common."""
    used = {split: loaded[split] for split in splits_in_use(name, section)}
    files = [file for content in used.values() for file in (content.file, *(image.path for image in content))]
    hashes = file_hashes(dict.fromkeys(files), name)
    images = {split: [hashes[image.path] for image in content] for split, content in used.items()}
    fitted = [held for split in section["fit"] for held in images[split]]
    warnings = [text for split in section["test"] for text in trained_on(split, images[split], fitted)]
    return content_digest(hashes), warnings


def keypoints(name: str, section: dict[str, Any], out: Path, seed: int) -> tuple[dict[str, float], list[str]]:
    """Write the manifest of a keypoint data set, from which later stages take splits and skeleton."""
    skeleton = find(section["skeleton"], SKELETON_FILES)
    splits = keypoint_splits(name, section, skeleton, out, seed)
    loaded = {
        split: annotations.load(*paths, skeleton, section["max_pixels"]) for split, paths in splits.items()
    }
    metrics, warnings = describe(name, section, splits, loaded, skeleton)
    description = {"source": section["source"]}
    if section["source"] != "synthetic":
        description["digest"], in_common = found_on_disk(name, section, loaded)
        warnings += in_common
    manifest.write(out / "dataset.json", splits, skeleton, **description)
    return metrics, warnings


def classes(section: dict[str, Any], out: Path, seed: int) -> tuple[dict[str, float], list[str]]:
    """Write the manifest of the classification images."""
    root, final_root = out, DATA / "classification"
    if section["source"] == "synthetic":
        scenes.write_classification(out, section["images"], section["size"], seed)
    else:
        root = final_root = root_of(section).resolve()
        if section["source"] == "download":
            download.complete_imagenet(root)
    splits = {split: ClassificationDataset(root, split) for split in ("train", "val")}
    if splits["train"].classes != splits["val"].classes:
        raise InputError(f"{root}: train and val have different class folders; give both the same")
    for split, images in splits.items():
        paths = [path for path, _ in images.samples]
        inspection.inspect_files(root / split, paths, section["max_pixels"], f"classification {split}")
    content, warnings = {"root": str(final_root)}, []
    if section["source"] != "synthetic":
        held = {split: [path for path, _ in images.samples] for split, images in splits.items()}
        hashes = file_hashes([*held["train"], *held["val"]], "classification")
        content["digest"] = content_digest(hashes)
        train, val = ([hashes[path] for path in held[split]] for split in ("train", "val"))
        warnings = trained_on("val", val, train)
    write_text(out / "dataset.json", json.dumps(content) + "\n")
    return {f"images_{split}": len(images) for split, images in splits.items()}, warnings


def main(values: Values) -> None:
    """Write data/<name>, the metrics of its images, and what looks wrong with them."""
    started = time.perf_counter()
    name = sys.argv[1]
    section = values[name]
    unfinished = DATA / f".{name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    if name == "classification":
        metrics, warnings = classes(section, unfinished, values["seed"])
    else:
        metrics, warnings = keypoints(name, section, unfinished, values["seed"])
    replace_directory(unfinished, DATA / name)
    metrics |= {"warnings": len(warnings), "seconds": round(time.perf_counter() - started)}
    write_json(METRICS / f"{name}.json", metrics)
    write_text(METRICS / f"{name}.md", "".join(f"- {text}.\n" for text in warnings))


def replace_directory(new: Path, place: Path) -> None:
    """Put a finished directory in the place of an earlier one, which stays whole until then."""
    earlier = place.with_name(f".{place.name}-earlier")
    shutil.rmtree(earlier, ignore_errors=True)
    if place.exists():
        place.rename(earlier)
    new.rename(place)
    shutil.rmtree(earlier, ignore_errors=True)


if __name__ == "__main__":
    run_stage(main)
