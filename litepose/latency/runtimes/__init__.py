"""Runtimes that execute a network for timing, behind one interface, and the table of them by name."""

from pkgutil import resolve_name

from torch import Tensor, nn

from litepose.errors import InputError
from litepose.latency.machine import BOARDS

# A runtime's module, with the packages that it needs, is imported when it is asked for.
RUNTIMES = {
    "pytorch": "litepose.latency.runtimes.eager:EagerRuntime",
    "pytorch-compiled": "litepose.latency.runtimes.compiled:CompiledRuntime",
    "onnxruntime": "litepose.latency.runtimes.onnx_session:OnnxRuntime",
    "tvm": "litepose.latency.tvm.runtime:TvmRuntime",
}
# Of a device that is neither this machine nor its GPU
_REMOTE = "litepose.latency.tvm.boards:BoardRuntime"
# Of a tensor's largest value. A wrong layer gives differences of the order of 1; two orders of summation in
# float32 give 1e-3 after the 150 layers of PersonLab with random weights (1e-12 in float64).
_TOLERANCE = 1e-2


class Unavailable(Exception):
    """A runtime or device that this machine lacks; the message is a sentence that says what and why."""


class Runtime:
    """What the measurement needs of a runtime.

    Args:
        device: `host`, `cuda`, or a board.
        threads: that the runtime computes with on the host.
    """

    def __init__(self, device: str, threads: int) -> None:
        self.device, self.threads = device, threads

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """Take a network in eval mode and its input [1,3,H,W], whose values it leaves as they are; once.

        Raises:
            Unavailable: something that the runtime needs is missing on this machine.
        """
        raise NotImplementedError

    def load(self) -> None:
        """Place the prepared network in memory anew, ready to run; before every round of measurements."""

    def run_once(self) -> float | None:
        """Execute one forward pass and wait for its end.

        Returns:
            Seconds that it took, where the device measures them itself.
        """
        raise NotImplementedError

    def output(self) -> list[Tensor]:
        """The last run's outputs, float32 on the CPU."""
        raise NotImplementedError

    def unload(self) -> None:
        """Free what `load` took."""


def create(name: str, device: str, threads: int) -> Runtime:
    """A runtime by its name in `RUNTIMES`.

    Raises:
        InputError: there is none of this name, or a package that it needs is not installed.
    """
    kind = resolve_name(_REMOTE) if name == "tvm" and device in BOARDS else _kind(name)
    return kind(device, threads)


def check(name: str) -> None:
    """Raise InputError if there is no runtime of this name, or a package that it needs is not installed."""
    _kind(name)


def _kind(name: str) -> type[Runtime]:
    if name not in RUNTIMES:
        raise InputError(f"latency.runtimes names {name!r}: known runtimes are {', '.join(RUNTIMES)}.")
    try:
        return resolve_name(RUNTIMES[name])
    except ModuleNotFoundError as error:
        raise InputError(
            f"latency.runtimes names {name}, but the package {error.name} is not installed: "
            "pip install -r requirements.txt, or take the runtime out."
        ) from None


def as_list(output: Tensor | list[Tensor] | tuple[Tensor, ...] | dict[str, Tensor]) -> list[Tensor]:
    """A network's output, whatever its container, as a list of tensors."""
    if isinstance(output, Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output
    return [tensor for part in parts for tensor in as_list(part)]


def check_output(system: str, measured: list[Tensor], reference: list[Tensor]) -> None:
    """Raise InputError unless a runtime's outputs equal PyTorch's.

    The difference is taken relative to the largest magnitude of each reference tensor.
    """
    shapes = [tuple(tensor.shape) for tensor in measured], [tuple(tensor.shape) for tensor in reference]
    if shapes[0] != shapes[1]:
        raise InputError(f"{system}: the runtime returns shapes {shapes[0]}, PyTorch {shapes[1]}; not timed.")
    for ours, theirs in zip(measured, reference, strict=True):
        error = float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30))
        if not error <= _TOLERANCE:
            raise InputError(
                f"{system}: the runtime's output differs from PyTorch's by {error:.1e} of its largest value; "
                "its time would not count."
            )
