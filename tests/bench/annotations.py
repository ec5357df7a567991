"""Reading an annotation file of COCO's size: time and peak memory, beside those of another commit.

Usage: python tests/bench/annotations.py [COMMIT] [--images COUNT] [--people COUNT]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from litepose.core.skeletons import COCO
from support import ROOT

LABELLED, CROWDS = 0.6, 0.015  # of COCO's people
MOST = 1.3  # times as long as the other commit, at most
CODE = """
import resource, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from litepose.core.skeletons import COCO
from litepose.datasets import annotations
started = time.process_time()
loaded = annotations.load(Path(sys.argv[2]), Path(sys.argv[3]), COCO)
seconds = time.process_time() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(len(loaded), sum(len(image.keypoints) for image in loaded), seconds, peak)
"""


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory() as directory:
        file, images = write(Path(directory), arguments.images, arguments.people)
        print(f"{arguments.images} images, {arguments.people} people: {file.stat().st_size / 2**20:.0f} MiB")
        ours = measure("this code", ROOT, file, images)
        if not arguments.commit:
            return
        other = Path(directory) / "other"
        git("worktree", "add", "--quiet", "--detach", str(other), arguments.commit)
        try:
            theirs = measure(arguments.commit, other, file, images)
        finally:
            git("worktree", "remove", "--force", str(other))
    ratio = ours / theirs
    print(f"{ratio:.2f} times as long; at most {MOST} is wanted")
    sys.exit(ratio > MOST)


def measure(name, code, file, images, tries=3):
    """Fewest seconds of several tries, each in a process of its own."""
    command = [sys.executable, "-c", CODE, code, file, images]
    runs = [
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        for _ in range(tries)
    ]
    seconds = min(float(run[2]) for run in runs)
    memory = max(float(run[3]) for run in runs)
    print(f"{name}: {seconds:.1f} s, peak memory {memory:.2f} GiB, {runs[0][0]} images, {runs[0][1]} people")
    return seconds


def git(*arguments):
    subprocess.run(["git", "-C", ROOT, *arguments], check=True)


def write(directory, images, people):
    """An annotation file like COCO's, written entry by entry, and empty image files."""
    rng = np.random.default_rng(0)
    folder, file = directory / "images", directory / "people.json"
    folder.mkdir()
    with file.open("w") as out:
        out.write('{"images": [')
        for number in range(images):
            name = f"{number:012d}.jpg"
            (folder / name).touch()
            entry = {"id": number, "file_name": name, "width": 640, "height": 480}
            out.write((", " if number else "") + json.dumps(entry))
        out.write('], "annotations": [')
        for number, image in enumerate(rng.integers(0, images, people).tolist()):
            out.write((", " if number else "") + json.dumps(person(number, image, rng)))
        category = {"id": 1, "name": "person", "keypoints": list(COCO.joints)}
        out.write(f'], "categories": [{json.dumps(category)}]}}')
    return file, folder


def person(number, image, rng):
    """A person in a box, with an outline; some without joints, and some crowds."""
    (left, top), (width, height) = rng.uniform(0, 200, 2).round(2), rng.uniform(20, 240, 2).round(2)
    kind = rng.random()
    joints = np.zeros((17, 3), int)
    if kind < LABELLED:
        joints[:, :2] = (left, top) + rng.random((17, 2)) * (width, height)
        joints[:, 2] = rng.integers(0, 3, 17)
        joints[joints[:, 2] == 0] = 0
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    outline = np.stack([left + width * (1 + np.cos(angles)) / 2, top + height * (1 + np.sin(angles)) / 2], 1)
    crowd = kind > 1 - CROWDS
    runs = np.diff(np.sort(rng.choice(640 * 480, 200, replace=False)), prepend=0, append=640 * 480)
    return {
        "segmentation": {"counts": runs.tolist(), "size": [480, 640]}
        if crowd
        else [outline.round(2).ravel().tolist()],
        "num_keypoints": int((joints[:, 2] > 0).sum()),
        "area": round(width * height * 0.7, 4),
        "iscrowd": int(crowd),
        "keypoints": joints.ravel().tolist(),
        "image_id": image,
        "bbox": [left, top, width, height],
        "category_id": 1,
        "id": number + 1,
    }


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("commit", nargs="?", help="also time the code of this commit, and compare")
    parser.add_argument("--images", type=int, default=64_000)
    parser.add_argument("--people", type=int, default=260_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
