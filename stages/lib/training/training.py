"""A training as a value: which network learns what, on which data, for how long."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litepose.datasets.augmentation import Augmentation
from litepose.models.space import SearchSpace
from litepose.training.schedule import Schedule
from litepose.training.step import StepOptions
from stages.lib.common.parameters import Values, section
from stages.lib.training.networks import Network

MODELS = Path("data/models")
CLASSIFICATION = "classification"  # the data set whose images have classes instead of people


@dataclass(frozen=True)
class Teacher:
    """A trained network whose heatmaps are learnt too (section 5.3), and the weight of that loss."""

    weights: Path
    weight: float


@dataclass(frozen=True)
class Training:
    """One run of a training stage.

    Attributes:
        stage, run: its name.
        network: what it starts from.
        data: the data set, a directory of ``data/``.
        resolution: side of the square training input, px.
        schedule: epochs, batches, learning rate.
        tags: False for pre-training, which learns heatmaps only.
        space: of a supernet, whose configurations are drawn from it.
        teacher: of a distilled network.
    """

    stage: str
    run: str
    network: Network
    data: str
    resolution: int
    schedule: Schedule
    tags: bool = True
    space: SearchSpace | None = None
    teacher: Teacher | None = None

    @property
    def name(self) -> str:
        """``<stage>/<run>``."""
        return f"{self.stage}/{self.run}"

    @property
    def has_ap(self) -> bool:
        """Whether the network finds people by itself: no classifier, no heatmaps alone, no supernet."""
        return self.tags and self.space is None and self.data != CLASSIFICATION


@dataclass(frozen=True)
class Recipe:
    """What all pose trainings of a run share: augmentation, loss, and how a step is computed."""

    augmentation: Augmentation
    foreground_weight: float
    push_weight: float
    pull_weight: float
    options: StepOptions


def recipe(values: Values) -> Recipe:
    """The parameters' recipe.

    Raises:
        InputError: a value is not usable.
    """
    shared: dict[str, Any] = values["recipe"]
    with section("recipe"):
        return Recipe(
            Augmentation(**shared["augmentation"]),
            shared["foreground_weight"],
            shared["push_weight"],
            shared["pull_weight"],
            StepOptions(**_fields(StepOptions, shared)),
        )


def schedule(values: Values, name: str, **changes: Any) -> Schedule:
    """The schedule in a section of the parameters.

    Args:
        name: of the section, such as ``kernels`` or ``supernet.runs.xs``.
        changes: fields that differ from the section's.
    """
    content = values
    for part in name.split("."):
        content = content[part]
    with section(name):
        return Schedule(**_fields(Schedule, content) | changes)


def space(values: Values, supernet: str) -> SearchSpace:
    """The search space of a supernet."""
    settings = values["supernet"]["runs"][supernet]
    with section(f"supernet.runs.{supernet}"):
        return SearchSpace(tuple(settings["ratios"]), tuple(settings["resolutions"]))


def trained(stage: str, run: str, seed: int) -> Path:
    """File of the weights of a run that was trained with a seed."""
    return MODELS / stage / run / f"{seed}.pt"


def _fields(kind: Any, content: Values) -> Values:
    return {field.name: content[field.name] for field in dataclasses.fields(kind)}
