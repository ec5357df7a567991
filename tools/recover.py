"""Bring back a dvc.lock that a kill tore while DVC wrote it: as it was before the last stage.

Usage: python -m tools.recover
"""

import shutil
import sys
from pathlib import Path

import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from voluptuous import Invalid

LOCK = Path("dvc.lock")
COPY = Path(".dvc/tmp/dvc.lock")


def main() -> None:
    """Leave a whole file as it is, and take the copy in place of a torn one."""
    if not LOCK.is_file() or is_whole(LOCK):
        return
    if not COPY.is_file():
        sys.exit(f"error: {LOCK} is no lock file of DVC's, and there is no copy of it: git checkout {LOCK}")
    _copy(COPY, LOCK)
    print(f"{LOCK} was torn: it is again as it was before the last stage, which is repeated", file=sys.stderr)


def keep() -> None:
    """Copy the file where it is whole, as it is while a stage runs."""
    if COPY.parent.is_dir() and LOCK.is_file() and is_whole(LOCK):
        _copy(LOCK, COPY)


def is_whole(path: Path) -> bool:
    """Whether DVC would read it, up to its last line."""
    text = path.read_text(errors="replace")
    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.load(text, yaml.CSafeLoader))
    except (yaml.YAMLError, Invalid):
        return False
    return text.endswith("\n")


def _copy(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}")
    shutil.copyfile(source, temporary)
    temporary.replace(target)


if __name__ == "__main__":
    main()
