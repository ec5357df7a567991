"""Files of tensors and plain values: written whole or not at all, read without running code."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from litepose.core.errors import InputError
from litepose.core.files import write_bytes

# NumPy's numbers, which stand beside the weights in many a checkpoint (a best score, say), run no code. Their
# module has another name since NumPy 2.
_SCALAR = np.float64(0).__reduce__()[0]
_NUMBERS: list[Any] = [
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    np.dtype,
    *{type(np.dtype(code)) for code in "?bhilqBHILQefdg"},
]


def write(path: Path, content: dict[str, Any]) -> None:
    """Write whole or not at all; the same content gives the same bytes.

    Raises:
        WriteError: the file cannot be written; an earlier one stays.
    """
    packed = io.BytesIO()
    torch.save(content, packed)  # PyTorch, writing to a disk, tells of a full one in words of its own
    write_bytes(path, packed.getbuffer())


def read(path: Path) -> Any:
    """What :func:`write` wrote, on the CPU.

    Raises:
        InputError: the file is missing, cut short, or holds more than tensors and plain values.
    """
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: give an existing file of weights") from None
    except Exception as error:
        if objects := _objects(path):
            raise InputError(
                f"{path} holds more than tensors ({objects}): save its state_dict alone where its code is, "
                "or give another file"
            ) from None
        raise InputError(
            f"{path} cannot be read as PyTorch weights ({type(error).__name__}), it is cut short or of "
            "another kind: delete it and repeat, or give another file"
        ) from error


def _objects(path: Path) -> str:
    """Names of what would run code when a file is read; empty where it is of another kind or damaged."""
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:
        return ""
    return ", ".join(sorted(names)[:3]) + (" and others" if len(names) > 3 else "")


def is_dense(value: Any) -> bool:
    """Whether a value is a tensor of plain numbers in memory."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not (value.is_quantized or value.is_meta or value.is_complex())
    )


def check_whole(path: Path) -> None:
    """Compare a written file with the checksums in it, which PyTorch does not.

    Raises:
        InputError: a byte of it is another than was written.
    """
    try:
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
    except Exception as error:  # of zlib, struct and others, where the directory of the file is damaged
        damaged = type(error).__name__
    if damaged:
        raise InputError(f"{path} is damaged ({damaged}): copy it again, or write it anew")


def check_finite(tensors: Mapping[str, Tensor], whose: str) -> None:
    """Find every number of a network usable.

    Args:
        tensors: by name.
        whose: begins the message, such as "The checkpoint's".

    Raises:
        InputError: a tensor holds NaN or infinity, or a variance below zero.
    """
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(
                f"{whose} tensor {name} holds NaN or infinity: the training diverged, or the file is damaged"
            )
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise InputError(f"{whose} tensor {name} holds a variance below zero: the file is damaged")
