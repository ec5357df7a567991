"""PyTorch with torch.compile: inductor generates C++ or Triton code for a network."""

import os
import shutil
from typing import cast

import torch
from torch import Tensor, nn

from litepose.runtimes.eager import EagerRuntime
from litepose.runtimes.interface import Unavailable


class CompiledRuntime(EagerRuntime):
    """Compiles at the first run after `prepare`; `load` keeps the code."""

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) is None:
            raise Unavailable(f"torch.compile needs a C++ compiler, and {compiler} is not installed.")
        super().prepare(model, image)
        self._model = cast(nn.Module, torch.compile(self._model, dynamic=False))
