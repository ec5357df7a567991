"""Find people in photographs: skeletons drawn on each, and all of them in one file of COCO's format.

Usage: python -m stages.predict NETWORK IMAGE... --out DIRECTORY [--min-score SCORE]
       [--official MODEL [--layout crowdpose|coco]]
"""

from pathlib import Path

from tqdm import tqdm

from litepose.datasets.images import read_image
from litepose.drawing import draw_people
from stages.common import write_json
from stages.networks import released, trained

IMAGES_AT_ONCE = 16  # bounds the memory that photographs take


def main() -> None:
    """Write ``<image>.jpg`` for every image, and ``detections.json``."""
    arguments = _arguments()
    targets = _targets(arguments.images, arguments.out)
    if arguments.official:
        network = released(Path(arguments.network), arguments.official, arguments.layout)
    else:
        network = trained(arguments.network)
    records, detections = [], []
    with tqdm(total=len(arguments.images), unit="image", disable=None) as progress:
        for first in range(0, len(arguments.images), IMAGES_AT_ONCE):
            some = slice(first, first + IMAGES_AT_ONCE)
            images = [read_image(path) for path in arguments.images[some]]
            people = _people(network, images)
            for image, found, path, target in zip(
                images, people, arguments.images[some], targets[some], strict=True
            ):
                number = len(records)
                records.append(_record(number, path, image))
                detections += [{**person, "image_id": number} for person in found]
                drawn = [p["keypoints"] for p in found if p["score"] >= arguments.min_score]
                _write_image(target, draw_people(image, drawn, network.skeleton))
            progress.update(len(images))
    write_json(
        arguments.out / "detections.json",
        {
            "images": records,
            "annotations": [{"id": number, **person} for number, person in enumerate(detections, 1)],
            "categories": [_category(network.skeleton)],
        },
    )


def _targets(images: list[Path], out: Path) -> list[Path]:
    """Where the drawn images go: no two to one file, and none over a photograph."""
    targets = [out / f"{path.stem}.jpg" for path in images]
    taken = {path.resolve(): path for path in images}
    for path, target in zip(images, targets, strict=True):
        other = taken.setdefault(target.resolve(), path)
