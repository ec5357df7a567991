"""A network for other joints keeps what it knows, and of shared joints also their predictions."""

import pytest
import torch

from litepose import models
from litepose.core.skeletons import COCO, CROWDPOSE, Skeleton
from litepose.models.joints import for_joints

NETWORKS = ("litepose-xs", "higherhrnet-w16")
HAND = Skeleton("hand", ("thumb", "left_wrist", "palm"), (0, 1, 2), (), (0.1, 0.1, 0.1))
IMAGE = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def network(name, skeleton):
    torch.manual_seed(0)
    return models.create(name, skeleton.num_joints, depth=0.1).eval()


@torch.inference_mode()
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_joints_in_another_order_are_found_where_they_were(name):
    order = [3, 0, 1, 2, *range(13, 3, -1)]
    mixed = Skeleton("mixed", tuple(CROWDPOSE.joints[joint] for joint in order), (), (), ())
    known = network(name, CROWDPOSE)
    before, after = known(IMAGE), for_joints(known, CROWDPOSE, mixed)(IMAGE)
    maps = [*order, *(14 + joint for joint in order)]
    # Sums over the joints run in another order.
    torch.testing.assert_close(after[0], before[0][:, maps], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after[1], before[1][:, order], rtol=1e-4, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_for_other_joints_keeps_every_layer_that_predicts_none(name):
    known = network(name, COCO)
    other = for_joints(known, COCO, HAND)
    assert other.num_joints == 3
    kept, before = other.state_dict(), known.state_dict()
    same = [key for key, tensor in kept.items() if tensor.shape == before[key].shape]
    assert len(same) > 0.9 * len(kept)
    assert all(torch.equal(kept[key], before[key]) for key in same)


@torch.inference_mode()
def test_of_other_joints_those_of_a_known_name_are_found_as_before():
    known = network("litepose-xs", COCO)
    before, after = known(IMAGE), for_joints(known, COCO, HAND)(IMAGE)
    wrist = COCO.joints.index("left_wrist")
    torch.testing.assert_close(after[0][:, [1, 4]], before[0][:, [wrist, 17 + wrist]])
    torch.testing.assert_close(after[1][:, 1], before[1][:, wrist])
    assert not torch.allclose(after[1][:, 0], before[1][:, 0])
