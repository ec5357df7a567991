"""How an image becomes a network's input, as the released test code resizes it, and points come back."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

COARSEST, FINEST = 64, 16  # px; both sides of the network's input are multiples of the first if they can be
MAX_ASPECT = 4  # the input's long side is at most this multiple of the short one, unless the caller says more
TOLERANCE = 1e-6  # px; what the rounding of float64 cannot exceed


@dataclass(frozen=True)
class Resizing:
    """How an image becomes the network's input, and points come back.

    Attributes:
        width, height: of the input in pixels.
        scale: input pixels per image pixel.
        shift: of the image's content in the input, in input pixels (x, y).
        image_size: of the image in pixels (width, height).
        bounded: whether the image shrank further to keep the bound on the long side.
        released: whether the input is the released code's, down to the rounding of its matrix.
    """

    width: int
    height: int
    scale: float
    shift: tuple[float, float]
    image_size: tuple[int, int]
    bounded: bool = False
    released: bool = False

    @classmethod
    def fit(
        cls, width: int, height: int, input_size: int, max_side: int | None = None, factor: float = 1.0
    ) -> "Resizing":
        """The short side becomes ``input_size``; the long one is padded to a multiple of 64, centred.

        A size that is no multiple of 64 is not rounded up to one, as the released code does: networks of few
        pixels would be tested at another scale than they were trained for. Both sides are then multiples of
        the largest power of two that divides the size, at least of 16, which the networks need.

        An image whose long side would exceed the bound shrinks as a whole, and both sides of the input are
        the next multiples of its content: a short side of the full size would be black for the most part, and
        networks see people in wide black bands.

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
        bounded = limit * min(width, height) < short * max(width, height)
        scale = limit / max(width, height) if bounded else short / min(width, height)
        long = limit if bounded else _round_up(scale * max(width, height), multiple)
        short = _round_up(scale * min(width, height), multiple) if bounded else short
        new_width, new_height = (short, long) if width < height else (long, short)
        centre = _centre(width, height)
        return cls(
            new_width,
            new_height,
            scale,
            (new_width / 2 - scale * centre[0], new_height / 2 - scale * centre[1]),
            (width, height),
            bounded,
            released=multiple == COARSEST and not bounded,
        )

    def times(self, factor: float) -> "Resizing":
        """The same view of the image as a larger or smaller input; the sides must come out whole."""
        return replace(
            self,
            width=round(self.width * factor),
            height=round(self.height * factor),
            scale=self.scale * factor,
            shift=(self.shift[0] * factor, self.shift[1] * factor),
        )

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The image [h, w, 3] as network input [height, width, 3], black where there is no image."""
        if self.released:
            matrix = self._released_matrix()
        else:
            matrix = np.array([[self.scale, 0, self.shift[0]], [0, self.scale, self.shift[1]]])
        return cv2.warpAffine(image, matrix, (self.width, self.height))

    def to_image(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Points [..., 2] on a map of the given size (covering the whole input) in image pixels."""
        ratio = np.array([self.width / width, self.height / height])
        return (points * ratio - np.array(self.shift)) / self.scale

    def to_map(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Points [..., 2] in image pixels on a map of the given size (covering the whole input)."""
        ratio = np.array([width / self.width, height / self.height])
        return (points * self.scale + np.array(self.shift)) * ratio

    def content(self) -> tuple[slice, slice]:
        """Rows and columns of the input's pixels that lie inside the image as a whole."""
        (left, top), (width, height) = self.shift, self.image_size
        right, bottom = left + self.scale * width, top + self.scale * height
        return _whole(top, bottom, self.height), _whole(left, right, self.width)

    def _released_matrix(self) -> np.ndarray:
        """The matrix [2, 3] as the released code computes it.

        The centres of image and input, the points half a width above them and those half a width to the left
        of the latter are rounded to float32; the matrix follows from these three pairs. Rounding shifts the
        sampled positions by up to some 1e-4 pixels, by which some input values come out one level higher or
        lower.
        """
        width, height = self.image_size
        box = width if width < height else self.width / self.height * height
        image = _corner(_centre(width, height), box / 200 * 200)  # the released code's unit is 200 pixels
        network = _corner((self.width * 0.5, self.height * 0.5), self.width)
        return cv2.getAffineTransform(image, network)


def _corner(centre: tuple[float, float], width: float) -> np.ndarray:
    """The centre, the point half a width above it, the point half a width left of that; float32 [3, 2]."""
    points = np.zeros((3, 2), np.float32)
    points[0] = centre
    points[1] = np.array(centre) + np.array([0, -0.5 * width])
    across = points[0] - points[1]
    points[2] = points[1] + np.array([-across[1], across[0]], np.float32)
    return points


def _centre(width: int, height: int) -> tuple[int, int]:
    """The released code centres on whole image pixels, rounded half up."""
    return int(width / 2 + 0.5), int(height / 2 + 0.5)


def _round_up(size: float, multiple: int) -> int:
    return int(size + multiple - 1) // multiple * multiple


def _whole(low: float, high: float, size: int) -> slice:
    """Whole pixels between two positions on a side of the given size."""
    return slice(max(0, math.ceil(low - TOLERANCE)), min(size, math.floor(high + TOLERANCE)))
