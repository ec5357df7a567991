"""All runtimes by name, and whether a device can be measured on now."""

from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from litepose.core.errors import InputError
from litepose.runtimes.devices import BOARDS
from litepose.runtimes.interface import Runtime, Unavailable

if TYPE_CHECKING:
    from litepose.runtimes.onnx_session import OnnxNetwork

# A runtime's module, with the packages that it needs, is imported when it is asked for.
RUNTIMES = {
    "pytorch": "litepose.runtimes.eager:EagerRuntime",
    "pytorch-compiled": "litepose.runtimes.compiled:CompiledRuntime",
    "onnxruntime": "litepose.runtimes.onnx_session:OnnxRuntime",
    "tvm": "litepose.runtimes.tvm.runtime:TvmRuntime",
}
# Runtimes that networks can be called in as in PyTorch
NETWORKS = {
    "onnxruntime": "litepose.runtimes.onnx_session:OnnxNetwork.of",
    "tvm": "litepose.runtimes.tvm.runtime:TvmNetwork",
}
# Of a device that is neither this machine nor its GPU
_REMOTE = "litepose.runtimes.tvm.boards:BoardRuntime"
# The extra of this package that brings what a runtime needs
_EXTRAS = {"onnxruntime": "onnx", "tvm": "tvm"}


def create(name: str, device: str, threads: int, tuned: Path | None = None) -> Runtime:
    """A runtime by its name in `RUNTIMES`; the arguments are those of `Runtime`.

    Raises:
        InputError: there is none of this name, or a package that it needs is not installed.
    """
    kind = resolve_name(_REMOTE) if name == "tvm" and device in BOARDS else _kind(name)
    return kind(device, threads, tuned)


def network(name: str, model: nn.Module, device: str) -> nn.Module:
    """A network that is called as PyTorch's, and runs in a runtime of `NETWORKS`.

    Args:
        name: of the runtime.
        model: in eval mode, on the CPU.
        device: ``host`` or ``cuda``.

    Raises:
        InputError: a package or a compiler that the runtime needs is not installed.
    """
    return _made(name, NETWORKS[name], model, device)


def exported(file: Path, device: str) -> "OnnxNetwork":
    """A network in an ONNX file, called as PyTorch's.

    Args:
        file: in ONNX's format.
        device: ``host`` or ``cuda``.

    Raises:
        InputError: the file is missing or of another kind, or ONNX Runtime is not installed.
    """
    return _made("onnxruntime", "litepose.runtimes.onnx_session:OnnxNetwork", file, device)


def _made(name: str, place: str, source: nn.Module | Path, device: str) -> Any:
    try:
        return _resolve(name, place)(source, device)
    except Unavailable as error:
        raise InputError(str(error)) from None


def check(name: str) -> None:
    """Raise InputError if there is no runtime of this name, or a package that it needs is not installed."""
    _kind(name)


def missing(device: str) -> str:
    """Why nothing can be measured on a device, in a sentence; empty where it can."""
    if device in BOARDS:
        return _resolve("tvm", "litepose.runtimes.tvm.boards:missing")(device)
    return "" if device == "host" or torch.cuda.is_available() else "PyTorch finds no CUDA GPU here."


def _kind(name: str) -> type[Runtime]:
    """The class of a runtime."""
    if name not in RUNTIMES:
        raise InputError(f"unknown runtime {name!r}: use {', '.join(RUNTIMES)}")
    return _resolve(name, RUNTIMES[name])


def _resolve(name: str, place: str) -> Any:
    """What a runtime's module holds."""
    try:
        return resolve_name(place)
    except ModuleNotFoundError as error:
        if name not in _EXTRAS:
            raise
        raise InputError(
            f"{name} needs the package {error.name}, which is not installed: "
            f"pip install 'litepose[{_EXTRAS[name]}]', or do without it"
        ) from None
