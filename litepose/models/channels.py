"""Which channels of a Lite Pose network belong together, and their order of importance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from litepose.models.litepose import EXPANSION, InvertedResidual, LitePose

_Layers = Sequence[Sequence[nn.Module]]


@dataclass(frozen=True)
class ChannelSet:
    """Channels that must be cut or permuted together.

    Attributes:
        width: index into `Architecture.widths` of the width that sizes the set.
        factor: channels per unit of that width (the expansion inside blocks, else 1).
        written: layers that give the channels, or carry them one by one (batch norm, depthwise convolution).
        read: convolutions that mix the channels.
    """

    width: int
    factor: int
    written: list[nn.Module]
    read: list[nn.Module]


def input_dim(conv: nn.Module) -> int:
    """Dimension of a convolution's weight that runs over its input channels."""
    return 0 if isinstance(conv, nn.ConvTranspose2d) else 1


def output_dim(layer: nn.Module) -> int:
    """Dimension of a layer's tensors that runs over its output channels."""
    return 1 if isinstance(layer, nn.ConvTranspose2d) else 0


def channel_sets(network: LitePose) -> Iterator[ChannelSet]:
    """All sets of channels of a network with the fusion head that its architecture sizes."""
    stem = cast(Sequence[nn.Module], network.backbone.stem)
    stages = cast(Sequence[Sequence[InvertedResidual]], network.backbone.stages)
    deep_heads, raw_heads = (cast(_Layers, heads) for heads in (network.deep_heads, network.raw_heads))
    deep_deconvs, raw_deconvs = network.deep_deconvs, network.raw_deconvs
    yield ChannelSet(0, 1, [*stem[2:], *raw_heads[1][:-1]], [stages[0][0].expand[0], raw_heads[1][-1]])
    for level, stage in enumerate(stages):
        for index, block in enumerate(stage):
            inputs = level if index == 0 else level + 1
            yield ChannelSet(inputs, EXPANSION, [*block.expand, *block.depthwise], [block.project[0]])
        # Residual connections tie the outputs of all blocks of a stage.
        written: list[nn.Module] = [layer for block in stage for layer in block.project]
        read = [block.expand[0] for block in stage[1:]]
        if level == 0:
            written += raw_heads[0][:-1]
            read.append(raw_heads[0][-1])
        if level + 1 < len(stages):
            read += [stages[level + 1][0].expand[0], raw_deconvs[2 - level]]
        else:
            read.append(deep_deconvs[0])
        yield ChannelSet(level + 1, 1, written, read)
    for level, norm in enumerate(cast(_Layers, network.deconv_norms)):
        written = [deep_deconvs[level], raw_deconvs[level], *norm]
        read = list(deep_deconvs[level + 1 : level + 2])
        if level > 0:
            written += deep_heads[level - 1][:-1]
            read.append(deep_heads[level - 1][-1])
        yield ChannelSet(level + 5, 1, written, read)


@torch.no_grad()
def sort_channels(network: LitePose) -> None:
    """Put the most important channels of every set first, in place; what the network computes stays the same.

    A channel's importance is the L1 norm of the weights that read it (as once-for-all sorts channels, the
    paper's section 4). The network must have the fusion head.
    """
    for channels in channel_sets(network):
        weights = [conv.get_parameter("weight").transpose(0, input_dim(conv)) for conv in channels.read]
        importance = cast(torch.Tensor, sum(weight.abs().flatten(1).sum(1) for weight in weights))
        order = importance.argsort(descending=True)
        for layer in channels.written:
            for tensor in (*layer.parameters(), *layer.buffers()):
                if tensor.dim() > 0:  # not batch norm's counter
                    tensor.copy_(tensor.index_select(output_dim(layer), order))
        for conv in channels.read:
            weight = conv.get_parameter("weight")
            weight.copy_(weight.index_select(input_dim(conv), order))
