"""What a latency was measured on: processor, cores, threads, memory, GPU, versions."""

import ctypes
import gc
import platform
from importlib import metadata
from pathlib import Path

import psutil
import torch
import yaml

from litepose.cores import cores
from litepose.errors import InputError

# Devices that TVM's RPC tracker reaches: name -> what to compile for, and with which compiler
BOARDS: dict[str, dict] = yaml.safe_load(Path(__file__).with_name("boards.yaml").read_text())
DEVICES = ("host", "cuda", *BOARDS)
_PACKAGES = ("torch", "onnxruntime", "apache-tvm")


def check(device: str) -> None:
    """Raise InputError if there is no such device to measure on."""
    if device not in DEVICES:
        raise InputError(f"latency.devices names {device!r}: known devices are {', '.join(DEVICES)}.")


def missing(device: str) -> str:
    """Why nothing can be measured on a device, in a sentence; empty where it can."""
    if device in BOARDS:
        from litepose.latency.tvm import boards  # TVM takes seconds to load

        return boards.missing(device)
    return "" if device == "host" or torch.cuda.is_available() else "PyTorch finds no CUDA GPU here."


def release_memory() -> None:
    """Give freed memory back to the system: what one network took is not held while the next one runs."""
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def describe(device: str, threads: int) -> dict[str, str | int | float]:
    """The machine, as flat values for a metrics file; what cannot be read, or is not there, is left out.

    Args:
        device: one of `DEVICES`.
        threads: that the runtimes computed with.
    """
    if device in BOARDS:
        target = dict(BOARDS[device]["target"])
        host = target.pop("host", {})
        return {"board": device, **host, **target, "apache-tvm": metadata.version("apache-tvm")}
    machine: dict[str, str | int | float] = {
        "cpu": _cpu_name(),
        "architecture": platform.machine(),
        "cores": cores(),
        "threads": threads,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            machine[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    if device == "cuda" and torch.cuda.is_available():
        machine["gpu"], machine["cuda"] = torch.cuda.get_device_name(), str(torch.version.cuda)
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor.is_file():
        machine["governor"] = governor.read_text().strip()
    return machine


def name(device: str) -> str:
    """A board by its name, this machine by its processor."""
    return device if device in BOARDS else _cpu_name()


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
