"""Parameters and multiply-accumulates of a network, in true MACs and in the paper's convention."""

import copy
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from litepose.core.errors import InputError
from litepose.models.blocks import scaled_depth
from litepose.models.litepose import BLOCKS, EXPANSION, HEAD_KERNEL, STEM_CHANNELS, Architecture

aten = torch.ops.aten
_ACTIVATIONS = {
    aten.relu, aten.relu_, aten.hardtanh, aten.hardtanh_,
    aten.silu, aten.silu_, aten.sigmoid, aten.elu, aten.elu_,
}  # fmt: skip
_NORMS = {aten.native_batch_norm, aten._native_batch_norm_legit_no_training, aten.cudnn_batch_norm}


@torch.no_grad()
def count(model: nn.Module, input_size: int | tuple[int, int]) -> dict[str, int]:
    """Count a network at one input size, for one RGB image.

    The network runs as a copy on PyTorch's meta device: nothing is computed, and the module is not touched.

    Args:
        model: a network of [1,3,H,W].
        input_size: side of the square input in px, or (width, height).

    Returns:
        ``params``: number of learnt parameters. ``macs``: multiply-accumulates of convolutions, transposed
        convolutions and linear layers. ``macs_paper``: as the paper counts them, in the convention of an old
        operation counter: transposed convolutions at their output's resolution, 2 per input element of a
        batch norm, and 1 per output element of a bias, an activation or a nearest up-sampling.

    Raises:
        InputError: the size is not positive.
    """
    width, height = _sides(input_size, multiple=1)
    with _OperationCounter() as operations:
        _meta_copy(model).eval()(torch.empty(1, 3, height, width, device="meta"))
    params = sum(parameter.numel() for parameter in model.parameters())
    return {"params": params, "macs": operations.macs, "macs_paper": operations.macs_paper}


def litepose_cost(
    architecture: Architecture,
    input_size: int | tuple[int, int],
    num_joints: int,
    kernel: int = 7,
    fusion: bool = True,
    depth: float = 1.0,
) -> dict[str, int]:
    """What `count` gives for a `LitePose` of these arguments, from its widths alone, in microseconds.

    The widths may also be integer arrays, one entry per network: so are the counts then.

    Raises:
        InputError: a side of the input is not a multiple of 16 px, the network's largest stride.
    """
    tally = _litepose_tally(architecture, input_size, num_joints, kernel, fusion, depth)
    return {"params": tally.params, "macs": tally.macs, "macs_paper": tally.macs_paper}


def litepose_macs_by_kind(
    architecture: Architecture, input_size: int | tuple[int, int], num_joints: int, depth: float = 1.0
) -> dict[str, int]:
    """True multiply-accumulates of a `LitePose` in ``dense``, ``depthwise`` and ``transposed`` convolutions.

    Arguments and errors are those of `litepose_cost`.
    """
    tally = _litepose_tally(architecture, input_size, num_joints, kernel=7, fusion=True, depth=depth)
    dense = tally.macs - tally.depthwise - tally.transposed
    return {"dense": dense, "depthwise": tally.depthwise, "transposed": tally.transposed}


