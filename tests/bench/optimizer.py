"""What Muon adds to a step of the default profile, and how much more PyTorch's own would.

Adam, ours and PyTorch's Muon, which gets the same weights as matrices, move with the same gradients. They are
timed in turn, and the fastest round counts; what Muon adds is a share of a whole step with Adam.
"""

import copy
import time

import torch
from torch import nn

from litepose import models
from litepose.core.layout import channels_last
from litepose.models.supernet import Supernet
from litepose.training.depthwise import fast_gradient
from litepose.training.optimizer import Muon, create
from stages.lib.common.running import keep_memory

RESOLUTION, BATCH, JOINTS, DEPTH, ROUNDS = 96, 8, 14, 0.34, 15
SYSTEMS = ("litepose-half", "supernet", "higherhrnet-w16", "efficienthrnet-h-1")


class TorchMuon:
    """PyTorch's Muon for the weights of which ours makes orthogonal updates, and Adam for the others."""

    def __init__(self, model: nn.Module) -> None:
        mixing, others = (group["params"] for group in Muon(model, 0.0).param_groups)
        self.weights = [weight.detach().permute(0, 2, 3, 1).flatten(1) for weight in mixing]
        for matrix, weight in zip(self.weights, mixing, strict=True):
            matrix.grad = weight.grad.permute(0, 2, 3, 1).flatten(1)
        self.muon = torch.optim.Muon(self.weights, lr=0.0, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        self.adam = torch.optim.Adam(others, lr=0.0, fused=True)

    def step(self) -> None:
        """Move all."""
        self.muon.step()
        self.adam.step()


def network(name: str) -> nn.Module:
    """A network of the default profile."""
    made = Supernet(JOINTS, depth=DEPTH) if name == "supernet" else models.create(name, JOINTS, depth=DEPTH)
    return channels_last(made)


def seconds(call) -> float:
    """Of one call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main() -> None:
    """Print a row per network."""
    keep_memory()
    print(f"{'network':20s} {'Adam':>8s} {'Muon':>8s} {'PyTorch':>8s} {'adds':>7s} {'PyTorch adds':>13s}")
    for name in SYSTEMS:
        model = network(name)
        images = torch.randn(BATCH, 3, RESOLUTION, RESOLUTION).contiguous(memory_format=torch.channels_last)

        def pass_through(model: nn.Module = model, images: torch.Tensor = images) -> None:
            model.zero_grad(set_to_none=True)
            sum(maps.square().mean() for maps in model(images)).backward()

        with fast_gradient(model):
            pass_through()
            passing = min(seconds(pass_through) for _ in range(ROUNDS))
        steps = [create("adam", copy_of(model), 0.0), create("muon", copy_of(model), 0.0)]
        steps.append(TorchMuon(copy_of(model)))
        times = [[seconds(optimizer.step) for optimizer in steps] for _ in range(ROUNDS)]
        adam, ours, theirs = (1e3 * min(column) for column in zip(*times, strict=True))
        whole = 1e3 * passing + adam
        print(
            f"{name:20s} {adam:5.1f} ms {ours:5.1f} ms {theirs:5.1f} ms {(ours - adam) / whole:6.1%} "
            f"{(theirs - adam) / whole:12.1%}"
        )


def copy_of(model: nn.Module) -> nn.Module:
    """A copy with gradients of its own."""
    copied = copy.deepcopy(model)
    for parameter, original in zip(copied.parameters(), model.parameters(), strict=True):
        parameter.grad = original.grad.clone()
    return copied


if __name__ == "__main__":
    main()
