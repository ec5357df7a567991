"""The weight-sharing supernet: every narrower Lite Pose is the leading channels of the widest (section 4)."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.func import functional_call

from litepose.core.errors import InputError
from litepose.models.channels import channel_sets, input_dim, output_dim, sort_channels
from litepose.models.litepose import ARCHITECTURES, Architecture, LitePose

LARGEST = ARCHITECTURES["full"]
_EXPECTED = "give those of a widest Lite Pose with the fusion head, of the same kernel and depth"


class Supernet(nn.Module):
    """A Lite Pose network that runs in any width configuration up to the widest.

    A narrower configuration reads the leading channels of each weight, bias and batch-norm statistic. Every
    tensor takes part in every configuration, so gradients are full size (0 beyond the slice) and no parameter
    is unused.

    Args:
        num_joints: J, the keypoints of one person.
        kernel: size of the backbone's depthwise kernels.
        depth: relative number of blocks of each stage.
    """

    def __init__(self, num_joints: int, kernel: int = 7, depth: float = 1.0) -> None:
        super().__init__()
        self.num_joints, self.kernel, self.depth = num_joints, kernel, depth
        self.architecture = LARGEST
        self.network = LitePose(LARGEST, num_joints, kernel, depth=depth)
        self._axes = _sliced_axes(self.network)

    def configure(self, architecture: Architecture) -> None:
        """Set the configuration in which the next forward passes run.

        Raises:
            InputError: a width is above the supernet's.
        """
        if any(width > most for width, most in zip(architecture.widths, LARGEST.widths, strict=True)):
            raise InputError(
                f"{architecture} is wider than the supernet: choose widths up to {LARGEST.widths}."
            )
        self.architecture = architecture

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[B,3,H,W] -> heatmaps and tags [B,2J,H/4,W/4], heatmaps [B,J,H/2,W/2]."""
        return functional_call(self.network, self._slices(), (images,))

    @torch.no_grad()
    def extract(self, architecture: Architecture) -> LitePose:
        """A plain Lite Pose with copied weights: it computes what this supernet does in that configuration.

        Raises:
            InputError: a width is above the supernet's.
        """
        active = self.architecture
        self.configure(architecture)
        tensors = {name: tensor.clone() for name, tensor in self._slices().items()}
        self.architecture = active
        with torch.device("meta"):
            network = LitePose(architecture, self.num_joints, self.kernel, depth=self.depth)
        network.load_state_dict(tensors, assign=True)
        return network.train(self.training)

    @torch.no_grad()
    def load_pretrained(self, state_dict: Mapping[str, torch.Tensor], reorder: bool = True) -> None:
        """Start from the weights of a widest Lite Pose, or of a supernet, of possibly other joints.

        Predictions (the last layers of the heads) for another number of joints are left as they were.

        Args:
            state_dict: names and tensors of a `LitePose` of the widest architecture, or of a `Supernet`.
            reorder: put the channels that matter most first, where narrow configurations keep them. The
                widest network computes the same but narrow ones change: switch it off for the weights of a
                trained supernet.

        Raises:
            InputError: a tensor is missing, unknown, or does not fit.
        """
        given = {name.removeprefix("network."): tensor for name, tensor in state_dict.items()}
        own = self.network.state_dict()
        predictions = {head[-1].get_parameter("weight").data_ptr() for head in self.network.heads()}
        for name in sorted(own.keys() ^ given.keys())[:1]:
            problem = "lack" if name in own else "have the unknown"
            raise InputError(f"The pre-trained weights {problem} {name}: {_EXPECTED}.")
        for name, tensor in own.items():
            if given[name].shape == tensor.shape:
                tensor.copy_(given[name])
            elif tensor.data_ptr() not in predictions:
                shapes = f"{list(given[name].shape)} where {list(tensor.shape)} is expected"
                raise InputError(f"The pre-trained {name} has the shape {shapes}: {_EXPECTED}.")
        if reorder:
            sort_channels(self.network)

    def _slices(self) -> dict[str, torch.Tensor]:
        slices = {}
        for name, tensor in (*self.network.named_parameters(), *self.network.named_buffers()):
            for dim, width, factor in self._axes.get(name, ()):
                tensor = tensor.narrow(dim, 0, factor * self.architecture.widths[width])
            slices[name] = tensor
        return slices


def _sliced_axes(network: LitePose) -> dict[str, list[tuple[int, int, int]]]:
    """Per tensor name: the dimensions to slice, each with its width's index and its channels per width."""
    prefixes = {module: name for name, module in network.named_modules()}
    axes: dict[str, list[tuple[int, int, int]]] = {}
    for channels in channel_sets(network):
        size = channels.width, channels.factor
        for layer in channels.written:
            for name, tensor in (*layer.named_parameters(), *layer.named_buffers()):
                if tensor.dim() > 0:  # not batch norm's counter
                    axes.setdefault(f"{prefixes[layer]}.{name}", []).append((output_dim(layer), *size))
        for conv in channels.read:
            axes.setdefault(f"{prefixes[conv]}.weight", []).append((input_dim(conv), *size))
    return axes
