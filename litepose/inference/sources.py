"""Where images come from: files, folders, patterns, videos and cameras, one image after the other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np

from litepose.core.errors import InputError
from litepose.datasets.images import read_image

# What folders and patterns are searched for; a file that is named may be called as it likes.
IMAGES = frozenset(
    {".avif", ".bmp", ".dib", ".gif", ".hdr", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pfm", ".pgm", ".pic"}
    | {".png", ".pnm", ".ppm", ".pxm", ".ras", ".sr", ".tif", ".tiff", ".webp"}
)
VIDEOS = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv"}
)
UNSURE = 0.02  # of the frames that a video announces: what a container without an index says is an estimate
DEFAULT_RATE, MOST_RATE = 25.0, 1000.0  # frames per second; what containers say beyond it is nonsense

Read = Callable[[], np.ndarray]  # gives uint8 RGB [h, w, 3]


@dataclass(frozen=True)
class Source:
    """A photograph, a video or a camera.

    Attributes:
        place: of the file, or the camera's number.
        is_video: whether it is a video or a camera.
    """

    place: Path | int
    is_video: bool = False

    def __str__(self) -> str:
        return f"camera {self.place}" if isinstance(self.place, int) else str(self.place)

    def images(self) -> Iterator[tuple[int | None, Read]]:
        """Per image its number in a video, from 0, None for a photograph; and how it is had.

        What is wrong with an image, an ``InputError``, is raised when it is read.
        """
        if not self.is_video:
            assert isinstance(self.place, Path), "a camera is a video"
            yield None, partial(read_image, self.place, upright=True)
            return
        try:
            capture = self.open()
        except InputError as error:
            yield 0, partial(_fail, error)
            return
        number, announced = 0, announced_frames(capture)
        while (read := capture.read())[0]:
            yield number, partial(cv2.cvtColor, read[1], cv2.COLOR_BGR2RGB)
            number += 1
        capture.release()
        fault = self._ending(number, announced)
        if fault:
            yield number, partial(_fail, fault)

    def open(self) -> cv2.VideoCapture:
        """A video or camera, ready to be read; turned upright as it says.

        Raises:
            InputError: there is none, or it cannot be read.
        """
        if isinstance(self.place, Path) and not self.place.is_file():
            raise InputError(f"{self}: there is no such video")
        capture = cv2.VideoCapture(self.place if isinstance(self.place, int) else str(self.place))
        if not capture.isOpened():
            raise InputError(
                f"{self} does not open: it is not there, or another program has it"
                if isinstance(self.place, int)
                else f"{self}: not a video that can be read, because it is cut off or of another kind: copy "
                "it again, or store it as MP4"
            )
        return capture

    def length_and_rate(self) -> tuple[int | None, float]:
        """How many images it announces, if it knows; and frames per second, 25 where it does not know."""
        if not self.is_video:
            return 1, DEFAULT_RATE
        try:
            capture = self.open()
        except InputError:
            return 0, DEFAULT_RATE
        rate = capture.get(cv2.CAP_PROP_FPS)
        capture.release()
        return announced_frames(capture), rate if 0 < rate <= MOST_RATE else DEFAULT_RATE

    def _ending(self, number: int, announced: int | None) -> InputError | None:
        """What is wrong with a video that has given so many frames and gives no more."""
        if announced is None:
            return InputError(f"{self} gives no more images after {number}: connect it again")
        if not number:
            return InputError(f"{self}: the video holds no frame that can be read: copy it again")
        if announced - number > max(1, UNSURE * announced):
            return InputError(
                f"{self}: the video breaks off after {number} of {announced} frames: copy it again for the "
                "rest"
            )
        return None


def announced_frames(capture: cv2.VideoCapture) -> int | None:
    """How many frames an open video says it has; None where it does not know, as a camera."""
    frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return frames if frames > 0 else None


def expand(places: object) -> list[Source]:
    """The photographs, videos and cameras of one or several places.

    Args:
        places: a file, a folder (what lies in it, by name), a pattern such as ``photos/**/*.jpg``, a camera's
            number, a source; or several of them.

    Raises:
        InputError: a folder or pattern holds no image and no video.
    """
    if isinstance(places, Source):
        return [places]
    if isinstance(places, int):
        return [Source(places, is_video=True)]
    if isinstance(places, str | Path):
        return _files(Path(places).expanduser())
    if isinstance(places, Iterable):
        return [source for place in places for source in expand(place)]
    raise InputError(f"A source is of the type {type(places).__name__}: give paths or a camera's number")


def _files(path: Path) -> list[Source]:
    if path.is_dir():
        found, where = sorted(path.iterdir()), f"The folder {path} holds"
    elif not path.exists() and set("*?[") & set(str(path)):
        root = Path(path.anchor)
        found, where = sorted(root.glob(str(path.relative_to(root)))), f"The pattern {path} fits"
    else:
        return [Source(path, path.suffix.lower() in VIDEOS)]
    known = [file for file in found if file.suffix.lower() in IMAGES | VIDEOS and file.is_file()]
    if not known:
        raise InputError(f"{where} no image and no video: give others")
    return [Source(file, file.suffix.lower() in VIDEOS) for file in known]


def _fail(error: InputError) -> NoReturn:
    raise error
