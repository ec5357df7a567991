"""The search space: a width ratio for each stage of the supernet, and the input resolution (section 5.2)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from litepose.core.errors import InputError
from litepose.models.blocks import round_channels
from litepose.models.litepose import ARCHITECTURES, Architecture


@dataclass(frozen=True)
class Configuration:
    """One point of a search space: channel widths, and the side of the square input in px."""

    architecture: Architecture
    resolution: int

    @property
    def genes(self) -> list[int]:
        """Eight channel widths (stem, stages, transposed convolutions), then the resolution."""
        return [*self.architecture.widths, self.resolution]

    @classmethod
    def from_genes(cls, genes: list[int]) -> "Configuration":
        """The configuration that has these `genes`."""
        return cls(Architecture.from_widths(genes[:-1]), genes[-1])


@dataclass(frozen=True)
class SearchSpace:
    """All configurations whose widths are ratios of the supernet's, rounded to multiples of 8.

    Attributes:
        ratios: width ratios, at most 1, that every stage can take.
        resolutions: sides of the square input in px.

    Raises:
        InputError: a ratio or a resolution is not usable.
    """

    ratios: tuple[float, ...]
    resolutions: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.ratios or not all(0 < ratio <= 1 for ratio in self.ratios):
            raise InputError(f"The width ratios are {self.ratios}, but each must be above 0 and at most 1.")
        if not self.resolutions or any(side < 16 or side % 16 for side in self.resolutions):
            raise InputError(f"The resolutions are {self.resolutions}, but each must be a multiple of 16 px.")

    @cached_property
    def choices(self) -> list[list[int]]:
        """Per gene, its values in the order of the ratios; rounding can make two of them equal."""
        widths = [[round_channels(ratio * width) for ratio in self.ratios] for width in _FULL.widths]
        return [*widths, list(self.resolutions)]

    @property
    def size(self) -> int:
        """Number of different configurations."""
        return math.prod(len(set(values)) for values in self.choices)

    @cached_property
    def table(self) -> np.ndarray:
        """Genes of every configuration, each once: int64 [size, 9], in lexicographic order."""
        grid = np.meshgrid(*map(np.unique, self.choices), indexing="ij")
        return np.stack(grid, axis=-1).reshape(self.size, len(grid))

    def at(self, index: int) -> Configuration:
        """The configuration in a row of `table`."""
        return Configuration.from_genes(self.table[index].tolist())

    def index(self, configuration: Configuration) -> int:
        """Row of `table` that holds a configuration of this space."""
        return sum(rows[gene] for rows, gene in zip(self._rows, configuration.genes, strict=True))

    @cached_property
    def _rows(self) -> list[dict[int, int]]:
        """Per gene and value: the rows of `table` that the value lies after the gene's smallest."""
        rows, stride = [], self.size
        for values in map(sorted, map(set, self.choices)):
            stride //= len(values)
            rows.append({value: position * stride for position, value in enumerate(values)})
        return rows

    def costs(self, cost: Callable[[Architecture, int], np.ndarray]) -> np.ndarray:
        """Cost of every configuration: float64 [size], in the order of `table`.

        Args:
            cost: from an architecture whose widths are arrays, and a resolution, to the networks' costs.
        """
        costs = np.empty(self.size)
        for resolution in set(self.resolutions):
            some = self.table[:, -1] == resolution
            costs[some] = cost(Architecture.from_widths(list(self.table[some, :-1].T)), resolution)
        return costs

    @property
    def largest(self) -> Configuration:
        """The configuration with the most of everything."""
        return Configuration.from_genes([max(values) for values in self.choices])

    @property
    def smallest(self) -> Configuration:
        """The configuration with the least of everything."""
        return Configuration.from_genes([min(values) for values in self.choices])

    def sample(self, generator: torch.Generator) -> Configuration:
        """Draw every gene uniformly; the same generator state gives the same configuration everywhere."""
        draws = torch.rand(len(self.choices), generator=generator, dtype=torch.float64).tolist()
        genes = [values[int(draw * len(values))] for values, draw in zip(self.choices, draws, strict=True)]
        return Configuration.from_genes(genes)

    def mutate(self, parent: Configuration, probability: float, generator: torch.Generator) -> Configuration:
        """Draw each gene anew with a probability, and keep it otherwise."""
        return _mix(self.sample(generator), parent, probability, generator)

    def crossover(
        self, first: Configuration, second: Configuration, generator: torch.Generator
    ) -> Configuration:
        """Take each gene from one of two parents, with equal probability."""
        return _mix(first, second, 0.5, generator)


_FULL = ARCHITECTURES["full"]
SPACES = {
    "xs": SearchSpace((1.0, 0.75, 0.5, 0.25), (512, 448, 384, 320, 256)),
    "lms": SearchSpace((1.0, 0.75, 0.5), (512, 448)),
}


def _mix(
    first: Configuration, second: Configuration, probability: float, generator: torch.Generator
) -> Configuration:
    from_first = (torch.rand(len(first.genes), generator=generator) < probability).tolist()
    pairs = zip(from_first, first.genes, second.genes, strict=True)
    return Configuration.from_genes([a if take else b for take, a, b in pairs])
