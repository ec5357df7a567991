"""What TVM compiles for on each device, and the tuned tiles that come with this package."""

import os
import platform
from pathlib import Path

import torch
import tvm
from tvm.target import codegen

from litepose.runtimes.devices import BOARDS
from litepose.runtimes.tvm import gpu
from litepose.runtimes.tvm.schedules import Tile
from litepose.runtimes.tvm.tuning import Tuning

# x86-64's levels of vector instructions and the feature that tells of each, the widest first.
_LEVELS = {"x86-64-v4": "avx512vl", "x86-64-v3": "avx2", "x86-64-v2": "sse4.2"}
_ANY_CORE = 0  # TVM's name: no preference between fast and saving ones
_SHIPPED = Path(__file__).parent / "tuned"


def target_of(device: str, threads: int) -> tvm.target.Target:
    """What networks are compiled for on a device.

    Args:
        device: one of :data:`litepose.runtimes.devices.DEVICES`; `cuda` needs a GPU that PyTorch finds.
        threads: that kernels are run with on the host.
    """
    if device in BOARDS:
        return tvm.target.Target(BOARDS[device]["target"])
    own = host(threads)
    return gpu.target(torch.cuda.get_device_capability(), own) if device == "cuda" else own


def host(threads: int) -> tvm.target.Target:
    """The family of the machine that this runs on, so that what is tuned on one member serves the others.

    Args:
        threads: that kernels are run with.
    """
    own = tvm.target.Target({"kind": "llvm", "mcpu": codegen.llvm_get_system_cpu()})
    levels = _LEVELS if platform.machine().lower() in ("x86_64", "amd64") else {}
    fitting = [level for level, feature in levels.items() if codegen.target_has_features(feature, own)]
    return tvm.target.Target(
        {"kind": "llvm", "mcpu": fitting[0] if fitting else str(own.attrs["mcpu"]), "num-cores": threads}
    )


def shipped(target: tvm.target.Target) -> dict[str, Tile]:
    """The tiles that come with this package for a family of processors; none for most."""
    path = _SHIPPED / f"{target.attrs['mcpu']}.json"
    return Tuning(path).best() if path.is_file() else {}


def set_threads(threads: int) -> None:
    """Let TVM's kernels run on this many cores of the machine; the first call of a process counts."""
    os.environ["TVM_NUM_THREADS"] = str(threads)


def set_own_threads(threads: int) -> None:
    """Let the kernels that the calling thread runs compute with this many, on any core.

    TVM binds threads to cores, every calling thread to the first one: several of them would share it.
    """
    os.environ["TVM_BIND_THREADS"] = "0"
    tvm.get_global_func("runtime.config_threadpool")(_ANY_CORE, threads)
