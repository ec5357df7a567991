"""The commands for checkpoints: an authors' one is evaluated, and either kind finds people in photographs."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from litepose import models
from litepose.datasets.images import read_image
from litepose.inference import predict
from litepose.inference.drawing import draw_people
from litepose.models.litepose import Architecture
from litepose.skeletons import COCO, CROWDPOSE
from stages import check_official, networks
from stages import predict as predict_command
from stages.common import params, run_stage
from support import ROOT, pose_data
from support.official import draw, released

SIZES = ((96, 64), (64, 96), (64, 64))
INPUT = 64
FOUND = {"stem": 16, "stages": [16, 24, 24, 40], "deconv": [16, 24, 16], "resolution": INPUT}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A directory with the project's parameters and published numbers, and nothing trained."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    for name in ("profiles", "data/paper"):
        shutil.copytree(ROOT / name, name)
    shutil.copy(ROOT / "params.yaml", "params.yaml")


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs a command with arguments as a shell would; returns its output, or what it says when it refuses."""

    def run(command, *arguments, refused=False):
        monkeypatch.setattr("sys.argv", ["command", *map(str, arguments)])
        if refused:
            with pytest.raises(SystemExit, match="1"):
                run_stage(command.main)
            error = capsys.readouterr().err
            assert error.startswith("error: ")
            assert error.count("\n") == 1
            return error
        run_stage(command.main)
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An authors' checkpoint of LitePose-XS with random numbers, on which it finds people in noise."""
    path = tmp_path_factory.mktemp("official") / "xs.pth"
    torch.save(released("litepose-xs-14"), path)
    return path


def photographs(directory):
    """Paths of noise images; their numbers are the seeds."""
    directory.mkdir()
    paths = [directory / f"{number}.png" for number in range(len(SIZES))]
    for number, (path, (width, height)) in enumerate(zip(paths, SIZES, strict=True)):
        cv2.imwrite(str(path), np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8))
    return paths


def data_set(root, checkpoint, flip=True):
    """CrowdPose's layout whose people are exactly the surest ones that the checkpoint finds."""
    contents = pose_data.content(CROWDPOSE, [], SIZES)
    (root / "json").mkdir(parents=True)
    _, images = pose_data.write(root, contents)
    found = predict(
        models.load_official("litepose-xs", 14, torch.load(checkpoint, weights_only=True)),
        [read_image(images / image["file_name"]) for image in contents["images"]],
        CROWDPOSE,
        INPUT,
        flip=flip,
    )
    surest = sorted(found, key=lambda person: -person["score"])[:12]
    assert {person["image_id"] for person in surest} == set(range(len(SIZES)))
    people = []
    for person in surest:
        joints = np.array(person["keypoints"]).reshape(-1, 3)
        joints[:, 2] = 2
        people.append(pose_data.person(CROWDPOSE, joints, person["image_id"] + 1))
    contents = pose_data.content(CROWDPOSE, people, SIZES)
    (root / "json/crowdpose_test.json").write_text(json.dumps(contents))
    return root


def scores(output):
    """Cells of the printed table by the name of the row."""
    return {line.split()[0]: line.split()[1:] for line in output.splitlines()[2:]}


def train(run, model, resolution=INPUT):
    """What the pipeline writes for a trained run; returns the network with random numbers for weights."""
    weights = {
        name: torch.from_numpy(np.asarray(draw(name, list(tensor.shape))))
        for name, tensor in model.state_dict().items()
    }
    model.load_state_dict(weights)
    for path in (Path(f"data/models/{run}.pt"), Path(f"metrics/{run}.json")):
        path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(weights, f"data/models/{run}.pt")
    Path(f"metrics/{run}.json").write_text(json.dumps({"AP": 12.3, "resolution": resolution}))
    return model.eval()


def search(run):
    Path("data/search").mkdir(exist_ok=True)
    Path(f"data/search/{run}.json").write_text(json.dumps(FOUND))
    return Architecture(FOUND["stem"], tuple(FOUND["stages"]), tuple(FOUND["deconv"]))


def depth():
    return params()["recipe"]["depth"]


def trained_kernel():
    return train("kernels/3", models.create("litepose-half", kernel=3, depth=depth()))


# -- check_official


def test_a_data_set_of_what_the_checkpoint_finds_measures_100_beside_the_published_ap(
    call, checkpoint, tmp_path
):
    root = data_set(tmp_path / "set", checkpoint)
    arguments = (checkpoint, "--model", "litepose-xs", "--data", root, "--input-size", INPUT)
    output = call(check_official, *arguments)
    assert output.splitlines()[0].startswith(
        "litepose-xs at 64 px, with flip test, on 3 crowdpose test images"
    )
    assert output.splitlines()[1].split() == ["published", "measured"]
    table = scores(output)
    assert table["AP"] == ["49.5", "100.0"]
    assert table["AP75"] == ["51.4", "100.0"]
    assert table["AR"] == ["100.0"]
    assert list(table)[-3:] == ["AP_easy", "AP_medium", "AP_hard"]


