"""Weights that describe themselves: a file says which network it holds, its joints and its input size.

Everything beside the tensors is plain values: numbers, strings, lists and dictionaries. Reading a file runs
no code, and needs no parameter file.
"""

import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from litepose.core.errors import InputError
from litepose.core.layout import channels_last
from litepose.core.skeletons import SKELETONS, Skeleton, from_fields
from litepose.models import tensor_file
from litepose.models.efficient_hrnet import EfficientHRNet
from litepose.models.higher_hrnet import HigherHRNet
from litepose.models.hourglass import StackedHourglass
from litepose.models.lightweight_openpose import LightweightOpenPose
from litepose.models.litepose import LitePose, LitePoseClassifier
from litepose.models.personlab import PersonLab
from litepose.models.supernet import Supernet

FORMAT = 1
LARGEST_INPUT = 8192  # px
# Every argument of their constructors is an attribute of the same name: it describes the network.
FAMILIES: dict[str, type[nn.Module]] = {
    family.__name__: family
    for family in (
        LitePose,
        Supernet,
        LitePoseClassifier,
        HigherHRNet,
        EfficientHRNet,
        LightweightOpenPose,
        StackedHourglass,
        PersonLab,
    )
}


@dataclass(frozen=True)
class Trained:
    """A trained network, and what must be known to use it.

    Attributes:
        model: in eval mode, channels last, on the CPU.
        joints: that it finds; None for a classifier.
        input_size: px of the image's short side.
    """

    model: nn.Module
    joints: Skeleton | None
    input_size: int

    @property
    def skeleton(self) -> Skeleton:
        """The joints that the network finds.

        Raises:
            InputError: it finds none, because it classifies images.
        """
        if self.joints is None:
            raise InputError("The network classifies images and finds no people: give the weights of another")
        return self.joints


def save(path: Path, model: nn.Module, skeleton: Skeleton | None, input_size: int) -> None:
    """Write a network to a file that :func:`load` needs nothing else for.

    Args:
        path: of the file; its directory is made. The same network gives the same bytes.
        model: a network of ``FAMILIES``, on any device, in any memory format.
        skeleton: the joints that it finds; None for a classifier.
        input_size: px of the image's short side.

    Raises:
        InputError: the network is of no known family, does not find these joints, or holds a number that is
            not finite.
        WriteError: the file cannot be written.
    """
    description = describe(model)
    _check_joints(description, skeleton, "The network")
    state = {name: _plain_layout(tensor) for name, tensor in model.state_dict().items()}
    tensor_file.check_finite(state, "The network's")
    content = {
        "format": FORMAT,
        "network": description,
        "skeleton": {"name": skeleton.name, **skeleton.fields()} if skeleton else None,
        "input_size": int(input_size),
        "state_dict": state,
    }
    tensor_file.write(Path(path), content)


