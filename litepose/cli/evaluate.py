"""``litepose evaluate``: the AP of weights on a data set, beside the published AP where there is one."""

import argparse
import csv
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from litepose.cli.arguments import add_network, estimator, positive
from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets import annotations
from litepose.datasets.manifest import LAYOUTS, SPLITS, find_splits
from litepose.evaluation import evaluate
from litepose.evaluation.average_precision import percent
from litepose.inference import predict

PAPER_SPLITS = {"crowdpose": "test", "coco": "val"}  # that the paper reports for each layout


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    add_network(parser)
    parser.add_argument("--data", type=Path, required=True, help="data set in the layout's own directories")
    parser.add_argument("--layout", choices=LAYOUTS, help="default: that of the network's joints")
    parser.add_argument(
        "--split", choices=SPLITS["crowdpose"], help="default: the paper's, CrowdPose's test or COCO's val"
    )
    parser.add_argument("--limit", type=positive, help="only the first images of the split")


def run(arguments: argparse.Namespace) -> None:
    """Print the table of published and measured scores."""
    network = estimator(arguments)
    layout = arguments.layout or _layout(network.skeleton)
    split = arguments.split or PAPER_SPLITS[layout]
    annotation_file, image_dir = find_splits(arguments.data, layout, [split], "--data")[split]
    images = annotations.load(annotation_file, image_dir, network.skeleton)
    images = replace(images, images=images.images[: arguments.limit])
    detections = predict(
        network.model,
        images,
        network.skeleton,
        network.input_size,
        flip=arguments.flip,
        device=network.device,
        progress=sys.stderr.isatty(),
    )
    scores = evaluate(annotation_file, detections, network.skeleton, [image.id for image in images])
    name = arguments.official or arguments.weights
    print(
        f"{name} at {network.input_size} px, {'with' if arguments.flip else 'without'} flip test, "
        f"on {len(images)} {layout} {split} images of {arguments.data}"
    )
    print(_table(reported(name, layout, split), percent(scores)))


def reported(name: str | Path, layout: str, split: str) -> dict[str, float]:
    """Scores in percent that the paper reports for a system of the zoo on a split; often none."""
    with files("litepose.cli").joinpath("published.csv").open() as file:
        for row in csv.DictReader(file):
            if (row["name"], row["layout"], row["split"]) == (str(name), layout, split):
                return {score: float(row[score]) for score in ("AP", "AP50", "AP75") if row[score]}
    return {}


def _layout(skeleton: Skeleton) -> str:
    if skeleton.name not in LAYOUTS:
        raise InputError(
            f"The network finds the joints of {skeleton.name}: say with --layout how its data set lies, as "
            f"{' or '.join(LAYOUTS)}"
        )
    return skeleton.name


def _table(published: dict[str, float], measured: dict[str, float]) -> str:
    """A row per score; a cell without a number is empty."""
    lines = [f"{'':<9} {'published':>9} {'measured':>9}"]
    for name, value in measured.items():
        cell = f"{published[name]:.1f}" if name in published else ""
        lines.append(f"{name:<9} {cell:>9} {value:>9.1f}")
    return "\n".join(lines)
