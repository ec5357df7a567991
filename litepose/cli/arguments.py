"""Arguments that several commands take."""

import argparse
from pathlib import Path

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
    parser.add_argument("--no-flip", dest="flip", action="store_false", help="without flip test: faster")


def estimator(arguments: argparse.Namespace) -> Estimator:
    """The network that the arguments of :func:`add_network` name."""
    if arguments.official:
        return load(arguments.official, arguments.device, official=arguments.weights, size=arguments.size)
    return load(arguments.weights, arguments.device, size=arguments.size)


def trained(arguments: argparse.Namespace) -> Estimator:
    """The network that the arguments of :func:`add_weights` name, on the CPU, as it was trained."""
    if arguments.official:
        return load(arguments.official, "cpu", official=arguments.weights)
    return load(arguments.weights, "cpu")


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number