def load(path: Path) -> Trained:
    """Read what :func:`save` wrote; draws no random numbers.

    Raises:
        InputError: the file is missing or of another kind, or what it holds does not fit together.
    """
    path = Path(path)
    content = _content(path)
    state = content["state_dict"]
    try:
        _check_sizes(content["network"], state)
        model, skeleton = _built(content["network"], "meta"), _skeleton(content["skeleton"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    _check_joints(content["network"], skeleton, f"{path}: the network")
    expected = model.state_dict()
    _check_fit(state, expected, path)
    tensor_file.check_finite(state, f"{path}: the")
    tensor_file.check_whole(path)
    # Copies: in a file of another origin, names may share memory.
    own = {name: state[name].to(tensor.dtype, copy=True) for name, tensor in expected.items()}
    model.load_state_dict(own, assign=True)
    return Trained(channels_last(model.eval()), skeleton, content["input_size"])


def describe(model: nn.Module) -> dict[str, Any]:
    """A network's family and the arguments that build it, as plain values.

    Raises:
        InputError: the network is of no family of ``FAMILIES``.
    """
    name = type(model).__name__
    if FAMILIES.get(name) is not type(model):
        raise InputError(f"A network of the type {name} cannot be saved: use one of {', '.join(FAMILIES)}.")
    arguments = inspect.signature(type(model)).parameters
    return {"family": name, **{argument: _plain(getattr(model, argument)) for argument in arguments}}


def build(description: Any) -> nn.Module:
    """The network that :func:`describe` described, with fresh weights; the random generator stays as it is.

    Raises:
        InputError: the family is unknown, or its arguments build no network.
    """
    return _built(description, "cpu")


def _built(description: Any, device: str) -> nn.Module:
    """See :func:`build`; on the device "meta" the network has shapes, but takes no memory."""
    family = description.get("family") if isinstance(description, dict) else None
    if not isinstance(family, str) or family not in FAMILIES:
        raise InputError(
            f"the network's family is {_shown(family)}, but must be one of {', '.join(FAMILIES)}"
        )
    kinds = typing.get_type_hints(FAMILIES[family].__init__)
    try:
        arguments = {
            name: _argument(kinds[name], value) for name, value in description.items() if name != "family"
        }
        with torch.random.fork_rng(devices=[]), torch.device(device):
            return FAMILIES[family](**arguments)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"what it says of its network builds no {family} ({reason})") from error


def _argument(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        value = {name: _tuples(part) for name, part in value.items()}
        return kind(**value)
    return kind(value)


def _tuples(value: Any) -> Any:
    """Lists as tuples, which the architectures have."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    """Numbers, strings, lists and dictionaries in place of all else."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _plain_layout(tensor: Tensor) -> Tensor:
    """A copy on the CPU whose strides depend on its shape alone."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


def _content(path: Path) -> dict[str, Any]:
    """A file's content whose fields are there and of the right kinds."""
    content = tensor_file.read(path)
    if not isinstance(content, dict) or "format" not in content:
        if _holds_tensors(content):
            raise InputError(
                f"{path} holds tensors but not which network: it is a state dict of an older version or of "
                "other code; train again, or give the network if it is an authors' checkpoint (official)"
            )
        raise InputError(f"{path} holds no weights that litepose saved: give another file")
    form = content["format"]
    if type(form) is not int or form != FORMAT:
        raise InputError(
            f"{path} has the format {_shown(form)}, but this version reads {FORMAT}: update litepose"
        )
    fields: dict[str, tuple[type, ...]] = {
        "network": (dict,),
        "skeleton": (dict, type(None)),
        "input_size": (int,),
        "state_dict": (dict,),
    }
    for field, kinds in fields.items():
        if not isinstance(content.get(field, ...), kinds):
            raise InputError(f"{path}: the field {field} is missing or damaged: write the file again")
    for field in ("network", "skeleton"):
        for value in _leaves(content[field]):
            if not isinstance(value, str | int | float | None):
                raise InputError(
                    f"{path}: the field {field} holds a {type(value).__name__}: write the file again"
                )
    if not 1 <= content["input_size"] <= LARGEST_INPUT:
        raise InputError(
            f"{path}: input_size is {_shown(content['input_size'])}, but must be above 0 px and at most "
            f"{LARGEST_INPUT}"
        )
    return content


def _shown(value: Any) -> str:
    """A value in a few words, on one line."""
    return textwrap.shorten(repr(value), 80)


def _holds_tensors(content: Any) -> bool:
    """Whether a file's content is a state dict, perhaps nested as the authors' code does."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(value, Tensor) for value in content.values())
    )


def _skeleton(fields: dict[str, Any] | None) -> Skeleton | None:
    if fields is None:
        return None
    name = fields.get("name")
    if not isinstance(name, str):
        raise InputError("the skeleton has no name: write the file again")
    skeleton = from_fields(
        name, {field: value for field, value in fields.items() if field != "name"}, "its skeleton"
    )
    if SKELETONS.get(name, skeleton) != skeleton:
        raise InputError(f"its skeleton is called {name} but is not that of {name}: rename it")
    return skeleton


def _check_joints(description: Mapping[str, Any], skeleton: Skeleton | None, what: str) -> None:
    """A network finds as many joints as its skeleton has; only a classifier has no skeleton."""
    predicted, named = description.get("num_joints"), skeleton.num_joints if skeleton else None
    if predicted != named:
        raise InputError(
            f"{what} predicts {predicted or 'no'} joints, but its skeleton has {named or 'none'}: give the "
            "skeleton that it was trained for"
        )


def _check_sizes(description: Any, state: Mapping[str, Any]) -> None:
    """No number of a network can be above the sizes and the number of its tensors, which bound the work."""
    shapes = [tensor.shape for tensor in state.values() if isinstance(tensor, Tensor)]
    largest = max([len(state), *(size for shape in shapes for size in shape)])
    for number in _leaves(description):
        if isinstance(number, int | float) and not -largest <= number <= largest:
            raise InputError(
                f"what it says of its network has the number {_shown(number)}, but none of its tensors is of "
                "such a size: write the file again"
            )


def _leaves(value: Any, levels: int = 8) -> Iterator[Any]:
    """Values in nested lists and dictionaries, which a damaged file may have nested without end."""
    if levels and isinstance(value, dict | list):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _leaves(part, levels - 1)
    else:
        yield value


def _check_fit(given: Mapping[str, Any], expected: Mapping[str, Tensor], path: Path) -> None:
    for name in expected.keys() - given.keys():
        raise InputError(f"{path}: the tensor {name} of the network is missing: write the file again")
    for name in given.keys() - expected.keys():
        raise InputError(
            f"{path}: the tensor {textwrap.shorten(str(name), 80)} is not part of the network: write the "
            "file again"
        )
    for name, tensor in expected.items():
        found, wanted = _form(given[name]), _form(tensor)
        found += "" if tensor_file.is_dense(given[name]) else ", no plain tensor"
        if found != wanted:
            raise InputError(
                f"{path}: the tensor {name} is {found} where the network has {wanted}: write the file again"
            )


def _form(value: Any) -> str:
    """A tensor's shape, and its kind of numbers where they are not real ones; of others the type."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    kind = "" if value.is_floating_point() else f" of {str(value.dtype).removeprefix('torch.')}"
    return f"{list(value.shape)}{kind}"
