"""The largest strides of networks and of the parameters' systems are the same."""

import pytest
import torch

from litepose import models
from litepose.strides import largest_stride
from stages.lib.common.schema import STRIDES


@pytest.mark.parametrize("name", ["litepose-xs", "higherhrnet-w16", "efficienthrnet-h-4", "hourglass-ae"])
def test_a_network_takes_multiples_of_its_largest_stride_and_no_others(name):
    with torch.device("meta"):
        model = models.create(name).eval()
        stride = largest_stride(model)
        assert stride == STRIDES[name.partition("-")[0]]
        coarse, fine = model(torch.empty(1, 3, 3 * stride, 5 * stride))[-2:]
        assert coarse.shape[2:] == (3 * stride // 4, 5 * stride // 4)
        assert fine.shape[2:] == (3 * stride // 2, 5 * stride // 2)
        with pytest.raises(RuntimeError):
            model(torch.empty(1, 3, 3 * stride + stride // 2, 5 * stride))
