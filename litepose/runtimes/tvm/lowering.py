"""From a PyTorch network to TVM kernels: channels last, a convolution and what follows it in one."""

import copy
import operator
from typing import cast

import numpy as np
import torch
import tvm
from torch import fx, nn
from tvm import relax, te
from tvm.relax.expr_functor import PyExprMutator, mutator
from tvm.relax.frontend.torch import from_fx

# Channels of a vector register of the smaller kind, of which a processor has twice as many lanes or more.
_VECTOR = 8
# TVM's names: N, H, W are the batch and the image, C, I, O channels (of an input, in and out of a kernel).
_CHANNELS_LAST = {"relax.nn.conv2d": ["NHWC", "HWIO"], "relax.nn.conv2d_transpose": ["NHWC", "HWIO"]}


def lower(model: fx.GraphModule, shape: tuple[int, ...], target: tvm.target.Target) -> tvm.IRModule:
    """A network as a module whose kernels have no schedule yet.

    Args:
        model: in eval mode, batch norm folded (:func:`litepose.runtimes.folding.fold_batch_norm`).
        shape: of the input [N,3,H,W]; inputs and outputs keep this layout.
        target: that the kernels will be compiled for.
    """
    model = _with_functions(_with_whole_vectors(model))
    module = from_fx(model, [(shape, "float32")], unwrap_unit_return_tuple=True)
    module = _mutated(module, _AsInPyTorch)
    module = relax.transform.ConvertLayout(_CHANNELS_LAST)(module)
    module = _mutated(module, _Constants)
    passes = [
        relax.transform.LegalizeOps({"relax.nn.conv2d_transpose": _transposed}),
        relax.transform.AnnotateTIROpPattern(),
        relax.transform.FuseOps(),
        relax.transform.FuseTIR(),
        relax.transform.DeadCodeElimination(),
    ]
    with target:
        return tvm.ir.transform.Sequential(passes)(module)


def _with_whole_vectors(model: fx.GraphModule) -> fx.GraphModule:
    """The same function, with dense convolutions to as many channels as fill vectors, the last ones cut off.

    Heads with 14 or 17 channels would otherwise be computed almost one value at a time.
    """
    model = copy.deepcopy(model)
    modules = dict(model.named_modules())
    for node in [node for node in model.graph.nodes if node.op == "call_module"]:
        convolution = modules[node.target]
        excess = -convolution.out_channels % _VECTOR if isinstance(convolution, nn.Conv2d) else 0
        if not excess or convolution.groups > 1:
            continue
        channels = convolution.out_channels
        model.set_submodule(node.target, _padded(convolution, excess))
        with model.graph.inserting_after(node):
            cut = model.graph.call_function(operator.getitem, (node, (slice(None), slice(0, channels))))
        node.replace_all_uses_with(cut, delete_user_cb=lambda user, cut=cut: user is not cut)
    model.recompile()
    return model


def _with_functions(model: fx.GraphModule) -> fx.GraphModule:
    """The same function, with modules that TVM's import does not know as calls of functions that it knows."""
    modules = dict(model.named_modules())
    for node in [node for node in model.graph.nodes if node.op == "call_module"]:
        module = modules[node.target]
        if isinstance(module, nn.Upsample):
            node.op, node.target = "call_function", nn.functional.interpolate
            factor = cast(float, module.scale_factor)  # one number in every network of the zoo
            node.kwargs = {"scale_factor": int(factor), "mode": module.mode}
    model.recompile()
    return model


def _padded(convolution: nn.Conv2d, excess: int) -> nn.Conv2d:
    """A convolution with further output channels that are zero."""
    wide = copy.deepcopy(convolution)
    wide.out_channels += excess
    weight, bias = convolution.weight.detach(), convolution.bias
    wide.weight = nn.Parameter(torch.cat([weight, weight.new_zeros(excess, *weight.shape[1:])]))
    if bias is not None:
        wide.bias = nn.Parameter(torch.cat([bias.detach(), bias.new_zeros(excess)]))
    return wide


def _mutated(module: tvm.IRModule, kind: type[PyExprMutator]) -> tvm.IRModule:
    mutator_ = kind(module)
    module["main"] = mutator_.visit_expr(module["main"])
    return relax.transform.DeadCodeElimination()(relax.transform.Normalize()(module))


