"""A sample of configurations that is stratified by cost."""

import numpy as np
import torch


def stratified_sample(costs: np.ndarray, count: int, seed: int) -> list[int]:
    """Choose configurations at even distances in cost, from the cheapest to the dearest.

    Between the two, each is drawn from those within half a step of its place, or is the nearest one left.

    Args:
        costs: of all configurations [size].
        count: how many to choose, at most `size`.
        seed: of the draws.

    Returns:
        Rows of `costs`, each once, by increasing place.
    """
    generator = torch.Generator().manual_seed(seed)
    places = np.linspace(costs.min(), costs.max(), count)
    step = places[1] - places[0] if count > 1 else 0.0
    chosen: list[int] = []
    for place in places:
        distance = np.abs(costs - place)
        distance[chosen] = np.inf
        near = np.flatnonzero(distance <= step / 2)
        ends = place in (places[0], places[-1])
        if ends or len(near) == 0:
            chosen.append(int(distance.argmin()))
        else:
            chosen.append(int(near[torch.randint(len(near), (), generator=generator)]))
    return chosen
