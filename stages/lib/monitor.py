"""Points of a training's AP curve: a log on the way that decides no weight.

It is the one module of a training that reads the decoder and the evaluator; no training stage depends on it
or on them, so that a change there repeats no training.
"""

from collections.abc import Callable

from torch import nn

from litepose.evaluation import evaluate
from litepose.evaluation.average_precision import percent
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values
from stages.lib.testing.detection import detect
from stages.lib.training.training import Training


def monitor(training: Training, network: nn.Module, values: Values) -> Callable[[int], dict[str, float]]:
    """What adds a point to the AP curve where one is due, on the first images of the monitored split."""
    settings = values["monitor"]
    data = keypoint_data(training.data, values)
    images = data.load(data.monitor, settings["images"])

    def measure(epoch: int) -> dict[str, float]:
        if epoch % settings["every"] and epoch != training.schedule.epochs:
            return {}
        found = detect(network, images, data.skeleton, training.resolution, values)
        evaluator = values["evaluation"]["crowdpose_evaluator"]
        ids = [image.id for image in images]
        scores = percent(evaluate(images.file, found, data.skeleton, ids, evaluator))
        return {"monitor_AP": scores["AP"], "monitor_AP50": scores["AP50"]}

    return measure
