"""What a latency was measured on: processor, cores, threads, memory, GPU, versions."""

import ctypes
import gc
import platform
from importlib import metadata
from pathlib import Path

import psutil
import torch

from litepose.core.cores import cores
from litepose.runtimes.devices import BOARDS

_PACKAGES = ("onnxruntime", "apache-tvm")


def release_memory() -> None:
    """Give freed memory back to the system: what one network took is not held while the next one runs."""
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def describe(device: str, threads: int) -> dict[str, str | int | float]:
    """The machine, as flat values for a metrics file; what cannot be read, or is not there, is left out.

    Args:
        device: one of :data:`litepose.runtimes.devices.DEVICES`.
        threads: that the runtimes computed with.
    """
    if device in BOARDS:
        target = dict(BOARDS[device]["target"])
        host = target.pop("host", {})
        return {"board": device, **host, **target, **_versions(("apache-tvm",))}
    machine: dict[str, str | int | float] = {
        "cpu": _cpu_name(),
        "architecture": platform.machine(),
        "cores": cores(),
        "threads": threads,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        # With what it was built for (+cu130), which the installed package's own version may leave out
        "torch": torch.__version__,
        **_versions(_PACKAGES),
    }
    if device == "cuda" and torch.cuda.is_available():
        machine["gpu"], machine["cuda"] = torch.cuda.get_device_name(), str(torch.version.cuda)
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor.is_file():
        machine["governor"] = governor.read_text().strip()
    return machine


def name(device: str) -> str:
    """A board by its name, this machine by its processor."""
    return device if device in BOARDS else _cpu_name()


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu_name() -> str:
    """The processor as the system names it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
