"""ONNX Runtime: the folded network as an ONNX file, on the host or on a CUDA GPU."""

import logging
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import onnxruntime
import onnxscript  # noqa: F401  torch.onnx.export needs it: a missing one is told by name before any work
import torch
from torch import Tensor, nn
from torch.export import Dim

from litepose.core.errors import InputError
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
        _provider(self.device)
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "network.onnx"
        export(fold_batch_norm(model), image, self._file)
        self._image = image.numpy()
        self._output: list = []

    def load(self) -> None:
        """See `Runtime.load`."""
        self._session = session(self._file, self.device, self.threads)
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


class OnnxNetwork(nn.Module):
    """A network that is called as PyTorch's, and runs in ONNX Runtime; several threads may call it.

    It computes with as many threads as PyTorch would in the thread that calls it.

    Args:
        file: of the network, which must stay.
        device: ``host`` or ``cuda``.

    Raises:
        InputError: the file is missing or holds no network.
        Unavailable: the installed ONNX Runtime does not know the device.
    """

    def __init__(self, file: Path, device: str = "host") -> None:
        super().__init__()
        self._file, self._device = file, device
        self._owned: tempfile.TemporaryDirectory | None = None  # the file's folder, deleted with the network
        self._lock = threading.Lock()
        self._sessions: dict[int, onnxruntime.InferenceSession] = {}
        self._session()

    @classmethod
    def of(cls, model: nn.Module, device: str = "host") -> Self:
        """A network in eval mode, exported to a file that goes with what is returned."""
        folder = tempfile.TemporaryDirectory()
        file = Path(folder.name) / "network.onnx"
        program(fold_batch_norm(model), torch.zeros(2, 3, 64, 96), dynamic=True).save(file)
        network = cls(file, device)
        network._owned = folder
        return network

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says of itself."""
        return self._session().get_modelmeta().custom_metadata_map

    def forward(self, images: Tensor) -> list[Tensor]:
        """Outputs float32 for images [B, 3, H, W].

        Raises:
            InputError: the file is for images of another size.
        """
        run = self._session()
        batch, _, *size = run.get_inputs()[0].shape
        for fixed, side in zip(size, images.shape[2:], strict=True):
            if isinstance(fixed, int) and fixed != side:
                raise InputError(
                    f"{self._file} is for inputs of {size[0]}x{size[1]} px, but this image becomes one of "
                    f"{images.shape[2]}x{images.shape[3]}: export the network for any size"
                )
        parts = images.split(batch) if isinstance(batch, int) else (images,)
        name = run.get_inputs()[0].name
        outputs = [run.run(None, {name: part.contiguous().cpu().numpy()}) for part in parts]
        return [
            torch.cat([torch.from_numpy(array) for array in arrays]) for arrays in zip(*outputs, strict=True)
        ]

    def _session(self) -> onnxruntime.InferenceSession:
        threads = torch.get_num_threads()
        with self._lock:
            if threads not in self._sessions:
                self._sessions[threads] = session(self._file, self._device, threads)
            return self._sessions[threads]


def session(file: Path, device: str, threads: int) -> onnxruntime.InferenceSession:
    """A network's file, loaded.

    Args:
        file: in ONNX's format.
        device: ``host`` or ``cuda``.
        threads: that it computes with on the host.

    Raises:
        InputError: the file is missing or holds no network.
        Unavailable: the installed ONNX Runtime does not know the device.
    """
    provider = _provider(device)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors; it warns of every constant that it folds
    if not file.is_file():
        raise InputError(f"{file} is missing: give an existing ONNX file")
    try:
        return onnxruntime.InferenceSession(file, options, [provider])
    except Exception as error:  # the library's kinds of errors have no common base
        raise InputError(
            f"{file} cannot be read as a network ({type(error).__name__}): give a file in ONNX's format"
        ) from error


def _provider(device: str) -> str:
    if _PROVIDERS[device] not in onnxruntime.get_available_providers():
        raise Unavailable(f"The installed ONNX Runtime has no {_PROVIDERS[device]}.")
    return _PROVIDERS[device]


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
