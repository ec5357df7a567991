"""How many images a run has, and a few drawn ones that stand for them while it is planned."""

import contextlib
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import scenes
from litepose import download
from litepose.core.errors import InputError
from litepose.core.skeletons import SKELETONS, find
from litepose.datasets import annotations, manifest
from litepose.datasets.annotations import Annotations
from litepose.datasets.classification import ClassificationDataset
from stages.dataset import splits_in_use, splits_to_draw
from stages.lib.common.data import KeypointData, root_of
from stages.lib.common.parameters import PARAMS, Values
from stages.lib.common.schema import SKELETON_FILES
from stages.lib.training.training import CLASSIFICATION

T = TypeVar("T")
KEYPOINTS = ("coco", "crowdpose")
CLASSES = 10  # that are drawn


class Count(NamedTuple):
    """Images of a split, and those of them with an annotated person, which networks are trained on."""

    all: int
    annotated: int


# Of the published data sets, for those that are not on the disk yet
PUBLISHED = {
    "coco": {"train": Count(118_287, 64_115), "val": Count(5_000, 2_693)},
    "crowdpose": {
        "train": Count(10_000, 10_000),
        "val": Count(2_000, 2_000),
        "trainval": Count(12_000, 12_000),
        "test": Count(8_000, 8_000),
    },
    CLASSIFICATION: {"train": Count(1_281_167, 1_281_167), "val": Count(50_000, 50_000)},
}
IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Counts:
    """Images of each data set's splits, and classes of the classification images."""

    splits: dict[str, dict[str, Count]]
    classes: int

    def fit(self, name: str, values: Values) -> int:
        """Images of a data set that networks are trained on."""
        if name == CLASSIFICATION:
            return self.of(name, "train").annotated
        return sum(self.of(name, split).annotated for split in values[name]["fit"])

    def of(self, name: str, split: str) -> Count:
        """Images of a split.

        Raises:
            InputError: the data set has none of that name.
        """
        known = self.splits[name]
        if split not in known:
            raise InputError(f"{PARAMS}: {name} has no split {split!r}: it has {', '.join(known)}")
        return known[split]


def counts(values: Values) -> Counts:
    """Images of this run's data sets: drawn, on the disk, or published."""
    splits = {name: keypoint_images(name, values[name]) for name in KEYPOINTS}
    classified, classes = classified_images(values[CLASSIFICATION])
    return Counts({**splits, CLASSIFICATION: classified}, classes)


def keypoint_images(name: str, section: dict[str, Any]) -> dict[str, Count]:
    """Images of each split of a keypoint data set."""
    drawn = _drawn_counts(splits_to_draw(name, section))
    if section["source"] == "synthetic":
        return drawn
    root = root_of(section)
    needed = [split for split in splits_in_use(name, section) if split not in drawn]
    with contextlib.suppress(InputError):
        skeleton, found = find(section["skeleton"], SKELETON_FILES), manifest.find_splits(root, name, needed)
        loaded = {split: annotations.load(*found[split], skeleton, section["max_pixels"]) for split in needed}
        return drawn | {
            split: Count(len(content), sum(len(record.keypoints) > 0 for record in content))
            for split, content in loaded.items()
        }
    return PUBLISHED[name] | drawn


def classified_images(section: dict[str, Any]) -> tuple[dict[str, Count], int]:
    """Images of each split of the classification data set, and its classes."""
    if section["source"] == "synthetic":
        return _drawn_counts(section["images"]), CLASSES
    root = root_of(section)
    with contextlib.suppress(InputError):
        found = {split: ClassificationDataset(root, split) for split in ("train", "val")}
        return (
            {split: Count(len(images), len(images)) for split, images in found.items()},
            len(found["train"].classes),
        )
    return PUBLISHED[CLASSIFICATION], IMAGENET_CLASSES


def _drawn_counts(images: Mapping[str, int]) -> dict[str, Count]:
    return {split: Count(count, count) for split, count in images.items()}


@dataclass(frozen=True)
class Pictures:
    """Drawn pictures of one data set, and what one of them costs.

    Attributes:
        seconds: to draw one in one process.
        size: bytes of one, with its annotations.
    """

    seconds: float
    size: float


@dataclass(frozen=True)
class People(Pictures):
    """Pictures of people; all splits of the data set are these."""

    data: KeypointData

    def some(self, count: int) -> Annotations:
        """So many images, by and by the same again."""
        loaded = self.data.load(self.data.monitor)
        return Annotations(loaded.file, repeated(loaded.images, count))


@dataclass(frozen=True)
class Objects(Pictures):
    """Pictures of objects, in class folders below a root."""

    root: Path


def draw_people(name: str, values: Values, directory: Path, count: int) -> People:
    """Draw a few scenes as large, and as full of people, as those of the parameters."""
    section = values[name]
    skeleton, settings = SKELETONS[name], scenes.SceneSettings(**section["scenes"])
    started = time.perf_counter()
    scenes.write(directory, skeleton, {"train": count}, settings, values["seed"], workers=1)
    seconds = (time.perf_counter() - started) / count
    paths = manifest.find_splits(directory, name, ["train"])["train"]
    splits = dict.fromkeys([*splits_in_use(name, section), "val"], paths)
    parts = {key: section[key] for key in ("fit", "monitor", "test", "max_pixels")}
    data = KeypointData(skeleton, splits, **parts)
    return People(seconds, file_bytes(directory) / count, data)


def draw_objects(values: Values, directory: Path, count: int) -> Objects:
    """Draw a few objects, of each class at least one."""
    splits = {"train": max(count, CLASSES)}
    started = time.perf_counter()
    scenes.write_classification(directory, splits, values[CLASSIFICATION]["size"], values["seed"], workers=1)
    seconds = (time.perf_counter() - started) / splits["train"]
    return Objects(seconds, file_bytes(directory) / splits["train"], directory)


def to_fetch(values: Values) -> list[str]:
    """What has to be fetched before anything can train, a sentence each."""
    lines = []
    for name in PUBLISHED:
        section = values[name]
        if section["source"] != "download" or root_of(section).is_dir():
            continue
        size = sum(archive.size for archive in download.COCO) / 1e9
        what = {
            "coco": f"{size:.0f} GB are fetched, twice that on the disk while they are extracted",
            "crowdpose": "it is fetched from Google Drive, by a person where that refuses",
            CLASSIFICATION: "a person has to fetch it",
        }
        lines.append(f"{name} is not in {section['root']}: {what[name]}; its time and disk are not counted.")
    return lines


def repeated(items: Sequence[T], count: int) -> list[T]:
    """The items again and again, so many in all."""
    return list(itertools.islice(itertools.cycle(items), count))


def file_bytes(directory: Path) -> int:
    """Bytes of all files below a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
