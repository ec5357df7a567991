"""Keypoint annotations in COCO's format, validated once and held as arrays."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets.faults import Faults
from litepose.datasets.ground_truth import GroundTruth
from litepose.datasets.images import SIDEWAYS, check_size, read_header, read_image
from litepose.datasets.reading import read
from litepose.datasets.schema import EXPECTED
from litepose.datasets.segmentation import RegionError, RunLengths, encoded, union


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image and its people; all coordinates in pixels.

    Attributes:
        id: the image's id in the annotation file, or a number in its place where it is none.
        path: the image file.
        width, height: size as annotated.
        keypoints: float32 [P, J, 3]: x, y, visibility (0 not labelled, 1 hidden, 2 visible).
        boxes: float32 [P, 4]: left, top, width, height.
        areas: float32 [P]; box area x 0.53 where the file has none or 0 (CrowdPose).
        iscrowd: bool [P].
        ignore: run-length encoded region without supervision (crowds, people without keypoints), or None.
        max_pixels: larger files are refused; None for the bound of :func:`read_image`.
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
    max_pixels: int | None

    def read(self) -> np.ndarray:
        """The pixels, uint8 RGB [height, width, 3].

        Raises:
            InputError: the file cannot be decoded, is too large, or has another size than annotated.
        """
        image = read_image(self.path, max_pixels=self.max_pixels)
        height, width = image.shape[:2]
        self.check(width, height)
        return image

    def check(self, width: int, height: int) -> None:
        """Refuse an image file by its size.

        Raises:
            InputError: it has another size than annotated.
        """
        if (width, height) == (self.width, self.height):
            return
        advice = "correct width and height in the annotation file"
        if (height, width) == (self.width, self.height) and read_header(self.path).orientation in SIDEWAYS:
            advice = (
                "the annotations refer to the picture as its EXIF orientation turns it, which COCO's tools "
                "ignore: store the image with its pixels turned and without that orientation"
            )
        raise InputError(
            f"{self.path}: {width}x{height} pixels, but annotated as {self.width}x{self.height}; {advice}."
        )


@dataclass(frozen=True, slots=True)
class Annotations:
    """One split: the file it came from and its images in the file's order.

    Attributes:
        file: the annotation file.
        images: of the split.
        warnings: what is allowed in the file but looks wrong, a sentence each.
    """

    file: Path
    images: list[ImageRecord]
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[ImageRecord]:
        return iter(self.images)


def load(
    annotation_file: Path, images_dir: Path, skeleton: Skeleton, max_pixels: int | None = None
) -> Annotations:
    """Read and validate an annotation file in COCO's (or CrowdPose's) keypoint format, see ``reading.read``.

    Regions are masked out of the heatmap loss where an annotation that gives no joints to learn has a
    segmentation: crowds, and people without labelled keypoints. CrowdPose has no segmentations.

    Args:
        annotation_file: in COCO's format.
        images_dir: directory of the images.
        skeleton: the joints that the file must have.
        max_pixels: larger images are refused, here by their annotated and later by their true size; None for
            the bound of :func:`read_image`.

    Raises:
        InputError: a missing file, malformed JSON, an entry that breaks a rule, other keypoints than the
            skeleton's, an image that is missing or too large, or no image at all.
    """
    annotation_file, images_dir = Path(annotation_file), Path(images_dir)
    truth = read(annotation_file, skeleton)
    paths = _paths(truth, images_dir)
    for path, (width, height) in zip(paths, truth.sizes.tolist(), strict=True):
        check_size(path, width * height, max_pixels)
    return Annotations(annotation_file, _records(truth, paths, max_pixels), truth.warnings)


def _paths(truth: GroundTruth, images_dir: Path) -> list[Path]:
    """The image files, all of which exist and have a size in the annotations."""
    if not images_dir.is_dir():
        raise InputError(
            f"{images_dir}: the images directory of {truth.file} does not exist; check the path."
        )
    present = {path.name for path in images_dir.iterdir()}  # one listing instead of a stat per image
    fields, missing, paths = Faults(truth.file), Faults(images_dir), []
    for number, (name, size) in enumerate(zip(truth.file_names, truth.sizes.tolist(), strict=True)):
        given = {"file_name": name, "width": size[0], "height": size[1]}
        for field in (field for field, value in given.items() if not value):
            fields.add(field, number, f"images[{number}] has no '{field}'; add {EXPECTED[field]}")
        path = images_dir / (name or "")
        if name and name not in present and not _is_file(path):
            missing.add(
                "missing",
                number,
                f"{name}: the image is missing, though {truth.file.name} lists it; add the file or remove "
                "the entry",
            )
        paths.append(path)
    fields.refuse()
    missing.refuse()
    return paths


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _records(truth: GroundTruth, paths: list[Path], max_pixels: int | None) -> list[ImageRecord]:
    members = truth.people_of_images()
    order = np.concatenate(members) if members else np.zeros(0, int)
    ends = np.cumsum([len(people) for people in members])[:-1]

    def of_images(values: np.ndarray) -> list[np.ndarray]:
        return np.split(values[order], ends)

    columns = zip(
        truth.image_ids.tolist(),
        paths,
        truth.sizes.tolist(),
        of_images(truth.keypoints.astype(np.float32)),
        of_images(truth.boxes.astype(np.float32)),
        of_images(truth.areas.astype(np.float32)),
        of_images(truth.iscrowd),
        _ignored_regions(truth),
        strict=True,
    )
    return [
        ImageRecord(image, path, width, height, keypoints, boxes, areas, iscrowd, ignore, max_pixels)
        for image, path, (width, height), keypoints, boxes, areas, iscrowd, ignore in columns
    ]


def _ignored_regions(truth: GroundTruth) -> list[RunLengths | None]:
    """The union of the segmentations of each image's people who give no joints to learn."""
    faults = Faults(truth.file)
    regions: list[list[RunLengths]] = [[] for _ in truth.sizes]
    for row in np.flatnonzero(truth.iscrowd | (truth.keypoints[..., 2] <= 0).all(1)).tolist():
        image, number = truth.image[row], int(truth.entries[row])
        width, height = truth.sizes[image].tolist()
        try:
            regions[image] += encoded(truth.segmentations[row], height, width)
        except RegionError as error:
            faults.add("segmentation", number, f"annotations[{number}].segmentation {error}")
    faults.refuse()
    return [union(parts) for parts in regions]
