"""One epoch of batches, prepared by worker processes beside the training step."""

import copy
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.context import BaseContext
from multiprocessing.queues import Queue
from typing import Any

import torch
from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader

from litepose.core import distributed
from litepose.core.errors import InputError
from litepose.datasets.sampling import ResolutionSampler, Sample, SampledDataset, start_worker


def steps_per_epoch(dataset: SampledDataset, batch_size: int) -> int:
    """Whole batches in an epoch; a data set smaller than a batch gives one."""
    return max(1, len(dataset) // batch_size)


def epoch_batches(
    dataset: SampledDataset,
    collate: Callable[[list], Any],
    batch_size: int,
    epoch: int,
    resolutions: int | Sequence[int],
    *,
    device: torch.device,
    workers: int,
    image_resolution: int | None = None,
) -> DataLoader:
    """Shuffled, augmented batches; the data set's seed and the epoch alone decide what they hold.

    For another epoch, set ``epoch`` and ``resolutions`` of its ``batch_sampler``: the processes stay, for
    starting them takes longer than many a batch.

    Args:
        dataset: training examples.
        collate: items to a batch.
        batch_size: images per batch, over all processes; each reads its share.
        epoch: counted from 0.
        resolutions: side of the square input, px: of all batches, or of each.
        device: where the batches are used.
        workers: processes that prepare them.
        image_resolution: side at which images are warped where it is not that of the targets, px.

    Raises:
        InputError: the processes cannot share a batch equally.
    """
    distributed.share_of_batch(min(batch_size, len(dataset)))
    sampler = ResolutionSampler(
        len(dataset),
        batch_size,
        epoch=epoch,
        resolutions=resolutions,
        image_resolution=image_resolution,
        seed=dataset.seed,
        rank=distributed.rank(),
        world_size=distributed.processes(),
    )
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=workers,
        multiprocessing_context=_context(workers),
        worker_init_fn=start_worker,
        persistent_workers=workers > 0,
        # Its own, unused: a run draws the same numbers whenever its processes were started.
        generator=torch.Generator(),
        pin_memory=device.type == "cuda",
    )


def ordered_batches(
    dataset: SampledDataset, collate: Callable[[list], Any], batch_size: int, resolution: int, workers: int
) -> DataLoader:
    """All images once, in the data set's order."""
    samples = [Sample(index, 0, resolution, resolution) for index in range(len(dataset))]
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=samples,
        collate_fn=collate,
        num_workers=workers,
        multiprocessing_context=_context(workers),
        worker_init_fn=start_worker,
    )


class _Batches(Queue):
    """What workers hand their batches over by: one that cannot be handed over is told, not left out.

    Otherwise the training would wait for it for ever.
    """

    def _on_queue_feeder_error(self, error: Exception, item: Any) -> None:
        """Python's hook of the thread that sends; `item` is a batch's number and its content."""
        if not isinstance(item, tuple):  # the process that waits for it is gone
            return
        reason = " ".join(str(error).split())
        told = InputError(
            f"a worker process cannot hand over its batch ({reason}): the shared memory (/dev/shm) is too "
            "small, give more, as by docker run --shm-size=8g, or set workers to 0"
        )
        self.put((item[0], ExceptionWrapper((InputError, told, None), where="in a worker process")))


def _context(workers: int) -> BaseContext | None:
    """How worker processes are started: as Python does by default, with queues that tell of failures."""
    if not workers:
        return None
    context: Any = copy.copy(multiprocessing.get_context())
    context.Queue = lambda maxsize=0: _Batches(maxsize, ctx=context)
    return context
