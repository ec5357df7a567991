"""What ``litepose predict`` writes: files that grow as images come, and appear whole or not at all."""

import csv
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from litepose.core.errors import InputError
from litepose.core.files import write_bytes, writing
from litepose.core.skeletons import Skeleton
from litepose.inference.estimator import Frame, draw
from litepose.inference.sources import DEFAULT_RATE, Source

CODEC = cv2.VideoWriter.fourcc(*"mp4v")  # the one of OpenCV's wheels that MP4 files of most players know
RESERVE = 1 << 16  # bytes; more than all buffers of a file of people hold


class _Whole:
    """A file under a temporary name, renamed when the context ends well or by Ctrl-C, and else deleted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(f".{path.stem}.part{path.suffix}")
        self._whole = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        try:
            if self._whole and (kind is None or issubclass(kind, KeyboardInterrupt)):
                with writing(self.path):
                    self.finish()
                    self.temporary.replace(self.path)
        finally:
            with suppress(OSError):
                self.close()
            self.temporary.unlink(missing_ok=True)

    @contextmanager
    def _adding(self) -> Iterator[None]:
        """Add something; where that fails, a part of it may be there, and the file is deleted at the end."""
        self._whole = False
        with writing(self.path):
            yield
        self._whole = True

    def finish(self) -> None:
        """Write what is left."""

    def close(self) -> None:
        """Let go of what is open."""


class Detections(_Whole):
    """All people in COCO's format: ``annotations`` with a score, ``images`` with the frame of a video."""

    def __init__(self, path: Path, skeleton: Skeleton) -> None:
        super().__init__(path)
        self._images_seen = self._people_seen = 0
        category = {"id": 1, "name": "person", "keypoints": skeleton.joints}
        with writing(path):
            self._file = self.temporary.open("w", encoding="utf-8")
            self._images = tempfile.TemporaryFile("w+", encoding="utf-8", dir=path.parent)  # noqa: SIM115
            # On a disk that fills up, what is done can be finished in the room that this takes until then.
            self._reserve = tempfile.TemporaryFile("w", encoding="utf-8", dir=path.parent)  # noqa: SIM115
            self._reserve.write(" " * RESERVE)
            self._reserve.flush()
            self._file.write(f'{{"categories": [{json.dumps(category)}],\n"annotations": [')

    def add(self, frame: Frame) -> None:
        """An image and its people."""
        height, width = frame.image.shape[:2]
        number = self._images_seen
        record = {"id": number, "file_name": str(frame.source), "width": width, "height": height}
        if frame.number is not None:
            record["frame"] = frame.number
        people = [
            {
                "id": self._people_seen + count,
                "image_id": number,
                "category_id": 1,
                "keypoints": [round(float(value), 4) for value in keypoints.ravel()],
                "score": round(float(score), 6),
            }
            for count, (keypoints, score) in enumerate(
                zip(frame.people.keypoints, frame.people.scores, strict=True), 1
            )
        ]
        with self._adding():
            for file in (self._images, self._reserve):
                file.write(("," if number else "") + "\n" + json.dumps(record))
            for person in people:
                self._file.write(("," if person["id"] != 1 else "") + "\n" + json.dumps(person))
        self._images_seen += 1
        self._people_seen += len(people)

    def finish(self) -> None:
        """The images after the people."""
        with suppress(OSError):
            self._reserve.close()
        self._file.write('],\n"images": [')
        self._images.seek(0)
        shutil.copyfileobj(self._images, self._file)
        self._file.write("]}\n")
        self._file.close()

    def close(self) -> None:
        """See the base."""
        for file in (self._reserve, self._images, self._file):
            with suppress(OSError):
                file.close()