def test_without_flip_test_the_network_sees_other_people(call, checkpoint, tmp_path):
    root = data_set(tmp_path / "set", checkpoint, flip=False)
    arguments = (checkpoint, "--model", "litepose-xs", "--data", root, "--input-size", INPUT)
    assert scores(call(check_official, *arguments, "--no-flip"))["AP"][1] == "100.0"
    assert float(scores(call(check_official, *arguments))["AP"][1]) < 90


def test_only_the_first_images_are_judged_where_a_limit_says_so(call, checkpoint, tmp_path):
    root = data_set(tmp_path / "set", checkpoint)
    arguments = (checkpoint, "--model", "litepose-xs", "--data", root, "--input-size", INPUT, "--limit", 1)
    output = call(check_official, *arguments)
    assert "on 1 crowdpose test images" in output
    assert scores(output)["AP"][1] == "100.0"


def test_only_the_splits_that_the_paper_tests_on_have_published_scores():
    assert check_official.reported("litepose-s", "crowdpose", "test") == {
        "AP": 58.3,
        "AP50": 81.1,
        "AP75": 61.8,
    }
    assert check_official.reported("litepose-s", "crowdpose", "val") == {}
    assert check_official.reported("efficienthrnet-h-4", "coco", "val") == {"AP": 35.7}
    assert check_official.reported("higherhrnet-w32", "coco", "val") == {}


def test_a_network_is_evaluated_at_its_published_input_size_unless_told(checkpoint):
    assert networks.released(checkpoint, "litepose-xs", "crowdpose").input_size == 256
    assert networks.released(checkpoint, "litepose-xs", "crowdpose", 128).input_size == 128


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda path: None, r"is missing"),
        (lambda path: path.write_text("no weights"), r"cannot be read as PyTorch weights"),
        (lambda path: torch.save(Path("code"), path), r"cannot be read as PyTorch weights"),
        (lambda path: torch.save(released("litepose-xs-17"), path), r"litepose-xs with 14 joints"),
    ],
    ids=["missing", "text", "objects", "other joints"],
)
def test_a_bad_checkpoint_is_named_in_one_sentence(call, tmp_path, write, sentence):
    path = tmp_path / "weights.pth"
    write(path)
    error = call(check_official, path, "--model", "litepose-xs", "--data", tmp_path, refused=True)
    assert str(path) in error
    assert sentence in error


def test_a_missing_split_is_named_in_one_sentence(call, checkpoint, tmp_path):
    arguments = (checkpoint, "--model", "litepose-xs", "--data", tmp_path)
    assert "crowdpose_test.json" in call(check_official, *arguments, refused=True)
    arguments = (*arguments, "--split", "val")
    assert "crowdpose_val.json" in call(check_official, *arguments, refused=True)


# -- predict


@pytest.mark.parametrize(
    ("run", "system", "options"),
    [
        ("finetune/s", "litepose-half", {"found": True}),
        ("transfer/xs", "litepose-half", {"found": True, "num_joints": 17}),
        ("kernels/9", "litepose-half", {"kernel": 9}),
        ("ablation/no-fusion", "litepose-half", {"fusion": False}),
        ("ablation/xs-scratch", "litepose-half", {"found": True}),
        ("shrink/shrink2", "higherhrnet-w16-shrink2", {}),
        ("baselines/efficienthrnet-h-3", "efficienthrnet-h-3", {}),
    ],
)
def test_every_trained_run_comes_back_as_the_network_that_was_trained(run, system, options):
    if options.pop("found", False):
        options["architecture"] = search("xs" if "xs" in run else "s")
    model = train(run, models.create(system, depth=depth(), **options), resolution=96)
    network = networks.trained(run)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pairs = list(zip(network.model(image), model(image), strict=True))
    assert all(torch.allclose(own, expected, rtol=1e-3, atol=1e-3) for own, expected in pairs)
    assert pairs[1][0].shape[1] == network.skeleton.num_joints == options.get("num_joints", 14)
    assert network.input_size == 96
    assert not network.model.training


def test_the_people_of_several_photographs_are_drawn_and_listed_in_coco_format(call, tmp_path):
    model = trained_kernel()
    paths = photographs(tmp_path / "photographs")
    images = [read_image(path) for path in paths]
    expected = predict(model, images, CROWDPOSE, INPUT)
    call(predict_command, "kernels/3", *paths, "--out", "out", "--min-score", 0)
    content = json.loads(Path("out/detections.json").read_text())
    assert [(image["id"], image["file_name"]) for image in content["images"]] == list(
        enumerate(map(str, paths))
    )
    assert [(image["width"], image["height"]) for image in content["images"]] == list(SIZES)
    assert content["categories"][0]["keypoints"] == list(CROWDPOSE.joints)
    people = content["annotations"]
    assert len(people) == len(expected) > len(SIZES)
    assert len({person["id"] for person in people}) == len(people)
    for person, same in zip(people, expected, strict=True):
        assert (person["image_id"], person["category_id"]) == (same["image_id"], 1)
        assert person["keypoints"] == pytest.approx(same["keypoints"], abs=0.01)
    for number, image in enumerate(images):
        drawing = draw_people(
            image, [person["keypoints"] for person in people if person["image_id"] == number], CROWDPOSE
        )
        written = read_image(Path(f"out/{number}.jpg")).astype(float)
        assert np.abs(written - drawing).mean() < 0.8 * np.abs(written - image).mean()


