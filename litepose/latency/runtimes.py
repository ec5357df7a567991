"""Runtimes that execute a network for timing, behind one interface: prepare, run once, output."""

import operator
from collections import Counter
from typing import Protocol

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from litepose.errors import InputError

_Convolution = nn.Conv2d | nn.ConvTranspose2d
# Of a tensor's largest value. A wrong layer gives differences of the order of 1; two orders of summation in
# float32 give 1e-3 after the 150 layers of PersonLab with random weights (1e-12 in float64).
_TOLERANCE = 1e-2
_SETTINGS = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")


class Runtime(Protocol):
    """What the measurement needs of a runtime."""

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """Take a network in eval mode, which is the runtime's from now on, and its input [1,3,H,W]."""

    def run_once(self) -> None:
        """Execute one forward pass and wait for its end."""

    def output(self) -> list[Tensor]:
        """The last run's outputs, float32 on the CPU."""


class _Tracer(fx.Tracer):
    """Takes every convolution and norm as one step, also those of the networks' own classes."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, _Convolution | nn.BatchNorm2d) or super().is_leaf_module(
            m, module_qualified_name
        )


def fold_batch_norm(model: nn.Module) -> fx.GraphModule:
    """The same function as an eval-mode network, every batch norm folded into what it normalises.

    That is a (transposed) convolution or a sum of them. A batch norm stays where its input is anything else,
    feeds another layer too, or comes from a convolution that is applied more than once.
    """
    graph_module = fx.GraphModule(model, _Tracer().trace(model))
    modules = dict(graph_module.named_modules())
    calls = [node for node in graph_module.graph.nodes if node.op == "call_module"]
    runs = Counter(node.target for node in calls)
    for node in calls:
        norm = modules[node.target]
        sources = _summed_convolutions(node.args[0], modules)
        if not isinstance(norm, nn.BatchNorm2d) or any(runs[call.target] > 1 for call in (node, *sources)):
            continue
        for index, source in enumerate(sources):
            # The shift of the norm goes to the first summand alone.
            folded = _folded(modules[source.target], norm, shift=index == 0)
            graph_module.set_submodule(source.target, folded)
        if sources:
            node.replace_all_uses_with(node.args[0])
            graph_module.graph.erase_node(node)
    graph_module.delete_all_unused_submodules()
    graph_module.recompile()
    return graph_module


def _summed_convolutions(node: fx.Node, modules: dict[str, nn.Module]) -> list[fx.Node]:
    """The convolutions whose sum a node is, each used nowhere else; none if it is anything else."""
    if len(node.users) > 1:
        return []
    if node.op == "call_module":
        return [node] if isinstance(modules[node.target], _Convolution) else []
    if node.op == "call_function" and node.target is operator.add:
        parts = [_summed_convolutions(part, modules) for part in node.args if isinstance(part, fx.Node)]
        return [source for part in parts for source in part] if len(parts) == 2 and all(parts) else []
    return []


def _folded(convolution: _Convolution, norm: nn.BatchNorm2d, shift: bool) -> _Convolution:
    """A plain convolution that also scales, and shifts if asked, as the norm does."""
    transposed = isinstance(convolution, nn.ConvTranspose2d)
    none = torch.zeros_like(norm.running_mean)
    mean, offset = (norm.running_mean, norm.bias) if shift else (none, none)
    weight, bias = fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        offset,
        transposed,
    )
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    settings = {name: getattr(convolution, name) for name in _SETTINGS}
    plain = kind(
        **settings, **({"output_padding": convolution.output_padding} if transposed else {}), device="meta"
    )
    plain.weight, plain.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
    return plain


class TorchRuntime:
    """PyTorch on the CPU: channels_last, batch norm folded into the convolutions."""

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        self._model = fold_batch_norm(model).to(memory_format=torch.channels_last)
        self._image = image.contiguous(memory_format=torch.channels_last)
        self._output: list[Tensor] = []

    @torch.inference_mode()
    def run_once(self) -> None:
        """See `Runtime.run_once`."""
        self._output = as_list(self._model(self._image))

    def output(self) -> list[Tensor]:
        """See `Runtime.output`."""
        return self._output


def as_list(output: Tensor | list[Tensor] | tuple[Tensor, ...] | dict[str, Tensor]) -> list[Tensor]:
    """A network's output, whatever its container, as a list of tensors."""
    if isinstance(output, Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output
    return [tensor for part in parts for tensor in as_list(part)]


def check_output(system: str, measured: list[Tensor], reference: list[Tensor]) -> None:
    """Raise InputError unless a runtime's outputs equal PyTorch's.

    The difference is taken relative to the largest magnitude of each reference tensor.
    """
    shapes = [tuple(tensor.shape) for tensor in measured], [tuple(tensor.shape) for tensor in reference]
    if shapes[0] != shapes[1]:
        raise InputError(f"{system}: the runtime returns shapes {shapes[0]}, PyTorch {shapes[1]}; not timed.")
    for ours, theirs in zip(measured, reference, strict=True):
        error = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30))
        if not error <= _TOLERANCE:
            raise InputError(
                f"{system}: the runtime's output differs from PyTorch's by {error:.1e} of its largest value; "
                "its time would not count."
            )
