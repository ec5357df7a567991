"""Networks for the commands: those that the pipeline trained, and the authors' released checkpoints."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from litepose import models
from litepose.errors import InputError
from litepose.skeletons import SKELETONS, Skeleton, find
from litepose.training import checkpoint
from stages.ablation import ABLATIONS, Ablation
from stages.common import SKELETON_FILES, device, params
from stages.pose_run import depth, found_architecture, load_weights
from stages.shrink import SYSTEMS

MODELS, METRICS = Path("data/models"), Path("metrics")
# Stages whose networks find people, and the data set whose joints they know
STAGES = {
    "finetune": "crowdpose",
    "transfer": "coco",
    "kernels": "crowdpose",
    "ablation": "crowdpose",
    "shrink": "crowdpose",
    "baselines": "crowdpose",
}


class Network(NamedTuple):
    """A network in evaluation mode on the run's device, the joints it finds, and its input's side in px."""

    model: nn.Module
    skeleton: Skeleton
    input_size: int
    device: torch.device


def trained(name: str) -> Network:
    """A network that the pipeline trained, at the resolution that it was tested at.

    Args:
        name: its stage and run, such as ``finetune/s``.

    Raises:
        InputError: there is no such run, or its weights are of other parameters than the present ones.
    """
    known = [f"{stage}/{path.stem}" for stage in STAGES for path in sorted((MODELS / stage).glob("*.pt"))]
    if name not in known:
        choice = f"choose one of {', '.join(known)}" if known else f"{MODELS} has none, run dvc repro first"
        raise InputError(f"There is no trained network {name!r}: {choice}.")
    stage, run = name.split("/")
    skeleton = find(params()[STAGES[stage]]["skeleton"], SKELETON_FILES)
    try:
        resolution = json.loads((METRICS / stage / f"{run}.json").read_text())["resolution"]
        system, overrides = _system(stage, run)
    except OSError as error:
        raise InputError(f"{error.filename} of {name} is missing: run dvc repro or dvc pull.") from None
    model = models.create(system, skeleton.num_joints, depth=depth(), **overrides)
    weights = load_weights(stage, run)
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        raise InputError(
            f"{MODELS / name}.pt does not fit params.yaml: restore the parameters that {name} was trained "
            "with, or run dvc repro."
        ) from None
    return _ready(model, skeleton, resolution)


def released(file: Path, name: str, layout: str, input_size: int | None = None) -> Network:
    """A network of the authors' released code.

    Args:
        file: the checkpoint.
        name: of the system in the zoo.
        layout: ``crowdpose`` or ``coco``, the data set that the checkpoint was trained on.
        input_size: px; by default the published one.

    Raises:
        InputError: the file is missing, holds more than tensors, or is of another system or data set.
    """
    try:
        tensors = checkpoint.load(file)
    except InputError:
        trouble = "cannot be read as PyTorch weights" if file.is_file() else "is missing"
        raise InputError(f"{file} {trouble}: give a checkpoint as its authors published it.") from None
    skeleton = SKELETONS[layout]
    try:
        model = models.load_official(name, skeleton.num_joints, tensors)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    return _ready(model, skeleton, input_size or models.published_input_size(name))


def _system(stage: str, run: str) -> tuple[str, dict[str, Any]]:
    """Name in the zoo of the network that a run trained, and what it changes there."""
    if stage == "shrink":
        return SYSTEMS[run], {}
    if stage == "baselines":
        return run, {}
    if stage == "kernels":
        return "litepose-half", {"kernel": int(run)}
    row = ABLATIONS[run] if stage == "ablation" else Ablation(found=run, fusion=True, supernet=None)
    widths = {"architecture": found_architecture(row.found)[0]} if row.found else {}
    return "litepose-half", {"fusion": row.fusion, **widths}


def _ready(model: nn.Module, skeleton: Skeleton, input_size: int) -> Network:
    place = device(params()["device"])
    return Network(model.eval().to(place, memory_format=torch.channels_last), skeleton, input_size, place)
