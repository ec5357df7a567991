"""Writes drawn scenes as data sets in COCO's and in CrowdPose's own layout."""

import functools
import json
import multiprocessing
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from litepose.core.cores import cores
from litepose.core.errors import InputError
from litepose.core.files import write_bytes, write_text
from litepose.core.skeletons import COCO, Skeleton
from scenes.layout import STEPS, SceneSettings
from scenes.scene import Scene, draw_scene


@dataclass(frozen=True)
class _Job:
    skeleton: Skeleton
    settings: SceneSettings
    seed: int
    split: str
    index: int
    path: Path
    image_id: int


def image_rng(seed: int, split: str, index: int) -> np.random.Generator:
    """Random numbers of one image: they depend on nothing else."""
    return np.random.default_rng([seed, zlib.crc32(split.encode()), index])


def parallel(function: Callable, jobs: Sequence, workers: int | None, title: str) -> list:
    """Results in the jobs' order; a progress bar on a terminal.

    Raises:
        InputError: a process was ended from outside.
    """
    progress = functools.partial(tqdm, desc=title, total=len(jobs), unit="image", disable=None)
    workers = workers or cores()
    if workers == 1:
        return list(progress(map(function, jobs)))
    spawned = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, spawned) as pool:
            return list(progress(pool.map(function, jobs, chunksize=16)))
    except BrokenProcessPool:
        raise InputError(
            f"{title}: a process that draws was ended from outside, most often because memory ran out: free "
            "memory, or allow fewer cores, as by taskset -c 0, then repeat"
        ) from None


def write(
    root: Path,
    skeleton: Skeleton,
    splits: dict[str, int],
    settings: SceneSettings,
    seed: int,
    workers: int | None = None,
) -> None:
    """Draws a data set: pictures and annotation files in the skeleton's own layout.

    The same seed gives the same bytes, whatever the number of workers. Every picture and every annotation
    file appears complete or not at all; annotation files come last.

    Args:
        root: directory to write to; made where it does not exist.
        skeleton: COCO's or CrowdPose's.
        splits: images per split.
        settings: size and filters.
        seed: of the whole data set.
        workers: processes; by default one per core.

    Raises:
        InputError: a split without images, or settings that no scene meets.
    """
    for split, count in splits.items():
        if count < 1:
            raise InputError(f"The split {split} asks for {count} images: ask for at least one.")
    offset = 0
    for split, count in splits.items():
        folder, annotation_file = _places(root, skeleton, split)
        folder.mkdir(parents=True, exist_ok=True)
        annotation_file.parent.mkdir(parents=True, exist_ok=True)
        names = [f"{offset + index + 1:012d}.jpg" for index in range(count)]
        jobs = [
            _Job(skeleton, settings, seed, split, index, folder / name, offset + index + 1)
            for index, name in enumerate(names)
        ]
        records = parallel(_write_image, jobs, workers, f"draw {skeleton.name} {split}")
        _write_annotations(annotation_file, skeleton, records)
        offset += count


def _places(root: Path, skeleton: Skeleton, split: str) -> tuple[Path, Path]:
    if skeleton.name == COCO.name:
        return root / f"{split}2017", root / f"annotations/person_keypoints_{split}2017.json"
    return root / "images", root / f"json/crowdpose_{split}.json"


def _write_image(job: _Job) -> tuple[dict, list[dict]]:
    """Draws and saves one picture; returns its image record and its people's."""
    cv2.setNumThreads(1)
    start = image_rng(job.seed, job.split, 2**32 - 1).random(len(STEPS))
    even = np.mod(start + job.index * STEPS, 1)
    scene = draw_scene(job.skeleton, job.settings, even, image_rng(job.seed, job.split, job.index))
    save_picture(job.path, scene.picture, job.settings.jpeg_quality)
    height, width = scene.picture.shape[:2]
    image = {"file_name": job.path.name, "id": job.image_id, "height": height, "width": width}
    if job.skeleton.name != COCO.name:
        image["crowdIndex"] = round(scene.crowd_index, 2)
    return image, _people(job, scene)


def _people(job: _Job, scene: Scene) -> list[dict]:
    people = []
    keypoints = np.round(scene.keypoints, 1)
    for points, box, mask in zip(keypoints, np.round(scene.boxes, 1), scene.masks, strict=True):
        person = {
            "num_keypoints": int((points[:, 2] > 0).sum()),
            "iscrowd": 0,
            "keypoints": [int(x) if x == int(x) else float(x) for x in points.ravel()],
            "image_id": job.image_id,
            "bbox": box.tolist(),
            "category_id": 1,
        }
        if job.skeleton.name == COCO.name:
            person |= {"segmentation": _polygons(mask), "area": float(mask.sum())}
        people.append(person)
    return people


def _polygons(mask: np.ndarray) -> list[list[float]]:
    """Simplified outlines of a mask's pieces."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    simple = [cv2.approxPolyDP(outline, 0.7, True) for outline in outlines]
    kept = [outline for outline in simple if len(outline) >= 3]
    if not kept:  # a sliver: its box
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        return [[float(v) for v in (x, y, x + width, y, x + width, y + height, x, y + height)]]
    return [outline.ravel().astype(float).tolist() for outline in kept]


def _write_annotations(path: Path, skeleton: Skeleton, records: list[tuple[dict, list[dict]]]) -> None:
    people = [person for _, members in records for person in members]
    category = {
        "supercategory": "person",
        "id": 1,
        "name": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": [[a + 1, b + 1] for a, b in skeleton.limbs],
    }
    content = {
        "images": [image for image, _ in records],
        "annotations": [person | {"id": number} for number, person in enumerate(people, 1)],
        "categories": [category],
    }
    write_text(path, json.dumps(content, separators=(",", ":")))


def save_picture(path: Path, picture: np.ndarray, quality: int) -> None:
    """Writes an RGB picture as JPEG, whole or not at all."""
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    write_bytes(path, encoded.tobytes())