def _litepose_tally(
    architecture: Architecture,
    input_size: int | tuple[int, int],
    num_joints: int,
    kernel: int,
    fusion: bool,
    depth: float,
) -> "_Tally":
    width, height = _sides(input_size, multiple=16)
    pixels = [width * height // stride**2 for stride in (2, 4, 8, 16, 16)]  # out of the stem and the stages
    stem, stages, deconv = architecture.stem, architecture.stages, architecture.deconv
    tally = _Tally()
    tally.conv(9 * 3, STEM_CHANNELS, pixels[0])
    tally.depthwise_conv(3, STEM_CHANNELS, pixels[0])
    tally.conv(STEM_CHANNELS, stem, pixels[0], activation=False)
    for level, (inputs, outputs) in enumerate(pairwise((stem, *stages))):
        tally.block(inputs, outputs, kernel, pixels[level], pixels[level + 1])
        repeats = scaled_depth(BLOCKS[level], depth) - 1
        tally.block(outputs, outputs, kernel, pixels[level + 1], pixels[level + 1], repeats)
    for level, (deep, outputs) in enumerate(pairwise((stages[3], *deconv))):
        inputs = deep + stages[2 - level] if fusion else deep
        tally.deconv(inputs, outputs, pixels[3 - level])
    for level, (deep, raw) in enumerate(((deconv[1], stages[0]), (deconv[2], stem))):
        predictions = num_joints * (2 - level)
        for inputs in (deep, raw) if fusion else (deep,):
            tally.depthwise_conv(HEAD_KERNEL, inputs, pixels[1 - level])
            tally.linear(inputs, predictions, pixels[1 - level])
    return tally


class _Tally:
    """Running sums over layers; `fan_in` is the number of weights of one output channel."""

    def __init__(self) -> None:
        self.params = self.macs = self.macs_paper = self.depthwise = self.transposed = 0

    def linear(self, fan_in: int, outputs: int, pixels: int, repeats: int = 1) -> None:
        weights = repeats * fan_in * outputs
        self.params += weights
        self.macs += weights * pixels
        self.macs_paper += weights * pixels

    def norm(self, channels: int, pixels: int, activation: bool = True, repeats: int = 1) -> None:
        self.params += repeats * 2 * channels
        self.macs_paper += repeats * (2 + activation) * channels * pixels

    def conv(self, fan_in: int, outputs: int, pixels: int, activation: bool = True, repeats: int = 1) -> None:
        self.linear(fan_in, outputs, pixels, repeats)
        self.norm(outputs, pixels, activation, repeats)

    def depthwise_conv(self, kernel: int, channels: int, pixels: int, repeats: int = 1) -> None:
        self.conv(kernel**2, channels, pixels, repeats=repeats)
        self.depthwise += repeats * kernel**2 * channels * pixels

    def block(
        self, inputs: int, outputs: int, kernel: int, before: int, after: int, repeats: int = 1
    ) -> None:
        expanded = EXPANSION * inputs
        self.conv(inputs, expanded, before, repeats=repeats)
        self.depthwise_conv(kernel, expanded, after, repeats=repeats)
        self.conv(expanded, outputs, after, activation=False, repeats=repeats)

    def deconv(self, inputs: int, outputs: int, before: int) -> None:
        weights = 16 * inputs * outputs
        self.params += weights
        self.macs += weights * before
        self.macs_paper += weights * 4 * before
        self.transposed += weights * before
        self.norm(outputs, 4 * before)


def _sides(input_size: int | tuple[int, int], multiple: int) -> tuple[int, int]:
    width, height = (input_size, input_size) if isinstance(input_size, int) else input_size
    if min(width, height) < 1 or width % multiple or height % multiple:
        raise InputError(
            f"The input is {width} x {height} px, but its sides must be positive multiples of {multiple}."
        )
    return width, height


def _meta_copy(model: nn.Module) -> nn.Module:
    tensors = (*model.parameters(), *model.buffers())
    # A deep copy that finds its tensors already "copied" shares nothing and allocates nothing.
    return copy.deepcopy(model, {id(tensor): _meta_tensor(tensor) for tensor in tensors})


def _meta_tensor(tensor: torch.Tensor) -> torch.Tensor:
    meta = torch.empty_like(tensor, device="meta")
    return nn.Parameter(meta, requires_grad=False) if isinstance(tensor, nn.Parameter) else meta


class _OperationCounter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.macs = 0
        self.macs_paper = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        operation = func.overloadpacket
        if operation is aten.convolution:
            self._add_convolution(args, result.shape)
        elif operation in (aten.addmm, aten.mm, aten.bmm):
            inner = args[-2].shape[-1]
            self._add(result.numel() * inner, result.numel() * (inner + (operation is aten.addmm)))
        elif operation in _NORMS:
            self._add(0, 2 * args[0].numel())
        elif operation in _ACTIVATIONS or operation is aten.upsample_nearest2d:
            self._add(0, result.numel())
        return result

    def _add_convolution(self, args: Any, output: torch.Size) -> None:
        x, weight, bias, transposed = args[0], args[1], args[2], args[6]
        # Every weight is used once per output position; in a transposed convolution, once per input position.
        positions, outputs = prod(x.shape[2:]) if transposed else prod(output[2:]), prod(output[2:])
        biases = prod(output) if bias is not None else 0
        self._add(weight.numel() * positions, weight.numel() * outputs + biases)

    def _add(self, macs: int, macs_paper: int) -> None:
        self.macs += macs
        self.macs_paper += macs_paper
