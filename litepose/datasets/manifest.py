"""Where a data set's splits lie: the layouts that people have, and the file that names them."""

import json
from collections.abc import Collection
from pathlib import Path

from litepose.core.errors import InputError
from litepose.core.files import write_text
from litepose.core.skeletons import SKELETONS, Skeleton, from_fields

Splits = dict[str, tuple[Path, Path]]

# (annotation file, image directory) of a split, relative to the data set's root. COCO's own layout and one
# with the images a level deeper; CrowdPose as HigherHRNet's users keep it, and as MMPose's do.
LAYOUTS = {
    "coco": (
        ("annotations/person_keypoints_{split}2017.json", "{split}2017"),
        ("annotations/person_keypoints_{split}2017.json", "images/{split}2017"),
    ),
    "crowdpose": (
        ("json/crowdpose_{split}.json", "images"),
        ("annotations/mmpose_crowdpose_{split}.json", "images"),
        ("annotations/crowdpose_{split}.json", "images"),
    ),
}
DRAWN = "drawn"  # split of scenes that are drawn beside a data set of photographs
SPLITS = {"coco": ("train", "val", "test", DRAWN), "crowdpose": ("train", "val", "trainval", "test", DRAWN)}


def find_splits(root: Path, layout: str, needed: Collection[str], setting: str = "root") -> Splits:
    """Annotation file and image directory of each split that lies under a root.

    Args:
        root: directory of the data set; nothing in it is written or copied.
        layout: ``coco`` or ``crowdpose``; a split may lie in any of its ``LAYOUTS``.
        needed: splits that must be there; others are found where they are.
        setting: what a message tells to set to another directory.

    Raises:
        InputError: a needed split is not there.
    """
    found = {}
    for split in SPLITS[layout]:
        places = _places(root, layout, split)
        present = [place for place in places if place[0].is_file() and place[1].is_dir()]
        if present:
            found[split] = present[0]
    for split in needed:
        if split not in SPLITS[layout]:
            raise InputError(f"{layout} has no split {split!r}: use {', '.join(SPLITS[layout])}.")
        if split not in found:
            raise InputError(_missing(root, layout, split, setting))
    return found


def _places(root: Path, layout: str, split: str) -> list[tuple[Path, Path]]:
    return [
        (root / annotations.format(split=split), root / images.format(split=split))
        for annotations, images in LAYOUTS[layout]
    ]


def _missing(root: Path, layout: str, split: str, setting: str) -> str:
    places = _places(root, layout, split)
    nearest = next((images for annotations, images in places if annotations.is_file()), places[0][0])
    choice = ", or ".join(
        f"{annotations.relative_to(root)} with images in {images.relative_to(root)}/"
        for annotations, images in places
    )
    return (
        f"{nearest} is missing: the {split} split of {layout} was looked for in {root} as {choice}; "
        f"set {setting} to the directory that holds them"
    )


def write(path: Path, splits: Splits, skeleton: Skeleton, **description: object) -> None:
    """Name a data set's splits and skeleton in a JSON file; paths below its directory become relative."""

    def written(target: Path) -> str:
        below = target.is_relative_to(path.parent)
        return str(target.relative_to(path.parent) if below else target.resolve())

    content = {
        **description,
        "splits": {
            split: {"annotations": written(annotations), "images": written(images)}
            for split, (annotations, images) in splits.items()
        },
        "skeleton": {"name": skeleton.name, **skeleton.fields()},
    }
    write_text(path, json.dumps(content, indent=2) + "\n")


def read(path: Path) -> Splits:
    """Annotation file and image directory of each split that :func:`write` named.

    Raises:
        InputError: the file is missing.
    """
    return {
        split: (path.parent / entry["annotations"], path.parent / entry["images"])
        for split, entry in _content(path)["splits"].items()
    }


def read_skeleton(path: Path) -> Skeleton:
    """The skeleton that :func:`write` was given.

    Raises:
        InputError: the file is missing, or of an earlier version.
    """
    fields = _content(path).get("skeleton")
    if fields is None:
        raise InputError(f"{path} names no skeleton: run the dataset stage again")
    name = fields.pop("name")
    return SKELETONS.get(name) or from_fields(name, fields, str(path))


def _content(path: Path) -> dict:
    if not path.is_file():
        raise InputError(f"{path} is missing: run the dataset stage first")
    return json.loads(path.read_text())
