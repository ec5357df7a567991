"""Count parameters and MACs of every system of Tables 1 to 3 and of the gradual shrinking.

Usage: python -m stages.complexity
"""

from pathlib import Path

import torch
from tqdm import tqdm

from litepose import models
from litepose.complexity import count
from litepose.core.files import write_text
from litepose.nas.costs import PaperMacs
from report import published
from report.results import Results
from report.systems import System, systems
from report.tables import complexity_table
from stages.lib.common.parameters import Values
from stages.lib.common.results import write_json
from stages.lib.common.running import run_stage

METRICS = Path("metrics")


def main(values: Values) -> None:
    """Write the costs, the table of published and counted ones, and the MACs as a search's cost model."""
    costs = {system.key: cost(system) for system in tqdm(systems(), desc="complexity", disable=None)}
    write_json(METRICS / "complexity.json", costs)
    table = complexity_table(published.read(Path("data/paper")), Results(METRICS))
    write_text(METRICS / "complexity.csv", table.csv())
    write_text(METRICS / "complexity.md", table.markdown())
    PaperMacs().write(Path("data/costs/macs.json"))


def cost(system: System) -> dict[str, float]:
    """Input size in px, parameters in M, true MACs and MACs as the paper counts them in G."""
    with torch.device("meta"):
        model = models.create(system.zoo, system.joints, **system.overrides)
    size = models.published_input_size(system.zoo)
    counted = count(model, size)
    return {
        "input_size": size,
        "params_m": counted["params"] / 1e6,
        "macs_g": counted["macs"] / 1e9,
        "macs_paper_g": counted["macs_paper"] / 1e9,
    }


if __name__ == "__main__":
    run_stage(main)
