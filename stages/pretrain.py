"""Pre-train the largest supernet on COCO's heatmaps alone (section 5.2, pre-training)."""

from pathlib import Path

from litepose.models.litepose import ARCHITECTURES
from stages.lib.common.parameters import Values
from stages.lib.common.results import write_json
from stages.lib.common.running import run_stage
from stages.lib.training.networks import Fresh
from stages.lib.training.train import train
from stages.lib.training.training import Training, schedule


def training(values: Values) -> Training:
    """The widest network, on COCO."""
    return Training(
        stage="pretrain",
        run="full",
        network=Fresh("litepose-half", values["recipe"]["depth"], {"architecture": ARCHITECTURES["full"]}),
        data="coco",
        resolution=values["pretrain"]["resolution"],
        schedule=schedule(values, "pretrain"),
        tags=False,
    )


def main(values: Values) -> None:
    """Write weights, curves and the final loss; without tags there is no AP to measure."""
    went = train(training(values), values, [values["seed"]])
    write_json(Path("metrics/pretrain.json"), went, digits=6)


if __name__ == "__main__":
    run_stage(main, parallel=True)
