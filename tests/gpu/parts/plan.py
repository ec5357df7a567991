"""Part 6: minutes, memory and disk of the profile paper on this device, as tools.plan estimates them."""

import torch

from gpu.device import ROOT
from gpu.record import Numbers, Record
from gpu.sizes import Sizes


def run(record: Record, device: torch.device, sizes: Sizes) -> None:
    """Measure the one item."""
    record.measure(f"profile {sizes.profile}", lambda: planned(device, sizes))


def planned(device: torch.device, sizes: Sizes) -> Numbers:
    """What the profile costs in all, and the minutes of each stage."""
    # They need DVC, which a machine may lack.
    from stages.lib.common.parameters import read_params
    from tools import plan

    values = read_params(ROOT / f"profiles/{sizes.profile}.yaml", ROOT / "profiles/tiny.yaml")
    every = plan.stages(ROOT / plan.PIPELINE, values)
    works = plan.plan(every, values, device, plan.start_seconds(), plan.Limits(), set(sizes.stages) or None)
    return {
        "minutes": sum(work.seconds for work in works.values()) / 60,
        "memory_gib": max(work.memory for work in works.values()) / 2**30,
        "disk_gib": sum(work.disk for work in works.values()) / 2**30,
        **{f"minutes of {name}": work.seconds / 60 for name, work in works.items()},
    }
