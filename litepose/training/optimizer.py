"""The optimizers: Adam, as in the paper, or Muon, whose steps bring a short training further."""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

OPTIMIZERS = ("adam", "muon")
MOMENTUM = 0.95
UPDATE_RMS = 0.2  # of an update's entries at learning rate 1: about Adam's, so that one rate serves both
QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def create(name: str, model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """One of `OPTIMIZERS` for a network on its device."""
    if name == "muon":
        return Muon(model, learning_rate)
    # Fused: one kernel instead of ten small ones per parameter, which saves a small network 4 % of a step.
    return torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)


class Muon(torch.optim.Optimizer):
    """Orthogonal updates for the convolutions that mix channels (Jordan et al. 2024), Adam for all the rest.

    A weight [out,in,k,k] is a matrix [out,k*k*in]. The entries of its updates are as large as Adam's (Liu
    et al. 2025), so that both share a learning rate. Transposed convolutions stay with Adam: so they learn
    better. `torch.optim.Muon` takes matrices only, one after the other and in bfloat16, which adds a fifth to
    a half to a small network's step on a CPU; this one takes those of a shape together and adds half of that.

    Args:
        model: network, on its device.
        learning_rate: of all its parameters.
    """

    def __init__(self, model: nn.Module, learning_rate: float) -> None:
        convolutions = (module for module in model.modules() if isinstance(module, nn.Conv2d))
        mixing: list[Tensor] = [module.weight for module in convolutions if module.groups == 1]
        known = {id(weight) for weight in mixing}
        others = [parameter for parameter in model.parameters() if id(parameter) not in known]
        groups: list[dict[str, Any]] = [{"params": mixing}, {"params": others}]
        super().__init__(groups, {"lr": learning_rate})
        self.adam = torch.optim.Adam(others, lr=learning_rate, fused=True)

    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        mixing, others = self.param_groups
        self._move(mixing["params"], mixing["lr"])
        self.adam.param_groups[0]["lr"] = others["lr"]
        self.adam.step()

    @torch.no_grad()
    def _move(self, weights: list[Tensor], learning_rate: float) -> None:
        """Take a step with the convolutions."""
        alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for weight in weights:
            if weight.grad is not None:
                alike[weight.shape].append(weight)
        for group in alike.values():
            matrices = torch.stack([_last(self._direction(weight)).flatten(1) for weight in group])
            size = learning_rate * UPDATE_RMS * math.sqrt(max(matrices.shape[1:]))
            for weight, update in zip(group, orthogonal(matrices), strict=True):
                view = _last(weight)
                view.sub_(update.reshape(view.shape), alpha=size)

    def _direction(self, weight: Tensor) -> Tensor:
        """Nesterov's momentum of a weight's gradient."""
        gradient, state = weight.grad, self.state[weight]
        assert gradient is not None, "only weights with a gradient move"
        momentum = state.setdefault("momentum", torch.zeros_like(gradient)).lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values of both optimizers."""
        return {**super().state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.adam.load_state_dict(state_dict["adam"])
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "adam"})


def orthogonal(matrices: Tensor) -> Tensor:
    """Matrices [N,rows,columns] with singular values brought near 1, by Newton and Schulz's iteration.

    A step is x <- (a + b x x^T + c (x x^T)^2) x. The factors commute, so they are gathered in the small
    square [rows,rows] and meet the wide matrix only at the end.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonal(matrices.mT).mT
    a, b, c = QUINTIC
    gram = matrices @ matrices.mT
    square = gram.diagonal(dim1=1, dim2=2).sum(1).clamp(min=1e-14)[:, None, None]  # of the Frobenius norm
    gram, whole = gram / square, square.rsqrt()
    for _ in range(ITERATIONS):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=1, dim2=2).add_(a)
        whole = factor @ whole if whole.shape == factor.shape else factor * whole
        gram = factor @ gram @ factor
    return whole @ matrices


def _last(weight: Tensor) -> Tensor:
    """A view [out,k,k,in] of a weight [out,in,k,k], the order in memory of a network channels last."""
    return weight.permute(0, 2, 3, 1)
