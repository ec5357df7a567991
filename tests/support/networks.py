"""Networks that find something without having been trained, and files of their weights."""

import numpy as np
import torch

from litepose import models
from litepose.core.skeletons import CROWDPOSE
from litepose.latency.networks import with_batch_statistics
from litepose.models import weights
from support.official import draw


def drawn(name, **overrides):
    """A network of the zoo with the golden files' random numbers, with which it finds people in noise."""
    model = models.create(name, **overrides)
    state = model.state_dict().items()
    model.load_state_dict(
        {name: torch.from_numpy(np.asarray(draw(name, list(tensor.shape)))) for name, tensor in state}
    )
    return model


def write_drawn(path, input_size):
    """Weights of a small 0.5 LitePose that finds people in noise."""
    weights.save(path, drawn("litepose-half", kernel=3, depth=0.25), CROWDPOSE, input_size)
    return path


def write_small(path, input_size):
    """Weights of a small Lite Pose."""
    torch.manual_seed(0)
    model = with_batch_statistics(models.create("litepose-xs", depth=0.1))
    weights.save(path, model, CROWDPOSE, input_size)
    return path
