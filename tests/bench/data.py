"""From JPEG files to all training targets at 256 px, against targets drawn joint by joint, on one thread."""

import json
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from litepose.core.skeletons import COCO
from litepose.datasets import targets
from litepose.datasets.annotations import Annotations, load
from litepose.datasets.keypoints import OUTPUT_STRIDES, Augmentation, KeypointDataset, Sample
from support.pose_data import content, person

RESOLUTION = 256
IMAGES = 64
ROUNDS = 5
CROWDS_EVERY = 6  # one COCO image in about six has a region without supervision


def main() -> None:
    """Print images per second of one core's time, where the time goes, and the ratio to plain loops."""
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as directory:
        for width, height in ((640, 480), (213, 160)):
            views = KeypointDataset([_split(Path(directory), width, height)], COCO, Augmentation(), 0)
            cases = _joints(views)
            for case in cases:
                assert all(map(np.array_equal, _vectorised(case), _plain(case)))
            samples = [Sample(index, 0, RESOLUTION, RESOLUTION) for index in range(IMAGES)]
            item = _seconds(views.__getitem__, samples)
            read = _seconds(lambda record: record.read(), views.records)
            ours, plain = _seconds(_vectorised, cases), _seconds(_plain, cases)
            print(
                f"{width}x{height}: {1 / item:.0f} images/s per core ({1000 * item:.2f} ms: reading "
                f"{1000 * read:.2f}, heatmaps and tag positions {1000 * ours:.2f}, the rest "
                f"{1000 * (item - read - ours):.2f}); with plain loops {1 / (item - ours + plain):.0f}; "
                f"heatmaps and tag positions {plain / ours:.1f} times faster than the loops"
            )


def _seconds(function, inputs):
    """Mean processor time per input, of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for value in inputs:
            function(value)
        times.append(time.process_time() - started)
    return min(times) / len(inputs)


def _split(directory: Path, width: int, height: int) -> Annotations:
    """JPEG files of smooth colours with fine texture (quality 95: about 150 kB at 640x480, as in COCO)."""
    rng = np.random.default_rng(0)
    scale = [width, height]
    people = []
    for image in range(1, IMAGES + 1):
        for _ in range(rng.integers(1, 6)):
            joints = np.column_stack([rng.uniform(0, scale, (17, 2)), rng.integers(0, 3, 17)])
            people.append(person(COCO, joints, image))
        if image % CROWDS_EVERY == 0:
            outline = (rng.uniform(0, 1, (20, 2)) * scale).reshape(1, -1).tolist()
            people.append(person(COCO, np.zeros((17, 3)), image, segmentation=outline))
    contents = content(COCO, people, [(width, height)] * IMAGES)
    for image in contents["images"]:
        image["file_name"] = f"{width}_{image['id']}.jpg"
        colours = cv2.resize(rng.uniform(0, 255, (6, 8, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
        texture = cv2.resize(rng.normal(0, 20, (height // 2, width // 2, 3)), (width, height))
        pixels = np.clip(colours + texture, 0, 255).astype(np.uint8)
        cv2.imwrite(str(directory / image["file_name"]), pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])
    file = directory / f"{width}.json"
    file.write_text(json.dumps(contents))
    return load(file, directory, COCO)


def _joints(views: KeypointDataset) -> list[np.ndarray]:
    """The people of each image in pixels of an unrotated view."""
    cases = []
    for record in views.records:
        joints = record.keypoints[(record.keypoints[..., 2] > 0).any(1)].astype(float)
        joints[..., :2] *= RESOLUTION / min(record.width, record.height)
        cases.append(joints)
    return cases


def _vectorised(joints):
    sizes = [RESOLUTION // stride for stride in OUTPUT_STRIDES]
    scaled = [joints * [size / RESOLUTION, size / RESOLUTION, 1] for size in sizes]
    maps = [targets.heatmaps(entry, size) for entry, size in zip(scaled, sizes, strict=True)]
    return *maps, targets.tag_positions(scaled[0], sizes[0], 30)


def _plain(joints, sigma=2.0):
    """The same targets, one person and one joint after the other."""
    sizes = [RESOLUTION // stride for stride in OUTPUT_STRIDES]
    radius = int(3 * sigma + 1)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    patch = np.exp(-(x**2 + y**2) / (2 * sigma**2)).astype(np.float32)
    maps = [np.zeros((joints.shape[1], size, size), np.float32) for size in sizes]
    positions = np.zeros((30, joints.shape[1], 2), np.int64)
    for level, size in enumerate(sizes):
        for person_number, entry in enumerate(joints):
            for joint, (place_x, place_y, seen) in enumerate(entry):
                x, y = int(place_x * (size / RESOLUTION)), int(place_y * (size / RESOLUTION))
                if seen <= 0 or not (0 <= x < size and 0 <= y < size):
                    continue
                top, left = max(0, y - radius), max(0, x - radius)
                bottom, right = min(size, y + radius + 1), min(size, x + radius + 1)
                window = maps[level][joint, top:bottom, left:right]
                shown = patch[top - y + radius : bottom - y + radius, left - x + radius : right - x + radius]
                np.maximum(window, shown, out=window)
                if level == 0 and person_number < 30:
                    positions[person_number, joint] = (joint * size + y) * size + x, 1
    return *maps, positions


if __name__ == "__main__":
    main()
