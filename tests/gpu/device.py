"""What the check runs on: device, processor, software, and what is missing."""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import torch

from litepose.core.cores import cores

ROOT = Path(__file__).parents[2]
# Distributions whose versions are noted, or whose absence is
SOFTWARE = (
    "numpy",
    "scipy",
    "opencv-python-headless",
    "triton",
    "onnxruntime",
    "onnxscript",
    "pycocotools",
    "faster-coco-eval",
    "apache-tvm",
    "dvc",
    "dvclive",
)


def describe(device: torch.device) -> dict[str, str | int | float | list[str]]:
    """The device and its software, as plain values."""
    found = {name: version for name in SOFTWARE if (version := _version(name))}
    return {
        "device": device.type,
        **(_gpu(device) if device.type == "cuda" else {}),
        "processor": processor(),
        "cores": cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        **found,
        "missing": [name for name in SOFTWARE if name not in found],
        "code": code(),
    }


def _gpu(device: torch.device) -> dict[str, str | int | float]:
    properties = torch.cuda.get_device_properties(device)
    return {
        "gpu": properties.name,
        "gpu_memory_gib": round(properties.total_memory / 2**30, 1),
        "capability": f"{properties.major}.{properties.minor}",
        "driver": _driver(),
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),
        "nccl": ".".join(map(str, torch.cuda.nccl.version())),
        "nvcc": shutil.which("nvcc") or "none",
    }


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def processor() -> str:
    """Its name."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def code() -> str:
    """Digest of the library and of this check: which code gave the numbers."""
    state = hashlib.sha256()
    for folder in (ROOT / "litepose", ROOT / "scenes", ROOT / "tests/gpu"):
        for file in sorted(folder.rglob("*.py")):
            state.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return state.hexdigest()[:12]


def settle(device: torch.device) -> None:
    """Wait until the device has computed everything."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    print(json.dumps(describe(torch.device(sys.argv[1]))))
