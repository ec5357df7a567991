"""A project's directory for tests of stages: small data sets as the dataset stages leave them."""

import sys
from pathlib import Path

import yaml

import scenes
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.datasets import manifest
from support import ROOT

IMAGES = {"train": 16, "val": 6, "test": 6}
KEYPOINTS = {"crowdpose": CROWDPOSE, "coco": COCO}


def smoke():
    """The smoke profile, on fewer images still."""
    values = yaml.safe_load((ROOT / "profiles/smoke.yaml").read_text()) | {"device": "cpu"}
    for name in KEYPOINTS:
        values[name]["images"] |= IMAGES
    return values


def draw(directory):
    """Draw the data sets of a project into ``data/``, in this process."""
    values = smoke()
    for name, skeleton in KEYPOINTS.items():
        section, place = values[name], directory / "data" / name
        scenes.write(place, skeleton, IMAGES, scenes.SceneSettings(**section["scenes"]), 0, workers=1)
        splits = manifest.find_splits(place, name, list(IMAGES))
        manifest.write(place / "dataset.json", splits, skeleton, source="synthetic")


def run(module, values, *arguments):
    """Run a stage's main in this process, as ``python -m stages.<name> ARGUMENTS`` would."""
    before = sys.argv
    sys.argv = [module.__name__, *arguments]
    try:
        module.main(values)
    finally:
        sys.argv = before


def link(directory, drawn):
    """Make a directory a project: code, profiles, parameters, and links to data sets that were drawn."""
    for name in ("litepose", "profiles", "skeletons"):  # an interrupted training is known by its code
        (directory / name).symlink_to(ROOT / name)
    (directory / "data").mkdir()
    for place in (drawn / "data").iterdir():
        (directory / "data" / place.name).symlink_to(place)
    (directory / "params.yaml").write_text(yaml.safe_dump(smoke()))


def files(directory):
    """Contents of all files below a directory, by their path in it."""
    directory = Path(directory)
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }
