"""Data-parallel training over several processes: each takes a share of every batch, the first writes."""

import inspect
import os
import shlex
import socket
import subprocess
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous import RendezvousError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.nn.parallel import DistributedDataParallel

from litepose.core.errors import InputError

MEETING = "LITEPOSE_MEETING"  # environment of every node's process: host:port/run, where the nodes meet
JOIN_SECONDS = 600  # that the first node waits for the others
_FAILURES = "litepose/failures"
# PyTorch 2.13 has another name for it.
_NO_EXCHANGE: dict[str, Any] = (
    {"forward_sync_buffers": False}
    if "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters
    else {"broadcast_buffers": False}
)
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


def launch(count: int, python: str, arguments: Sequence[str], nodes: int = 1) -> bool:
    """Run a Python command in that many processes of this machine, as ``torchrun`` does.

    Args:
        count: processes of this machine.
        python: interpreter.
        arguments: its arguments.
        nodes: machines that start the same command; with more than one they meet at the place that
            :func:`start_on_nodes` told them.

    Returns:
        Whether all of them succeeded; when one fails the others are ended.

    Raises:
        InputError: the other nodes did not come.
    """
    place, _, run = (os.environ[MEETING] if nodes > 1 else f"127.0.0.1:0/{uuid.uuid4().hex}").rpartition("/")
    config = LaunchConfig(
        min_nodes=nodes,
        max_nodes=nodes,
        nproc_per_node=count,
        max_restarts=0,
        run_id=run,
        rdzv_backend="c10d",
        rdzv_endpoint=place,
        rdzv_configs={"join_timeout": JOIN_SECONDS},
        # The name of a single machine need not resolve: it is not asked for.
        local_addr="127.0.0.1" if nodes == 1 else None,
    )
    try:
        elastic_launch(config, python)(*arguments)
    except ChildFailedError:
        return False
    except RendezvousError as error:
        raise InputError(
            f"The {nodes} nodes did not meet at {place} ({type(error).__name__}): check that launch "
            "starts a command on each of them, and that they reach that port"
        ) from None
    return True


def start_on_nodes(launcher: str, command: Sequence[str]) -> bool:
    """Run a command once on every node, by a program that does so, such as Slurm's ``srun``.

    The nodes meet at a free port of this machine, which must be one of them.

    Args:
        launcher: the program with its options; the command is appended.
        command: in a directory that all nodes share.

    Returns:
        Whether the program says that all of them succeeded.

    Raises:
        InputError: there is no such program.
    """
    if not launcher:
        raise InputError(
            "nodes is more than 1, but launch is empty: give what starts a command on every node, such as "
            "srun"
        )
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    meeting = f"{MEETING}={socket.gethostname()}:{port}/{uuid.uuid4().hex}"
    try:
        return subprocess.run([*shlex.split(launcher), "env", meeting, *command]).returncode == 0
    except (OSError, ValueError) as error:
        raise InputError(
            f"launch is {launcher!r}, which cannot be run ({error}): give what starts a "
            "command on every node, such as srun"
        ) from None


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
            f"a batch of {size} images cannot be shared equally by {processes()} processes: give a "
            "batch_size (and at least as many images) that their number divides"
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
def parallel(model: nn.Module, forward: nn.Module) -> Iterator[nn.Module]:
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
        yield DistributedDataParallel(forward, **_NO_EXCHANGE)
    finally:
        for norm in norms:
            norm.__class__ = nn.BatchNorm2d


def exchange(model: nn.Module, now: bool) -> AbstractContextManager:
    """Context of a forward and backward pass: whether it ends with the processes' exchange of gradients.

    Args:
        model: what :func:`parallel` gave.
        now: False for the parts of a batch before the last, whose gradients each process adds up alone.
    """
    return model.no_sync() if isinstance(model, DistributedDataParallel) and not now else nullcontext()


class _Sum(torch.autograd.Function):
    """Sum over the processes; so is its gradient."""

    @staticmethod
    def forward(_context: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Tensor:
        return _Sum.forward(context, *gradients)


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the shares of all processes, equal in size (PyTorch's own refuses CPUs)."""

    # Of those of PyTorch, which may lack them, the networks here have all.
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, features: Tensor) -> Tensor:
        """Normalise [B, C, H, W] by the mean and variance over the B, H, W of all processes."""
        if not self.training:
            return super().forward(features)
        values = features.float()
        variance, mean = torch.var_mean(values, (0, 2, 3), correction=0)
        own = torch.stack((mean, variance))
        # Every process fills its own row: the sum holds those of all, and backward knows how to share it.
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
