"""TVM as a runtime: a network compiled with the tiles that were tuned for its kernels."""

import shutil
import threading
from pathlib import Path

import torch
import tvm
from torch import Tensor, fx, nn
from tvm import relax

from litepose.runtimes.folding import fold_batch_norm
from litepose.runtimes.interface import Runtime, Unavailable, joined
from litepose.runtimes.tvm import gpu, targets
from litepose.runtimes.tvm.lowering import lower
from litepose.runtimes.tvm.schedules import Tile
from litepose.runtimes.tvm.tuning import Tuning, scheduled


def compiled(
    model: nn.Module, image: Tensor, target: tvm.target.Target, tuned: Path | None = None
) -> relax.VMExecutable:
    """A network compiled with the tiles that were tuned on a device, the shipped ones where none were.

    Args:
        model: in eval mode.
        image: of the shape that it is compiled for [1,3,H,W].
        target: of the device.
        tuned: file of the times that were measured there (:class:`Tuning`), which need not exist.
    """
    return _built(fold_batch_norm(model), tuple(image.shape), target, tuned)


def _built(
    folded: fx.GraphModule, shape: tuple[int, ...], target: tvm.target.Target, tuned: Path | None = None
) -> relax.VMExecutable:
    """As `compiled`, of a network whose batch norm is folded."""
    return relax.build(scheduled(lower(folded, shape, target), target, _tiles(target, tuned)), target)


def _tiles(target: tvm.target.Target, tuned: Path | None) -> dict[str, Tile]:
    """Tiles by kernel; a GPU takes none."""
    if gpu.is_gpu(target):
        return {}
    return targets.shipped(target) | (Tuning(tuned).best() if tuned and tuned.is_file() else {})


def _check_compiler(device: str) -> None:
    if device == "cuda" and not shutil.which("nvcc"):
        raise Unavailable("TVM compiles for GPUs with CUDA's nvcc, which is not installed.")


class TvmRuntime(Runtime):
    """TVM on the host, or on its GPU."""

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        targets.set_threads(self.threads)
        _check_compiler(self.device)
        target = targets.target_of(self.device, self.threads)
        self._place = tvm.cuda() if gpu.is_gpu(target) else tvm.cpu()
        self._executable = compiled(model, image, target, self.tuned)
        self._image = image.numpy()
        self._output: list = []

    def load(self) -> None:
        """See `Runtime.load`."""
        self._machine = relax.VirtualMachine(self._executable, self._place)
        self._input = tvm.runtime.tensor(self._image, self._place)

    def run_once(self) -> None:
        """See `Runtime.run_once`."""
        output = self._machine["main"](self._input)
        self._place.sync()
        self._output = [output] if isinstance(output, tvm.runtime.Tensor) else list(output)

    def output(self) -> list[Tensor]:
        """See `Runtime.output`."""
        return [torch.from_numpy(tensor.numpy()) for tensor in self._output]

    def unload(self) -> None:
        """See `Runtime.unload`."""
        del self._machine, self._input
        self._output = []


class TvmNetwork(nn.Module):
    """A network that is called as PyTorch's, and runs in TVM; several threads may call it.

    It is compiled for one image of each shape that comes, and computes with as many threads as PyTorch would
    in the thread that calls it.

    Args:
        model: in eval mode.
        device: ``host`` or ``cuda``.

    Raises:
        Unavailable: the device lacks what TVM needs there.
    """

    def __init__(self, model: nn.Module, device: str = "host") -> None:
        super().__init__()
        _check_compiler(device)
        # Not a module of this one, whose parameters could be moved; folded now, because PyTorch's tracer
        # disturbs networks that other threads call.
        self._folded = (fold_batch_norm(model),)
        self._target = targets.target_of(device, torch.get_num_threads())
        self._place = tvm.cuda() if gpu.is_gpu(self._target) else tvm.cpu()
        self._lock = threading.Lock()
        self._executables: dict[torch.Size, relax.VMExecutable] = {}
        self._own = threading.local()  # a machine serves one thread

    def forward(self, images: Tensor) -> list[Tensor]:
        """Outputs float32 for images [B, 3, H, W], which are run one by one."""
        machine = self._machine(images[:1])
        outputs = []
        for image in images.split(1):
            given = tvm.runtime.tensor(image.contiguous().cpu().numpy(), self._place)
            outputs.append([torch.from_numpy(tensor.numpy()) for tensor in machine["main"](given)])
        return [joined(parts) for parts in zip(*outputs, strict=True)]

    def _machine(self, image: Tensor) -> relax.VirtualMachine:
        machines = vars(self._own).setdefault("machines", {})
        if not machines:
            targets.set_own_threads(torch.get_num_threads())
        if image.shape not in machines:
            with self._lock:
                if image.shape not in self._executables:
                    self._executables[image.shape] = _built(self._folded[0], tuple(image.shape), self._target)
            machines[image.shape] = relax.VirtualMachine(self._executables[image.shape], self._place)
        return machines[image.shape]
