"""The trainings of a run as its stages build them, with fresh networks in place of trained ones."""

import dataclasses
import importlib
import inspect
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from dvc.dependency import ParamsDependency
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro

from litepose import models
from litepose.core.errors import InputError
from litepose.models.litepose import ARCHITECTURES
from litepose.models.space import SPACES, Configuration
from litepose.nas import costs
from stages.lib.common.parameters import PARAMS, Values, seeds
from stages.lib.training.found import FOUND, Found, read_found
from stages.lib.training.networks import Network, SharedWeights, SubNetwork
from stages.lib.training.training import Training, space
from stages.published import MULTIPLE, PAPER_RESOLUTION

NEAR = 0.9  # of its budget, at least, is what a search's candidates cost


@dataclass(frozen=True)
class Stage:
    """A stage of ``dvc.yaml``.

    Attributes:
        name: DVC's.
        module, arguments: of its command.
        reads: paths that it depends on.
        params: parameters that it depends on.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    reads: tuple[str, ...]
    params: tuple[str, ...]

    @property
    def found(self) -> str:
        """Name of the found architecture that it reads."""
        (name,) = (Path(path).stem for path in self.reads if Path(path).parent == FOUND)
        return name


@dataclass(frozen=True)
class Planned:
    """A training, and how many networks it trains, one per seed."""

    training: Training
    networks: int


def stages(pipeline: Path, values: Values) -> list[Stage]:
    """The stages of a ``dvc.yaml`` with these parameters, in the order in which DVC runs them.

    DVC reads copies in a temporary directory, for it writes beside what it reads.
    """
    with tempfile.TemporaryDirectory(prefix="litepose-plan-") as temporary:
        root = Path(temporary)
        (root / ".dvc").mkdir()
        (root / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
        (root / pipeline.name).write_text(pipeline.read_text())
        (root / PARAMS.name).write_text(yaml.safe_dump(values, sort_keys=False))
        with Repo(temporary) as repo:
            return [_stage(stage) for stage in plan_repro(repo.index.graph)]


def _stage(stage: Any) -> Stage:
    module, *arguments = stage.cmd.split()[2:]
    files = [item.def_path for item in stage.deps if not isinstance(item, ParamsDependency)]
    params = [name for item in stage.deps if isinstance(item, ParamsDependency) for name in item.params]
    return Stage(stage.name, module, tuple(arguments), tuple(files), tuple(params))


def planned(stage: Stage, values: Values) -> Planned | None:
    """The training of a stage, built by its own module; None where it has none."""
    build = getattr(importlib.import_module(stage.module), "training", None)
    if build is None:
        return None
    arguments: dict[str, Any] = {"values": values}
    wanted = inspect.signature(build).parameters
    if "run" in wanted:
        arguments["run"] = stage.arguments[0]
    if "found" in wanted:
        arguments["found"] = found(stage.found, values)
    return Planned(build(**arguments), len(seeds(values)) if "seeds" in stage.params else 1)


def fresh(network: Network) -> Network:
    """What a training starts from, without the weights of an earlier stage."""
    if isinstance(network, SubNetwork):
        return dataclasses.replace(network, supernet=None)
    if isinstance(network, SharedWeights):
        return dataclasses.replace(network, pretrained=None)
    return network


def found(name: str, values: Values) -> Found:
    """The architecture of that name: found by an earlier run of this profile's sizes, else the published one.

    Raises:
        InputError: neither is known.
    """
    searched = values["search"]["runs"].get(name)
    if searched and (FOUND / f"{name}.json").is_file():
        earlier = read_found(name)
        if earlier.resolution in space(values, searched["supernet"]).resolutions:
            return earlier
    size = name.removesuffix("-published")
    if size in ARCHITECTURES:
        return Found(ARCHITECTURES[size], published_resolution(size, values))
    if searched:
        candidate = candidates(name, values, 1)[0]
        return Found(candidate.architecture, candidate.resolution)
    raise InputError(f"{PARAMS}: the architecture {name!r} is neither published nor one of search.runs")


def published_resolution(size: str, values: Values) -> int:
    """Side of a published architecture's input at the profile's scale, as ``stages.published`` writes it."""
    if size == "half":
        return values["kernels"]["resolution"]
    largest = max(max(run["resolutions"]) for run in values["supernet"]["runs"].values())
    scaled = models.published_input_size(f"litepose-{size}") * largest / PAPER_RESOLUTION
    return int(scaled / MULTIPLE + 0.5) * MULTIPLE


def candidates(name: str, values: Values, count: int) -> list[Configuration]:
    """Configurations of a search's space, drawn from those that cost little less than its budget."""
    run, depth = values["search"]["runs"][name], values["recipe"]["depth"]
    searched, model = space(values, run["supernet"]), costs.PaperMacs()
    counted, rows = model.costs(searched, depth), np.arange(searched.size)
    if run["cost"] == "macs":  # milliseconds are not known before they are measured
        budget = costs.scaled_budget(run["budget"], SPACES[run["supernet"]], searched, depth)
        near = np.flatnonzero((counted <= budget) & (counted >= NEAR * budget))
        rows = near if len(near) else np.array([np.abs(counted - budget).argmin()])
    generator = np.random.default_rng(values["seed"])
    return [searched.at(int(row)) for row in generator.choice(rows, min(count, len(rows)), replace=False)]


def drawn(training: Training, values: Values, count: int) -> list[Configuration]:
    """Configurations as the steps of a supernet's training draw them."""
    assert training.space is not None
    generator = torch.Generator().manual_seed(values["seed"])
    return [training.space.sample(generator) for _ in range(count)]


def spread(items: Sequence[Configuration], macs: Sequence[float], count: int) -> list[int]:
    """Numbers of items that stand for all: the middles of equal parts by MACs, the largest first."""
    order = sorted(range(len(items)), key=lambda number: -macs[number])
    count = min(count, len(order))
    return [order[int((part + 0.5) * len(order) / count)] for part in range(count)]
