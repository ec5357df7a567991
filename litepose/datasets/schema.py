"""The entries of an annotation file in COCO's format: which fields, of which types.

A file's bytes are decoded straight into these types. What they leave open (ranges, what fields say about one
another) is checked for all entries at once, see ``rules``.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from litepose.core.errors import InputError
from litepose.datasets.faults import Faults
from litepose.datasets.ground_truth import Id

Entry = TypeVar("Entry", bound=msgspec.Struct)
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<field>\w+)`")


class Lists(msgspec.Struct, gc=False):
    """A file: its entries, still undecoded."""

    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]
    categories: list[msgspec.Raw]


class Image(msgspec.Struct, gc=False):
    """An entry of ``images``; ``crowdIndex`` is CrowdPose's."""

    id: Id
    file_name: str | None = None
    width: float | None = None
    height: float | None = None
    crowdIndex: float | None = None


class Person(msgspec.Struct, gc=False):
    """An entry of ``annotations``; ``null`` counts as missing."""

    image_id: Id
    keypoints: list[float] | None = None
    bbox: list[float] | None = None
    category_id: Id | None = None
    iscrowd: bool | float | None = None
    area: float | None = None
    segmentation: msgspec.Raw = msgspec.Raw()
    id: Any = None
    num_keypoints: Any = None


class Category(msgspec.Struct, gc=False):
    """An entry of ``categories``."""

    id: Id = 1
    name: str = ""
    keypoints: list[str] | None = None


EXPECTED = {
    "id": "a number or a name",
    "image_id": "the id of an image",
    "category_id": "the id of a category",
    "file_name": "the name of an image file",
    "width": "a whole number of pixels, at most a million",
    "height": "a whole number of pixels, at most a million",
    "crowdIndex": "a number from 0 on",
    "keypoints": "x, y and visibility of each joint as numbers",
    "categories.keypoints": "the names of the joints",
    "bbox": "left, top, width and height as numbers",
    "iscrowd": "0 or 1",
    "area": "a number of pixels",
    "name": "a name",
}

# What people take for an annotation file, by its first bytes, and what is to be done about it
NO_JSON = {
    b"\x1f\x8b": "compressed by gzip: unpack it",
    b"PK\x03\x04": "a ZIP archive: unpack it",
    b"BZh": "compressed by bzip2: unpack it",
    b"\xfd7zXZ": "compressed by xz: unpack it",
    b"version https://git-lfs": "a pointer of Git LFS: fetch the file by git lfs pull",
}


def read_lists(file: Path) -> Lists:
    """The three lists of an annotation file, undecoded.

    UTF-8 whatever the locale; a byte order mark, and the encodings that it stands for, are understood.

    Raises:
        InputError: the file is missing, not JSON, or lacks a list.
    """
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise InputError(
            f"{file}: the annotation file cannot be read ({error.strerror}); check the path."
        ) from error
    for start, words in NO_JSON.items():
        if content.startswith(start):
            raise InputError(f"{file}: not valid JSON but {words}.")
    try:
        try:
            return _lists(content, file)
        except msgspec.DecodeError:  # Python's own reader also knows byte order marks and NaN
            return _lists(_plain(content), file)
    except (ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: not valid JSON ({reason}); download or export it again.") from None


def _plain(content: bytes) -> bytes:
    """As UTF-8 without byte order mark; NaN and infinity become words, which no number may be."""
    text = content.decode(json.detect_encoding(content))
    return msgspec.json.encode(json.loads(text, parse_constant=str))


def _lists(content: bytes, file: Path) -> Lists:
    try:
        return msgspec.json.decode(content, type=Lists)
    except msgspec.ValidationError as error:
        found = _MISSING.search(str(error)) or _PATH.search(str(error))
        field = found[1] if found else "images"
        raise InputError(f"{file}: the list '{field}' is missing; expected COCO's keypoint format.") from None


def decode(
    entries: list[msgspec.Raw],
    kind: type[Entry],
    name: str,
    faults: Faults,
    unread: Callable[[Any], bool] = lambda entry: False,
) -> Iterator[tuple[int, Entry]]:
    """Entries of one list with their numbers; those with a field of another type are noted as faults.

    Args:
        entries: undecoded.
        kind: what each must be.
        name: of the list.
        faults: of the file.
        unread: whether an entry's content is none that is read, so that no fault of it matters.
    """
    decoder = msgspec.json.Decoder(kind)
    for number, entry in enumerate(entries):
        try:
            yield number, decoder.decode(entry)
        except (ValueError, RecursionError) as error:
            _note(error, entry, f"{name}[{number}]", number, faults, unread)


def _note(
    error: Exception,
    entry: msgspec.Raw,
    place: str,
    number: int,
    faults: Faults,
    unread: Callable[[Any], bool],
) -> None:
    """Say what a field holds and what it should."""
    try:
        value = json.loads(bytes(entry), parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError):
        value = None
    if unread(value):
        return
    if missing := _MISSING.search(str(error)):
        faults.add(missing[0], number, f"{place} has no '{missing['field']}'; add it")
    elif value is not None and (at := _PATH.search(str(error))):
        steps = re.findall(r"\w+", at["path"])
        for step in steps:
            value = value[int(step)] if isinstance(value, list) else value[step]
        of_this_list = f"{place.partition('[')[0]}.{steps[0]}"
        expected = EXPECTED.get(of_this_list) or EXPECTED.get(steps[0], "another value")
        faults.add(
            f"type of {steps[0]}", number, f"{place}.{at['path']} is {short(value)}; expected {expected}"
        )
    else:
        faults.add("entry", number, f"{place} cannot be read ({error}); expected an entry of COCO's format")


def _finite(text: str) -> float | str:
    """A number as the file writes it, where none is as large."""
    return number if math.isfinite(number := float(text)) else text


def short(value: object, length: int = 60) -> str:
    """A value as Python writes it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= length else f"{text[: length - 3]}..."
