"""A network as a library of TVM's, for this machine or a board."""

import shutil
from pathlib import Path

import torch
import tvm
from torch import Tensor, nn
from tvm import relax

from litepose.runtimes.interface import Unavailable
from litepose.runtimes.tvm import boards, targets
from litepose.runtimes.tvm.runtime import compiled

# Of its file, of each image, and what it was compiled for
Library = tuple[bytes, list[list[Tensor]] | None, str]


def for_host(
    model: nn.Module, images: list[Tensor], device: str, threads: int, tuned: Path | None, folder: Path
) -> Library:
    """A library for processors of this machine's family, and what it computes here.

    Args:
        model: in eval mode.
        images: to run, [1,3,H,W], all of one shape.
        device: ``host``.
        threads: that it will mostly run with.
        tuned: file of the tiles that were tuned here, if any.
        folder: an empty one.

    Raises:
        Unavailable: there is no C++ compiler, whose linker makes the library.
    """
    if not shutil.which("g++"):
        raise Unavailable("it needs the compiler g++, which is not installed.")
    targets.set_threads(threads)
    target = targets.target_of(device, threads)
    file = folder / "network.so"
    compiled(model, images[0], target, tuned).export_library(str(file))
    machine = relax.VirtualMachine(tvm.runtime.load_module(str(file)), tvm.cpu())
    runs = [machine["main"](tvm.runtime.tensor(image.numpy())) for image in images]
    return file.read_bytes(), [[torch.from_numpy(part.numpy()) for part in run] for run in runs], str(target)


def for_board(
    model: nn.Module, images: list[Tensor], device: str, threads: int, tuned: Path | None, folder: Path
) -> Library:
    """A library for a board, and what it computes there if TVM's RPC tracker has it.

    Args: see :func:`for_host`; ``device`` is a key of ``boards.yaml``.

    Raises:
        Unavailable: the board's compiler is not installed.
    """
    target = targets.target_of(device, threads)
    if target.kind.name == "cuda" and not shutil.which("nvcc"):
        raise Unavailable("it needs CUDA's nvcc, which is not installed.")
    attached = not boards.missing(device)
    outputs, content = [], b""
    for image in images if attached else images[:1]:
        runtime = boards.BoardRuntime(device, threads, tuned)
        runtime.prepare(model, image)
        content = runtime.file.read_bytes()
        if attached:
            runtime.load()
            runtime.run_once()
            outputs.append(runtime.output())
            runtime.unload()
    return content, outputs if attached else None, str(target)
