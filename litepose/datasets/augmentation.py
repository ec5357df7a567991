"""The random view of an image that a network is trained on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random affine view (HigherHRNet's protocol, paper section 5.1).

    Attributes:
        rotation: largest angle in degrees, to both sides.
        scale: range of the side of the viewed square, relative to the image's short side.
        translation: largest shift of the centre in x and in y, in pixels of a view of 200 pixels.
        flip: probability of mirroring.
    """

    rotation: float = 30.0
    scale: tuple[float, float] = (0.75, 1.5)
    translation: float = 40.0
    flip: float = 0.5

    def draw(self, width: int, height: int, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
        """A random view of an image.

        Args:
            width, height: the image's size in pixels.
            rng: source of the random numbers.

        Returns:
            Affine matrix [2, 3] from image pixels to a view of side 1, not mirrored, and whether to mirror.
        """
        side = min(width, height) * rng.uniform(*self.scale)
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation))
        centre = np.array([width / 2, height / 2])
        centre += rng.uniform(-self.translation, self.translation, 2) * side / 200
        cos, sin = np.cos(angle) / side, np.sin(angle) / side
        linear = np.array([[cos, sin], [-sin, cos]])
        return np.column_stack([linear, 0.5 - linear @ centre]), bool(rng.random() < self.flip)


NO_AUGMENTATION = Augmentation(rotation=0.0, scale=(1.0, 1.0), translation=0.0, flip=0.0)


def mirrored(matrix: np.ndarray, size: int) -> np.ndarray:
    """An affine matrix [2, 3] into a view of ``size`` pixels, then pixel x moved to size - 1 - x."""
    result = matrix.copy()
    result[0] *= -1
    result[0, 2] += size - 1
    return result
