"""What a search's budget counts, kept as data: multiply-accumulates, or milliseconds on a device."""

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from litepose.complexity import litepose_cost
from litepose.core.errors import InputError
from litepose.core.files import write_text
from litepose.core.skeletons import CROWDPOSE
from litepose.models.litepose import Architecture
from litepose.models.space import SearchSpace
from litepose.nas.latency_model import LatencyModel, features

NUM_JOINTS = CROWDPOSE.num_joints  # whatever the data's joints: the paper's budgets are CrowdPose's


class CostModel(ABC):
    """The cost of every Lite Pose network, from its widths, its resolution and its depth.

    Attributes:
        unit: of the costs, as it names them among metrics.
    """

    unit: ClassVar[str]

    @abstractmethod
    def predict(self, architecture: Architecture, resolution: int, depth: float) -> np.ndarray:
        """Costs of networks.

        Args:
            architecture: channel widths; arrays for many networks.
            resolution: side of the input in px.
            depth: relative number of blocks of each stage.
        """

    @abstractmethod
    def coefficients(self) -> dict[str, float]:
        """What the model's file holds beside the unit."""

    def costs(self, space: SearchSpace, depth: float) -> np.ndarray:
        """Cost of every configuration: float64 [size], in the order of the space's table."""
        return space.costs(lambda architecture, resolution: self.predict(architecture, resolution, depth))

    def write(self, path: Path) -> None:
        """Write a JSON file that `load` reads."""
        write_text(path, json.dumps({"unit": self.unit, **self.coefficients()}, indent=2) + "\n")


@dataclass(frozen=True)
class PaperMacs(CostModel):
    """G of multiply-accumulates in the paper's convention, which its budgets are given in."""

    unit: ClassVar[str] = "macs_paper_g"

    def predict(self, architecture: Architecture, resolution: int, depth: float) -> np.ndarray:
        """See `CostModel.predict`."""
        counted = litepose_cost(architecture, resolution, NUM_JOINTS, depth=depth)["macs_paper"]
        return np.asarray(counted) / 1e9

    def coefficients(self) -> dict[str, float]:
        """None: nothing is fitted."""
        return {}


@dataclass(frozen=True)
class Latency(CostModel):
    """Milliseconds on the device that a latency model was fitted to."""

    model: LatencyModel
    unit: ClassVar[str] = "ms"

    def predict(self, architecture: Architecture, resolution: int, depth: float) -> np.ndarray:
        """See `CostModel.predict`."""
        return self.model.predict(features(architecture, resolution, NUM_JOINTS, depth))

    def coefficients(self) -> dict[str, float]:
        """Those of the latency model."""
        return asdict(self.model)


def load(path: Path) -> CostModel:
    """The cost model that `CostModel.write` wrote.

    Raises:
        InputError: the file cannot be read, or holds no cost model.
    """
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise InputError(
            f'{path} is no cost model: expected JSON with the unit "{PaperMacs.unit}", or "{Latency.unit}" '
            "and the coefficients of a latency model"
        ) from None


def _parse(content: dict[str, Any]) -> CostModel:
    """The cost model of a file's content."""
    numbers = {name: float(value) for name, value in content.items() if name != "unit"}
    if content["unit"] == PaperMacs.unit and not numbers:
        return PaperMacs()
    if content["unit"] == Latency.unit:
        return Latency(LatencyModel(**numbers))
    raise ValueError(content["unit"])


def scaled_budget(paper_budget: float, paper_space: SearchSpace, space: SearchSpace, depth: float) -> float:
    """The paper's MAC budget, scaled by the ratio of the largest networks of another space and of its own.

    Args:
        paper_budget: G of multiply-accumulates in the paper's convention.
        paper_space: which the budget is for, at full depth.
        space: which it is wanted for.
        depth: relative number of blocks of each stage of the networks there.
    """
    ours, papers = (
        PaperMacs().predict(of.largest.architecture, of.largest.resolution, relative_depth)
        for of, relative_depth in ((space, depth), (paper_space, 1.0))
    )
    return float(paper_budget * ours / papers)
