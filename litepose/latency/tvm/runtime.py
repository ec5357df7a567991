"""TVM as a runtime: a network compiled with the tiles that were tuned for its kernels."""

import shutil
from pathlib import Path

import torch
import tvm
from torch import Tensor, nn
from tvm import relax

from litepose.latency.runtimes import Runtime, Unavailable
from litepose.latency.runtimes.folding import fold_batch_norm
from litepose.latency.tvm import gpu, targets
from litepose.latency.tvm.lowering import lower
from litepose.latency.tvm.schedules import Tile
from litepose.latency.tvm.tuning import Tuning, scheduled

# Times of this machine, from the stage `tuning`; a kernel that is not there takes the shipped tile.
TUNED = Path("data/tuning")


def compiled(model: nn.Module, image: Tensor, target: tvm.target.Target, device: str) -> relax.VMExecutable:
    """A network compiled with the tiles that were tuned on a device, the shipped ones where none were.

    Args:
        model: in eval mode.
        image: of the shape that it is compiled for [1,3,H,W].
        target: of the device.
        device: its name.
    """
    module = lower(fold_batch_norm(model), tuple(image.shape), target)
    return relax.build(scheduled(module, target, _tiles(target, device)), target)


def _tiles(target: tvm.target.Target, device: str) -> dict[str, Tile]:
    if gpu.is_gpu(target):
        return {}
    tuned = TUNED / f"{device}.json"
    return targets.shipped(target) | (Tuning(tuned).best() if tuned.is_file() else {})


class TvmRuntime(Runtime):
    """TVM on the host, or on its GPU."""

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        targets.set_threads(self.threads)
        target = targets.host(self.threads)
        self._place = tvm.cpu()
        if self.device == "cuda":
            if not shutil.which("nvcc"):
                raise Unavailable("TVM compiles for GPUs with CUDA's nvcc, which is not installed.")
            target, self._place = gpu.target(torch.cuda.get_device_capability(), target), tvm.cuda()
        self._executable = compiled(model, image, target, self.device)
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
