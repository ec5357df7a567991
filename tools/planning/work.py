"""What a stage does, in numbers that add up, and their table."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

SUMMED = ("trained", "steps", "tested", "macs", "seconds", "disk")


@dataclass(frozen=True)
class Work:
    """Work of a stage, or of a part of it.

    Attributes:
        trained: images that pass training steps, each epoch's counted.
        steps: training steps.
        tested: images that networks are tested on, with calibrations and candidates.
        macs: of all that, true multiply-accumulates.
        seconds: on this device.
        memory: bytes of the largest training step: weights, gradients, moments, activations for backward.
        disk: bytes that it writes and keeps.
        checkpoint: bytes of the state that it keeps while it trains.
        share: of its largest batch, images that one measured step had.
    """

    trained: int = 0
    steps: int = 0
    tested: int = 0
    macs: float = 0.0
    seconds: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    checkpoint: float = 0.0
    share: float = 1.0

    def __add__(self, other: "Work") -> "Work":
        """One after the other: memory, which the second uses anew, is that of the larger."""
        return Work(
            **{name: getattr(self, name) + getattr(other, name) for name in SUMMED},
            memory=max(self.memory, other.memory),
            checkpoint=max(self.checkpoint, other.checkpoint),
            share=min(self.share, other.share),
        )

    def times(self, count: float) -> "Work":
        """The same work so many times; images and steps stay whole numbers."""
        summed = {name: count * getattr(self, name) for name in SUMMED}
        whole = {name: round(summed[name]) for name in ("trained", "steps", "tested")}
        return dataclasses.replace(self, **(summed | whole))


def table(works: Mapping[str, Work]) -> pd.DataFrame:
    """One row per stage, and their total."""
    total = sum(works.values(), Work())
    rows = {
        name: {
            "trained": work.trained,
            "steps": work.steps,
            "tested": work.tested,
            "TMACs": work.macs / 1e12,
            "minutes": work.seconds / 60,
            "memory, GiB": work.memory / 2**30,
            "disk, MiB": work.disk / 2**20,
            "measured at": work.share,
        }
        for name, work in {**works, "total": total}.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def text(rows: pd.DataFrame) -> str:
    """The table for a terminal; zeros and whole batches stay empty."""
    digits = {"TMACs": ",.1f", "minutes": ",.1f", "memory, GiB": ".2f", "measured at": ".0%"}

    def cell(column: str, value: float) -> str:
        hidden = value == 0 or (column == "measured at" and value == 1)
        return "" if hidden else format(value, digits.get(column, ",.0f"))

    cells = {name: [cell(name, value) for value in rows[name]] for name in rows}
    return pd.DataFrame(cells, rows.index).to_string()
