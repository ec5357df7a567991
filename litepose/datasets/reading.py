"""The way into an annotation file: what training, evaluation and statistics read is checked here, once."""

import logging
import math
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from litepose.core import distributed
from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets import rules, schema
from litepose.datasets.categories import person_category
from litepose.datasets.crowding import crowd_index
from litepose.datasets.faults import Faults, counted
from litepose.datasets.ground_truth import GroundTruth, id_key
from litepose.datasets.rules import BOX_AREA
from litepose.datasets.schema import Category, Image, Person

LOG = logging.getLogger(__name__)
LARGEST_ID = 2**62
CROWDPOSE_COUNTED = 12  # joints that CrowdPose's files count in num_keypoints: all but head and neck


def read(file: Path, skeleton: Skeleton) -> GroundTruth:
    """Read and check an annotation file in COCO's (or CrowdPose's) keypoint format.

    People are those of the one category that has keypoints, or is named person, whatever its id; annotations
    of other categories are left out. Ids may be whole numbers or names. An area that is missing or 0 is the
    box's x 0.53, and CrowdPose's crowdIndex is computed where it is missing. What is allowed but looks wrong
    is logged as a warning, once in a process.

    Args:
        file: in COCO's format.
        skeleton: the joints that the file must have.

    Raises:
        InputError: the file cannot be read, or breaks the rules; all faults are counted and the first told.
    """
    file = Path(file)
    lists = schema.read_lists(file)
    if not lists.images:
        raise InputError(f"{file}: the list 'images' is empty; a split needs at least one image.")
    faults = Faults(file)
    categories = [category for _, category in schema.decode(lists.categories, Category, "categories", faults)]
    faults.refuse()
    category = person_category(categories, skeleton, faults)
    images = list(schema.decode(lists.images, Image, "images", faults))
    _check_images(images, faults)
    rows, replaced = _image_rows(images, faults)
    known = rows if len(images) == len(lists.images) else None
    people, joints, left_out = _people(lists.annotations, category, categories, known, skeleton, faults)
    faults.refuse()
    truth = _arrays(file, [image for _, image in images], people, joints, rows, replaced, skeleton)
    rules.check(truth, faults)
    faults.refuse()
    rules.refuse_other_conventions(truth)
    truth, said = _completed(truth, skeleton)
    warnings = (*left_out, *said, *_numbered_twice(people), *rules.suspicions(truth, skeleton))
    for warning in warnings:
        _log(file, warning)
    return replace(truth, warnings=warnings)


@cache
def _log(file: Path, warning: str) -> None:
    """Say it once, however often the file is read and by however many processes that train together."""
    if not distributed.rank():
        LOG.warning("%s: %s", file, warning)


def _check_images(images: list[tuple[int, Image]], faults: Faults) -> None:
    for number, image in images:
        for field in ("width", "height"):
            value = getattr(image, field)
            if value is not None and (value < 1 or value != math.trunc(value) or value > rules.FAR):
                faults.add(
                    f"{field} of images",
                    number,
                    f"images[{number}].{field} is {value:g}; expected {schema.EXPECTED[field]}",
                )
        if image.crowdIndex is not None and image.crowdIndex < 0:
            faults.add(
                "crowdIndex",
                number,
                f"images[{number}].crowdIndex is {image.crowdIndex:g}; expected a number from 0 on",
            )


def _image_rows(
    images: list[tuple[int, Image]], faults: Faults
) -> tuple[dict[int | str, int], dict[int | str, int]]:
    """Rows of the images by their ids, and whole numbers for ids that are none (or too large ones)."""
    rows: dict[int | str, int] = {}
    for row, (number, image) in enumerate(images):
        key = id_key(image.id)
        if key in rows:
            faults.add("ids", number, f"two images have id {image.id}; ids must be unique")
        rows[key] = row
    others = [key for key in rows if not isinstance(key, int) or abs(key) > LARGEST_ID]
    start = max((key for key in rows if isinstance(key, int) and key <= LARGEST_ID), default=0) + 1
    return rows, {key: start + number for number, key in enumerate(others)}


def _people(
    entries: list[msgspec.Raw],
    category: Category,
    categories: list[Category],
    rows: dict[int | str, int] | None,
    skeleton: Skeleton,
    faults: Faults,
) -> tuple[list[tuple[int, Person]], array, list[str]]:
    """The annotations of a category with their numbers, and what is to be said about the others.

    What an annotation of another category says is not read, so it may be anything. Keypoints come apart from
    their people, in one array: as lists they would take most of the memory. Without ``rows``, as where images
    are refused, it is not asked whether there is an image for everybody.
    """
    own = id_key(category.id)
    others = {id_key(other.id): other.name for other in categories}
    del others[own]

    people, joints, left_out = [], array("d"), Counter[str]()

    def of_others(entry: Any) -> bool:
        found = entry.get("category_id") if isinstance(entry, dict) else None
        if not isinstance(found, int | float | str) or id_key(found) not in others:
            return False
        left_out[others[id_key(found)]] += 1
        return True

    for number, person in schema.decode(entries, Person, "annotations", faults, of_others):
        key = own if person.category_id is None else id_key(person.category_id)
        if key in others:
            left_out[others[key]] += 1
            continue
        wrong = _wrong(person, rows, skeleton)
        if key != own:
            only = "category of people" if others else "only category"
            words = f".category_id is {person.category_id!r}; expected {category.id!r}, the id of the {only}"
            wrong = "category", words
        if wrong:
            faults.add(wrong[0], number, f"annotations[{number}]{wrong[1]}")
            continue
        joints.extend(person.keypoints or ())
        person.keypoints = None
        people.append((number, person))
    said = [f"{count} annotations of the category {name!r} are left out" for name, count in left_out.items()]
    return people, joints, said


