"""PyTorch, layer by layer: channels_last, batch norm folded into the convolutions."""

import copy

import torch
from torch import Tensor, nn

from litepose.core.layout import channels_last
from litepose.runtimes.folding import fold_batch_norm
from litepose.runtimes.interface import Runtime, as_list


class EagerRuntime(Runtime):
    """PyTorch on the host or on a CUDA GPU."""

    _model: nn.Module
    _image: Tensor

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        # On a GPU: float32 throughout, as on the host; and the fastest algorithm for each convolution.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
        torch.set_num_threads(self.threads)
        place = torch.device("cpu" if self.device == "host" else self.device)
        # A copy: layers that are not folded are the network's own.
        own = copy.deepcopy(fold_batch_norm(model)).to(place)
        self._model = channels_last(own)
        self._image = image.to(place).contiguous(memory_format=torch.channels_last)
        self._output: list[Tensor] = []

    def load(self) -> None:
        """See `Runtime.load`."""
        torch.set_num_threads(self.threads)
        for parameter in self._model.parameters():
            parameter.data = parameter.data.clone()
        self._image = self._image.clone()

    @torch.inference_mode()
    def run_once(self) -> None:
        """See `Runtime.run_once`."""
        self._output = as_list(self._model(self._image))
        if self._image.is_cuda:
            torch.cuda.synchronize()

    def output(self) -> list[Tensor]:
        """See `Runtime.output`."""
        return [tensor.cpu() for tensor in self._output]

    def unload(self) -> None:
        """See `Runtime.unload`."""
        self._output = []
