"""``litepose predict``: skeletons drawn on photographs, and all people in one file of COCO's format."""

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from litepose.cli.arguments import add_network, estimator
from litepose.core.errors import InputError
from litepose.core.files import write_bytes, write_text
from litepose.inference.estimator import IMAGES_AT_ONCE, People, draw, pixels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    add_network(parser)
    parser.add_argument("images", type=Path, nargs="+", metavar="image")
    parser.add_argument("--out", type=Path, required=True, help="directory of what is written")
    parser.add_argument(
        "--min-score", type=float, default=0.1, help="of a drawn person; default: %(default)s"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write every image as a JPEG with its people, and ``detections.json``."""
    targets = _targets(arguments.images, arguments.out)
    network = estimator(arguments)
    _make_directory(arguments.out)
    records, detections = [], []
    with tqdm(total=len(targets), unit="image", disable=None) as progress:
        for first in range(0, len(targets), IMAGES_AT_ONCE):
            images = [pixels(path) for path in arguments.images[first : first + IMAGES_AT_ONCE]]
            found = network(images, flip=arguments.flip)
            for number, (image, people) in enumerate(zip(images, found, strict=True), first):
                _write_picture(targets[number], draw(image, people, network.skeleton, arguments.min_score))
                records.append(_record(number, arguments.images[number], image))
                detections += _detections(number, people)
            progress.update(len(images))
    content = {
        "images": records,
        "annotations": [{"id": number, **person} for number, person in enumerate(detections, 1)],
        "categories": [{"id": 1, "name": "person", "keypoints": network.skeleton.joints}],
    }
    write_text(arguments.out / "detections.json", json.dumps(content) + "\n")


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


def _detections(number: int, people: People) -> list[dict[str, Any]]:
    """COCO's annotations of an image's people."""
    return [
        {
            "image_id": number,
            "category_id": 1,
            "keypoints": [round(float(value), 4) for value in keypoints.ravel()],
            "score": round(float(score), 6),
        }
        for keypoints, score in zip(people.keypoints, people.scores, strict=True)
    ]


def _write_picture(path: Path, image: np.ndarray) -> None:
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    write_bytes(path, encoded.tobytes())


def _record(number: int, path: Path, image: np.ndarray) -> dict[str, Any]:
    height, width = image.shape[:2]
    return {"id": number, "file_name": str(path), "width": width, "height": height}
