"""Keypoint annotations in COCO's format, validated once and held as arrays."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from pycocotools import mask as coco_mask

from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets.images import MAX_PIXELS, check_size, read_image


class RunLengths(TypedDict):
    """A region of pixels as COCO compresses it.

    Attributes:
        size: height and width of the image.
        counts: lengths of the runs outside and inside, column by column.
    """

    size: list[int]
    counts: str | bytes


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image and its people; all coordinates in pixels.

    Attributes:
        id: the image's id in the annotation file.
        path: the image file.
        width, height: size as annotated.
        keypoints: float32 [P, J, 3]: x, y, visibility (0 not labelled, 1 hidden, 2 visible).
        boxes: float32 [P, 4]: left, top, width, height.
        areas: float32 [P]; box area x 0.53 where the file has none (CrowdPose).
        iscrowd: bool [P].
        ignore: run-length encoded region without supervision (crowds, people without keypoints), or None.
        max_pixels: larger files are refused.
    """

    id: int
    path: Path
    width: int
    height: int
    keypoints: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    iscrowd: np.ndarray
    ignore: RunLengths | None
    max_pixels: int

    def read(self) -> np.ndarray:
        """The pixels, uint8 RGB [height, width, 3].

        Raises:
            InputError: the file cannot be decoded, is too large, or has another size than annotated.
        """
        image = read_image(self.path, max_pixels=self.max_pixels)
        height, width = image.shape[:2]
        if (width, height) != (self.width, self.height):
            raise InputError(
                f"{self.path}: {width}x{height} pixels, but annotated as {self.width}x{self.height}; "
                "correct width and height in the annotation file."
            )
        return image


@dataclass(frozen=True, slots=True)
class Annotations:
    """One split: the file it came from and its images in the file's order."""

    file: Path
    images: list[ImageRecord]

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[ImageRecord]:
        return iter(self.images)


def load(
    annotation_file: Path, images_dir: Path, skeleton: Skeleton, max_pixels: int = MAX_PIXELS
) -> Annotations:
    """Read and validate an annotation file in COCO's (or CrowdPose's) keypoint format.

    Regions are masked out of the heatmap loss where an annotation that gives no joints to learn has a
    segmentation: crowds, and people without labelled keypoints. CrowdPose has no segmentations.

    Args:
        annotation_file: in COCO's format.
        images_dir: directory of the images.
        skeleton: the joints that the file must have.
        max_pixels: larger images are refused, here by their annotated and later by their true size.

    Raises:
        InputError: a missing file, malformed JSON, other keypoints than the skeleton's, an image that is
            missing or too large, or no image at all.
    """
    annotation_file, images_dir = Path(annotation_file), Path(images_dir)
    content = read_json(annotation_file)
    _check_category(content, annotation_file, skeleton)
    _check_images(content, annotation_file, images_dir, max_pixels)
    people = _people_by_image(content, annotation_file, skeleton)
    images = [
        _record(image, people.get(image["id"], []), annotation_file, images_dir, skeleton, max_pixels)
        for image in content["images"]
    ]
    return Annotations(annotation_file, images)


def read_json(annotation_file: Path) -> dict:
    """The annotation file's content, checked for the three lists of COCO's format.

    Raises:
        InputError: the file is missing, not JSON, or lacks a list.
    """
    try:
        content = json.loads(Path(annotation_file).read_text())
    except OSError as error:
        raise InputError(
            f"{annotation_file}: the annotation file cannot be read ({error.strerror}); check the path."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{annotation_file}: not valid JSON ({error}); download or export it again."
        ) from error
    for field in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(field), list):
            raise InputError(
                f"{annotation_file}: the list '{field}' is missing; expected COCO's keypoint format."
            )
    return content


def _check_category(content: dict, file: Path, skeleton: Skeleton) -> None:
    names = [category.get("keypoints") for category in content["categories"]]
    if len(names) != 1:
        raise InputError(f"{file}: {len(names)} categories; expected only 'person'.")
    if names[0] is not None and tuple(names[0]) != skeleton.joints:
        raise InputError(
            f"{file}: categories[0].keypoints lists {len(names[0])} joints that are not the "
            f"{skeleton.num_joints} of {skeleton.name} in its order; choose the skeleton of this data set."
        )


