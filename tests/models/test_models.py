"""The zoo builds every system of the paper's tables, for any number of joints."""

import pytest
import torch

from litepose.core.errors import InputError
from litepose.models import create, names, published_input_size
from litepose.models.litepose import ARCHITECTURES, Architecture, LitePose, LitePoseClassifier

OTHERS = ["lightweight-openpose", "personlab"]
ASSOCIATIVE = [name for name in names() if name not in OTHERS]
TINY = Architecture(8, (8, 8, 16, 24), (8, 16, 8))


@pytest.fixture(autouse=True)
def _seeded():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def shapes(name, num_joints, height, width):
    # On the meta device nothing is computed, so that the largest networks are as fast as the smallest.
    with torch.device("meta"):
        outputs = create(name, num_joints)(torch.empty(2, 3, height, width))
    return [tuple(output.shape) for output in outputs]


def test_the_zoo_has_every_system_of_the_tables():
    assert set(names()) == {
        "litepose-xs", "litepose-s", "litepose-m", "litepose-l", "litepose-half",
        "higherhrnet-w16", "higherhrnet-w24", "higherhrnet-w32", "higherhrnet-w48",
        "higherhrnet-w16-shrink1", "higherhrnet-w16-shrink2", "higherhrnet-w16-shrink3",
        "efficienthrnet-h-1", "efficienthrnet-h-2", "efficienthrnet-h-3", "efficienthrnet-h-4",
        "lightweight-openpose", "hourglass-ae", "personlab",
    }  # fmt: skip


@pytest.mark.parametrize("name", ASSOCIATIVE)
def test_tag_networks_give_heatmaps_and_tags_at_stride_4_and_heatmaps_at_stride_2(name):
    assert shapes(name, 5, 128, 192) == [(2, 10, 32, 48), (2, 5, 64, 96)]


def test_lightweight_openpose_gives_its_heatmaps_and_fields_of_both_stages_at_stride_8():
    assert shapes("lightweight-openpose", 17, 64, 128) == [(2, 19, 8, 16), (2, 38, 8, 16)] * 2


def test_personlab_gives_heatmaps_offsets_and_mask_at_stride_16():
    assert [shape[1] for shape in shapes("personlab", 17, 64, 128)] == [17, 34, 64, 34, 1]
    assert {shape[2:] for shape in shapes("personlab", 17, 64, 128)} == {(4, 8)}


def test_an_unknown_name_is_answered_with_the_known_ones():
    for ask in (create, published_input_size):
        with pytest.raises(InputError, match="litepose-xs"):
            ask("litepose-xxl")


def test_the_same_seed_draws_the_same_weights():
    networks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        networks.append(create("litepose-xs", depth=0.1).state_dict())
    first, same, other = networks
    assert all(torch.equal(first[name], same[name]) for name in first)
    name = "backbone.stem.0.0.weight"
    assert not torch.equal(first[name], other[name])


@pytest.mark.parametrize("name", ["litepose-half", "higherhrnet-w16", "efficienthrnet-h-4", "hourglass-ae"])
def test_depth_scales_the_number_of_parameters_and_keeps_the_outputs(name):
    with torch.device("meta"):
        whole, part, least = (create(name, 14, depth=depth) for depth in (1.0, 0.5, 0.01))
        outputs = least(torch.empty(2, 3, 64, 64))
    sizes = [sum(p.numel() for p in model.parameters()) for model in (whole, part, least)]
    assert sizes[0] > sizes[1] >= sizes[2] > 0
    assert [tuple(output.shape) for output in outputs] == [(2, 28, 16, 16), (2, 14, 32, 32)]


def test_the_least_depth_leaves_one_block_per_stage():
    model = LitePose(TINY, 14, depth=0.01)
    assert [len(stage) for stage in model.backbone.stages] == [1, 1, 1, 1]
    assert [len(stage) for stage in LitePose(TINY, 14, depth=1 / 3).backbone.stages] == [2, 3, 3, 3]


def test_a_depth_of_0_and_an_even_kernel_are_refused():
    with pytest.raises(InputError, match="depth"):
        create("higherhrnet-w16", depth=0)
    with pytest.raises(InputError, match="kernel"):
        create("litepose-half", kernel=4)


def test_a_fresh_network_predicts_almost_nothing():
    images = torch.randn(1, 3, 64, 64)
    for name in ("litepose-half", "higherhrnet-w16", "efficienthrnet-h-4"):
        assert all(output.abs().max() < 0.5 for output in create(name, depth=0.2)(images))


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("litepose-half", {}),
        ("litepose-half", {"fusion": False, "kernel": 3}),
        ("higherhrnet-w16", {}),
        ("higherhrnet-w16-shrink3", {}),
        ("efficienthrnet-h-4", {}),
    ],
)
def test_every_weight_learns(name, overrides):
    model = create(name, 14, depth=0.1, **overrides)
    outputs = model(torch.randn(2, 3, 64, 64))
    sum(output.square().mean() for output in outputs).backward()
    assert [key for key, weight in model.named_parameters() if weight.grad is None] == []


def test_the_fusion_head_reads_the_features_of_earlier_stages():
    def answer(fusion):
        torch.manual_seed(0)
        model = LitePose(TINY, 14, fusion=fusion, depth=0.1).eval()
        images = torch.randn(1, 3, 64, 64)
        # A broken last stage silences the deep path: what still reacts to the image came by another way.
        model.backbone.stages[3].register_forward_hook(lambda module, inputs, output: output * 0)
        with torch.no_grad():
            return [(a - b).abs().max() for a, b in zip(model(images), model(2 * images), strict=True)]

    assert all(difference > 0 for difference in answer(fusion=True))
    assert all(difference == 0 for difference in answer(fusion=False))


def test_an_architecture_and_a_kernel_can_be_chosen_by_name_of_the_family():
    chosen = create("litepose-xs", 14, architecture=TINY, kernel=3, depth=0.1)
    assert chosen.backbone.stages[0][0].depthwise[0].weight.shape == (48, 1, 3, 3)
    assert chosen.deep_heads[1][-1].weight.shape == (14, 8, 1, 1)


def test_widths_and_architecture_say_the_same():
    for architecture in ARCHITECTURES.values():
        assert Architecture.from_widths(architecture.widths) == architecture


def test_the_channels_last_layout_changes_no_output():
    model, images = create("litepose-xs", depth=0.1).eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = model(images)
        model.to(memory_format=torch.channels_last)
        given = model(images.to(memory_format=torch.channels_last))
    for a, b in zip(expected, given, strict=True):
        torch.testing.assert_close(a, b)


def test_the_classifier_scores_classes_with_the_same_backbone():
    classifier = LitePoseClassifier(TINY, num_classes=10, kernel=5, depth=0.1)
    assert classifier(torch.randn(3, 3, 64, 64)).shape == (3, 10)
    pose = LitePose(TINY, 14, kernel=5, depth=0.1)
    assert classifier.backbone.state_dict().keys() == pose.backbone.state_dict().keys()
