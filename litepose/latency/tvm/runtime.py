"""TVM as a runtime: a network compiled with the tiles that were tuned for its kernels."""

from pathlib import Path

import tvm
from torch import Tensor, from_numpy, nn
from tvm import relax

from litepose.latency.runtimes import Runtime, Unavailable
from litepose.latency.runtimes.folding import fold_batch_norm
from litepose.latency.tvm import targets
from litepose.latency.tvm.lowering import lower
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
    tuned = TUNED / f"{device}.json"
    tiles = targets.shipped(target) | (Tuning(tuned).best() if tuned.is_file() else {})
    module = lower(fold_batch_norm(model), tuple(image.shape), target)
    return relax.build(scheduled(module, target, tiles), target)


class TvmRuntime(Runtime):
    """TVM on the host."""

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        if self.device != "host":
            raise Unavailable(f"Schedules for TVM on {self.device} are not part of this project.")
        targets.set_threads(self.threads)
        self._executable = compiled(model, image, targets.host(self.threads), self.device)
        self._image = image.numpy()
        self._output: list = []

    def load(self) -> None:
        """See `Runtime.load`."""
        self._machine = relax.VirtualMachine(self._executable, tvm.cpu())
        self._input = tvm.runtime.tensor(self._image, tvm.cpu())

    def run_once(self) -> None:
        """See `Runtime.run_once`."""
        output = self._machine["main"](self._input)
        self._output = [output] if isinstance(output, tvm.runtime.Tensor) else list(output)

    def output(self) -> list[Tensor]:
        """See `Runtime.output`."""
        return [from_numpy(tensor.numpy()) for tensor in self._output]

    def unload(self) -> None:
        """See `Runtime.unload`."""
        del self._machine, self._input
        self._output = []