class Table(_Whole):
    """A line per person: the image, the frame of a video, the score, and x, y and score of each joint."""

    def __init__(self, path: Path, skeleton: Skeleton) -> None:
        super().__init__(path)
        joints = [f"{joint}_{value}" for joint in skeleton.joints for value in ("x", "y", "score")]
        with writing(path):
            # A file's name may hold bytes that are no text.
            self._file = self.temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            self._lines = csv.writer(self._file)
            self._lines.writerow(["file", "frame", "score", *joints])

    def add(self, frame: Frame) -> None:
        """The people of an image."""
        with self._adding():
            for keypoints, score in zip(frame.people.keypoints, frame.people.scores, strict=True):
                values = [round(float(value), 4) for value in keypoints.ravel()]
                self._lines.writerow([frame.source, frame.number, round(float(score), 6), *values])

    def finish(self) -> None:
        """See the base."""
        self._file.close()

    close = finish


class Video(_Whole):
    """An MP4 of drawn frames, without sound."""

    def __init__(self, path: Path, rate: float, width: int, height: int) -> None:
        super().__init__(path)
        self._frames = 0
        self._writer = cv2.VideoWriter(str(self.temporary), CODEC, rate, (width, height))
        if not self._writer.isOpened():
            raise InputError(f"{path} cannot be written as a video: make room, or give another --out")

    def add(self, image: np.ndarray) -> None:
        """A frame, uint8 RGB [h, w, 3]."""
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        self._frames += 1

    def finish(self) -> None:
        """Look whether all frames are there: OpenCV does not tell of a full disk."""
        self._writer.release()
        written = cv2.VideoCapture(str(self.temporary))
        if int(written.get(cv2.CAP_PROP_FRAME_COUNT)) != self._frames:
            raise InputError(f"{self.path} could not be written whole: make room on the disk, and repeat")

    def close(self) -> None:
        """See the base."""
        self._writer.release()


class Drawings:
    """Photographs as JPEG and videos as MP4, with skeletons.

    Args:
        targets: the file of each source.
        skeleton: gives the limbs.
        min_score: of people that are drawn.
    """

    def __init__(self, targets: Mapping[Source, Path], skeleton: Skeleton, min_score: float) -> None:
        self._targets, self._skeleton, self._min_score = targets, skeleton, min_score
        self._source: Source | None = None
        self._video: Video | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._video:
            self._video.__exit__(kind, error, trace)

    def add(self, frame: Frame) -> None:
        """An image and its people."""
        drawn = draw(frame.image, frame.people, self._skeleton, self._min_score)
        if frame.source != self._source:
            self._begin(frame)
        if self._video:
            self._video.add(drawn)
        else:
            write_picture(self._targets[frame.source], drawn)

    def finish(self) -> None:
        """Close the video at hand, if there is one.

        Raises:
            InputError: it could not be written whole, and is deleted.
        """
        video, self._video = self._video, None
        if video:
            video.__exit__(None, None, None)

    def _begin(self, frame: Frame) -> None:
        """Close the video before, and open that of another source if it is one."""
        self.finish()
        self._source = frame.source
        if frame.source.is_video:
            height, width = frame.image.shape[:2]
            self._video = Video(self._targets[frame.source], _rate(frame.source), width, height)


def _rate(source: Source) -> float:
    """Frames per second of a video; a camera is not opened a second time to ask."""
    return DEFAULT_RATE if isinstance(source.place, int) else source.length_and_rate()[1]


def targets(out: Path, names: Iterable[str], read: Iterable[Path]) -> list[Path]:
    """A file to write for each name, such as ``a.jpg``, and ``a-2.jpg`` where there is one of this name.

    Raises:
        InputError: it is one of those that are read.
    """
    sources = {path.resolve() for path in read}
    taken: dict[Path, None] = {}
    numbers: Counter[str] = Counter()
    for name in names:
        path = out / name
        while path in taken:
            numbers[name] += 1
            path = out / f"{Path(name).stem}-{numbers[name] + 1}{Path(name).suffix}"
        if path.resolve() in sources:
            raise InputError(f"{path} is one of the files that are read: give another folder to --out")
        taken[path] = None
    return list(taken)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 RGB [h, w, 3], as JPEG.

    Raises:
        WriteError: the file cannot be written.
    """
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    write_bytes(path, encoded.tobytes())
