"""A damaged or altered file of weights is refused in one sentence, or gives the network that was saved."""

import numpy as np
import pytest
import torch

from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.models import weights
from litepose.models.litepose import Architecture, LitePose
from support import mutation

SMALL = Architecture(8, (8, 8, 8, 8), (8, 8, 8))
VALUES = [
    *(None, -1, 0, 1, 7, 10**9, 10**400, 0.5, float("nan"), float("inf"), 1e300, "", "coco", b"x", True),
    *([], {}, [1], [[8, 8]], {"a": 1}, (8,) * 4, ["left_hip"], [0.1] * 14, np.float64(2), np.int64(3)),
    *(torch.zeros(2), torch.tensor([float("nan")]), torch.zeros(8, 8, dtype=torch.int8)),
    *(torch.zeros(8, dtype=torch.complex64), torch.zeros(8).to_sparse(), torch.ones(8, device="meta")),
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small network's file, its content, and its tensors."""
    file = tmp_path_factory.mktemp("weights") / "0.pt"
    torch.manual_seed(0)
    weights.save(file, LitePose(SMALL, 14, 3, depth=0.1), CROWDPOSE, 64)
    return file.read_bytes(), torch.load(file), weights.load(file)


def found(file):
    """The network in a file; None where it is refused as it must be."""
    try:
        return weights.load(file)
    except InputError as error:
        assert str(error).startswith(str(file))
        assert "\n" not in str(error)
        assert len(str(error)) < 1000
        return None


def test_damaged_bytes_are_refused_or_change_nothing(saved, tmp_path):
    content, _, whole = saved
    rng, file, refused = np.random.default_rng(0), tmp_path / "0.pt", 0
    for _ in range(mutation.count(200)):
        file.write_bytes(mutation.damaged(content, rng))
        network = found(file)
        refused += network is None
        if network:
            assert network.input_size == whole.input_size
            assert network.joints == whole.joints
            for name, tensor in network.model.state_dict().items():
                assert torch.equal(tensor, whole.model.state_dict()[name]), name
    assert refused > mutation.count(100)


def test_an_altered_description_or_tensor_is_refused_or_gives_a_network_of_finite_numbers(saved, tmp_path):
    _, content, _ = saved
    rng, file, refused = np.random.default_rng(1), tmp_path / "0.pt", 0
    places = [path for path in mutation.places(content) if path[0] != "state_dict" or rng.random() < 0.1]
    for path in (places[number] for number in rng.integers(len(places), size=mutation.count(120))):
        value = VALUES[rng.integers(len(VALUES))]
        altered = (
            mutation.without(content, path) if rng.random() < 0.1 else mutation.replaced(content, path, value)
        )
        torch.save(altered, file)
        network = found(file)
        refused += network is None
        if network:
            assert all(tensor.isfinite().all() for tensor in network.model.state_dict().values())
            assert network.model.num_joints == network.skeleton.num_joints
    assert refused > mutation.count(80)
