"""Writes a network as a file that runs without this package, if it computes what PyTorch computes."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from litepose.core.errors import InputError
from litepose.core.files import write_bytes
from litepose.export import formats, metadata
from litepose.export.formats import Made
from litepose.models.weights import Trained
from litepose.runtimes import registry
from litepose.runtimes.devices import BOARDS
from litepose.runtimes.interface import as_list, difference
from litepose.strides import check_sides, largest_stride

FORMATS = ("onnx", "torchscript", "tvm")
TARGETS = ("host", *BOARDS)
# Of a tensor's largest value; other orders of summation in float32 give 1e-6 to 1e-4.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Options:
    """How a network is exported.

    Attributes:
        format: one of ``FORMATS``.
        size: height and width of the input in px; a square of the network's input size by default.
        dynamic: ONNX: inputs of any batch and of any size whose sides are multiples of the network's largest
            stride instead.
        target: TVM: this machine (``host``) or one of the boards.
        tuned: TVM: file of the tiles that were tuned on the target.
        unverified: TVM: write a library for a board that is not attached.
    """

    format: str = "onnx"
    size: tuple[int, int] | None = None
    dynamic: bool = False
    target: str = "host"
    tuned: Path | None = None
    unverified: bool = False

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InputError(f"The format is {self.format!r}: use {', '.join(FORMATS)}")
        if self.target not in TARGETS:
            raise InputError(f"The target is {self.target!r}: use {', '.join(TARGETS)}")
        if self.target != "host" and self.format != "tvm":
            raise InputError(f"{self.format} files are for no target: leave {self.target} out, or use tvm")
        if self.dynamic and self.format != "onnx":
            raise InputError(f"{self.format} files have no dynamic size: leave it out, or use onnx")


def export(trained: Trained, path: Path, options: Options) -> float | None:
    """Write a network with joints, flips, input size, normalisation and its outputs' meaning as metadata.

    They are ONNX's ``metadata_props`` (each a JSON value), TorchScript's extra file ``litepose.json``, and
    for TVM a JSON file beside the library. The file is run on images and compared with PyTorch first.

    Args:
        trained: the network, on the CPU.
        path: of the file, written whole or not at all; TVM's JSON file is ``<path>.json``.
        options: see there.

    Returns:
        The largest difference of the outputs from PyTorch's, relative to each tensor's largest value; None
        where a board that is not attached was to be trusted.

    Raises:
        InputError: the outputs differ, the target cannot run it here, or a package or compiler is missing.
        WriteError: the file cannot be written.
    """
    if options.format == "tvm" and path.suffix != ".so":
        raise InputError(f"{path} must end in .so, by which TVM knows a library")
    if options.target in BOARDS and not options.unverified:
        _check_attached(path, options.target)
    shape = input_shape(trained.model, trained.input_size, options.size)
    images = _images(*shape, largest_stride(trained.model), options.dynamic)
    made = _made(trained, images, options)
    error = None if made.outputs is None else _largest_difference(trained, images, made.outputs)
    if error is not None and not error <= TOLERANCE:
        raise InputError(
            f"{path} is not written: its outputs differ from PyTorch's by {error:.1e} of their largest "
            f"value, more than {TOLERANCE:.0e}"
        )
    if made.beside is not None:
        write_bytes(path.with_name(f"{path.name}.json"), made.beside)
    write_bytes(path, made.content)
    return error


def _check_attached(path: Path, board: str) -> None:
    registry.check("tvm")
    if reason := registry.missing(board):
        raise InputError(
            f"{path} is not written, for it cannot be run and compared ({reason.rstrip('.')}): attach the "
            "board, or ask for an unverified file"
        )


def input_shape(model: nn.Module, input_size: int, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """Height and width in px that are asked for, or a square of a network's input size.

    Raises:
        InputError: a side is no positive multiple of the network's largest stride.
    """
    check_sides(model, *size or ())
    multiple = largest_stride(model)
    return size or 2 * (-(-input_size // multiple) * multiple,)


def _images(height: int, width: int, multiple: int, dynamic: bool) -> list[Tensor]:
    """Noise and smooth noise; of a dynamic network also a batch of another size."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2 if dynamic else 1, 3, height, width, generator=generator)
    small = torch.randn(1, 3, height // multiple, width // multiple, generator=generator)
    images = [noise, F.interpolate(small, (height, width), mode="bilinear")]
    if dynamic:
        images.append(torch.randn(3, 3, height + multiple, 2 * multiple, generator=generator))
    return images


def _made(trained: Trained, images: list[Tensor], options: Options) -> Made:
    _, _, height, width = images[0].shape
    model = trained.model
    if options.format == "onnx":
        described = metadata.describe(trained, None if options.dynamic else (height, width))
        return formats.onnx(model, images, described, options.dynamic)
    description = metadata.describe(trained, (height, width))
    if options.format == "torchscript":
        return formats.torchscript(model, images, description)
    return formats.tvm(model, images, description, options.target, options.tuned)


@torch.inference_mode()
def _largest_difference(trained: Trained, images: list[Tensor], outputs: list[list[Tensor]]) -> float:
    """Over all images; NaN if one is."""
    errors = [
        difference(found, as_list(trained.model(image))) for image, found in zip(images, outputs, strict=True)
    ]
    return float(torch.tensor(errors).max())
