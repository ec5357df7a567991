"""Decoding image files."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from PIL import Image

from litepose.core.errors import InputError

MAX_PIXELS = 80_000_000  # 240 MB decoded; COCO's largest image has 0.4 million
START_OF_SCAN, END_OF_IMAGE = 0xDA, b"\xff\xd9"  # JPEG markers
JPEGS = ("JPEG", "MPO")  # a JPEG, and one with further pictures inside
ORIENTATION = 0x0112  # EXIF tag
SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange width and height


@dataclass(frozen=True)
class Header:
    """What an image file says about itself.

    Attributes:
        kind: Pillow's name of the file format.
        width, height: in pixels, as stored.
        orientation: EXIF's, 1 for upright.
    """

    kind: str | None
    width: int
    height: int
    orientation: int


def read_image(path: Path, *, upright: bool = False, max_pixels: int | None = None) -> np.ndarray:
    """The pixels of an image file as uint8 RGB [height, width, 3].

    Grey, palette, CMYK and 16-bit files become 8-bit RGB; transparency is dropped.

    Args:
        path: the image file.
        upright: turn the image as its EXIF orientation says. By default the orientation is ignored, because
            COCO's annotations (and tools) refer to the pixels as stored.
        max_pixels: larger images are refused before any memory is taken for their pixels, by default those of
            more than ``MAX_PIXELS``; Pillow, which reads the size, refuses more than 178 million by itself.

    Raises:
        InputError: the file is missing, empty, cut off, too large or cannot be decoded.
    """
    try:
        encoded = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the images directory.") from error
    if not encoded:
        raise InputError(f"{path}: the file is empty; replace it or remove it from the annotations.")
    header = _header(path, io.BytesIO(encoded))
    check_size(path, header.width * header.height, max_pixels)
    flags = cv2.IMREAD_COLOR_RGB | (0 if upright else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None or (header.kind in JPEGS and not _is_whole(encoded)):
        raise _undecoded(path, encoded, header)
    # Of AVIF files OpenCV does not read the orientation.
    return _turned(image, header.orientation) if upright and header.kind == "AVIF" else image


def read_header(path: Path) -> Header:
    """What an image file says about itself; its pixels are not read.

    Raises:
        InputError: the file is missing, empty, or of no kind that is known.
    """
    try:
        with Path(path).open("rb") as file:
            if not file.peek(1):
                raise InputError(f"{path}: the file is empty; replace it or remove it from the annotations.")
            return _header(path, file)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the images directory.") from error


def check_size(path: Path, pixels: int, max_pixels: int | None) -> None:
    """Refuse an image by the number of its pixels.

    Args:
        path: of the image, to name it.
        pixels: that it has.
        max_pixels: that it may have; None for ``MAX_PIXELS`` and no advice to raise it.

    Raises:
        InputError: it has more.
    """
    most = MAX_PIXELS if max_pixels is None else max_pixels
    if pixels > most:
        advice = "" if max_pixels is None else ", or raise max_pixels"
        raise InputError(
            f"{path}: {pixels / 1e6:.4g} million pixels, more than the {most / 1e6:.4g} million that are "
            f"read; store a smaller image{advice}."
        )


def _header(path: Path, file: IO[bytes]) -> Header:
    try:
        with Image.open(file) as image:
            return Header(image.format, image.width, image.height, _orientation(image))
    except Image.DecompressionBombError as error:  # so large that the library refuses to look at it
        raise InputError(f"{path}: more pixels than can be read; store a smaller image.") from error
    except Exception as error:  # a damaged header: Pillow's readers raise whatever they stumble over
        raise InputError(f"{path}: not an image that can be decoded; store it as JPEG or PNG.") from error


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation; 1 where there is none, or where EXIF is damaged, as OpenCV takes it."""
    try:
        exif = Image.Exif()
        exif.load(image.info.get("exif", b""))  # the image's own method may read the pixels first
        orientation: Any = exif.get(ORIENTATION)
    except Exception:  # Pillow's reader raises whatever it stumbles over
        return 1
    return int(orientation) if orientation in range(1, 9) else 1


def _undecoded(path: Path, encoded: bytes, header: Header) -> InputError:
    """Of a kind that OpenCV does not decode where Pillow does; else the file is not whole."""
    damaged = InputError(f"{path}: the file is cut off or damaged; copy or download it again.")
    if header.kind in JPEGS:
        return damaged
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.load()
    except Exception:  # see _header
        return damaged
    return InputError(
        f"{path}: a {header.kind} file of a kind that cannot be decoded; store it as JPEG or PNG."
    )


def _turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """An image as stored, turned and mirrored as EXIF's orientation says."""
    if orientation in SIDEWAYS:
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


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
