"""``litepose export``: a network as a file that runs without this package."""

import argparse
from pathlib import Path

from litepose.cli.arguments import add_weights, height_and_width, keep_weights, trained
from litepose.export import FORMATS, TARGETS

EXAMPLES = """examples:
  litepose export finetuned.pt --out network.onnx
  litepose export litepose-m.pth --official litepose-m --out network.onnx --dynamic
  litepose export finetuned.pt --format tvm --size 448x640 --out network.so
  litepose export finetuned.pt --format tvm --target pi4 --unverified --out network.so
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the command."""
    add_weights(parser)
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="default: %(default)s")
    parser.add_argument(
        "--size",
        type=height_and_width,
        metavar="HEIGHTxWIDTH",
        help="of the input in px, multiples of 16, for HRNets of 32, such as 448x640; one number is a "
        "square; by default a square of the size that the network was trained for",
    )
    parser.add_argument("--dynamic", action="store_true", help="onnx: inputs of any batch and size instead")
    parser.add_argument(
        "--target", choices=TARGETS, default="host", help="tvm: what to compile for; default: %(default)s"
    )
    parser.add_argument("--tuned", type=Path, help="tvm: file of the tiles that were tuned on the target")
    parser.add_argument(
        "--unverified", action="store_true", help="tvm: write a library for a board that is not attached"
    )
    parser.epilog = EXAMPLES


def run(arguments: argparse.Namespace) -> None:
    """Write the file, and say how far its outputs are from PyTorch's."""
    keep_weights(arguments)
    error = trained(arguments).export(
        arguments.out,
        arguments.format,
        size=arguments.size,
        dynamic=arguments.dynamic,
        target=arguments.target,
        tuned=arguments.tuned,
        unverified=arguments.unverified,
    )
    how = (
        f"not run on {arguments.target}"
        if error is None
        else f"outputs equal PyTorch's to {error:.0e} of their largest value"
    )
    print(f"{arguments.out}: {arguments.format}, {how}")
