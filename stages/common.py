"""What all stages share: parameters, messages, atomic JSON, and the device."""

import ctypes
import difflib
import errno
import hashlib
import json
import logging
import os
import platform
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch
import yaml

from litepose.errors import DivergedError, InputError
from litepose.files import write_text
from litepose.training import distributed
from tools import recover

PARAMS = Path("params.yaml")
REFERENCE_PARAMS = Path("profiles/tiny.yaml")
SKELETON_FILES = Path("skeletons")  # of joints other than COCO's and CrowdPose's
# Parameters of mallopt(3), in glibc's malloc.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
# Sections whose keys name runs or runtimes, which differ between profiles
RUN_KEYS = {"runs", "runtimes"}
# Stages whose whole work several processes can share
PARALLEL_STAGES = {
    f"stages.{name}"
    for name in ("pretrain", "shrink", "kernels", "baselines", "supernet", "ablation", "finetune", "distill")
} | {"stages.transfer", "stages.kernels_classification"}


def params() -> dict[str, Any]:
    """Parameters of this run.

    Raises:
        InputError: a key is unknown or missing, or a value has another type than in the profiles.
    """
    return read_params(PARAMS)


def read_params(path: Path, reference_path: Path = REFERENCE_PARAMS) -> dict[str, Any]:
    """Read a parameter file and check its keys and types against a profile's.

    Raises:
        InputError: see :func:`params`.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read ({error}): copy a file of profiles/ to it") from None
    _check(values, yaml.safe_load(reference_path.read_text()), path, ())
    return values


def _check(values: Any, reference: Any, path: Path, at: tuple[str, ...]) -> None:
    where = ".".join(at)
    number = isinstance(reference, int | float) and not isinstance(reference, bool)
    expected = (int, float) if number else type(reference)
    if not isinstance(values, expected) or (number and isinstance(values, bool)):
        kind = "number" if number else type(reference).__name__
        raise InputError(f"{path}: {where or 'the file'} is {values!r}: expected a {kind}")
    if not isinstance(reference, dict) or (at and at[-1] in RUN_KEYS):
        return
    for key in values.keys() - reference.keys():
        name = ".".join((*at, key))
        close = difflib.get_close_matches(key, reference, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys are {', '.join(sorted(reference))}"
        raise InputError(f"{path}: unknown key {name}: {hint}")
    for key, value in reference.items():
        if key not in values:
            raise InputError(f"{path}: {'.'.join((*at, key))} is missing: profiles/tiny.yaml has {value!r}")
        _check(values[key], value, path, (*at, key))


def write_json(path: Path, content: dict[str, Any], digits: int = 4) -> None:
    """Write a JSON file whole or not at all, by the first process; floats are rounded to that many digits."""
    if distributed.rank():
        return
    write_text(path, json.dumps(_rounded(content, digits), indent=2) + "\n")


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, dict):
        return {key: _rounded(item, digits) for key, item in value.items()}
    return [_rounded(item, digits) for item in value] if isinstance(value, list | tuple) else value


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage: a log line per step on stderr, and one sentence instead of a traceback for bad input."""
    first = os.environ.get("RANK", "0") == "0"
    level = logging.INFO if first else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("faster_coco_eval").setLevel(logging.WARNING)
    # OpenCV's threads would compete with PyTorch's for the same cores.
    cv2.setNumThreads(1)
    keep_memory()
    if first:
        recover.keep()
    try:
        if distributed.launched():
            distributed.join(device(params()["device"]))
        elif (stage := _parallel_stage()) and _several(compute := params()["compute"]):
            sys.exit(0 if _in_processes(stage, **compute) else 1)
        main()
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
        return str(error).strip().splitlines()[-1].removeprefix("litepose.errors.InputError: ")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename or 'a file'} cannot be written, the disk is full: free space, then repeat"
    if "DataLoader worker" in str(error):
        return (
            "a process that reads images was ended from outside, most often because memory ran out: set "
            "workers in params.yaml to fewer, then repeat"
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


def _parallel_stage() -> str | None:
    """Module of the running stage, if several processes can share its work."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec and spec.name in PARALLEL_STAGES else None


def _several(compute: dict[str, Any]) -> bool:
    return compute["processes"] > 1 or compute["nodes"] > 1


def _in_processes(stage: str, processes: int, nodes: int, launch: str) -> bool:
    """Run the stage in as many processes on as many nodes; whether all of them succeeded."""
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
        raise InputError(f"params.yaml: device is {name!r}: use auto, cpu or cuda ({reason})") from None
    return chosen


def digest(*parts: Any) -> str:
    """Digest of parameters (as JSON) and of files and directories of code (given as paths)."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            files = sorted(part.rglob("*.py")) if part.is_dir() else [part]
            for file in files:
                state.update(str(file).encode() + file.read_bytes())
        else:
            state.update(json.dumps(part, sort_keys=True).encode())
    return state.hexdigest()
