"""Where average precision is lost: the decoder gets one half of the truth instead of what was predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from litepose.datasets import targets
from litepose.datasets.annotations import Annotations
from litepose.inference.prediction import Maps, View

APART = 10.0  # between the tags of two people: far more than what the decoder takes for one person's
NOBODY = -10_000.0  # by which the tags are moved where no joint is: out of everybody's reach


@dataclass(frozen=True)
class Truth:
    """The annotated people of images, as changes of what a network predicts there.

    Attributes:
        people: keypoints float32 [P, J, 3] in image pixels, by the image's id.
    """

    people: Mapping[int, np.ndarray]

    @classmethod
    def of(cls, images: Annotations) -> "Truth":
        """Of annotated images; crowds are not people."""
        return cls({image.id: image.keypoints[~image.iscrowd] for image in images})

    def tags(self, maps: Maps, views: Sequence[View]) -> Maps:
        """True tags on predicted heatmaps: around each annotated joint, the number of its person.

        A joint reaches as far as its target heatmap, and no farther than to where another person's is
        stronger. Elsewhere tags stay as predicted, but are so far off that nobody's joints are found there.
        """
        height, width = maps.tags[0].shape[2:]
        owners = np.stack([self._owners(view, height, width) for view in views])
        owner = torch.from_numpy(owners).to(maps.tags[0].device)
        return maps._replace(
            tags=[torch.where(owner > 0, owner * APART, part + NOBODY) for part in maps.tags]
        )

    def heatmaps(self, maps: Maps, views: Sequence[View]) -> Maps:
        """True heatmaps under predicted tags: the training targets of all annotated joints.

        They are drawn at the input's size, at which peaks are looked for: enlarged from half of it, each
        would have four equal pixels at its top, and be four peaks.
        """
        height, width = views[0].resizing.height, views[0].resizing.width
        drawn = np.stack([_drawn(self._joints(view, height, width), height, width) for view in views])
        return maps._replace(heatmaps=[torch.from_numpy(drawn).to(maps.heatmaps[0].device)])

    def _owners(self, view: View, height: int, width: int) -> np.ndarray:
        """Whose joint each pixel of the tags belongs to, counted from 1; float32 [J, height, width]."""
        joints = self._joints(view, height, width)
        owners = np.zeros((joints.shape[1], height, width), np.float32)
        strongest = np.zeros_like(owners)
        for number, person in enumerate(joints, 1):
            drawn = _drawn(person[None], height, width)
            owners[drawn > strongest] = number
            np.maximum(strongest, drawn, out=strongest)
        return owners

    def _joints(self, view: View, height: int, width: int) -> np.ndarray:
        """The people's joints [P, J, 3] in map pixels; those beyond the map's ends are not visible."""
        joints = self.people[view.image_id].astype(np.float64)
        joints[..., 0] -= view.window.left
        joints[..., :2] = view.resizing.to_map(joints[..., :2], width, height)
        joints[..., 2] *= (joints[..., :2] < [width, height]).all(-1)
        return joints


def _drawn(joints: np.ndarray, height: int, width: int) -> np.ndarray:
    """Target heatmaps float32 [J, height, width]."""
    return targets.heatmaps(joints, max(height, width))[:, :height, :width]
