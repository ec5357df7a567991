"""How a stage runs: its parameters, its processes, its device, and one sentence for bad input."""

import ctypes
import errno
import logging
import os
import platform
import resource
import sys
from collections.abc import Callable
from typing import Any

import cv2
import torch

from litepose.core import distributed
from litepose.core.errors import DivergedError, InputError
from stages.lib.common import lockfile
from stages.lib.common.parameters import PARAMS, Values, params, section

# Parameters of mallopt(3), in glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def run_stage(main: Callable[[Values], None], parallel: bool = False) -> None:
    """Run a stage: a log line per step on stderr, and one sentence instead of a traceback for bad input.

    Args:
        main: gets the parameters of this run.
        parallel: whether several processes can share its whole work.
    """
    first = os.environ.get("RANK", "0") == "0"
    level = logging.INFO if first else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("faster_coco_eval").setLevel(logging.WARNING)
    # OpenCV's threads would compete with PyTorch's for the same cores.
    cv2.setNumThreads(1)
    keep_memory()
    if first:
        lockfile.keep()
    try:
        values = params()
        if distributed.launched():
            distributed.join(device(values["device"]))
        elif parallel and _several(values["compute"]):
            with section("compute"):
                succeeded = _in_processes(**values["compute"])
            sys.exit(0 if succeeded else 1)
        main(values)
        distributed.leave()
    except (InputError, DivergedError, OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and distributed.lost_another(error):
            sys.exit(1)
        if not (sentence := _sentence(error)):
            raise
        if distributed.first_to_fail():
            print(f"error: {sentence}", file=sys.stderr)
        sys.stderr.flush()
        sys.exit(1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    logging.info("peak memory %.1f GiB", peak)


def _sentence(error: Exception) -> str | None:
    """What a person has to do about an error; None where only its traceback can tell."""
    if isinstance(error, InputError | DivergedError):
        # What a DataLoader's worker raises arrives with its traceback before the sentence.
        return str(error).strip().splitlines()[-1].rpartition("litepose.core.errors.InputError: ")[2]
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename or 'a file'} cannot be written, the disk is full: free space, then repeat"
    if "DataLoader worker" in str(error):
        return (
            "a process that reads images was ended from outside, most often because memory ran out, or in a "
            "container that of /dev/shm (docker run --shm-size=8g): set workers in params.yaml to fewer, "
            "then repeat"
        )
    return None


def keep_memory() -> None:
    """Have the C library keep large blocks for reuse: a step on the CPU otherwise pays for fresh pages.

    Returning them to the system and faulting them in again is a tenth of a training step's time.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def _several(compute: dict[str, Any]) -> bool:
    return compute["processes"] > 1 or compute["nodes"] > 1


def _in_processes(processes: int, nodes: int, launch: str) -> bool:
    """Run this stage in as many processes on as many nodes; whether all of them succeeded."""
    specification = sys.modules["__main__"].__spec__
    assert specification  # stages run as modules
    stage = specification.name
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    command = ["-m", stage, *sys.argv[1:]]
    if nodes == 1 or distributed.MEETING in os.environ:
        return distributed.launch(processes, sys.executable, command, nodes)
    return distributed.start_on_nodes(launch, [sys.executable, *command])


def device(name: str) -> torch.device:
    """The device that ``auto`` or an explicit name stands for; of several processes each has its own GPU.

    Raises:
        InputError: the device does not exist.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and distributed.launched():
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        chosen = torch.device(name)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{PARAMS}: device is {name!r}: use auto, cpu or cuda ({reason})") from None
    return chosen
