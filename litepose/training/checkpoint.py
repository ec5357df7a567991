"""The state of an interrupted run, written by the first process alone."""

from pathlib import Path
from typing import Any

from litepose.core import distributed
from litepose.core.errors import InputError
from litepose.models.tensor_file import read as load
from litepose.models.tensor_file import write

__all__ = ["load", "load_interrupted", "save"]


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values, see :func:`litepose.models.tensor_file.write`.

    Raises:
        WriteError: the file cannot be written; an earlier one stays.
    """
    if not distributed.rank():
        write(path, content)


def load_interrupted(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """Read the checkpoint of an interrupted run.

    Returns:
        The checkpoint, or None when there is none, when it was cut short, or when it belongs to
        other parameters, data or code.
    """
    try:
        checkpoint = load(path)
    except InputError:
        return None
    known = isinstance(checkpoint, dict) and checkpoint.get("fingerprint") == fingerprint
    return checkpoint if known else None
