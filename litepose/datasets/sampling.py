"""Which image is read in which epoch at which size: independent of workers and processes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

Example = TypeVar("Example", covariant=True)


class Sample(NamedTuple):
    """What a data set needs to make one training example.

    Attributes:
        index: the image's index in the data set.
        epoch: selects the augmentation's random numbers, together with the index.
        resolution: side in pixels of the square network input that the targets are made for.
        image_resolution: side of the image that is returned; larger than ``resolution`` where a teacher
            network looks at the same view.
    """

    index: int  # type: ignore[assignment]  # in place of the tuple's method
    epoch: int
    resolution: int
    image_resolution: int


class SampledDataset(Dataset[Example]):
    """Training examples that are asked for by ``Sample``.

    Attributes:
        seed: of an epoch's order; of an example's random numbers together with the sample's epoch and index.
    """

    seed: int

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, sample: Sample) -> Example:
        raise NotImplementedError


class ResolutionSampler(Sampler[list[Sample]]):
    """Shuffled batches, each with one resolution (supernet training samples one per step, paper section 4).

    ``epoch`` and ``resolutions`` may be set anew before each pass. The last incomplete batch is left out
    (batch norm suffers from it), unless it is the only one. With several processes each takes its share of
    every batch, so that the union over the processes is the batch of a single process.

    Args:
        num_samples: images in the data set.
        batch_size: images per batch, over all processes.
        epoch: number of the pass; selects the order and the augmentation.
        resolutions: the input side in pixels, constant or one per batch.
        image_resolution: side of the returned images; default: as the targets.
        seed: selects the order; None keeps the data set's order.
        rank, world_size: this process among how many.
    """

    def __init__(
        self,
        num_samples: int,
        batch_size: int,
        *,
        epoch: int = 0,
        resolutions: int | Sequence[int],
        image_resolution: int | None = None,
        seed: int | None = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.epoch = epoch
        self.resolutions = resolutions
        self.image_resolution = image_resolution
        self.seed = seed
        self.rank = rank
        self.world_size = world_size

    def __len__(self) -> int:
        return max(1, self.num_samples // self.batch_size)

    def __iter__(self) -> Iterator[list[Sample]]:
        order = np.arange(self.num_samples)
        if self.seed is not None:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        sizes = [self.resolutions] * len(self) if isinstance(self.resolutions, int) else self.resolutions
        if len(sizes) != len(self):
            raise ValueError(f"{len(sizes)} resolutions for {len(self)} batches")
        for batch, size in enumerate(sizes):
            indices = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [
                Sample(int(index), self.epoch, int(size), int(self.image_resolution or size))
                for index in indices[self.rank :: self.world_size]
            ]


def start_worker(_worker: int) -> None:
    """``worker_init_fn`` of a DataLoader: one thread per worker process, as the workers share the cores."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
