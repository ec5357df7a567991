"""The parts of the check, in order of value; each is a module with `run(record, device, sizes)`."""

from typing import NamedTuple


class Part(NamedTuple):
    """A part: its module in this package, what it does, the minutes that it may take."""

    module: str
    title: str
    minutes: float


PARTS = {
    1: Part("steps", "Steps on the device equal the processor's", 4),
    2: Part("people", "Decoding, evaluation and the estimator find the processor's people", 2),
    3: Part("speed", "Training steps and the data that feed them", 5),
    4: Part("inference", "Inference of the systems of Tables 1 and 2", 5),
    5: Part("processes", "Several processes", 2),
    6: Part("plan", "What the profile paper costs", 4),
    7: Part("small", "What fits of the profile small", 9),
}
