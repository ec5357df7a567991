"""The formats of exported networks: each is made in memory, and run as it will be read."""

import io
import json
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from litepose.core.cores import cores
from litepose.core.errors import InputError
from litepose.export import metadata
from litepose.runtimes import registry
from litepose.runtimes.devices import BOARDS
from litepose.runtimes.folding import fold_batch_norm
from litepose.runtimes.interface import Unavailable, as_list

TORCHSCRIPT_FILE = "litepose.json"  # the extra file that holds the metadata


class Made(NamedTuple):
    """An exported network in memory.

    Attributes:
        content: of its file.
        outputs: that were computed from ``content``, per image; None where it cannot be run now.
        beside: content of a JSON file beside it, if any.
    """

    content: bytes
    outputs: list[list[Tensor]] | None
    beside: bytes | None = None


def onnx(model: nn.Module, images: list[Tensor], description: dict[str, Any], dynamic: bool) -> Made:
    """An ONNX file with its metadata, each value as JSON, in ``metadata_props``.

    Args:
        model: in eval mode.
        images: to run, [B,3,H,W]; inputs have the shape of the first.
        description: the metadata.
        dynamic: let batch, height and width of inputs be any, the sides multiples of the network's
            largest stride.
    """
    registry.check("onnxruntime")
    import onnxruntime

    from litepose.runtimes.onnx_session import program

    names = list(metadata.OUTPUTS)
    proto: Any = program(fold_batch_norm(model), images[0], outputs=names, dynamic=dynamic).model_proto
    for name, value in description.items():
        proto.metadata_props.add(key=name, value=json.dumps(value))
    content = proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    runs = [session.run(names, {"image": image.numpy()}) for image in images]
    return Made(content, [[torch.from_numpy(output) for output in outputs] for outputs in runs])


@torch.inference_mode()
def torchscript(model: nn.Module, images: list[Tensor], description: dict[str, Any]) -> Made:
    """A TorchScript file with its metadata as the extra file ``litepose.json``.

    Args: see :func:`onnx`; inputs may have any shape that the network takes.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        # That PyTorch prefers another format, and that the outputs might not always be a list of two.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(fold_batch_norm(model), images[0], check_trace=False)
        torch.jit.save(traced, file, _extra_files={TORCHSCRIPT_FILE: json.dumps(description)})
        loaded = torch.jit.load(io.BytesIO(file.getvalue()))
    return Made(file.getvalue(), [as_list(loaded(image)) for image in images])


def tvm(
    model: nn.Module, images: list[Tensor], description: dict[str, Any], target: str, tuned: Path | None
) -> Made:
    """A library that TVM's runtime loads, with its metadata as a JSON file beside it.

    Args: see :func:`onnx`; further:
        target: ``host`` or a board, on which it is run if TVM's RPC tracker has it.
        tuned: file of the tiles that were tuned on the target, if any.
    """
    registry.check("tvm")
    from litepose.export import tvm_library

    make = tvm_library.for_board if target in BOARDS else tvm_library.for_host
    try:
        with tempfile.TemporaryDirectory() as folder:
            content, outputs, compiled_for = make(model, images, target, cores(), tuned, Path(folder))
    except (Unavailable, RuntimeError) as error:  # a linker that fails is a RuntimeError
        reason = " ".join(str(error).split())
        raise InputError(f"TVM makes no library for {target} here: {reason}") from error
    described = {**description, "target": target, "compiled_for": compiled_for}
    return Made(content, outputs, (json.dumps(described, indent=2) + "\n").encode())