def _wrong(person: Person, rows: dict[int | str, int] | None, skeleton: Skeleton) -> tuple[str, str] | None:
    """The kind of the first fault that the types of the fields leave open, and words for it."""
    numbers = 3 * skeleton.num_joints
    for field, value in (("keypoints", person.keypoints), ("bbox", person.bbox)):
        if value is None:
            return f"no {field}", f" has no '{field}'; expected person keypoints"
    if len(person.keypoints or ()) != numbers:
        return "length of keypoints", (
            f".keypoints has {len(person.keypoints or ())} numbers; expected {numbers} (x, y, visibility of "
            f"{skeleton.num_joints} joints)"
        )
    if len(person.bbox or ()) != 4:
        return "length of bbox", (
            f".bbox has {len(person.bbox or ())} numbers; expected 4 (left, top, width, height)"
        )
    if person.iscrowd not in (None, 0, 1):
        return "iscrowd", f".iscrowd is {person.iscrowd:g}; expected {schema.EXPECTED['iscrowd']}"
    if rows is not None and id_key(person.image_id) not in rows:
        return "image_id", (
            f".image_id {person.image_id} is not in 'images'; add the image or remove the annotation"
        )
    return None


def _arrays(
    file: Path,
    images: list[Image],
    people: list[tuple[int, Person]],
    joints: array,
    rows: dict[int | str, int],
    replaced: dict[int | str, int],
    skeleton: Skeleton,
) -> GroundTruth:
    keypoints = np.frombuffer(joints).reshape(len(people), skeleton.num_joints, 3)

    def numbers(values: Iterable[float | None]) -> np.ndarray:
        return np.array([np.nan if value is None else value for value in values], float)

    return GroundTruth(
        file=file,
        image_ids=np.array([replaced.get(key, key) for key in rows], np.int64),
        file_names=[image.file_name for image in images],
        sizes=np.array([(image.width or 0, image.height or 0) for image in images], np.int64),
        crowd_index=numbers(image.crowdIndex for image in images),
        entries=np.array([number for number, _ in people], int),
        image=np.array([rows[id_key(person.image_id)] for _, person in people], int),
        keypoints=keypoints,
        boxes=np.array([person.bbox for _, person in people], float).reshape(-1, 4),
        areas=numbers(person.area for _, person in people),
        iscrowd=np.array([bool(person.iscrowd) for _, person in people], bool),
        num_keypoints=_labelled(people, keypoints, skeleton),
        segmentations=[person.segmentation for _, person in people],
        replaced_ids=replaced,
    )


def _labelled(people: list[tuple[int, Person]], keypoints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """int [P]: labelled joints, counted; what the file says is believed in one case only.

    CrowdPose's own files do not count head and neck, and its evaluator ignores people for whom they say 0.
    """
    labelled = keypoints[..., 2] > 0
    counts = labelled.sum(1)
    if skeleton.name == "crowdpose":
        zero = np.array([person.num_keypoints == 0 for _, person in people], bool)
        counts[zero & ~labelled[:, :CROWDPOSE_COUNTED].any(1)] = 0
    return counts


def _completed(truth: GroundTruth, skeleton: Skeleton) -> tuple[GroundTruth, list[str]]:
    """With the areas and crowd indices that the file lacks, and what is to be said about that."""
    crowdpose, said = skeleton.name == "crowdpose", []
    areas, crowding = truth.areas.copy(), truth.crowd_index.copy()
    unknown = ~(areas > 0)
    areas[unknown] = BOX_AREA * truth.boxes[unknown, 2] * truth.boxes[unknown, 3]
    if unknown.any() and not crowdpose:
        said.append(
            f"{unknown.sum()} of {len(areas)} annotations have no area: it is taken as the box's x {BOX_AREA}"
        )
    if crowdpose and (missing := np.flatnonzero(np.isnan(crowding))).size:
        members = truth.people_of_images()
        crowding[missing] = [
            crowd_index(truth.boxes[members[image]], truth.keypoints[members[image]]) for image in missing
        ]
        said.append(
            f"{len(missing)} of {len(crowding)} images have no crowdIndex: it is computed from boxes and "
            "keypoints, and may differ a little from CrowdPose's own"
        )
    return replace(truth, areas=areas, crowd_index=crowding), said


def _numbered_twice(people: list[tuple[int, Person]]) -> list[str]:
    """A word about annotations that share an id, which may be one and the same."""
    ids = Counter(person.id for _, person in people if isinstance(person.id, int | str))
    again = [number for number, person in people if isinstance(person.id, int | str) and ids[person.id] > 1]
    if not again:
        return []
    return [f"{len(again)} annotations share their id with others{counted(again)}: are some there twice?"]
