"""The annotated data set of a command: where its splits lie, and its joints."""

import argparse
import logging
from dataclasses import replace
from pathlib import Path

from litepose.core import skeletons
from litepose.core.errors import InputError
from litepose.core.skeletons import SKELETONS, Skeleton
from litepose.datasets import annotations, inspection
from litepose.datasets.annotations import Annotations
from litepose.datasets.manifest import LAYOUTS, SPLITS, Splits, find_splits

LOG = logging.getLogger(__name__)
HELD_OUT = 10  # one image of so many, where there is no validation split


def add_data(parser: argparse.ArgumentParser, joints: str = "those of the network") -> None:
    """Where the data set lies, and how; by default it has the joints that are named."""
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="directory with json/crowdpose_SPLIT.json and images/ (CrowdPose's layout), or with "
        "annotations/person_keypoints_SPLIT2017.json and SPLIT2017/ (COCO's)",
    )
    parser.add_argument("--layout", choices=LAYOUTS, help="default: the one that is found")
    parser.add_argument("--skeleton", help=f"joints: coco, crowdpose or a YAML file; default: {joints}")


def find_layout(arguments: argparse.Namespace, split: str) -> tuple[str, Splits]:
    """The layout of the data set, and the splits that are there.

    Raises:
        InputError: the split is not there.
    """
    layouts = [arguments.layout] if arguments.layout else list(LAYOUTS)
    for layout in layouts:
        found = find_splits(arguments.data, layout, [], "--data") if split in SPLITS[layout] else {}
        if split in found:
            return layout, found
    if arguments.layout:
        find_splits(arguments.data, arguments.layout, [split], "--data")  # says what is missing
    places = " nor ".join(LAYOUTS[layout][0][0].format(split=split) for layout in layouts)
    raise InputError(
        f"{arguments.data} has no {split} split: there is neither {places} with its images; give the "
        f"data set's directory as --data{', or another --split' if 'split' in arguments else ''}"
    )


def find_skeleton(given: str | None, known: Skeleton) -> Skeleton:
    """The joints that ``--skeleton`` names, by default those that are known.

    Raises:
        InputError: there is none of this name, or the file is not as it must be.
    """
    if given is None:
        return known
    if given in SKELETONS:
        return SKELETONS[given]
    if not Path(given).is_file():
        raise InputError(f"The skeleton is {given!r}: use {', '.join(SKELETONS)} or a YAML file that exists")
    return skeletons.load(Path(given))


def load_split(splits: Splits, split: str, skeleton: Skeleton, limit: int | None = None) -> Annotations:
    """The annotated images of a split, or its first ones."""
    images = annotations.load(*splits[split], skeleton)
    return replace(images, images=images.images[:limit])


def train_and_validation(splits: Splits, skeleton: Skeleton) -> tuple[Annotations, Annotations]:
    """The images to train on and those to measure with: the val split, or every tenth of the train split.

    Every image file is looked at, so that none is refused in the middle of a training.
    """
    images = _inspected(splits, "train", skeleton)
    if "val" in splits:
        return images, _inspected(splits, "val", skeleton)
    held_out = images.images[::HELD_OUT]
    rest = [image for number, image in enumerate(images) if number % HELD_OUT]
    if not rest:
        raise InputError(f"{images.file}: {len(images)} image is too few to train and to measure: give more")
    return replace(images, images=rest), replace(images, images=held_out)


def _inspected(splits: Splits, split: str, skeleton: Skeleton) -> Annotations:
    images = load_split(splits, split, skeleton)
    for warning in inspection.inspect(images, title=f"look at {split}"):
        LOG.warning("%s: %s", images.file, warning)
    return images
