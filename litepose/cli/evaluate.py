"""Evaluate one of the authors' checkpoints on a data set, beside the published AP.

Usage: python -m stages.check_official CHECKPOINT --model MODEL --data DIRECTORY [--layout crowdpose|coco]
       [--split train|val|trainval|test] [--input-size PX] [--limit IMAGES] [--no-flip]
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

from litepose.datasets import annotations
from litepose.datasets.manifest import SPLITS, find_splits
from litepose.evaluation import evaluate
from litepose.inference import predict
from report import published
from report.systems import ZOO
from stages.common import run_stage
from stages.networks import released
from stages.pose_run import percent

# What the paper reports: layout -> split, table, names of its columns
REPORTED = {
    "crowdpose": ("test", "table1", {"ap": "AP", "ap50": "AP50", "ap75": "AP75"}),
    "coco": ("val", "table2", {"ap_val": "AP"}),
}


def main() -> None:
    """Print the table of published and measured scores."""
    arguments = _arguments()
    layout, split = arguments.layout, arguments.split or REPORTED[arguments.layout][0]
    network = released(arguments.checkpoint, arguments.model, layout, arguments.input_size)
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
    table = pd.DataFrame(
        {
            "published": pd.Series(reported(arguments.model, layout, split), dtype=float),
            "measured": pd.Series(percent(scores)),
        }
    ).reindex(scores)
    print(
        f"{arguments.model} at {network.input_size} px, {'with' if arguments.flip else 'without'} flip test, "
        f"on {len(images)} {layout} {split} images of {arguments.data}"
    )
    print(table.to_string(float_format="{:.1f}".format, na_rep=""))


def reported(model: str, layout: str, split: str) -> dict[str, float]:
    """Scores in percent that the paper reports for a system of the zoo on a split; often none."""
    reported_split, table, columns = REPORTED[layout]
    rows = getattr(published.read(Path("data/paper")), table)
    rows = rows[rows["model"].map(ZOO) == model].rename(columns=columns)
    if split != reported_split or rows.empty:
        return {}
    return rows.iloc[0][list(columns.values())].to_dict()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.check_official", description=__doc__.split("\n")[0]
    )
    parser.add_argument("checkpoint", type=Path, help="file of the authors' weights")
    parser.add_argument("--model", required=True, help="name in the zoo, such as litepose-s")
    parser.add_argument("--data", type=Path, required=True, help="data set in the layout's own directories")
    parser.add_argument("--layout", choices=REPORTED, default="crowdpose", help="default: %(default)s")
    parser.add_argument(
        "--split", choices=SPLITS["crowdpose"], help="default: the paper's, test or COCO's val"
    )
    parser.add_argument("--input-size", type=_positive, help="px of the short side; default: the paper's")
    parser.add_argument("--limit", type=_positive, help="only the first images of the split")
    parser.add_argument("--no-flip", dest="flip", action="store_false", help="without flip test")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


if __name__ == "__main__":
    run_stage(main)
