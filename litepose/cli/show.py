"""``litepose show``: what a data set looks like to the training, as pictures and as numbers."""

import argparse
from pathlib import Path

import numpy as np

from litepose.cli import pictures
from litepose.cli.arguments import positive
from litepose.cli.data import add_data, find_layout, find_skeleton, load_split
from litepose.cli.writing import targets, write_picture
from litepose.core.skeletons import SKELETONS, Skeleton
from litepose.datasets.annotations import Annotations
from litepose.datasets.augmentation import Augmentation
from litepose.datasets.keypoints import KeypointDataset, supervised
from litepose.datasets.manifest import SPLITS

QUANTILES = (5, 25, 50, 75, 95)

EXAMPLES = """examples:
  litepose show --data photographs                                # numbers
  litepose show --data photographs --out pictures --images 20     # and pictures
  litepose show --data hands --skeleton hand.yaml --out pictures --split val
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    add_data(parser, "those of the layout")
    parser.add_argument(
        "--out",
        type=Path,
        help="directory of pictures: of an image its annotations (red: nothing to learn), and of two random "
        "views themselves, their heatmap targets, and in red where the loss is masked",
    )
    parser.add_argument(
        "--split", choices=SPLITS["crowdpose"], default="train", help="that is shown; default: %(default)s"
    )
    parser.add_argument("--images", type=positive, default=12, help="drawn; default: %(default)s")
    parser.add_argument("--size", type=positive, default=256, help="px of the views; default: %(default)s")
    parser.epilog = EXAMPLES


def run(arguments: argparse.Namespace) -> None:
    """Print the statistics of every split, and write the pictures."""
    layout, splits = find_layout(arguments, arguments.split)
    skeleton = find_skeleton(arguments.skeleton, SKELETONS[layout])
    for split in splits:
        images = load_split(splits, split, skeleton)
        print("\n".join([f"{split}: {images.file}", *statistics(images, skeleton)]))
        if split == arguments.split and arguments.out:
            _draw(images, skeleton, arguments)


def statistics(images: Annotations, skeleton: Skeleton) -> list[str]:
    """Lines about a split's images, people and joints."""
    keypoints = np.concatenate([image.keypoints for image in images])
    crowds = np.concatenate([image.iscrowd for image in images])
    labelled = (keypoints[..., 2] > 0) & ~crowds[:, None]
    people = [supervised(image) for image in images]
    learnt, per_image = np.concatenate(people), [int(one.sum()) for one in people]
    heights = np.concatenate([image.boxes[:, 3] / image.height for image in images])[learnt]
    short = [min(image.width, image.height) for image in images]
    masked = sum(image.ignore is not None for image in images)
    lines = [
        f"  {len(images)} images; short side {_quantiles(short)} px",
        f"  {learnt.sum()} people with labelled joints, per image {_quantiles(per_image)}; "
        f"{(~learnt & ~crowds).sum()} without, {crowds.sum()} crowds; {masked} images have a mask",
    ]
    if not learnt.any():
        return [*lines, "  no labelled joint: nothing to train on"]
    joints = labelled[learnt].sum(1)
    lines += [
        f"  people's height / image height {_quantiles(heights, 2)}; labelled joints {_quantiles(joints)}",
        "  labelled, and visible of these, in % of people:",
    ]
    visible = (keypoints[..., 2] > 1) & labelled
    for number, joint in enumerate(skeleton.joints):
        count = labelled[:, number].sum()
        seen = 100 * visible[:, number].sum() / max(1, count)
        lines.append(f"    {joint:<16} {100 * count / learnt.sum():5.1f} {seen:6.1f}")
    return lines


def _quantiles(values: object, digits: int = 0) -> str:
    found = np.percentile(np.asarray(values), QUANTILES)
    names = "/".join(map(str, QUANTILES))
    return f"{' '.join(f'{value:.{digits}f}' for value in found)} ({names} %)"


def _draw(images: Annotations, skeleton: Skeleton, arguments: argparse.Namespace) -> None:
    """Write one picture per image, of images evenly spread over the split."""
    dataset = KeypointDataset([images], skeleton, Augmentation(), seed=0)
    chosen = np.unique(np.linspace(0, len(dataset) - 1, arguments.images).astype(int)).tolist()
    records = [dataset.records[index] for index in chosen]
    files = targets(
        arguments.out, [f"{record.path.stem}.jpg" for record in records], [image.path for image in images]
    )
    for index, record, file in zip(chosen, records, files, strict=True):
        drawn = [pictures.annotated(record, skeleton)]
        for number in range(2):
            drawn += pictures.view(dataset, index, number, arguments.size)
        sheet = pictures.beside(drawn, arguments.size)
        write_picture(file, sheet)
    print(f"{arguments.out}: {len(chosen)} pictures of {images.file.name}")
