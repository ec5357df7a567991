"""ONNX Runtime: the folded network as an ONNX file, on the host or on a CUDA GPU."""

import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnxruntime
import onnxscript  # noqa: F401  torch.onnx.export needs it: a missing one is told by name before any work
import torch
from torch import Tensor, nn
from torch.export import Dim

from litepose.runtimes.folding import fold_batch_norm
from litepose.runtimes.interface import Runtime, Unavailable

# They tell of every constant that they merge, and that torchvision is not installed.
for _name in ("onnxscript", "onnx_ir", "torch.onnx"):
    logging.getLogger(_name).setLevel(logging.ERROR)
_PROVIDERS = {"host": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntime(Runtime):
    """A session per visit; the file stays until the runtime is gone."""

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        if _PROVIDERS[self.device] not in onnxruntime.get_available_providers():
            raise Unavailable(f"The installed ONNX Runtime has no {_PROVIDERS[self.device]}.")
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "network.onnx"
        export(fold_batch_norm(model), image, self._file)
        self._image = image.numpy()
        self._output: list = []

    def load(self) -> None:
        """See `Runtime.load`."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        self._session = onnxruntime.InferenceSession(self._file, options, [_PROVIDERS[self.device]])
        self._feed = {self._session.get_inputs()[0].name: self._image}

    def run_once(self) -> None:
        """See `Runtime.run_once`."""
        self._output = self._session.run(None, self._feed)

    def output(self) -> list[Tensor]:
        """See `Runtime.output`."""
        return [torch.from_numpy(array) for array in self._output]

    def unload(self) -> None:
        """See `Runtime.unload`."""
        # With the session go its threads, which wait for work by spinning.
        del self._session
        self._output = []


def export(model: nn.Module, image: Tensor, path: Path) -> None:
    """Write a network in eval mode as an ONNX file for inputs of this image's shape."""
    program(model, image).save(path)


def program(
    model: nn.Module, image: Tensor, *, outputs: Sequence[str] | None = None, dynamic: bool = False
) -> torch.onnx.ONNXProgram:
    """A network in eval mode in ONNX; its input is called ``image``.

    Args:
        model: the network.
        image: [B,3,H,W] of the shape that inputs have.
        outputs: their names; PyTorch's own by default.
        dynamic: let batch, height and width be any, the sides multiples of 16 px.
    """
    free = ({0: Dim("batch"), 2: 16 * Dim("rows"), 3: 16 * Dim("columns")},)
    with warnings.catch_warnings():
        # PyTorch's exporter calls functions that PyTorch deprecates.
        warnings.simplefilter("ignore", FutureWarning)
        written = torch.onnx.export(
            model,
            (image,),
            input_names=["image"],
            output_names=outputs,
            dynamic_shapes=free if dynamic else None,
            dynamo=True,
            verbose=False,
        )
    assert written is not None, "with dynamo=True there is a program"
    return written
