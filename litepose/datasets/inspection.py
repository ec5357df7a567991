"""Looking at every image file of a data set before anything is trained on it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tqdm import tqdm

from litepose.core.errors import InputError
from litepose.datasets.annotations import Annotations
from litepose.datasets.faults import Faults
from litepose.datasets.images import Header, check_size, read_header, read_image

KNOWN = ("JPEG", "MPO", "PNG")  # kinds of file whose header tells that they can be decoded
READERS = 8  # threads: most of the time is spent waiting for the disk


def inspect(images: Annotations, max_pixels: int | None = None, title: str = "") -> list[str]:
    """Read the headers of all image files of a split; a progress bar on a terminal.

    Args:
        images: of the split.
        max_pixels: of an image; None for the bound of ``read_image``.
        title: of the progress bar.

    Returns:
        What is allowed but looks wrong, a sentence each.

    Raises:
        InputError: files that cannot be read, are too large, or have another size than annotated; all are
            counted and the first told.
    """
    faults, turned = Faults(images.file), []
    for number, header in _headers([image.path for image in images], max_pixels, title, faults):
        try:
            images.images[number].check(header.width, header.height)
        except InputError as error:
            faults.add("size", number, _clause(error))
        if header.orientation != 1:
            turned.append(number)
    faults.refuse()
    if not turned:
        return []
    return [
        f"{len(turned)} of {len(images)} images have an EXIF orientation, first "
        f"{images.images[turned[0]].path.name}: training and evaluation ignore it, as COCO's tools do; check "
        "that the annotations refer to the pixels as stored"
    ]


def inspect_files(directory: Path, paths: Sequence[Path], max_pixels: int | None, title: str = "") -> None:
    """Read the headers of images without annotations; a progress bar on a terminal.

    Args:
        directory: that holds them, to name it.
        paths: of the images.
        max_pixels: of an image; None for the bound of ``read_image``.
        title: of the progress bar.

    Raises:
        InputError: files that cannot be read or are too large; all are counted and the first told.
    """
    faults = Faults(directory)
    for _ in _headers(paths, max_pixels, title, faults):
        pass
    faults.refuse()


def _headers(
    paths: Sequence[Path], max_pixels: int | None, title: str, faults: Faults
) -> Iterator[tuple[int, Header]]:
    """The headers of images with their numbers; those that cannot be used are noted as faults."""
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(partial(_header, max_pixels=max_pixels), paths)
        progress = tqdm(found, title, len(paths), unit="image", leave=False, disable=None)
        for number, header in enumerate(progress):
            if isinstance(header, Header):
                yield number, header
            else:
                faults.add("image", number, header)


def _header(path: Path, max_pixels: int | None) -> Header | str:
    """An image's header, or why it cannot be used."""
    try:
        header = read_header(path)
        check_size(path, header.width * header.height, max_pixels)
        if header.kind not in KNOWN:
            read_image(path, max_pixels=max_pixels)
    except InputError as error:
        return _clause(error)
    return header


def _clause(error: InputError) -> str:
    return str(error).removesuffix(".")
