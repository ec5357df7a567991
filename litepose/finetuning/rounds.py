"""Passes over a data set cut into rounds of equal length, so that a short run can be interrupted too."""

from functools import lru_cache

import numpy as np

from litepose.datasets.keypoints import Item, KeypointDataset
from litepose.datasets.sampling import Sample, SampledDataset


class Rounds(SampledDataset[Item]):
    """A data set whose epochs are rounds: so many images further in the shuffled passes over another one.

    Args:
        dataset: the images; every one is seen once before any is seen again.
        images: of a round.
    """

    def __init__(self, dataset: KeypointDataset, images: int) -> None:
        self.dataset, self.images, self.seed = dataset, images, dataset.seed

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, sample: Sample) -> Item:
        epoch, place = divmod(sample.epoch * self.images + sample.index, len(self.dataset))
        order = _order(self.seed, epoch, len(self.dataset))
        return self.dataset[sample._replace(index=int(order[place]), epoch=epoch)]


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, images: int) -> np.ndarray:
    """The order of a pass: int [images]."""
    return np.random.default_rng([seed, epoch]).permutation(images)
