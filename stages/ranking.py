"""Fine-tune configurations of a supernet that are spread over its costs, each for a short while (section 4).

Usage: python -m stages.ranking {xs,lms}

Do shared weights rank networks as trained weights do? ``stages.test_ranking`` compares them.
"""

import copy
import sys
from pathlib import Path

from litepose.datasets.keypoints import KeypointDataset
from litepose.models import weights
from litepose.models.space import Configuration
from litepose.nas import costs
from litepose.nas.calibration import recalibrate
from litepose.nas.stratified import stratified_sample
from litepose.training.pose import PoseTask
from stages.lib.common.data import keypoint_data
from stages.lib.common.parameters import Values, chosen_run
from stages.lib.common.results import write_json
from stages.lib.common.running import device, run_stage
from stages.lib.training.networks import trained_supernet
from stages.lib.training.tasks import calibration, pose_arguments
from stages.lib.training.train import CURVES, LOG, discard_state, keep_only, seconds, train_network
from stages.lib.training.training import MODELS, recipe, schedule, space, trained


def main(values: Values) -> None:
    """Write the networks' weights, numbered by increasing cost."""
    name = chosen_run("ranking.runs", values["ranking"]["runs"], sys.argv[1])
    chosen = configurations(name, values)
    file = trained("supernet", name, values["seed"])
    took = 0.0
    for index, configuration in enumerate(chosen):
        took += finetune(f"ranking/{name}/{index}", configuration, file, values)
    keep_only([trained("ranking", name, index) for index in range(len(chosen))])
    for index in range(len(chosen)):
        discard_state(f"ranking/{name}/{index}")
    write_json(CURVES / "ranking" / name / LOG, {"seconds": round(took)})


def configurations(name: str, values: Values) -> list[Configuration]:
    """The configurations that are compared, by increasing cost."""
    searched = space(values, name)
    macs = costs.PaperMacs().costs(searched, values["recipe"]["depth"])
    rows = stratified_sample(macs, values["ranking"]["configurations"], values["seed"])
    return [searched.at(row) for row in rows]


def finetune(name: str, configuration: Configuration, file: Path, values: Values) -> float:
    """Fine-tune a sub-network from the shared weights; the seconds that it took."""
    section, data, place = values["ranking"], keypoint_data("crowdpose", values), device(values["device"])
    shared, resolution = trained_supernet(file).to(place), configuration.resolution
    network = shared.extract(configuration.architecture)
    images = calibration(data, values, section["calibration_images"], resolution)
    recalibrate(network, (part.to(place) for part in images.views(resolution)))
    arguments = pose_arguments(data, values, section["batch_size"], values["seed"], place)
    arguments["dataset"] = first_images(arguments["dataset"], section["train_images"])
    learnt, shared_recipe = schedule(values, "ranking"), recipe(values)
    decisive = [repr(learnt), repr(shared_recipe), section["train_images"], resolution, values["seed"]]
    history = train_network(
        name,
        network,
        PoseTask(resolution=resolution, **arguments),
        learnt,
        shared_recipe.options,
        [*decisive, *(data.splits[split][0] for split in data.fit)],
        lambda epoch: {},
        curves=None,
    )
    weights.save(MODELS / f"{name}.pt", network, data.skeleton, resolution)
    return seconds(history)


def first_images(dataset: KeypointDataset, count: int) -> KeypointDataset:
    """The data set with no more than its first images."""
    part = copy.copy(dataset)
    part.records = dataset.records[:count]
    return part


if __name__ == "__main__":
    run_stage(main)
