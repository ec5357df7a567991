"""Fine-tune LitePose-XS with the heatmaps of LitePose-S as further targets (section 5.3, Table 3)."""

from stages.lib.common.parameters import Values, seeds
from stages.lib.common.running import run_stage
from stages.lib.training.found import Found, read_found
from stages.lib.training.networks import SubNetwork
from stages.lib.training.train import train
from stages.lib.training.training import Teacher, Training, schedule, trained

SUPERNET, TEACHER = "xs", "s"


def training(values: Values, found: Found) -> Training:
    """The final LitePose-XS, of the found architecture and resolution."""
    teacher = trained("finetune", TEACHER, seeds(values)[0])
    return Training(
        stage="finetune",
        run="xs",
        network=SubNetwork(
            found.architecture, values["recipe"]["depth"], trained("supernet", SUPERNET, values["seed"])
        ),
        data="crowdpose",
        resolution=found.resolution,
        schedule=schedule(values, "distill"),
        teacher=Teacher(teacher, values["distill"]["weight"]),
    )


def main(values: Values) -> None:
    """Train the final LitePose-XS."""
    train(training(values, read_found("xs")), values, seeds(values))


if __name__ == "__main__":
    run_stage(main, parallel=True)
