"""How an image becomes a network's input, as the released test code resizes it, and points come back."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

COARSEST, FINEST = 64, 16  # px; both sides of the network's input are multiples of the first if they can be
MAX_ASPECT = 4  # the input's long side is at most this multiple of the short one, unless the caller says more


@dataclass(frozen=True)
class Resizing:
    """How an image becomes the network's input, and points come back.

    Attributes:
        width, height: of the input in pixels.
        scale: input pixels per image pixel.
        shift: of the image's content in the input, in input pixels (x, y).
    """

    width: int
    height: int
    scale: float
    shift: tuple[float, float]

    @classmethod
    def fit(
        cls, width: int, height: int, input_size: int, max_side: int | None = None, factor: float = 1.0
    ) -> "Resizing":
        """The short side becomes ``input_size``; the long one is padded to a multiple of 64, centred.

        A size that is no multiple of 64 is not rounded up to one, as the released code does: networks of few
        pixels would be tested at another scale than they were trained for. Both sides are then multiples of
        the largest power of two that divides the size, at least of 16, which the networks need.

        Args:
            width, height: of the image in pixels.
            input_size: of the network in pixels; rounded up to a multiple of 16.
            max_side: bound of the long side, by default four times the short one: beyond it the image
                shrinks, so that extreme aspect ratios do not exhaust the memory.
            factor: multiple of the input size to look at, see ``predict``'s scales.
        """
        multiple = max(math.gcd(COARSEST, input_size), FINEST)
        short = _round_up(factor * input_size, multiple)
        limit = max(short, (max_side or MAX_ASPECT * short) // multiple * multiple)
        scale = min(short / min(width, height), limit / max(width, height))
        long = min(_round_up(short / min(width, height) * max(width, height), multiple), limit)
        new_width, new_height = (short, long) if width < height else (long, short)
        # The released code centres on whole image pixels, rounded half up.
        centre = (int(width / 2 + 0.5), int(height / 2 + 0.5))
        return cls(
            new_width,
            new_height,
            scale,
            (new_width / 2 - scale * centre[0], new_height / 2 - scale * centre[1]),
        )

    def times(self, factor: float) -> "Resizing":
        """The same view of the image as a larger or smaller input; the sides must come out whole."""
        return Resizing(
            round(self.width * factor),
            round(self.height * factor),
            self.scale * factor,
            (self.shift[0] * factor, self.shift[1] * factor),
        )

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The image [h, w, 3] as network input [height, width, 3], black where there is no image."""
        matrix = np.array([[self.scale, 0, self.shift[0]], [0, self.scale, self.shift[1]]])
        return cv2.warpAffine(image, matrix, (self.width, self.height))

    def to_image(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Points [..., 2] on a map of the given size (covering the whole input) in image pixels."""
        ratio = np.array([self.width / width, self.height / height])
        return (points * ratio - np.array(self.shift)) / self.scale


def _round_up(size: float, multiple: int) -> int:
    return int(size + multiple - 1) // multiple * multiple
