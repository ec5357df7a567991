"""Networks with random weights that take as long as trained ones."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from litepose.runtimes.interface import as_list

# Side in px of the images that give a random network its batch statistics.
_STATISTICS_SIZE = 128


def random_network(build: Callable[[], nn.Module], input_size: int, seed: int) -> tuple[nn.Module, Tensor]:
    """A network with random weights, in eval mode, and an image for it [1,3,H,W].

    Args:
        build: draws the weights.
        input_size: side of the image in px.
        seed: of weights and image.
    """
    torch.manual_seed(seed)
    model = with_batch_statistics(build())
    return model, torch.randn(1, 3, input_size, input_size)


@torch.no_grad()
def with_batch_statistics(model: nn.Module) -> nn.Module:
    """Give a random network batch statistics of its own activations, in eval mode.

    With the initial statistics, activations of deep networks shrink into denormal numbers, on which
    processors are slower than on any that a trained network makes.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model.train()(torch.randn(2, 3, _STATISTICS_SIZE, _STATISTICS_SIZE))
    return model.eval()


@torch.inference_mode()
def outputs(model: nn.Module, image: Tensor) -> list[Tensor]:
    """What a network itself computes, which every runtime has to give."""
    return as_list(model(image))
