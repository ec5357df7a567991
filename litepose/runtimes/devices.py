"""The devices that networks run on: this machine, its GPU, and boards that TVM reaches."""

from pathlib import Path
from typing import Any

import yaml

from litepose.core.errors import InputError

# Boards by the key of their RPC server: what to compile for, and the compiler that links for it
BOARDS: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("boards.yaml").read_text(encoding="utf-8")
)
DEVICES = ("host", "cuda", *BOARDS)


def check(device: str) -> None:
    """Raise InputError if there is no such device to measure on."""
    if device not in DEVICES:
        raise InputError(f"unknown device {device!r}: use {', '.join(DEVICES)}")