def _check_images(content: dict, file: Path, images_dir: Path, max_pixels: int) -> None:
    if not content["images"]:
        raise InputError(f"{file}: the list 'images' is empty; a split needs at least one image.")
    if not images_dir.is_dir():
        raise InputError(f"{images_dir}: the images directory of {file} does not exist; check the path.")
    present = {path.name for path in images_dir.iterdir()}  # one listing instead of a stat per image
    ids = set()
    for number, image in enumerate(content["images"]):
        for field in ("id", "file_name", "width", "height"):
            if field not in image:
                raise InputError(f"{file}: images[{number}] has no '{field}'; add it.")
        if image["id"] in ids:
            raise InputError(f"{file}: two images have id {image['id']}; ids must be unique.")
        ids.add(image["id"])
        for field in ("width", "height"):
            if not isinstance(image[field], int) or image[field] < 1:
                raise InputError(
                    f"{file}: images[{number}].{field} is {image[field]!r}; expected a whole "
                    "number of pixels."
                )
        check_size(images_dir / image["file_name"], image["width"] * image["height"], max_pixels)
        if image["file_name"] not in present and not (images_dir / image["file_name"]).is_file():
            raise InputError(
                f"{images_dir / image['file_name']}: the image is missing, though {file.name} lists it; "
                "add the file or remove the entry."
            )


def _people_by_image(content: dict, file: Path, skeleton: Skeleton) -> dict[int, list[dict]]:
    people = defaultdict(list)
    known = {image["id"] for image in content["images"]}
    category = content["categories"][0].get("id", 1)
    for number, person in enumerate(content["annotations"]):
        for field in ("image_id", "keypoints", "bbox"):
            if field not in person:
                raise InputError(
                    f"{file}: annotations[{number}] has no '{field}'; expected person keypoints."
                )
        if len(person["keypoints"]) != 3 * skeleton.num_joints:
            raise InputError(
                f"{file}: annotations[{number}].keypoints has {len(person['keypoints'])} numbers; expected "
                f"{3 * skeleton.num_joints} (x, y, visibility of {skeleton.num_joints} joints)."
            )
        if len(person["bbox"]) != 4:
            raise InputError(
                f"{file}: annotations[{number}].bbox has {len(person['bbox'])} numbers; expected 4 "
                "(left, top, width, height)."
            )
        if person.get("category_id", category) != category:
            raise InputError(
                f"{file}: annotations[{number}].category_id is {person['category_id']}; expected {category}, "
                "the id of the only category."
            )
        if person["image_id"] not in known:
            raise InputError(
                f"{file}: annotations[{number}].image_id {person['image_id']} is not in 'images'; add the "
                "image or remove the annotation."
            )
        people[person["image_id"]].append(person)
    return people


def _record(
    image: dict, people: list[dict], file: Path, images_dir: Path, skeleton: Skeleton, max_pixels: int
) -> ImageRecord:
    keypoints = np.array([person["keypoints"] for person in people], np.float32)
    keypoints = keypoints.reshape(-1, skeleton.num_joints, 3)
    boxes = np.array([person["bbox"] for person in people], np.float32).reshape(-1, 4)
    areas = np.array(
        [person.get("area", 0.53 * person["bbox"][2] * person["bbox"][3]) for person in people], np.float32
    )
    iscrowd = np.array([bool(person.get("iscrowd", 0)) for person in people], bool)
    without_joints = iscrowd | (keypoints[..., 2] <= 0).all(1)
    ignored = [
        person
        for person, unsupervised in zip(people, without_joints, strict=True)
        if unsupervised and person.get("segmentation")
    ]
    return ImageRecord(
        id=image["id"],
        path=images_dir / image["file_name"],
        width=image["width"],
        height=image["height"],
        keypoints=keypoints,
        boxes=boxes,
        areas=areas,
        iscrowd=iscrowd,
        ignore=_region(ignored, file, image["height"], image["width"]),
        max_pixels=max_pixels,
    )


def _region(people: list[dict], file: Path, height: int, width: int) -> RunLengths | None:
    """The union of the people's segmentations: polygons, or run lengths as a list or compressed."""
    encoded: list[RunLengths] = []
    for person in people:
        segmentation = person["segmentation"]
        if isinstance(segmentation, dict) and segmentation["size"] != [height, width]:
            raise InputError(
                f"{file}: the segmentation of annotation {person.get('id')} has size {segmentation['size']}; "
                f"expected its image's [height, width] = {[height, width]}."
            )
        if isinstance(segmentation, dict) and isinstance(segmentation["counts"], str | bytes):
            encoded.append(RunLengths(size=segmentation["size"], counts=segmentation["counts"]))
        else:
            region = coco_mask.frPyObjects(segmentation, height, width)
            encoded.extend(region if isinstance(region, list) else [region])
    return coco_mask.merge(encoded) if encoded else None
