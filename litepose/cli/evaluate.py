"""``litepose evaluate``: the AP of weights on a data set, beside the published AP where there is one."""

import argparse

from litepose.cli import published
from litepose.cli.arguments import add_network, estimator, positive
from litepose.cli.data import add_data, find_layout, find_skeleton, load_split
from litepose.cli.published import TESTED, Published
from litepose.cli.scores import INTERVALS, Scored, score
from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets.manifest import SPLITS, Splits, find_splits
from litepose.evaluation.average_precision import percent

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
    name = str(arguments.official or arguments.weights)
    print(
        f"{name} at {network.input_size} px, {'with' if arguments.flip else 'without'} flip test, "
        f"on {len(images)} {layout} {split} images of {arguments.data}"
    )
    known = published.find(name, skeleton.name)
    print(_table(known.scores if known else {}, scored))
    if known:
        print(_origin(known, skeleton, (layout, split, len(images))))


def _split(arguments: argparse.Namespace, skeleton: Skeleton) -> tuple[str, str, Splits]:
    """Layout, split and all splits: those that are asked for, or the paper's of the layout that is found."""
    if arguments.split:
        layout, splits = find_layout(arguments, arguments.split)
        return layout, arguments.split, splits
    likely = arguments.layout or skeleton.name
    tested = sorted(TESTED.values(), key=lambda one: one.layout != likely)
    for one in tested:
        splits = find_splits(arguments.data, one.layout, [], "--data")
        if one.split in splits and arguments.layout in (None, one.layout):
            return one.layout, one.split, splits
    layout, splits = find_layout(arguments, tested[0].split)  # says what is missing
    return layout, tested[0].split, splits


def _table(known: dict[str, float], scored: Scored) -> str:
    """A row per score; a cell without a number is empty."""
    lines = [f"{'':<9} {'published':>9} {'measured':>9}  95 % interval"]
    for name, value in percent(scored.scores).items():
        line = f"{name:<9} {f'{known[name]:.1f}' if name in known else '':>9} "
        if name in scored.absent:
            line += f"{'none':>9}  there is nobody of this kind"
        else:
            line += f"{value:>9.1f}"
        if name in INTERVALS:
            sure = scored.interval(name)
            line += f"  {100 * sure.low:.1f} to {100 * sure.high:.1f}"
        lines.append(line)
    return "\n".join(lines)


def _origin(known: Published, skeleton: Skeleton, images: tuple[str, str, int]) -> str:
    """Which images published scores are of; their names do not tell, but their number may."""
    tested = TESTED[skeleton.name]
    same = images == (tested.layout, tested.split, tested.images)
    return (
        f"published: {known.source}, on the {tested.images} {tested.split} images of {tested.title}"
        f"{'' if same else ', which these are not: do not compare'}"
    )