def test_photographs_beyond_the_first_batch_keep_their_numbers(call, tmp_path, monkeypatch):
    trained_kernel()
    paths = photographs(tmp_path / "photographs")
    call(predict_command, "kernels/3", *paths, "--out", "at once")
    monkeypatch.setattr(predict_command, "IMAGES_AT_ONCE", 2)
    call(predict_command, "kernels/3", *paths, "--out", "in parts")
    whole, parts = (json.loads(Path(name, "detections.json").read_text()) for name in ("at once", "in parts"))
    assert whole["images"] == parts["images"]
    assert [person["image_id"] for person in whole["annotations"]] == [
        person["image_id"] for person in parts["annotations"]
    ]
    assert whole["annotations"][-1]["image_id"] == 2


def test_people_below_the_score_are_listed_but_not_drawn(call, tmp_path):
    trained_kernel()
    path = photographs(tmp_path / "photographs")[0]
    call(predict_command, "kernels/3", path, "--out", "out", "--min-score", 1e6)
    image = cv2.imread(str(path))
    plain = cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_COLOR)
    assert np.array_equal(cv2.imread("out/0.jpg"), plain)
    assert json.loads(Path("out/detections.json").read_text())["annotations"]


def test_an_official_checkpoint_predicts_at_its_published_size(call, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "published_input_size", {"litepose-xs": 128}.get)
    path = photographs(tmp_path / "photographs")[2]
    call(predict_command, checkpoint, path, "--out", "out", "--official", "litepose-xs")
    model = models.load_official("litepose-xs", 14, released("litepose-xs-14"))
    expected = predict(model, [read_image(path)], CROWDPOSE, 128)
    people = json.loads(Path("out/detections.json").read_text())["annotations"]
    assert len(people) == len(expected) > 0
    assert people[0]["keypoints"] == pytest.approx(expected[0]["keypoints"], abs=0.01)


def test_an_official_checkpoint_for_coco_finds_its_joints(tmp_path):
    torch.save(released("litepose-xs-17"), tmp_path / "coco.pth")
    assert networks.released(tmp_path / "coco.pth", "litepose-xs", "coco").skeleton is COCO


@pytest.mark.parametrize(
    "write", [lambda path: None, lambda path: path.touch(), lambda path: path.write_text("text")]
)
def test_an_unreadable_image_is_named_in_one_sentence(call, tmp_path, write):
    trained_kernel()
    paths = [*photographs(tmp_path / "photographs"), tmp_path / "bad.jpg"]
    write(paths[-1])
    error = call(predict_command, "kernels/3", *paths, "--out", "out", refused=True)
    assert str(paths[-1]) in error
    assert not list(Path("out").iterdir())


def test_a_photograph_is_never_written_over(call, tmp_path):
    trained_kernel()
    image = photographs(tmp_path / "photographs")[0]
    photograph = image.rename(image.with_suffix(".jpg"))
    before = photograph.read_bytes()
    error = call(predict_command, "kernels/3", photograph, "--out", photograph.parent, refused=True)
    assert "is a photograph" in error
    assert photograph.read_bytes() == before


def test_two_photographs_of_one_name_are_refused(call, tmp_path):
    trained_kernel()
    first, second = (photographs(tmp_path / name)[0] for name in ("a", "b"))
    error = call(predict_command, "kernels/3", first, second, "--out", "out", refused=True)
    assert f"{first} and {second} would both become" in error


def test_an_unknown_run_is_answered_with_the_known_ones(call, tmp_path):
    arguments = ("finetune/s", *photographs(tmp_path / "photographs"), "--out", "out")
    assert "run dvc repro" in call(predict_command, *arguments, refused=True)
    trained_kernel()
    assert "choose one of kernels/3" in call(predict_command, *arguments, refused=True)


def test_weights_without_the_search_that_they_come_from_are_told(call, tmp_path):
    train("finetune/s", models.create("litepose-half", depth=depth()))
    error = call(predict_command, "finetune/s", *photographs(tmp_path / "p"), "--out", "out", refused=True)
    assert "data/search/s.json" in error


def test_weights_of_other_parameters_are_told(call, tmp_path):
    train("kernels/3", models.create("litepose-half", kernel=3, depth=2 * depth()))
    error = call(predict_command, "kernels/3", *photographs(tmp_path / "p"), "--out", "out", refused=True)
    assert "data/models/kernels/3.pt does not fit params.yaml" in error
