"""AP on a COCO data set of the joints that a network knows: those for CrowdPose know 12 of COCO's 17.

Usage: python -m tools.shared_joints WEIGHTS --data DIRECTORY [--official NETWORK] [--size PX] [--no-flip]

All splits that lie in the directory count as one. People without any of the joints are ignored, as COCO's
evaluation ignores people without joints.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from litepose.cli.arguments import add_network, estimator
from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, Skeleton
from litepose.datasets import annotations
from litepose.datasets.ground_truth import PERSON
from litepose.datasets.manifest import find_splits
from litepose.datasets.reading import read
from litepose.evaluation import evaluate
from litepose.evaluation.average_precision import percent
from litepose.inference import predict


def main() -> None:
    """Print the scores."""
    arguments = _arguments()
    network = estimator(arguments)
    splits = find_splits(arguments.data, "coco", [], "--data")
    if not splits:
        raise InputError(f"{arguments.data} has no COCO split: give the directory that holds annotations/")
    content: dict[str, list] = {"images": [], "annotations": []}
    detections = []
    for file, directory in splits.values():
        images = annotations.load(file, directory, COCO)
        detections += predict(
            network.model,
            images,
            network.skeleton,
            network.input_size,
            flip=arguments.flip,
            device=network.device,
            progress=sys.stderr.isatty(),
        )
        split = read(file, COCO).content()
        content["images"] += split["images"]
        content["annotations"] += split["annotations"]
    joints = [joint for joint in COCO.joints if joint in network.skeleton.joints]
    print(
        f"{arguments.official or arguments.weights} at {network.input_size} px, "
        f"{'with' if arguments.flip else 'without'} flip test, on {len(joints)} joints of "
        f"{len(content['images'])} images"
    )
    for name, value in percent(scores(content, detections, network.skeleton, joints)).items():
        print(f"{name:<9} {value:5.1f}")


def scores(
    content: dict[str, Any], detections: list[dict], skeleton: Skeleton, joints: list[str]
) -> dict[str, float]:
    """COCO's metrics of detections on some of COCO's joints.

    Args:
        content: of a COCO annotation file.
        detections: COCO results with the skeleton's joints.
        skeleton: of the detections.
        joints: names that both skeletons have.

    Returns:
        Fractions by the metric's name.
    """
    reduced = [_only(person, COCO, joints) for person in content["annotations"]]
    people = [
        # Ids are those of a split.
        {**person, "id": number, "num_keypoints": sum(v > 0 for v in person["keypoints"][2::3])}
        for number, person in enumerate(reduced, 1)
    ]
    part = Skeleton("shared", tuple(joints), (), (), tuple(COCO.sigmas[COCO.joints.index(j)] for j in joints))
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "shared.json"
        file.write_text(json.dumps({**content, "annotations": people, "categories": [{"id": PERSON}]}))
        return evaluate(file, [_only(person, skeleton, joints) for person in detections], part)


def _only(person: dict, skeleton: Skeleton, joints: list[str]) -> dict:
    """An annotation or detection with the named joints alone."""
    first = [3 * skeleton.joints.index(joint) for joint in joints]
    return {**person, "keypoints": [value for at in first for value in person["keypoints"][at : at + 3]]}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.shared_joints", description=__doc__.split("\n")[0])
    add_network(parser)
    parser.add_argument("--data", type=Path, required=True, help="data set in COCO's own directories")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
