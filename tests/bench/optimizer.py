"""What Muon adds to a step of the default profile, and how much more PyTorch's own would.

Adam, ours and PyTorch's Muon, which gets the same weights as matrices, move with the same gradients. They are
timed in turn, and the fastest round counts; what Muon adds is a share of a whole step with Adam.
"""

import copy
import time
from pathlib import Path

import torch
from torch import nn

from litepose import models
from litepose.core.layout import channels_last
from litepose.core.skeletons import CROWDPOSE
from litepose.models.supernet import Supernet
from litepose.training.depthwise import fast_gradient
from litepose.training.optimizer import Muon, create
from stages.lib.common.parameters import read_params
from stages.lib.common.running import keep_memory

DEFAULT = read_params(Path(__file__).parents[2] / "profiles/tiny.yaml")
DEPTH = DEFAULT["recipe"]["depth"]
RESOLUTION, BATCH = (DEFAULT["pretrain"][key] for key in ("resolution", "batch_size"))
JOINTS, ROUNDS = CROWDPOSE.num_joints, 15
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


def passing(model: nn.Module) -> float:
    """Seconds of the fastest pass of a batch forth and back, which leaves its gradients."""
    images = torch.randn(BATCH, 3, RESOLUTION, RESOLUTION).contiguous(memory_format=torch.channels_last)

    def both_ways() -> None:
        model.zero_grad(set_to_none=True)
        sum(maps.square().mean() for maps in model(images)).backward()

    with fast_gradient(model):
        both_ways()
        return min(seconds(both_ways) for _ in range(ROUNDS))


def row(name: str) -> str:
    """Milliseconds of a network's optimizers, and the shares of a step that they add to Adam's."""
    model = network(name)
    passed = passing(model)
    optimizers = [create("adam", copy_of(model), 0.0), create("muon", copy_of(model), 0.0)]
    optimizers.append(TorchMuon(copy_of(model)))
    rounds = [[seconds(optimizer.step) for optimizer in optimizers] for _ in range(ROUNDS)]
    adam, ours, theirs = (min(column) for column in zip(*rounds, strict=True))
    times = " ".join(f"{1e3 * value:5.1f} ms" for value in (adam, ours, theirs))
    adds, theirs_adds = ((value - adam) / (passed + adam) for value in (ours, theirs))
    return f"{name:20s} {times} {adds:6.1%} {theirs_adds:12.1%}"


def main() -> None:
    """Print a row per network."""
    keep_memory()
    print(f"{'network':20s} {'Adam':>8s} {'Muon':>8s} {'PyTorch':>8s} {'adds':>6s} {'PyTorch adds':>12s}")
    for name in SYSTEMS:
        print(row(name))


def copy_of(model: nn.Module) -> nn.Module:
    """A copy with gradients of its own."""
    copied = copy.deepcopy(model)
    for parameter, original in zip(copied.parameters(), model.parameters(), strict=True):
        parameter.grad = original.grad.clone()
    return copied


if __name__ == "__main__":
    main()
