"""Tune TVM's kernels of the systems that are timed with TVM on a device.

Usage: python -m stages.tuning DEVICE
"""

import sys

from litepose.runtimes import registry
from stages.lib.common.parameters import Values, section
from stages.lib.common.results import write_json
from stages.lib.common.running import run_stage
from stages.lib.latency.systems import TUNING, check_device


def main(values: Values) -> None:
    """Write `data/tuning/<device>.json`; where nothing is timed with TVM an earlier one or an empty one."""
    device = sys.argv[1]
    check_device(device)
    if "tvm" not in values["latency"]["runtimes"]:
        if not (path := TUNING / f"{device}.json").is_file():
            write_json(path, {"machine": None, "kernels": {}})
        return
    with section("latency.runtimes"):
        registry.check("tvm")
    from stages.lib.latency.tuning import tune_device  # with TVM, which need not be installed

    tune_device(device, values)


if __name__ == "__main__":
    run_stage(main)
