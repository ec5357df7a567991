"""Where a data set's splits lie: COCO's and CrowdPose's own layouts, and the file that names them."""

import json
from pathlib import Path

from litepose.errors import InputError

# split -> (annotation file, image directory), relative to the data set's root
LAYOUTS = {
    "coco": {
        split: (f"annotations/person_keypoints_{split}2017.json", f"{split}2017")
        for split in ("train", "val", "test")
    },
    "crowdpose": {split: (f"json/crowdpose_{split}.json", "images") for split in ("train", "val", "test")},
}
REQUIRED_SPLITS = {"coco": ("train", "val"), "crowdpose": ("train", "val", "test")}


def find_splits(root: Path, layout: str) -> dict[str, tuple[Path, Path]]:
    """Annotation file and image directory of each split under a root.

    A split that the layout does not need (COCO's test annotations are not public) may be absent.

    Raises:
        InputError: a required annotation file or its image directory is missing.
    """
    found = {}
    for split, (annotations, images) in LAYOUTS[layout].items():
        annotation_file, image_dir = root / annotations, root / images
        if annotation_file.is_file() and image_dir.is_dir():
            found[split] = (annotation_file, image_dir)
        elif split in REQUIRED_SPLITS[layout]:
            missing = annotation_file if not annotation_file.is_file() else image_dir
            raise InputError(
                f"{missing} is missing: the {layout} layout keeps the {split} split there; "
                f"set {layout}.root to the directory above it"
            )
    return found


def write(path: Path, splits: dict[str, tuple[Path, Path]], **description: object) -> None:
    """Name the splits of a data set in a JSON file; paths below the file's directory become relative."""

    def written(target: Path) -> str:
        below = target.is_relative_to(path.parent)
        return str(target.relative_to(path.parent) if below else target.resolve())

    content = {
        **description,
        "splits": {
            split: {"annotations": written(annotations), "images": written(images)}
            for split, (annotations, images) in splits.items()
        },
    }
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.replace(path)


def read(path: Path) -> dict[str, tuple[Path, Path]]:
    """Annotation file and image directory of each split that :func:`write` named.

    Raises:
        InputError: the file is missing.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing: run the dataset stage first")
    splits = json.loads(path.read_text())["splits"]
    return {
        split: (path.parent / entry["annotations"], path.parent / entry["images"])
        for split, entry in splits.items()
    }
