"""How long a fine-tuning takes and what it consists of, decided before it starts."""

import copy
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from litepose.datasets.annotations import Annotations
from litepose.training.depthwise import fast_gradient
from litepose.training.frozen import frozen_statistics
from litepose.training.loop import Watch, backward
from litepose.training.pose import PoseTask
from litepose.training.schedule import Schedule
from litepose.training.step import StepOptions

ROUND_SECONDS = 60  # after so long, or a pass, the state of the run is kept
TIMED_STEPS = 3
WARMUP, DECAY = 0.05, 0.5  # shares of a run in which the learning rate grows, and falls to zero
# Of a forward and backward pass on a CPU: with more, activations leave its cache and take gigabytes.
PART_PIXELS = 1 << 18
MULTIPLE = 64  # px
ENLARGED = 1.5  # photographs are looked at enlarged by about this much at most


@dataclass(frozen=True)
class Plan:
    """What a fine-tuning consists of.

    Attributes:
        rounds: after each of which the state is kept.
        steps: of a round.
        batch_size: images of a step.
        seconds: that all steps will take, about.
    """

    rounds: int
    steps: int
    batch_size: int
    seconds: float

    @property
    def images(self) -> int:
        """Views that are trained on."""
        return self.rounds * self.steps * self.batch_size

    def schedule(self, learning_rate: float) -> Schedule:
        """A short warm-up, then a linear decay to zero over the second half."""
        return Schedule(
            epochs=self.rounds,
            batch_size=self.batch_size,
            learning_rate=learning_rate,
            milestones=(),
            warmup_epochs=WARMUP * self.rounds,
            decay_epochs=DECAY * self.rounds,
        )


def plan(images: int, batch_size: int, step_seconds: float, minutes: float | None, epochs: int) -> Plan:
    """Rounds of about a minute, for so many minutes, or for so many passes over the images.

    Args:
        images: of the data set.
        batch_size: images of a step.
        step_seconds: that a step takes.
        minutes: of the run; None for ``epochs``.
        epochs: passes over the images.
    """
    pass_steps = max(1, images // batch_size)
    total = epochs * pass_steps if minutes is None else max(1, int(60 * minutes / step_seconds))
    in_a_round = min(pass_steps, max(1, int(ROUND_SECONDS / step_seconds)))
    rounds = math.ceil(total / in_a_round)
    steps = math.ceil(total / rounds)
    return Plan(rounds, steps, batch_size, rounds * steps * step_seconds)


def step_options(batch_size: int, resolution: int, device: torch.device) -> StepOptions:
    """A batch in as many equal parts as a CPU is best given; the gradient is that of the whole."""
    if device.type != "cpu":
        return StepOptions()
    most = max(1, PART_PIXELS // resolution**2)
    parts = next(
        parts for parts in range(1, batch_size + 1) if not batch_size % parts and batch_size <= parts * most
    )
    return StepOptions(accumulate_grad=parts)


def seconds_of_a_step(model: nn.Module, task: PoseTask, options: StepOptions) -> float:
    """Seconds that a training step of a copy of a network takes, the fastest of some."""
    trained = copy.deepcopy(model)
    batch = next(iter(task.batches(0)))
    optimizer = torch.optim.Adam(trained.parameters(), fused=True)
    scaler = options.scaler(task.device)
    seconds = []
    with frozen_statistics(trained), fast_gradient(trained):
        trained.train()
        for _ in range(TIMED_STEPS):
            started = _now(task.device)
            optimizer.zero_grad(set_to_none=True)
            backward(trained, task, batch, 0, 0, options, scaler, Watch("a step"))
            optimizer.step()
            seconds.append(_now(task.device) - started)
    return min(seconds)


def _now(device: torch.device) -> float:
    """Seconds on a clock, when the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def suitable_size(input_size: int, images: Annotations) -> int:
    """The size to fine-tune at: the network's, or less where the photographs are small, px."""
    short = float(np.median([min(image.width, image.height) for image in images]))
    enlarged = max(1, round(ENLARGED * short / MULTIPLE)) * MULTIPLE
    return min(input_size, enlarged)
