"""Files of tensors and plain values: written whole or not at all, read without running code."""

import os
from pathlib import Path
from typing import Any

import torch

from litepose.core.errors import InputError


def write(path: Path, content: dict[str, Any]) -> None:
    """Write under a temporary name beside the file, then rename; the same content gives the same bytes.

    Raises:
        InputError: the file cannot be written, most often because the disk is full; an earlier one stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # PyTorch would put a path's name into the file, but not that of an open one.
        with temporary.open("wb") as file:
            torch.save(content, file)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # PyTorch's writer calls a full disk a RuntimeError
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be written ({reason}): free disk space, then repeat") from error
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path) -> Any:
    """What :func:`write` wrote, on the CPU.

    Raises:
        InputError: the file is missing, cut short, or holds more than tensors and plain values.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: give an existing file of weights") from None
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as PyTorch weights ({type(error).__name__}), it is cut short or of "
            "another kind: delete it and repeat, or give another file"
        ) from error
