"""``litepose benchmark``: the latency of one's own network, per runtime, with intervals."""

import argparse

import torch
from torch import Tensor, nn

from litepose.cli.arguments import add_weights, height_and_width, positive, trained
from litepose.core.cores import cores
from litepose.core.errors import InputError
from litepose.export import input_shape
from litepose.latency import machine
from litepose.latency.measure import Protocol, measure_rounds, prepare, summary
from litepose.latency.networks import outputs
from litepose.runtimes import registry
from litepose.runtimes.devices import BOARDS, DEVICES
from litepose.runtimes.interface import Runtime, Unavailable

WARMUP, REPEATS, VISITS = 2, 10, 5

EXAMPLES = """examples:
  litepose benchmark finetuned.pt
  litepose benchmark litepose-m.pth --official litepose-m --size 448x640 --threads 1 --seconds 120
  litepose benchmark finetuned.pt --device pi4 --runtimes tvm
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    add_weights(parser)
    parser.add_argument(
        "--size",
        type=height_and_width,
        metavar="HEIGHTxWIDTH",
        help="of the input in px, multiples of 16, for HRNets of 32; default: a square of the size that it "
        "was trained for",
    )
    parser.add_argument(
        "--runtimes",
        nargs="+",
        choices=registry.RUNTIMES,
        help="default: those that are installed, but not pytorch-compiled, which takes a minute to compile",
    )
    parser.add_argument("--threads", type=positive, default=cores(), help="default: %(default)s")
    parser.add_argument(
        "--device", choices=DEVICES, default="host", help="host, cuda or a board; default: %(default)s"
    )
    parser.add_argument(
        "--seconds", type=positive, default=30, help="that timing takes, about; default: %(default)s"
    )
    parser.add_argument("--rounds", type=positive, default=3, help="at least 2; default: %(default)s")
    parser.epilog = EXAMPLES


def run(arguments: argparse.Namespace) -> None:
    """Time one image at a time, and print a row per runtime."""
    if arguments.rounds < 2:
        raise InputError(f"--rounds is {arguments.rounds}: an interval needs at least 2")
    if absent := registry.missing(arguments.device):
        raise InputError(absent)
    network = trained(arguments)
    shape = input_shape(network.model, network.input_size, arguments.size)
    image = _image(shape)
    wanted, missing = _wanted(arguments)
    prepared, left_out = _prepared(wanted, network.model, image, arguments)
    if not prepared:
        raise InputError(f"nothing can be timed: {'; '.join([*missing, *left_out])}")
    protocol = Protocol(WARMUP, REPEATS, arguments.seconds / (arguments.rounds * len(prepared)))
    times = measure_rounds(prepared, protocol, arguments.rounds, VISITS, seed=0)
    print(
        f"{arguments.official or arguments.weights} at {shape[0]}x{shape[1]} px on "
        f"{machine.name(arguments.device)}, {arguments.threads} threads, one image at a time"
    )
    print(f"{'runtime':<17} {'ms':>8}  {'95 % interval':<18} {'visits':>6} {'runs':>5}")
    for name, visits in times.items():
        row = summary(visits)
        between = f"{row['low_ms']:.4g} to {row['high_ms']:.4g}"
        print(f"{name:<17} {row['ms']:>8.4g}  {between:<18} {row['visits']:>6} {row['runs']:>5}")
    for sentence in (*missing, *left_out):
        print(f"left out: {sentence}")


def _image(shape: tuple[int, int]) -> Tensor:
    """Noise, of which networks make activations of ordinary size: [1,3,H,W]."""
    return torch.randn(1, 3, *shape, generator=torch.Generator().manual_seed(0))


def _wanted(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Runtimes to time, and a sentence on each that is not installed.

    Raises:
        InputError: one that was asked for is not installed.
    """
    if arguments.runtimes:
        for name in arguments.runtimes:
            registry.check(name)
        return arguments.runtimes, []
    wanted, missing = [], []
    for name in ("tvm",) if arguments.device in BOARDS else ("pytorch", "onnxruntime", "tvm"):
        try:
            registry.check(name)
            wanted.append(name)
        except InputError as error:
            missing.append(str(error))
    return wanted, missing


def _prepared(
    names: list[str], model: nn.Module, image: Tensor, arguments: argparse.Namespace
) -> tuple[dict[str, Runtime], list[str]]:
    """Runtimes whose outputs equal PyTorch's, by name, and a sentence on each that the machine lacks."""
    prepared: dict[str, Runtime] = {}
    left_out = []
    reference = outputs(model, image)
    for name in names:
        runtime = registry.create(name, arguments.device, arguments.threads)
        try:
            prepare(name, runtime, model, image, reference)
            prepared[name] = runtime
        except Unavailable as reason:
            left_out.append(f"{name}: {reason}")
    return prepared, left_out
