"""``litepose predict``: skeletons drawn on photographs and videos, and all people in one file."""

import argparse
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import cv2
from tqdm import tqdm

from litepose.cli.arguments import add_network, estimator, positive
from litepose.cli.writing import Detections, Drawings, Table, targets
from litepose.core.errors import InputError
from litepose.inference.estimator import RUNTIMES
from litepose.inference.sources import Source, expand

MOST_NAMED = 20  # files in one sentence
EXAMPLES = """examples:
  litepose predict weights.pt photo.jpg --out people
  litepose predict weights.pt photos/ 'more/*.jpg' clip.mp4 --out people --csv
  litepose predict litepose-m.pth clip.mp4 --out people --official litepose-m --runtime onnxruntime
  litepose predict weights.pt 0 --out people --no-flip --size 256      # the first camera, until Ctrl-C
  litepose predict network.onnx photos/ --out people                   # exported with --dynamic
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    add_network(parser)
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="source",
        help="a photograph, a folder, a pattern such as 'photos/*.jpg', a video, or a camera's number",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder of pictures, videos and detections.json",
    )
    parser.add_argument("--csv", action="store_true", help="write people.csv too: a line per person")
    parser.add_argument(
        "--min-score", type=float, default=0.1, help="of a drawn person; default: %(default)s"
    )
    parser.add_argument(
        "--runtime", choices=RUNTIMES, default="pytorch", help="that runs the network; default: %(default)s"
    )
    parser.add_argument("--threads", type=positive, help="that a CPU computes with; default: its cores")
    parser.epilog = EXAMPLES


def run(arguments: argparse.Namespace) -> None:
    """Write pictures, videos and files of all people; Ctrl-C keeps what is done."""
    _silence_opencv()
    # What a folder and a pattern both hold is looked at once.
    sources = list(dict.fromkeys(expand([_place(text) for text in arguments.sources])))
    drawn = _drawn(sources, arguments.out)
    network = estimator(arguments, arguments.runtime, arguments.threads)
    faults: list[InputError] = []
    done = 0
    with _collected(faults), _until_interrupted() as stopped, ExitStack() as stack:
        stack.enter_context(_directory(arguments.out))
        drawings = stack.enter_context(Drawings(drawn, network.skeleton, arguments.min_score))
        table = None
        if arguments.csv:
            table = stack.enter_context(Table(arguments.out / "people.csv", network.skeleton))
        # Finished before the table, which may then find no more room.
        people = stack.enter_context(Detections(arguments.out / "detections.json", network.skeleton))
        bar = stack.enter_context(tqdm(total=_length(sources), unit="image", disable=None))
        # On a full disk, too, what is done is kept: pictures, and the people in them.
        with _collected(faults):
            for frame in network.stream(sources, flip=arguments.flip, on_error=faults.append):
                drawings.add(frame)
                people.add(frame)
                done += 1
                if table:
                    table.add(frame)
                bar.update()
                if stopped.is_set():
                    break
        with _collected(faults):
            drawings.finish()
        if not done:
            raise faults.pop()
    if faults:
        raise _summary(faults, done)
    if stopped.is_set():
        raise KeyboardInterrupt


@contextmanager
def _collected(faults: list[InputError]) -> Iterator[None]:
    """Put what is wrong to the other faults, which are told together."""
    try:
        yield
    except InputError as error:
        faults.append(error)


def _silence_opencv() -> None:
    """Its messages on files that it cannot read say less than ours."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _place(text: str) -> Path | int:
    """A path, or a camera's number where there is no such file."""
    return int(text) if text.isdecimal() and not Path(text).exists() else Path(text)


@contextmanager
def _until_interrupted() -> Iterator[Event]:
    """Have the first Ctrl-C set an event, so that files are whole; a second one interrupts at once."""
    event = Event()

    def stop(*_: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def _drawn(sources: list[Source], out: Path) -> dict[Source, Path]:
    """Where drawn images and videos go: no two to one file, and none over what is read."""
    read = [source.place for source in sources if isinstance(source.place, Path)]
    return dict(zip(sources, targets(out, map(_name, sources), read), strict=True))


def _name(source: Source) -> str:
    stem = source.place.stem if isinstance(source.place, Path) else f"camera{source.place}"
    return f"{stem}{'.mp4' if source.is_video else '.jpg'}"


def _length(sources: list[Source]) -> int | None:
    """Images of all sources, if they know."""
    lengths = [source.length_and_rate()[0] for source in sources]
    return None if None in lengths else sum(filter(None, lengths))


@contextmanager
def _directory(path: Path) -> Iterator[None]:
    """A directory that is made if it is not there, and goes again if nothing comes into it."""
    made = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be made ({error.strerror}): give another --out.") from None
    try:
        yield
    finally:
        if made and not any(path.iterdir()):
            path.rmdir()


def _summary(faults: list[InputError], done: int) -> InputError:
    """What was wrong with some of many sources, in one sentence."""
    sentences = [str(fault).rstrip(".") for fault in faults]
    if len(sentences) > MOST_NAMED:
        sentences[MOST_NAMED:] = [f"and {len(sentences) - MOST_NAMED} more"]
    told = "; ".join(sentences)
    return InputError(f"{told} ({done} other images are done)" if done else told)
