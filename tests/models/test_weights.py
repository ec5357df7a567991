"""Files of weights say which network they hold: every family comes back exactly, and bad files are told."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from litepose import models
from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE, Skeleton
from litepose.models import tensor_file, weights
from litepose.models.litepose import ARCHITECTURES, Architecture, LitePoseClassifier
from litepose.models.supernet import Supernet

OWN = Skeleton("dogs", ("nose", "left_ear", "right_ear"), (0, 2, 1), ((0, 1), (0, 2)), (0.025, 0.035, 0.035))
FOUND = Architecture.from_widths([16, 16, 24, 24, 40, 16, 24, 16])
NETWORKS = {
    "found widths": lambda: models.create("litepose-half", architecture=FOUND, depth=0.34),
    "kernel": lambda: models.create("litepose-half", kernel=9, depth=0.1),
    "no fusion": lambda: models.create("litepose-xs", fusion=False, depth=0.1),
    "higherhrnet": lambda: models.create("higherhrnet-w16-shrink2", depth=0.34),
    "higherhrnet-w16": lambda: models.create("higherhrnet-w16"),
    "efficienthrnet": lambda: models.create("efficienthrnet-h-4", depth=0.34),
    "supernet": lambda: Supernet(14, kernel=5, depth=0.1),
    "lightweight-openpose": lambda: models.create("lightweight-openpose", depth=0.5),
    "hourglass": lambda: models.create("hourglass-ae", depth=0.25),
    "personlab": lambda: models.create("personlab", depth=0.1),
}


def small(num_joints=14):
    return models.create("litepose-xs", num_joints, architecture=FOUND, depth=0.1)


@pytest.fixture
def file(tmp_path):
    """A file of a small network's weights."""
    weights.save(tmp_path / "weights.pt", small(), CROWDPOSE, 256)
    return tmp_path / "weights.pt"


def change(file, **fields):
    content = torch.load(file, weights_only=True) | fields
    torch.save(content, file)


def assert_same(model, other):
    """Same layers with the same numbers, which compute the same."""
    assert type(model) is type(other)
    assert repr(model) == repr(other)
    pairs = zip(model.state_dict().items(), other.state_dict().items(), strict=True)
    assert all(name == same and torch.equal(tensor, equal) for (name, tensor), (same, equal) in pairs)
    assert weights.describe(model) == weights.describe(other)


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_every_family_comes_back_as_it_was(tmp_path, build):
    model = build()
    weights.save(tmp_path / "a/weights.pt", model, CROWDPOSE, 448)
    trained = weights.load(tmp_path / "a/weights.pt")
    assert_same(trained.model, model)
    assert (trained.skeleton, trained.input_size) == (CROWDPOSE, 448)
    assert not trained.model.training
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        outputs = model.eval().to(memory_format=torch.channels_last)(images)
        assert all(map(torch.equal, trained.model(images), outputs))


def test_a_classifier_comes_back_without_joints(tmp_path):
    model = LitePoseClassifier(ARCHITECTURES["half"], 5, kernel=3, depth=0.1)
    weights.save(tmp_path / "weights.pt", model, None, 32)
    trained = weights.load(tmp_path / "weights.pt")
    assert_same(trained.model, model)
    assert trained.joints is None
    with pytest.raises(InputError, match="classifies images and finds no people"):
        _ = trained.skeleton


@pytest.mark.parametrize("skeleton", [COCO, OWN], ids=lambda skeleton: skeleton.name)
def test_the_joints_come_back_whatever_they_are(tmp_path, skeleton):
    weights.save(tmp_path / "weights.pt", small(skeleton.num_joints), skeleton, 256)
    assert weights.load(tmp_path / "weights.pt").skeleton == skeleton


def test_a_loaded_network_is_ready_to_train_in_the_layout_of_training(file):
    model = weights.load(file).model
    assert all(parameter.requires_grad for parameter in model.parameters())
    convolution = model.deep_deconvs[0].weight
    assert convolution.is_contiguous(memory_format=torch.channels_last)


