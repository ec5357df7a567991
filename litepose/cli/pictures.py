"""An annotated image as the training sees it: annotations, a random view, its heatmap targets, its mask."""

import cv2
import numpy as np

from litepose.core.skeletons import Skeleton
from litepose.datasets.annotations import ImageRecord
from litepose.datasets.keypoints import KeypointDataset, supervised
from litepose.datasets.sampling import Sample
from litepose.datasets.targets import ignored_region
from litepose.drawing import draw_heatmap, draw_people

RED, GREEN = (255, 40, 40), (40, 220, 40)
TINT = 0.5  # strength of the red over what gives nothing to learn


def annotated(record: ImageRecord, skeleton: Skeleton) -> np.ndarray:
    """The image with its people's joints, their boxes in green, and in red what gives nothing to learn.

    Red are crowds and people without labelled joints: boxes, and regions where there are segmentations.
    """
    picture = record.read()
    region = ignored_region(record.ignore)
    if region is not None:
        picture = _tinted(picture, region > 0)
    learnt = supervised(record)
    for (left, top, width, height), counts in zip(record.boxes, learnt, strict=True):
        corners = np.rint([left, top, left + width, top + height]).astype(int).tolist()
        cv2.rectangle(picture, corners[:2], corners[2:], GREEN if counts else RED, 1)
    return draw_people(picture, list(record.keypoints[learnt]), skeleton)


def view(dataset: KeypointDataset, index: int, number: int, resolution: int) -> list[np.ndarray]:
    """A random view for the training: itself, all heatmap targets over it, in red where the loss is masked.

    Args:
        dataset: of the images, with its augmentation.
        index: of the image.
        number: of the view; each is another.
        resolution: side of the square training input, px.

    Returns:
        Three pictures, uint8 RGB [resolution, resolution, 3].
    """
    item = dataset[Sample(index, number, resolution, resolution)]
    size = (resolution, resolution)
    heatmap = cv2.resize(item.heatmaps[-1].max(0), size)
    masked = cv2.resize(item.masks[-1], size, interpolation=cv2.INTER_NEAREST) == 0
    return [item.image, draw_heatmap(item.image, heatmap), _tinted(item.image, masked)]


def beside(pictures: list[np.ndarray], height: int) -> np.ndarray:
    """Pictures of one height beside each other."""
    scaled = [
        cv2.resize(
            picture,
            (max(1, round(picture.shape[1] * height / picture.shape[0])), height),
            interpolation=cv2.INTER_AREA,
        )
        for picture in pictures
    ]
    return np.concatenate(scaled, 1)


def _tinted(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """A copy with red over some pixels, bool [h, w]."""
    tinted = picture.astype(np.float32)
    tinted[where] = (1 - TINT) * tinted[where] + TINT * np.array(RED, np.float32)
    return np.rint(tinted).astype(np.uint8)
