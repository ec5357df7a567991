"""Photographs, the authors' weights and what the released code finds: outside the project, if at all."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from litepose.inference import estimator

VARIABLE = "LITEPOSE_PHOTOGRAPHS"
needed = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no folder with photographs and golden outputs"
)


def folder(name):
    """``real``, ``golden`` or ``cases``.

    Raises:
        SystemExit: the variable is not set.
    """
    if not os.environ.get(VARIABLE):
        raise SystemExit(f"{VARIABLE} must name the folder that holds 'real', 'golden' and 'cases'")
    return Path(os.environ[VARIABLE]).expanduser() / name


@cache
def golden():
    """What the released code finds, and cost matrices that it met on the way."""
    return json.loads((folder("golden") / "real_people.json").read_text())


@cache
def network():
    """An estimator with the authors' LitePose-M, on the CPU."""
    return estimator.load("litepose-m", "cpu", official=folder("real") / "official/litepose-m-crowdpose.pth")
