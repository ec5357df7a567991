"""A copy of dvc.lock as it is while a stage runs, for the case that a kill tears it while DVC writes it."""

import shutil
from pathlib import Path

import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from voluptuous import Invalid

LOCK = Path("dvc.lock")
COPY = Path(".dvc/tmp/dvc.lock")


def keep() -> None:
    """Copy the file where it is whole."""
    if COPY.parent.is_dir() and LOCK.is_file() and is_whole(LOCK):
        copy(LOCK, COPY)


def is_whole(path: Path) -> bool:
    """Whether DVC would read it, up to its last line."""
    text = path.read_text(errors="replace")
    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.load(text, yaml.CSafeLoader))
    except (yaml.YAMLError, Invalid):
        return False
    return text.endswith("\n")


def copy(source: Path, target: Path) -> None:
    """Copy a file under a temporary name, then rename it."""
    temporary = target.with_name(f".{target.name}")
    shutil.copyfile(source, temporary)
    temporary.replace(target)
