"""AP of a perfect network on an annotation file, and what the rest is lost to.

Usage: python tests/bench/oracle.py [ANNOTATIONS] [--size PIXELS] [--images COUNT]
"""

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path

from tqdm import tqdm

from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.datasets.reading import read
from litepose.evaluation import CROWDPOSE_AREA, evaluate
from litepose.evaluation.bootstrap import matches
from support import perfect_network, pose_data


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory() as directory:
        if arguments.annotations is None:
            arguments.annotations = Path(directory) / "crowdpose_val.json"
            arguments.annotations.write_text(json.dumps(pose_data.crowdpose_val()[0]))
        report(arguments)


def report(arguments):
    skeleton = CROWDPOSE if b"crowdIndex" in arguments.annotations.read_bytes() else COCO
    content = read(arguments.annotations, skeleton).content()
    people = defaultdict(list)
    for annotation in content["annotations"]:
        people[annotation["image_id"]].append(annotation)
    images = content["images"][: arguments.images]
    detections, lost = [], {}
    for image in tqdm(images, disable=None):
        entries = people[image["id"]]
        detections += perfect_network.detect(image, entries, arguments.size)
        lost[image["id"]] = perfect_network.losses(image, entries, skeleton, arguments.size, area(skeleton))
    labelled = sum(len(perfect_network.labelled_people(people[image["id"]])) for image in images)
    unlabelled = sum(len(people[image["id"]]) for image in images) - labelled
    clear = [image for image, reasons in lost.items() if not reasons.any()]
    print(f"{len(images)} images at {arguments.size} px: {labelled} people, {unlabelled} more without joints")
    show("all images", evaluate(arguments.annotations, detections, skeleton, list(lost)))
    evaluated = matches(arguments.annotations, detections, skeleton, list(lost))
    imperfect = perfect_network.imperfect_images(evaluated)
    unexplained = set(imperfect) & set(clear)
    print(f"{len(imperfect)} images have somebody lost or mistaken, {len(unexplained)} of them unexplained:")
    for number, reason in enumerate(perfect_network.REASONS):
        count = sum(reasons[number] for reasons in lost.values())
        touched = sum(bool(reasons[number]) for reasons in lost.values())
        blamed = sum(bool(lost[image][number]) for image in imperfect)
        print(f"  {reason}: {count} people of {touched} images, of which {blamed} are imperfect")
    show(
        f"the {len(clear)} images without these", evaluate(arguments.annotations, detections, skeleton, clear)
    )


def area(skeleton):
    if skeleton.name == "crowdpose":
        return lambda annotation: annotation["bbox"][2] * annotation["bbox"][3] * CROWDPOSE_AREA
    return lambda annotation: annotation["area"]


def show(what, scores):
    print(
        f"{what}: " + ", ".join(f"{name} {100 * scores[name]:.2f}" for name in ("AP", "AP50", "AP75", "AR"))
    )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("annotations", type=Path, nargs="?", help="default: CrowdPose val")
    parser.add_argument("--size", type=int, default=512, help="short side of the maps in pixels")
    parser.add_argument("--images", type=int, help="only the first ones")
    return parser.parse_args()


if __name__ == "__main__":
    main()