def test_loading_draws_no_random_numbers(file):
    before = torch.get_rng_state()
    weights.load(file)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_network_gives_the_same_bytes_in_any_layout_name_and_after_a_round_trip(file, tmp_path):
    model = weights.load(file).model  # channels last
    weights.save(tmp_path / "other.pt", model, weights.load(file).skeleton, 256)
    assert (tmp_path / "other.pt").read_bytes() == file.read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["other.pt", "weights.pt"]


def test_widths_from_numpy_are_saved_as_plain_numbers(tmp_path):
    model = models.create("litepose-xs", architecture=Architecture.from_widths(np.array(FOUND.widths)))
    weights.save(tmp_path / "weights.pt", model, CROWDPOSE, 256)
    assert_same(weights.load(tmp_path / "weights.pt").model, model)


def test_half_precision_is_read_as_the_float32_that_networks_have(tmp_path):
    weights.save(tmp_path / "weights.pt", small().half(), CROWDPOSE, 256)
    assert next(weights.load(tmp_path / "weights.pt").model.parameters()).dtype == torch.float32


@dataclass
class Code:
    """What a file of weights must not hold."""

    value: int = 1


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda path: None, "is missing: give"),
        (lambda path: path.write_text("text"), "cannot be read as PyTorch weights"),
        (lambda path: path.write_bytes(pickle.dumps(Code())), "cannot be read as PyTorch weights"),
        (
            lambda path: torch.save({"format": 1, "network": Code()}, path),
            r"holds more than tensors \(\S+Code\): save its state_dict alone",
        ),
        (lambda path: torch.save(small().state_dict(), path), "holds tensors but not which network"),
        (
            lambda path: torch.save({"epoch": 3, "state_dict": small().state_dict()}, path),
            "holds tensors but not which network",
        ),
        (
            lambda path: torch.save({"fingerprint": "a", "history": []}, path),
            "holds no weights that litepose",
        ),
        (lambda path: torch.save([1, 2], path), "holds no weights that litepose"),
        (lambda path: torch.save({"format": 2}, path), "has the format 2, but this version reads 1"),
        (lambda path: torch.save({"format": 1}, path), "the field network is missing"),
    ],
)
def test_a_file_of_another_kind_is_told_in_one_sentence(tmp_path, write, sentence):
    path = tmp_path / "weights.pt"
    write(path)
    with pytest.raises(InputError, match=sentence) as refusal:
        weights.load(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_cut_short_is_told(file):
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"weights\.pt cannot be read as PyTorch weights"):
        weights.load(file)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"network": {"family": "Transformer"}}, "family is 'Transformer', but must be one of LitePose"),
        ({"network": {"family": []}}, "family is \\[\\]"),
        ({"network": {"family": "LitePose"}}, "builds no LitePose"),
        ({"network": {"family": "PersonLab", "num_joints": 14, "depth": -1.0}}, "depth is -1"),
        ({"network": {"family": "PersonLab", "num_joints": 14, "width": 2}}, "builds no PersonLab"),
        ({"network": {"family": "PersonLab", "num_joints": 14, "depth": 0.1}}, "tensor .* of the network is"),
        ({"skeleton": {}}, "the skeleton has no name"),
        ({"skeleton": {"name": "dogs", "joints": ["a"]}}, "the field flips is missing"),
        ({"skeleton": {"name": "coco", **CROWDPOSE.fields()}}, "is called coco but is not that of coco"),
        ({"skeleton": {"name": "dogs", **OWN.fields()}}, "predicts 14 joints, but its skeleton has 3"),
        ({"skeleton": None}, "predicts 14 joints, but its skeleton has none"),
        ({"input_size": 0}, "input_size is 0"),
        ({"input_size": "256"}, "the field input_size is missing or damaged"),
    ],
)
def test_what_does_not_fit_together_is_told_in_one_sentence(file, fields, sentence):
    change(file, **fields)
    with pytest.raises(InputError, match=sentence) as refusal:
        weights.load(file)
    assert str(file) in str(refusal.value)


