"""``litepose evaluate``: the AP of weights on a data set, beside the published AP where there is one."""

import argparse
import csv
from importlib.resources import files
from pathlib import Path

from litepose.cli.arguments import add_network, estimator, positive
from litepose.cli.data import add_data, find_layout, find_skeleton, load_split
from litepose.cli.scores import INTERVALS, Scored, score
from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets.manifest import SPLITS, Splits, find_splits
from litepose.evaluation.average_precision import percent

PAPER_SPLITS = {"crowdpose": "test", "coco": "val"}  # that the paper reports for each layout

EXAMPLES = """examples:
  litepose evaluate mine.pt --data photographs --split val
  litepose evaluate litepose-m.pth --official litepose-m --data crowdpose     # the paper's split, and its AP
  litepose evaluate litepose-s.pth --official litepose-s --data coco --limit 500 --no-flip
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    add_network(parser)
    add_data(parser)
    parser.add_argument(
        "--split", choices=SPLITS["crowdpose"], help="default: the paper's, CrowdPose's test or COCO's val"
    )
    parser.add_argument("--limit", type=positive, help="only the first images of the split")
    parser.epilog = EXAMPLES


def run(arguments: argparse.Namespace) -> None:
    """Print the table of published and measured scores."""
    network = estimator(arguments)
    skeleton = find_skeleton(arguments.skeleton, network.skeleton)
    if skeleton.joints != network.skeleton.joints:
        raise InputError(
            f"The network finds the joints of {network.skeleton.name}, not those of {skeleton.name}: give "
            "other weights, or fine-tune these"
        )
    layout, split, splits = _split(arguments, skeleton)
    images = load_split(splits, split, skeleton, arguments.limit)
    scored = score(
        network.network,
        images,
        skeleton,
        network.input_size,
        device=network.device,
        flip=arguments.flip,
    )
    name = arguments.official or arguments.weights
    print(
        f"{name} at {network.input_size} px, {'with' if arguments.flip else 'without'} flip test, "
        f"on {len(images)} {layout} {split} images of {arguments.data}"
    )
    print(_table(reported(name, layout, split), scored))


def reported(name: str | Path, layout: str, split: str) -> dict[str, float]:
    """Scores in percent that the paper reports for a system of the zoo on a split; often none."""
    with files("litepose.cli").joinpath("published.csv").open() as file:
        for row in csv.DictReader(file):
            if (row["name"], row["layout"], row["split"]) == (str(name), layout, split):
                return {score: float(row[score]) for score in ("AP", "AP50", "AP75") if row[score]}
    return {}


def _split(arguments: argparse.Namespace, skeleton: Skeleton) -> tuple[str, str, Splits]:
    """Layout, split and all splits: those that are asked for, or the paper's of the layout that is found."""
    if arguments.split:
        layout, splits = find_layout(arguments, arguments.split)
        return layout, arguments.split, splits
    likely = arguments.layout or skeleton.name
    for layout in sorted(PAPER_SPLITS, key=lambda name: name != likely):
        splits = find_splits(arguments.data, layout, [], "--data")
        if PAPER_SPLITS[layout] in splits and arguments.layout in (None, layout):
            return layout, PAPER_SPLITS[layout], splits
    layout = likely if likely in PAPER_SPLITS else "crowdpose"
    return layout, PAPER_SPLITS[layout], find_splits(arguments.data, layout, [PAPER_SPLITS[layout]], "--data")


def _table(published: dict[str, float], scored: Scored) -> str:
    """A row per score; a cell without a number is empty."""
    lines = [f"{'':<9} {'published':>9} {'measured':>9}  95 % interval"]
    for name, value in percent(scored.scores).items():
        cell = f"{published[name]:.1f}" if name in published else ""
        line = f"{name:<9} {cell:>9} {value:>9.1f}"
        if name in INTERVALS:
            sure = scored.interval(name)
            line += f"  {100 * sure.low:.1f} to {100 * sure.high:.1f}"
        lines.append(line)
    return "\n".join(lines)
