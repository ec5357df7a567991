"""Data-parallel training over several processes: each takes a share of every batch, the first writes."""

import os
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.nn.parallel import DistributedDataParallel

from litepose.errors import InputError

_FAILURES = "litepose/failures"
_stores: list[dist.Store] = []


def launched() -> bool:
    """Whether ``torchrun`` (or :func:`launch`) started this process."""
    return "RANK" in os.environ


def active() -> bool:
    """Whether this process has joined others."""
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Number of this process, 0 for a single one."""
    return dist.get_rank() if active() else 0


def processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if active() else 1


def launch(count: int, python: str, arguments: Sequence[str]) -> bool:
    """Run a Python command in that many processes of this machine, as ``torchrun --standalone`` does.

    Returns:
        Whether all of them succeeded; when one fails the others are ended.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        max_restarts=0,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
    )
    try:
        elastic_launch(config, python)(*arguments)
    except ChildFailedError:
        return False
    return True


def join(device: torch.device) -> None:
    """Join the processes that were started with this one: NCCL between GPUs, gloo between CPUs."""
    store, number, count = next(dist.rendezvous("env://"))
    _stores.append(store)
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    else:
        torch.set_num_threads(max(1, torch.get_num_threads() // int(os.environ["LOCAL_WORLD_SIZE"])))
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=number, world_size=count)


def leave() -> None:
    """Wait for the other processes, then part."""
    if active():
        dist.barrier()
        dist.destroy_process_group()


def first_to_fail() -> bool:
    """True for the first process that asks: it alone says what went wrong."""
    return not _stores or _stores[-1].add(_FAILURES, 1) == 1


def lost_another(error: RuntimeError) -> bool:
    """Whether an error only says that another process, which tells the reason, has ended."""
    return active() and (isinstance(error, dist.DistError) or "gloo" in str(error))


def share_of_batch(size: int) -> None:
    """Check that a batch can be shared equally.

    Raises:
        InputError: the processes would have different numbers of images.
    """
    if size % processes():
        raise InputError(
            f"params.yaml: a batch of {size} images cannot be shared by compute.processes "
            f"{processes()}: give a batch_size (and at least as many images) that it divides"
        )


def gathered(part: Any) -> list[Any]:
    """What each process holds, in their order, on all of them."""
    if not active():
        return [part]
    parts = [None] * processes()
    dist.all_gather_object(parts, part)
    return parts


def averaged(values: dict[str, float]) -> dict[str, float]:
    """Means over the processes of numbers that each has under the same names."""
    parts = gathered(values)
    return {name: sum(part[name] for part in parts) / len(parts) for name in values}


@contextmanager
def parallel(model: nn.Module, forward: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """What a training step calls in place of a network: gradients and batch statistics of all processes.

    Args:
        model: network whose batch norms are synchronised while the context lasts; it keeps its modules
            and the names in its state dict.
        forward: the network itself, or its compiled form.
    """
    if not active():
        yield forward
        return
    # A 1x1 convolution's gradient has the same layout under either name of its strides.
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    norms = [module for module in model.modules() if type(module) is nn.BatchNorm2d]
    for norm in norms:
        norm.__class__ = SynchronisedBatchNorm
    try:
        # All processes compute the same batch statistics, so the buffers need no exchange.
        yield DistributedDataParallel(forward, forward_sync_buffers=False)
    finally:
        for norm in norms:
            norm.__class__ = nn.BatchNorm2d


class _Sum(torch.autograd.Function):
    """Sum over the processes; so is its gradient."""

    @staticmethod
    def forward(_context: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    backward = forward


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the shares of all processes, equal in size (PyTorch's own refuses CPUs)."""

    def forward(self, features: Tensor) -> Tensor:
        """Normalise [B, C, H, W] by the mean and variance over the B, H, W of all processes."""
        if not self.training:
            return super().forward(features)
        values = features.float()
        variance, mean = torch.var_mean(values, (0, 2, 3), correction=0)
        own = torch.stack((mean, variance))
        # Every process fills its own row: the sum holds everybody's, and backward knows how to share it.
        rows = [own if number == rank() else torch.zeros_like(own) for number in range(processes())]
        means, variances = _Sum.apply(torch.stack(rows)).unbind(1)
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        with torch.no_grad():
            count = values.numel() // len(mean) * processes()
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / max(1, count - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return (values * scale[:, None, None] + shift[:, None, None]).to(features.dtype)