def test_tensors_that_do_not_fit_are_named(file):
    state = torch.load(file, weights_only=True)["state_dict"]
    name = "backbone.stem.0.0.weight"
    for changed, sentence in (
        (
            state | {name: torch.zeros(2, 3)},
            r"stem.0.0.weight is \[2, 3\] where the network has \[32, 3, 3, 3\]",
        ),
        (state | {name: "text"}, "stem.0.0.weight is str"),
        (state | {"surplus": torch.zeros(1)}, "the tensor surplus is not part of the network"),
        ({key: value for key, value in state.items() if key != name}, "stem.0.0.weight of the network"),
    ):
        change(file, state_dict=changed)
        with pytest.raises(InputError, match=sentence):
            weights.load(file)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused_by_the_tensors_name(file, tmp_path, number):
    model = small()
    with torch.no_grad():
        model.deep_heads[0][-1].weight[0, 0] = number
    sentence = r"tensor deep_heads\.0\.3\.weight holds NaN or infinity"
    with pytest.raises(InputError, match=sentence):
        weights.save(tmp_path / "bad.pt", model, CROWDPOSE, 256)
    assert not (tmp_path / "bad.pt").exists()
    change(file, state_dict=model.state_dict())
    with pytest.raises(InputError, match=sentence):
        weights.load(file)


def test_a_negative_variance_is_refused_by_the_tensors_name(file):
    state = torch.load(file)["state_dict"]
    state["backbone.stem.0.1.running_var"][3] = -0.1
    change(file, state_dict=state)
    with pytest.raises(
        InputError, match=r"tensor backbone\.stem\.0\.1\.running_var holds a variance below zero"
    ):
        weights.load(file)


def test_a_byte_that_changed_on_the_way_is_told(file):
    tensor = torch.load(file)["state_dict"]["backbone.stem.0.0.weight"]
    content = bytearray(file.read_bytes())
    content[content.index(tensor.numpy().tobytes()) + 1] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.pt is damaged \(.*\): copy it again"):
        weights.load(file)


@pytest.mark.parametrize("number", [np.float64(58.3), np.float32(1.5), np.int64(7), np.bool_(True)])
def test_numpys_numbers_beside_the_weights_are_read(tmp_path, number):
    """As much training code keeps its best score."""
    path = tmp_path / "checkpoint.pth"
    torch.save({"state_dict": {"a": torch.ones(2)}, "best": number}, path)
    content = tensor_file.read(path)
    assert content["best"] == number
    assert torch.equal(content["state_dict"]["a"], torch.ones(2))


def test_a_size_that_no_tensor_has_is_refused_before_a_network_is_built(file):
    description = torch.load(file)["network"]
    for field, value in (("num_joints", 10**9), ("depth", 1e6), ("depth", float("nan"))):
        change(file, network=description | {field: value})
        with pytest.raises(InputError, match=r"has the number .*, but none of its tensors is of such a size"):
            weights.load(file)


def test_a_network_of_another_kind_is_not_saved(tmp_path):
    with pytest.raises(InputError, match="type Linear cannot be saved: use one of LitePose"):
        weights.save(tmp_path / "weights.pt", torch.nn.Linear(2, 2), CROWDPOSE, 256)


def test_joints_that_the_network_does_not_find_are_not_saved(tmp_path):
    with pytest.raises(InputError, match="predicts 14 joints, but its skeleton has 17"):
        weights.save(tmp_path / "weights.pt", small(), COCO, 256)
    with pytest.raises(InputError, match="predicts 14 joints, but its skeleton has none"):
        weights.save(tmp_path / "weights.pt", small(), None, 256)
