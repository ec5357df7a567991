"""The AP that chance gives: the same average person guessed in every image, blind to what it shows."""

import numpy as np

from litepose.datasets.annotations import Annotations


def blind_guess(training: Annotations, images: Annotations) -> list[dict]:
    """One detection per image: the mean person of the training images.

    Positions are averaged relative to the image's width and height, over labelled joints.

    Returns:
        Detections in COCO's result format, pixels of each image.
    """
    sizes = [np.full((len(image.keypoints), 2), (image.width, image.height)) for image in training]
    keypoints = np.concatenate([image.keypoints for image in training])
    relative = keypoints[..., :2] / np.concatenate(sizes)[:, None]
    labelled = (keypoints[..., 2:] > 0).astype(float)
    mean = (relative * labelled).sum(0) / np.maximum(labelled.sum(0), 1)
    return [
        {
            "image_id": image.id,
            "category_id": 1,
            "keypoints": np.column_stack([mean * (image.width, image.height), np.ones(len(mean))])
            .ravel()
            .tolist(),
            "score": 1.0,
        }
        for image in images
    ]
