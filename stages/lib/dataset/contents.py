"""What the files of a data set hold: whether they changed, and which images are learnt and tested, too."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from tqdm import tqdm

from stages.lib.common.results import digest


def file_hashes(files: Collection[Path], title: str) -> dict[Path, str]:
    """What each file holds, as a hash; a progress bar on a terminal."""
    found = {}
    for path in tqdm(files, f"{title} digest", unit="file", leave=False, disable=None):
        with path.open("rb") as file:
            found[path] = hashlib.file_digest(file, "blake2b").hexdigest()
    return found


def content_digest(hashes: Mapping[Path, str]) -> str:
    """A digest of what files hold, and of their names with that of the folder, which may be a class.

    What is read where it lies is no output of the stage: with this, later stages run again where it changes.
    """
    return digest([[path.parts[-2:], held] for path, held in hashes.items()])


def trained_on(split: str, tested: Collection[str], fitted: Collection[str]) -> list[str]:
    """A warning where images of a tested split, given by their hashes, are among those to train on."""
    learnt = set(fitted)
    known = sum(held in learnt for held in tested)
    if not known:
        return []
    return [
        f"{split}: {known} of {len(tested)} images are also among those that networks are trained on: its "
        "scores do not tell how well they do on other photographs"
    ]