@mutator
class _AsInPyTorch(PyExprMutator):
    """Two operators that TVM's import or its change of layout get wrong or slow.

    ReLU6 becomes a maximum and a minimum: a clip would be given its input in NCHW again. The nearest pixel of
    an upsampled image is the one at the coordinate rounded down, as in PyTorch.
    """

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        if call.op == tvm.ir.Op.get("relax.clip"):
            image, low, high = call.args
            bounds = [relax.const(float(bound.value), "float32") for bound in (low, high)]
            return relax.op.minimum(relax.op.maximum(image, bounds[0]), bounds[1])
        if call.op == tvm.ir.Op.get("relax.image.resize2d") and call.attrs.method == "nearest_neighbor":
            return relax.op.image.resize2d(
                *call.args,
                method=call.attrs.method,
                coordinate_transformation_mode="asymmetric",
                rounding_method="floor",
            )
        return call


@mutator
class _Constants(PyExprMutator):
    """Weights and biases in the layout that is asked for; TVM's own pass compiles a kernel for each."""

    def visit_call_(self, call: relax.Call) -> relax.Expr:
        call = super().visit_call_(call)
        source = call.args[0] if call.args else None
        if isinstance(source, relax.Var):
            source = self.lookup_binding(source)
        if not isinstance(source, tvm.ir.GenericConst):
            return call
        if call.op == tvm.ir.Op.get("relax.permute_dims"):
            axes = [int(axis) for axis in call.attrs.axes]
            return relax.const(np.ascontiguousarray(source.value.numpy().transpose(axes)))
        if call.op == tvm.ir.Op.get("relax.reshape"):
            return relax.const(source.value.numpy().reshape([int(side) for side in call.args[1].values]))
        return call


def _transposed(builder: relax.BlockBuilder, call: relax.Call) -> relax.Expr:
    """A transposed convolution, channels last, without the zeros that TVM's own lowering multiplies with."""
    attrs = call.attrs
    stride, padding = {int(one) for one in attrs.strides}, {int(one) for one in attrs.padding}
    if len(stride) > 1 or len(padding) > 1 or int(attrs.groups) != 1 or set(attrs.dilation) != {1}:
        raise NotImplementedError("Transposed convolutions need equal sides and neither groups nor dilation.")
    return builder.call_te(_transposed_convolution, *call.args, stride=stride.pop(), padding=padding.pop())


def _transposed_convolution(image: te.Tensor, weight: te.Tensor, stride: int, padding: int) -> te.Tensor:
    """Equals conv_transpose2d for kernels whose side is a multiple of the stride.

    Args:
        image: [N,H,W,I].
        weight: [K,K,I,O].
        stride: S; K is a multiple of S.
        padding: P.

    Returns:
        [N, S(H-1)+K-2P, S(W-1)+K-2P, O]
    """
    batch, height, width, channels = (int(side) for side in image.shape)
    side, _, _, filters = (int(extent) for extent in weight.shape)
    if side % stride:
        raise NotImplementedError(f"A transposed kernel of {side} with stride {stride} is not supported.")
    taps = side // stride
    # Output row y is reached from input rows (y + P) // S - t by the kernel's rows (y + P) % S + S * t.
    padded = te.compute(
        (batch, height + 2 * taps - 2, width + 2 * taps - 2, channels),
        lambda n, y, x, c: tvm.tirx.if_then_else(
            tvm.tirx.all(y >= taps - 1, y < height + taps - 1, x >= taps - 1, x < width + taps - 1),
            image[n, y - (taps - 1), x - (taps - 1), c],
            tvm.tirx.const(0.0, "float32"),
        ),
        name="pad_temp",
    )
    row, column = te.reduce_axis((0, taps), "row"), te.reduce_axis((0, taps), "column")
    channel = te.reduce_axis((0, channels), "channel")
    rows, columns = (stride * (extent - 1) + side - 2 * padding for extent in (height, width))
    # Pixels by phase of the stride, y = S * i + a: all pixels of one phase take the same weights.
    phased = te.compute(
        (batch, -(-rows // stride), stride, -(-columns // stride), stride, filters),
        lambda n, i, a, j, b, f: te.sum(
            padded[
                n,
                i + (a + padding) // stride - row + taps - 1,
                j + (b + padding) // stride - column + taps - 1,
                channel,
            ]
            * weight[
                (a + padding) % stride + stride * row, (b + padding) % stride + stride * column, channel, f
            ],
            axis=[row, column, channel],
        ),
        name="conv2d_transpose_nhwc",
    )
    return te.compute(
        (batch, rows, columns, filters),
        lambda n, y, x, f: phased[n, y // stride, y % stride, x // stride, x % stride, f],
        name="interleave",
    )
