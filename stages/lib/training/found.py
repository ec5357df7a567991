"""Architectures that a search found, or that the paper published, as files of data."""

import json
from pathlib import Path
from typing import NamedTuple

from litepose.models.litepose import Architecture

FOUND = Path("data/search")


class Found(NamedTuple):
    """Channel widths, and the side of the square input in px."""

    architecture: Architecture
    resolution: int


def read_found(run: str) -> Found:
    """The architecture in ``data/search/<run>.json``."""
    content = json.loads((FOUND / f"{run}.json").read_text())
    widths = Architecture(content["stem"], tuple(content["stages"]), tuple(content["deconv"]))
    return Found(widths, content["resolution"])
