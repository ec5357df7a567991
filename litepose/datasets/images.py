"""Decoding image files."""

from pathlib import Path

import cv2
import numpy as np

from litepose.errors import InputError


def read_image(path: Path) -> np.ndarray:
    """The pixels of an image file as uint8 RGB [height, width, 3].

    Grey, palette, CMYK and 16-bit files become 8-bit RGB. The EXIF orientation is ignored, because COCO's
    annotations (and tools) refer to the pixels as stored.

    Raises:
        InputError: the file is missing, empty or cannot be decoded.
    """
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the images directory.") from error
    if not encoded.size:
        raise InputError(f"{path}: the file is empty; replace it or remove it from the annotations.")
    try:
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise InputError(f"{path}: cannot be decoded ({error.err}); store a smaller image.") from error
    if image is None:
        raise InputError(f"{path}: not an image that can be decoded; replace it by a JPEG or PNG file.")
    return image
