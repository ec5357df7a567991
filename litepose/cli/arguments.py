"""Arguments that several commands take."""

import argparse
import math
from pathlib import Path

from litepose.core.errors import InputError
from litepose.inference.estimator import Estimator, load


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Which network."""
    parser.add_argument("weights", type=Path, help="file of weights that say which network they are of")
    parser.add_argument(
        "--official",
        metavar="NETWORK",
        help="the weights are an authors' checkpoint of this network, such as litepose-s",
    )


def add_network(parser: argparse.ArgumentParser) -> None:
    """Which network runs, where, and at which size."""
    add_weights(parser)
    parser.add_argument("--size", type=positive, help="px of the image's short side; default: as trained")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda; default: %(default)s")
    parser.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="look at the mirrored image as well: half as fast, and about 1 AP better; default: yes",
    )


def estimator(
    arguments: argparse.Namespace, runtime: str = "pytorch", threads: int | None = None
) -> Estimator:
    """The network that the arguments of :func:`add_network` name."""
    weights, official = arguments.weights, None
    if arguments.official:
        weights, official = arguments.official, arguments.weights
    elif runtime == "tvm" and Path(weights).suffix == ".onnx":
        raise InputError(f"{weights} is an ONNX file, which ONNX Runtime runs: leave out --runtime tvm")
    return load(weights, arguments.device, runtime, official=official, size=arguments.size, threads=threads)


def trained(arguments: argparse.Namespace) -> Estimator:
    """The network that the arguments of :func:`add_weights` name, on the CPU, as it was trained.

    Raises:
        InputError: see :func:`load`; or it was exported, and can be neither trained nor exported again.
    """
    if arguments.weights.suffix == ".onnx":
        raise InputError(f"{arguments.weights} was exported: give the weights that it was made of")
    if arguments.official:
        return load(arguments.official, "cpu", official=arguments.weights)
    return load(arguments.weights, "cpu")


def keep_weights(arguments: argparse.Namespace) -> None:
    """Look that ``--out`` is a file to write, and not the weights that are read.

    Raises:
        InputError: it is a directory, or the weights.
    """
    if arguments.out.is_dir():
        raise InputError(f"{arguments.out} is a directory: give a file's name as --out")
    if arguments.out.exists() and arguments.weights.exists() and arguments.out.samefile(arguments.weights):
        raise InputError(f"{arguments.out} holds the weights that are read: give another --out")


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def not_negative(text: str) -> int:
    """A whole number, 0 or above."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def positive_number(text: str) -> float:
    """A finite number above 0."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def height_and_width(text: str) -> tuple[int, int]:
    """Sides in px, such as ``448x640``; one number is a square."""
    sides = text.split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise argparse.ArgumentTypeError(f"{text} is not a size such as 448x640")
    return int(sides[0]), int(sides[-1])
