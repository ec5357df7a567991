"""The supernet shares its weights with every narrower Lite Pose."""

import pytest
import torch

from litepose.core.errors import InputError
from litepose.models.channels import channel_sets, input_dim
from litepose.models.litepose import ARCHITECTURES, Architecture, LitePose
from litepose.models.supernet import Supernet

DEPTH = 0.2
NARROW = Architecture(16, (16, 48, 24, 120), (32, 24, 16))


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def trained(num_joints=14):
    """A supernet whose batch norms and predictions are not as freshly initialised."""
    supernet = Supernet(num_joints, depth=DEPTH).eval()
    with torch.no_grad():
        for name, tensor in supernet.state_dict().items():
            if name.endswith("running_var") or (name.endswith("weight") and tensor.dim() == 1):
                tensor.uniform_(0.5, 1.5)
            elif tensor.dim() == 1:
                tensor.normal_(0, 0.1)
        for head in supernet.network.heads():
            head[-1].weight.normal_()
    return supernet


def images():
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def assert_same(ours, others, **tolerance):
    for a, b in zip(ours, others, strict=True):
        torch.testing.assert_close(a, b, **tolerance)


def test_it_runs_its_widest_network_unless_configured():
    supernet = trained()
    assert_same(supernet(images()), supernet.network(images()))


@pytest.mark.parametrize("architecture", [NARROW, *ARCHITECTURES.values()])
def test_an_extracted_network_computes_what_the_supernet_computes(architecture):
    supernet = trained()
    supernet.configure(architecture)
    extracted = supernet.extract(architecture)
    assert isinstance(extracted, LitePose)
    assert extracted.backbone.stages[1][0].project[0].weight.shape[0] == architecture.stages[1]
    with torch.no_grad():
        shared = supernet(images())
        assert shared[0].abs().max() > 0.1
        assert_same(shared, extracted(images()))


def test_an_extracted_network_is_a_copy_that_can_be_trained():
    supernet = trained()
    before = supernet.state_dict()["network.backbone.stem.0.0.weight"].clone()
    extracted = supernet.extract(NARROW)
    torch.manual_seed(3)
    optimiser = torch.optim.SGD(extracted.parameters(), lr=1.0)
    sum(output.sum() for output in extracted(images())).backward()
    optimiser.step()
    assert not torch.equal(extracted.backbone.stem[0][0].weight, before)
    assert torch.equal(supernet.network.backbone.stem[0][0].weight, before)


def test_extracting_leaves_the_active_configuration():
    supernet = trained()
    supernet.configure(ARCHITECTURES["xs"])
    supernet.extract(NARROW)
    assert supernet.architecture == ARCHITECTURES["xs"]


def test_a_narrow_step_gives_every_weight_a_gradient_that_is_0_beyond_the_slice():
    supernet = trained()
    supernet.configure(NARROW)
    sum(output.square().sum() for output in supernet(images())).backward()
    assert all(parameter.grad is not None for parameter in supernet.parameters())
    gradient = supernet.network.backbone.stages[1][1].project[0].weight.grad
    rows, columns = NARROW.stages[1], 6 * NARROW.stages[1]
    assert gradient[:rows, :columns].abs().sum() > 0
    assert gradient[rows:].abs().sum() == 0
    assert gradient[:, columns:].abs().sum() == 0


def test_a_narrow_step_updates_the_statistics_of_its_own_channels_only():
    supernet = trained().train()
    norm = supernet.network.backbone.stages[1][0].project[1]
    before = norm.running_mean.clone()
    supernet.configure(NARROW)
    supernet(images())
    changed = norm.running_mean != before
    assert changed[: NARROW.stages[1]].all()
    assert not changed[NARROW.stages[1] :].any()


def test_ordering_channels_by_importance_keeps_the_widest_network_and_changes_the_narrow_ones():
    source, target = trained(), Supernet(14, depth=DEPTH).eval()
    target.load_pretrained(source.state_dict())
    with torch.no_grad():
        assert_same(source(images()), target(images()), rtol=1e-4, atol=1e-4)
        narrow, sorted_narrow = (supernet.extract(NARROW)(images())[0] for supernet in (source, target))
    assert (narrow - sorted_narrow).abs().max() > 0.01


def test_the_most_important_channels_come_first():
    target = Supernet(14, depth=DEPTH)
    target.load_pretrained(trained().state_dict())
    sets = list(channel_sets(target.network))
    for channels in sets:
        weights = [conv.weight.transpose(0, input_dim(conv)) for conv in channels.read]
        importance = sum(weight.abs().flatten(1).sum(1) for weight in weights)
        assert (importance.diff() <= 1e-3).all()
    assert len(sets) == 1 + sum(len(stage) for stage in target.network.backbone.stages) + 4 + 3


def test_a_plain_widest_network_is_pre_trained_weights_too():
    plain, target = trained().network, Supernet(14, depth=DEPTH).eval()
    target.load_pretrained(plain.state_dict(), reorder=False)
    assert_same(plain(images()), target(images()))


def test_weights_for_other_joints_are_taken_but_for_the_predictions():
    source, target = trained(17), Supernet(14, depth=DEPTH)
    before = [head[-1].weight.clone() for head in target.network.heads()]
    target.load_pretrained(source.state_dict(), reorder=False)
    assert_same(before, [head[-1].weight for head in target.network.heads()])
    taken, given = target.network.state_dict(), source.network.state_dict()
    same = [name for name in taken if torch.equal(taken[name], given[name])]
    assert len(taken) - len(same) == 4


def test_a_trained_supernets_narrow_networks_survive_loading_without_reordering():
    source, target = trained(), Supernet(14, depth=DEPTH).eval()
    target.load_pretrained(source.state_dict(), reorder=False)
    assert_same(source.extract(NARROW)(images()), target.extract(NARROW)(images()))


def test_a_configuration_wider_than_the_supernet_is_refused():
    with pytest.raises(InputError, match="wider"):
        Supernet(14, depth=DEPTH).configure(Architecture(16, (16, 32, 48, 168), (16, 24, 24)))


def test_weights_of_another_network_are_refused_with_the_tensor_that_does_not_fit():
    supernet = Supernet(14, depth=DEPTH)
    narrow = LitePose(ARCHITECTURES["xs"], 14, depth=DEPTH).state_dict()
    with pytest.raises(InputError, match=r"has the shape"):
        supernet.load_pretrained(narrow)
    with pytest.raises(InputError, match=r"lack raw_deconvs"):
        supernet.load_pretrained(LitePose(ARCHITECTURES["full"], 14, fusion=False, depth=DEPTH).state_dict())
    with pytest.raises(InputError, match=r"unknown backbone"):
        supernet.load_pretrained(LitePose(ARCHITECTURES["full"], 14, depth=0.5).state_dict())
