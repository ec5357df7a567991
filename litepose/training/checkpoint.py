"""Files of weights and of interrupted runs: written whole or not at all, read without running code."""

import os
from pathlib import Path
from typing import Any

import torch

from litepose.errors import InputError
from litepose.training import distributed


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values under a temporary name, then rename; the first process alone does.

    Raises:
        InputError: the file cannot be written, most often because the disk is full; an earlier one stays.
    """
    if distributed.rank():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save(content, temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # PyTorch's writer calls a full disk a RuntimeError
        raise InputError(
            f"{path} cannot be written ({str(error).splitlines()[0]}): free disk space, then repeat; "
            "a training goes on after its last whole epoch"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> dict[str, Any]:
    """Read what :func:`save` wrote, on the CPU.

    Raises:
        InputError: the file is missing, cut short, or holds more than tensors and plain values.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run the stage that writes it") from None
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as PyTorch weights ({type(error).__name__}): delete it and repeat"
        ) from error


def load_interrupted(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """Read the checkpoint of an interrupted run.

    Returns:
        The checkpoint, or None when there is none, when it was cut short, or when it belongs to
        other parameters, data or code.
    """
    if not path.exists():
        return None
    try:
        checkpoint = load(path)
    except InputError:
        return None
    return checkpoint if checkpoint.get("fingerprint") == fingerprint else None
