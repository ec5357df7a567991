"""Find people in photographs: skeletons drawn on each, and all of them in one file of COCO's format.

Usage: python -m stages.predict NETWORK IMAGE... --out DIRECTORY [--min-score SCORE]
       [--official MODEL [--layout crowdpose|coco]]
"""

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from litepose.datasets.images import read_image
from litepose.errors import InputError
from litepose.files import write_bytes
from litepose.inference import predict
from litepose.inference.drawing import draw_people
from litepose.skeletons import SKELETONS
from stages.common import run_stage, write_json
from stages.networks import Network, released, trained

IMAGES_AT_ONCE = 16  # bounds the memory that photographs take


def main() -> None:
    """Write every image as a JPEG with its people, and ``detections.json``."""
    arguments = _arguments()
    targets = _targets(arguments.images, arguments.out)
    if arguments.official:
        network = released(Path(arguments.network), arguments.official, arguments.layout)
    else:
        network = trained(arguments.network)
    _make_directory(arguments.out)
    records, detections = [], []
    with tqdm(total=len(targets), unit="image", disable=None) as progress:
        for first in range(0, len(targets), IMAGES_AT_ONCE):
            images = [
                read_image(path, upright=True) for path in arguments.images[first : first + IMAGES_AT_ONCE]
            ]
            for number, (image, people) in enumerate(
                zip(images, _people(network, images), strict=True), first
            ):
                drawn = [person["keypoints"] for person in people if person["score"] >= arguments.min_score]
                _write_picture(targets[number], draw_people(image, drawn, network.skeleton))
                records.append(_record(number, arguments.images[number], image))
                detections += [{**person, "image_id": number} for person in people]
            progress.update(len(images))
    content = {
        "images": records,
        "annotations": [{"id": number, **person} for number, person in enumerate(detections, 1)],
        "categories": [{"id": 1, "name": "person", "keypoints": network.skeleton.joints}],
    }
    write_json(arguments.out / "detections.json", content)


def _targets(images: list[Path], out: Path) -> list[Path]:
    """Where the drawn images go: no two to one file, and none over a photograph."""
    targets = [out / f"{path.stem}.jpg" for path in images]
    sources = {path.resolve() for path in images}
    for number, target in enumerate(targets):
        if target.resolve() in sources:
            raise InputError(f"{target} is a photograph: give another directory to --out.")
        if target in targets[:number]:
            other = images[targets.index(target)]
            raise InputError(f"{other} and {images[number]} would both become {target}: give one at a time.")
    return targets


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be made ({error.strerror}): give another --out.") from None


def _people(network: Network, images: list[np.ndarray]) -> list[list[dict[str, Any]]]:
    """Detections of each image."""
    found = predict(network.model, images, network.skeleton, network.input_size, device=network.device)
    return [[person for person in found if person["image_id"] == number] for number in range(len(images))]


def _write_picture(path: Path, image: np.ndarray) -> None:
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    write_bytes(path, encoded.tobytes())


def _record(number: int, path: Path, image: np.ndarray) -> dict[str, Any]:
    height, width = image.shape[:2]
    return {"id": number, "file_name": str(path), "width": width, "height": height}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages.predict", description=__doc__.split("\n")[0])
    parser.add_argument("network", help="trained run such as finetune/s, or with --official a checkpoint")
    parser.add_argument("images", type=Path, nargs="+", metavar="image")
    parser.add_argument("--out", type=Path, required=True, help="directory of what is written")
    parser.add_argument(
        "--min-score", type=float, default=0.1, help="of a drawn person; default: %(default)s"
    )
    parser.add_argument("--official", metavar="MODEL", help="the checkpoint's name in the zoo: litepose-s")
    parser.add_argument("--layout", choices=SKELETONS, default="crowdpose", help="of --official's joints")
    return parser.parse_args()


if __name__ == "__main__":
    run_stage(main)
