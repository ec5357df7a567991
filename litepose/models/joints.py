"""A trained network for other joints: what it knows of shared ones is kept, the rest starts afresh."""

import torch
from torch import Tensor, nn

from litepose.core.layout import channels_last
from litepose.core.skeletons import Skeleton
from litepose.models.weights import build, describe


@torch.no_grad()
def for_joints(model: nn.Module, known: Skeleton, wanted: Skeleton) -> nn.Module:
    """A network of the same architecture that predicts a skeleton's joints, in eval mode, channels last.

    All layers keep their weights but those that predict, or read predictions: there each joint keeps the
    channels of the known joint of its name, and a joint of a new name gets freshly drawn ones.

    Args:
        model: of a family that :mod:`litepose.models.weights` knows, trained for ``known``; left as it is.
        known: joints of the model.
        wanted: joints of the result.
    """
    description = describe(model)
    result = build({**description, "num_joints": wanted.num_joints})
    wider = build({**description, "num_joints": wanted.num_joints + 1}).state_dict()
    trained = model.state_dict()
    for name, tensor in result.state_dict().items():
        dims = [dim for dim in range(tensor.dim()) if wider[name].shape[dim] != tensor.shape[dim]]
        if dims:
            maps = wider[name].shape[dims[0]] - tensor.shape[dims[0]]
            _copy_by_joint(trained[name].cpu(), tensor, dims[0], maps, known, wanted)
        else:
            tensor.copy_(trained[name])
    return channels_last(result.eval())


def _copy_by_joint(
    source: Tensor, target: Tensor, dim: int, maps: int, known: Skeleton, wanted: Skeleton
) -> None:
    """Copy a tensor's features, and the channels of joints that both skeletons have, along a dimension.

    There, features come first (none in a layer that predicts), then each of the maps (heatmaps, tags) of all
    joints.
    """
    features = target.shape[dim] - maps * wanted.num_joints
    target.narrow(dim, 0, features).copy_(source.narrow(dim, 0, features))
    for place, joint in enumerate(wanted.joints):
        for number in range(maps if joint in known.joints else 0):
            old = features + number * known.num_joints + known.joints.index(joint)
            target.select(dim, features + number * wanted.num_joints + place).copy_(source.select(dim, old))
