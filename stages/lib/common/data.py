"""The data sets of a run, as the ``dataset`` stages wrote them to ``data/``."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from litepose.core.skeletons import Skeleton
from litepose.datasets import annotations, manifest
from litepose.datasets.annotations import Annotations
from litepose.datasets.classification import ClassificationDataset
from stages.lib.common.parameters import Values

DATA = Path("data")


@dataclass(frozen=True)
class KeypointData:
    """A keypoint data set: its skeleton, its splits, and what each of them is for.

    Attributes:
        skeleton: the joints of its people.
        splits: annotation file and image directory of each.
        fit: splits that networks are trained on.
        monitor: split of the AP curves.
        test: splits whose AP is reported.
        max_pixels: larger images are refused.
    """

    skeleton: Skeleton
    splits: manifest.Splits
    fit: list[str]
    monitor: str
    test: list[str]
    max_pixels: int

    def load(self, split: str, first: int | None = None) -> Annotations:
        """Annotations of one split, or of its first images."""
        loaded = annotations.load(*self.splits[split], self.skeleton, self.max_pixels)
        return replace(loaded, images=loaded.images[:first])


def root_of(section: Values) -> Path:
    """Directory of a data set, the ``root`` of its section.

    DVC runs queued experiments below ``.dvc/tmp``, in a copy of what git knows, and tells in DVC_ROOT where
    the project is: what the copy lacks is read there.
    """
    root, project = Path(section["root"]), Path(os.environ.get("DVC_ROOT", ".")).resolve()
    lacking = not root.is_dir() or all(path.name.startswith(".") for path in root.iterdir())
    return project / root if lacking and project / ".dvc/tmp" in Path.cwd().parents else root


def keypoint_data(name: str, values: Values) -> KeypointData:
    """The data set in ``data/<name>``."""
    file, section = DATA / name / "dataset.json", values[name]
    parts = {key: section[key] for key in ("fit", "monitor", "test", "max_pixels")}
    return KeypointData(manifest.read_skeleton(file), manifest.read(file), **parts)


def classification_data(
    values: Values, split: str, seed: int = 0, training: bool = True
) -> ClassificationDataset:
    """A split of the classification data set."""
    root = Path(json.loads((DATA / "classification" / "dataset.json").read_text())["root"])
    return ClassificationDataset(root, split, seed, training, values["classification"]["max_pixels"])
