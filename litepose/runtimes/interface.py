"""What the measurement needs of a runtime, and whether its outputs are PyTorch's."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from litepose.core.errors import InputError

# Of a tensor's largest value. A wrong layer gives differences of the order of 1; two orders of summation in
# float32 give 1e-3 after the 150 layers of PersonLab with random weights (1e-12 in float64).
_TOLERANCE = 1e-2


class Unavailable(Exception):
    """A runtime or device that this machine lacks; the message is a sentence that says what and why."""


class Runtime:
    """Executes one network on one device.

    Args:
        device: one of :data:`litepose.runtimes.devices.DEVICES`.
        threads: that the runtime computes with on the host.
        tuned: file of what was tuned on the device, which need not be there; TVM alone reads it.
    """

    def __init__(self, device: str, threads: int, tuned: Path | None = None) -> None:
        self.device, self.threads, self.tuned = device, threads, tuned

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """Take a network in eval mode and its input [1,3,H,W], whose values it leaves as they are; once.

        Raises:
            Unavailable: something that the runtime needs is missing on this machine.
        """
        raise NotImplementedError

    def load(self) -> None:
        """Place the prepared network in memory anew, ready to run; at the beginning of every visit."""

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
        """Free what `load` took; at the end of every visit."""


def as_list(output: Tensor | list[Tensor] | tuple[Tensor, ...] | dict[str, Tensor]) -> list[Tensor]:
    """A network's output, whatever its container, as a list of tensors."""
    if isinstance(output, Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output
    return [tensor for part in parts for tensor in as_list(part)]


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Parts of a batch as one tensor; a single one as it is."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def check_output(system: str, measured: list[Tensor], reference: list[Tensor]) -> None:
    """Raise InputError unless a runtime's outputs equal PyTorch's."""
    shapes = [tuple(tensor.shape) for tensor in measured], [tuple(tensor.shape) for tensor in reference]
    if shapes[0] != shapes[1]:
        raise InputError(f"{system}: the runtime returns shapes {shapes[0]}, PyTorch {shapes[1]}; not timed")
    error = difference(measured, reference)
    if not error <= _TOLERANCE:
        raise InputError(
            f"{system}: the runtime's output differs from PyTorch's by {error:.1e} of its largest value; "
            "its time would not count"
        )


def difference(measured: list[Tensor], reference: list[Tensor]) -> float:
    """The largest difference of outputs from PyTorch's, relative to each tensor's largest magnitude.

    Infinite where there are not as many, or where their shapes differ.
    """
    if [tensor.shape for tensor in measured] != [tensor.shape for tensor in reference]:
        return math.inf
    errors = [
        (ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30)
        for ours, theirs in zip(measured, reference, strict=True)
    ]
    return float(torch.stack(errors).max())  # NaN if one is
