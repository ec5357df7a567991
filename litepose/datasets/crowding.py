"""How crowded an image is, as CrowdPose measures it."""

import numpy as np


def crowd_index(boxes: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """CrowdPose's crowding index, as decoded from its annotation files.

    The mean over people of the labelled joints of others inside a person's box, divided by the person's own
    labelled joints inside it, at most 1. People without an own labelled joint in their box do not count.

    Args:
        boxes: [..., P, 4] as x, y, width, height in pixels.
        keypoints: [..., P, J, 3] in pixels, with visibility, 0 where unlabelled.

    Returns:
        [...] numbers between 0 and 1.
    """
    left, top, width, height = np.moveaxis(boxes[..., None, None], -3, 0)  # each [..., P, 1, 1]
    x, y, flags = np.moveaxis(keypoints[..., None, :, :, :], -1, 0)  # each [..., 1, P, J]
    inside = (x >= left) & (x <= left + width) & (y >= top) & (y <= top + height)
    counts = (inside * np.minimum(flags, 1)).sum(-1)  # [..., box, owner of the joints]
    own = np.diagonal(counts, axis1=-2, axis2=-1)
    others = counts.sum(-1) - own
    ratios = np.where(own > 0, others / np.maximum(own, 1e-6), 0.0).sum(-1)
    return np.minimum(ratios / np.maximum((own > 0).sum(-1), 1), 1.0)
