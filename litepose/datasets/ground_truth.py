"""The images of an annotation file and their people as arrays, in the file's precision and order."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

Id = int | float | str
PERSON = 1  # id of the category of people


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """I images and P people of J joints; all coordinates in pixels.

    Attributes:
        file: that they were read from.
        image_ids: int [I]; ids of the file that are no whole numbers are replaced by some.
        file_names: I names of image files, None where the file gives none.
        sizes: int [I, 2], width and height as annotated; 0 where the file gives none.
        crowd_index: float [I], CrowdPose's measure; NaN where it is neither given nor needed.
        entries: int [P], the people's places in the file's list of annotations.
        image: int [P], their images as indices of ``image_ids``.
        keypoints: float [P, J, 3]: x, y, visibility (0 not labelled, 1 hidden, 2 visible).
        boxes: float [P, 4]: left, top, width, height.
        areas: float [P].
        iscrowd: bool [P], a crowd instead of a person.
        num_keypoints: int [P], labelled joints; 0 for people whom an evaluator ignores.
        segmentations: P pieces of JSON, empty where the file gives none.
        replaced_ids: what ids of the file were replaced by, see ``image_ids``.
        warnings: what is allowed but looks wrong, a sentence each.
    """

    file: Path
    image_ids: np.ndarray
    file_names: list[str | None]
    sizes: np.ndarray
    crowd_index: np.ndarray
    entries: np.ndarray
    image: np.ndarray
    keypoints: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray
    iscrowd: np.ndarray
    num_keypoints: np.ndarray
    segmentations: list[msgspec.Raw]
    replaced_ids: dict[int | str, int]
    warnings: tuple[str, ...] = ()

    def counted(self) -> np.ndarray:
        """bool [P]: people to be learnt and found, no crowds and nobody without labelled joints."""
        return ~self.iscrowd & (self.num_keypoints > 0)

    def people_of_images(self) -> list[np.ndarray]:
        """The rows of each image's people, in the file's order."""
        order = np.argsort(self.image, kind="stable")
        ends = np.searchsorted(self.image[order], np.arange(len(self.image_ids)), side="right")
        return np.split(order, ends[:-1])

    def image_id(self, value: Id) -> int | str:
        """An image's id as ``image_ids`` has it, of one as the file has it; other values stay."""
        return self.replaced_ids.get(key := id_key(value), key)

    def content(self, image_ids: Collection[int] | None = None) -> dict[str, Any]:
        """What an annotation file of COCO's would hold, as far as evaluators and statistics need it.

        Numbers are as read, people's ids count from 1, and their category is ``PERSON``.

        Args:
            image_ids: images to take; default: all.
        """
        ids = self.image_ids.tolist()
        chosen = set(ids if image_ids is None else image_ids)
        images = [
            {"id": image, "width": width, "height": height}
            | ({} if np.isnan(crowding) else {"crowdIndex": crowding})
            for image, (width, height), crowding in zip(
                ids, self.sizes.tolist(), self.crowd_index.tolist(), strict=True
            )
            if image in chosen
        ]
        rows = zip(
            self.image_ids[self.image].tolist(),
            self.iscrowd.astype(int).tolist(),
            self.keypoints.reshape(len(self.image), 3 * self.keypoints.shape[1]).tolist(),
            self.num_keypoints.tolist(),
            self.boxes.tolist(),
            self.areas.tolist(),
            strict=True,
        )
        fields = ("image_id", "iscrowd", "keypoints", "num_keypoints", "bbox", "area")
        people = [
            {"id": number, "category_id": PERSON} | dict(zip(fields, row, strict=True))
            for number, row in enumerate((row for row in rows if row[0] in chosen), 1)
        ]
        return {
            "images": images,
            "annotations": people,
            "categories": [{"id": PERSON, "name": "person"}],
        }


def id_key(value: Id) -> int | str:
    """An id such that equal ones are equal however they are written: 7, 7.0 and "7"."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else value
    return int(value) if value == int(value) else str(value)
