"""Decoding image files."""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from litepose.core.errors import InputError

MAX_PIXELS = 80_000_000  # 240 MB decoded; COCO's largest image has 0.4 million
START_OF_SCAN, END_OF_IMAGE = 0xDA, b"\xff\xd9"  # JPEG markers


def read_image(path: Path, *, upright: bool = False, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The pixels of an image file as uint8 RGB [height, width, 3].

    Grey, palette, CMYK and 16-bit files become 8-bit RGB; transparency is dropped.

    Args:
        path: the image file.
        upright: turn the image as its EXIF orientation says. By default the orientation is ignored, because
            COCO's annotations (and tools) refer to the pixels as stored.
        max_pixels: larger images are refused before any memory is taken for their pixels; Pillow, which reads
            the size, refuses more than 178 million by itself.

    Raises:
        InputError: the file is missing, empty, cut off, too large or cannot be decoded.
    """
    try:
        encoded = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the images directory.") from error
    if not encoded:
        raise InputError(f"{path}: the file is empty; replace it or remove it from the annotations.")
    kind, pixels = _header(path, encoded)
    check_size(path, pixels, max_pixels)
    flags = cv2.IMREAD_COLOR_RGB | (0 if upright else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error as error:
        raise InputError(f"{path}: cannot be decoded ({error.err}); store it again.") from error
    if image is None or (kind in ("JPEG", "MPO") and not _is_whole(encoded)):
        raise InputError(f"{path}: the file is cut off or damaged; copy or download it again.")
    return image


def check_size(path: Path, pixels: int, max_pixels: int) -> None:
    """Refuse an image by the number of its pixels.

    Raises:
        InputError: it has more than ``max_pixels``.
    """
    if pixels > max_pixels:
        raise InputError(
            f"{path}: {pixels / 1e6:.4g} million pixels, more than the {max_pixels / 1e6:.4g} million "
            "that are read; store a smaller image, or raise max_pixels."
        )


def _header(path: Path, encoded: bytes) -> tuple[str | None, int]:
    """The file's format and number of pixels, without decoding it."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            return image.format, image.width * image.height
    except Image.DecompressionBombError as error:  # so large that the library refuses to look at it
        raise InputError(f"{path}: more pixels than can be read; store a smaller image.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not an image that can be decoded; store it as JPEG or PNG.") from error


def _is_whole(jpeg: bytes) -> bool:
    """Whether the picture's data end with their marker.

    OpenCV refuses a file that ends too early, but not one whose missing end was filled up with zeros, as
    interrupted downloads leave it. Whatever follows the marker is allowed; the end of an embedded preview,
    which lies before the picture's data, does not count.
    """
    position = 2
    while position + 1 < len(jpeg) and jpeg[position + 1] != START_OF_SCAN:
        is_segment = jpeg[position] == 0xFF and jpeg[position + 1] not in (0x00, 0xFF)
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big") if is_segment else 1
    return jpeg.rfind(END_OF_IMAGE, position) > 0
