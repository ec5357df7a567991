"""The systems that latency is measured of: which runtimes each gets, and its network."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from litepose import models
from litepose.core.errors import InputError
from litepose.latency.networks import random_network
from litepose.runtimes import devices, registry
from stages.lib.common.parameters import PARAMS, section

TUNING = Path("data/tuning")  # <device>.json: times of TVM's schedules on a device


def check_device(device: str) -> None:
    """Raise InputError if there is no such device to measure on."""
    with section("latency.devices"):
        devices.check(device)


def runtimes_of(values: dict[str, Any]) -> dict[str, list[str]]:
    """Names of the runtimes that each system is measured with.

    Args:
        values: the section `latency` of the parameters.

    Raises:
        InputError: a runtime is unknown or not installed, or its systems are neither `all` nor some of
            `latency.systems`.
    """
    wanted: dict[str, list[str]] = {system: [] for system in values["systems"]}
    for name, chosen in values["runtimes"].items():
        with section("latency.runtimes"):
            registry.check(name)
        systems = values["systems"] if chosen == "all" else chosen
        if not isinstance(systems, list) or not set(systems) <= set(wanted):
            raise InputError(
                f"{PARAMS}: latency.runtimes.{name} is {chosen!r}: use all, or a list of latency.systems"
            )
        for system in systems:
            wanted[system].append(name)
    return wanted


def published_network(system: str, seed: int) -> tuple[nn.Module, Tensor]:
    """A system with random weights, in eval mode, and an image of its published size [1,3,H,W]."""
    return random_network(
        lambda: models.create(system, models.published_num_joints(system)),
        models.published_input_size(system),
        seed,
    )
