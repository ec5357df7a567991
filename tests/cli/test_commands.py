"""The command line: weights of either kind are evaluated, and find people in photographs."""

import csv
import json
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import litepose
from litepose import models
from litepose.cli import evaluate as evaluate_command
from litepose.cli import main as main_module
from litepose.cli import published
from litepose.cli.main import COMMANDS, STORY, _parser, main
from litepose.cli.scores import absent
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.datasets.images import read_image
from litepose.drawing import draw_people
from litepose.inference import predict
from litepose.models import weights
from report.systems import ZOO
from support import ROOT, networks, pose_data
from support.official import released

SIZES = ((96, 64), (64, 96), (64, 64))
INPUT = 64


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A directory outside the project, with nothing in it."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(capsys):
    """Runs a command with arguments as a shell would; returns its output, or what it says when it refuses."""

    def run(*arguments, refused=False):
        if refused:
            with pytest.raises(SystemExit) as end:
                main(list(map(str, arguments)))
            assert end.value.code == 1
            error = capsys.readouterr().err
            assert error.startswith("error: ")
            assert error.count("\n") == 1
            return error
        main(list(map(str, arguments)))
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
    """Published and measured scores of the printed table by the name of the row, without intervals."""
    rows = [
        line.partition(" to ")[0].split()
        for line in output.splitlines()[2:]
        if not line.startswith("published:")
    ]
    return {row[0]: row[1:-1] if row[0] in ("AP", "AP50", "AP75") else row[1:] for row in rows}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A file of weights of 0.5 LitePose with random numbers, on which it finds people in noise."""
    return networks.write_drawn(tmp_path_factory.mktemp("trained") / "kernel3.pt", INPUT)


# -- the commands


def test_the_module_runs_without_a_script_and_names_its_version():
    command = [sys.executable, "-m", "litepose", "--version"]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert result.stdout == f"litepose {litepose.__version__}\n"


def test_the_help_names_every_command_and_loads_no_pytorch():
    code = (
        "import sys; from litepose.cli.main import main\n"
        "try: main(['--help'])\nfinally: print('torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert all(name in result.stdout for name in COMMANDS)
    assert result.stdout.endswith("False\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_examples_that_it_takes(name):
    lines = import_module(f"litepose.cli.{name}").EXAMPLES.splitlines()[1:]
    assert lines
    for line in [*lines, *STORY.splitlines()[1:-1]]:
        argv = shlex.split(line, comments=True)[1:]
        _parser(argv).parse_args(argv)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "a.pt", "a.jpg", "--out", "a", "--runtime", "trt"], "invalid choice: 'trt'"),
        (["predict", "a.pt", "a.jpg"], "--out: see litepose predict --help"),
        (["benchmark", "a.pt", "--threads", "0"], "0 is not positive"),
        (["dance"], "invalid choice: 'dance'"),
        ([], "command: see litepose --help"),
    ],
)
def test_a_bad_argument_is_one_sentence(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert sentence in line


def test_ctrl_c_while_a_command_is_loaded_tells_nothing(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module, "import_module", interrupted)
    with pytest.raises(SystemExit) as end:
        main(["predict", "a.pt", "a.jpg", "--out", "a"])
    assert (end.value.code, capsys.readouterr().err) == (130, "")


def test_a_disk_that_cannot_be_written_is_one_sentence(call, trained, tmp_path):
    path = photographs(tmp_path / "photographs")[0]
    Path("out/detections.json").mkdir(parents=True)
    assert "detections.json" in call("predict", trained, path, "--out", "out", refused=True)


# -- evaluate


def test_a_data_set_of_what_the_checkpoint_finds_measures_100_beside_the_published_ap(
    call, checkpoint, tmp_path
):
    root = data_set(tmp_path / "set", checkpoint)
    output = call("evaluate", checkpoint, "--official", "litepose-xs", "--data", root, "--size", INPUT)
    assert output.splitlines()[0].startswith(
        "litepose-xs at 64 px, with flip test, on 3 crowdpose test images"
    )
    assert output.splitlines()[1].split() == ["published", "measured", "95", "%", "interval"]
    assert output.splitlines()[2].endswith("100.0  100.0 to 100.0")
    table = scores(output)
    assert table["AP"] == ["49.5", "100.0"]
    assert table["AP75"] == ["51.4", "100.0"]
    assert table["AR"] == ["100.0"]
    assert [name for name in table if name.startswith("AP_")] == ["AP_easy", "AP_medium", "AP_hard"]


def test_weights_that_describe_themselves_are_evaluated_without_their_name(call, checkpoint, tmp_path):
    root = data_set(tmp_path / "set", checkpoint)
    model = models.load_official("litepose-xs", 14, torch.load(checkpoint, weights_only=True))
    weights.save(Path("own.pt"), model, CROWDPOSE, INPUT)
    output = call("evaluate", "own.pt", "--data", root)
    assert output.startswith("own.pt at 64 px, with flip test, on 3 crowdpose test images")
    assert scores(output)["AP"] == ["100.0"]


def test_without_flip_test_the_network_sees_other_people(call, checkpoint, tmp_path):
    root = data_set(tmp_path / "set", checkpoint, flip=False)
    arguments = ("evaluate", checkpoint, "--official", "litepose-xs", "--data", root, "--size", INPUT)
    assert scores(call(*arguments, "--no-flip"))["AP"][1] == "100.0"
    assert float(scores(call(*arguments))["AP"][1]) < 90


def test_only_the_first_images_are_evaluated_where_a_limit_says_so(call, checkpoint, tmp_path):
    root = data_set(tmp_path / "set", checkpoint)
    arguments = ("--official", "litepose-xs", "--data", root, "--size", INPUT, "--limit", 1)
    output = call("evaluate", checkpoint, *arguments)
    assert "on 1 crowdpose test images" in output
    assert scores(output)["AP"][1] == "100.0"


def test_a_score_of_a_part_of_the_people_that_is_empty_says_so(call, checkpoint, tmp_path):
    root = data_set(tmp_path / "set", checkpoint)
    arguments = ("evaluate", checkpoint, "--official", "litepose-xs", "--data", root, "--size", INPUT)
    table = scores(call(*arguments))
    assert table["AP_easy"] == ["100.0"]
    assert table["AP_medium"] == table["AP_hard"]
    assert " ".join(table["AP_hard"]) == "none there is nobody of this kind"


def test_parts_of_the_people_are_those_of_the_evaluators():
    def found(skeleton, **fields):
        people = [pose_data.person(skeleton, [(9, 9, 2)] * skeleton.num_joints, 1, **fields)]
        return absent(pose_data.content(skeleton, people, crowd=0.8), skeleton)

    assert found(CROWDPOSE) == {"AP_easy", "AP_medium"}
    assert found(COCO, area=32.0**2) == {"AP_large"}
    assert found(COCO, area=97.0**2) == {"AP_medium"}
    assert found(COCO, area=5.0) == found(COCO, area=5000.0, iscrowd=1) == {"AP_medium", "AP_large"}


def test_published_scores_say_where_they_are_from_and_that_other_images_are_not_theirs(
    call, checkpoint, tmp_path
):
    root = data_set(tmp_path / "set", checkpoint)
    arguments = ("evaluate", checkpoint, "--official", "litepose-xs", "--data", root, "--size", INPUT)
    assert call(*arguments).splitlines()[-1] == (
        "published: paper, Table 1, on the 8000 test images of CrowdPose, which these are not: do not compare"
    )
    weights.save(Path("own.pt"), litepose.load("litepose-xs", official=checkpoint).model, CROWDPOSE, INPUT)
    assert "published:" not in call("evaluate", "own.pt", "--data", root)


def test_published_scores_are_beside_the_measured_ones_on_as_many_images():
    line = evaluate_command._origin(
        published.find("litepose-m", "crowdpose"), CROWDPOSE, ("crowdpose", "test", 8000)
    )
    assert line == "published: the authors' README, on the 8000 test images of CrowdPose"


def test_scores_are_published_of_some_networks():
    assert published.find("litepose-s", "crowdpose").scores == {"AP": 58.3, "AP50": 81.1, "AP75": 61.8}
    assert published.find("litepose-m", "crowdpose").scores == {"AP": 59.9}
    assert published.find("efficienthrnet-h-4", "coco").scores == {"AP": 35.7}
    assert published.find("higherhrnet-w32", "coco") is None
    assert published.find("mine.pt", "dogs") is None


@pytest.mark.parametrize(
    ("file", "joints", "columns"),
    [
        ("table1_crowdpose.csv", "crowdpose", {"AP": "ap", "AP50": "ap50", "AP75": "ap75"}),
        ("table2_coco.csv", "coco", {"AP": "ap_val"}),
    ],
)
def test_the_published_scores_are_those_of_the_papers_tables(file, joints, columns):
    with (ROOT / "data/paper" / file).open() as table:
        rows = {ZOO[row["model"]]: row for row in csv.DictReader(table)}
    with (ROOT / "litepose/cli/published.csv").open() as table:
        lines = [row for row in csv.DictReader(table) if row["joints"] == joints]
    names = {row["name"] for row in lines if row["source"] == f"paper, Table {file[5]}"}
    assert names == {name for name in rows if name.startswith(("litepose", "higherhrnet", "efficienthrnet"))}
    for name in names:
        expected = {score: float(rows[name][column]) for score, column in columns.items()}
        assert published.find(name, joints).scores == expected


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda path: None, r"is missing"),
        (lambda path: path.write_text("no weights"), r"cannot be read as PyTorch weights"),
        (lambda path: torch.save(Path("code"), path), r"holds more than tensors"),
        (lambda path: torch.save(released("higherhrnet-w16-shrink0-14"), path), r"of litepose-xs"),
    ],
    ids=["missing", "text", "objects", "other network"],
)
def test_a_bad_checkpoint_is_named_in_one_sentence(call, tmp_path, write, sentence):
    path = tmp_path / "weights.pth"
    write(path)
    error = call("evaluate", path, "--official", "litepose-xs", "--data", tmp_path, refused=True)
    assert str(path) in error
    assert sentence in error


def test_a_missing_split_is_named_in_one_sentence(call, checkpoint, tmp_path):
    arguments = ("evaluate", checkpoint, "--official", "litepose-xs", "--data", tmp_path)
    assert "crowdpose_test.json" in call(*arguments, refused=True)
    assert "or another --split" in call(*arguments, refused=True)
    assert "crowdpose_val.json" in call(*arguments, "--split", "val", refused=True)


def test_own_joints_are_evaluated_in_either_layout_by_coco_s_metric(call, tmp_path):
    skeleton = litepose.Skeleton("dogs", COCO.joints, COCO.flip, COCO.limbs, COCO.sigmas)
    weights.save(Path("dogs.pt"), models.create("litepose-xs", 17, depth=0.1), skeleton, INPUT)
    contents = pose_data.content(COCO, [pose_data.person(COCO, [(9, 9, 2)] * 17)], SIZES)
    pose_data.write(tmp_path, contents)
    (tmp_path / "json").mkdir()
    (tmp_path / "json/crowdpose_val.json").write_text(json.dumps(contents))
    output = call("evaluate", "dogs.pt", "--data", tmp_path, "--split", "val")
    assert "on 3 crowdpose val images" in output
    assert list(scores(output))[-3:] == ["AR", "AR50", "AR75"]


def test_joints_that_the_network_does_not_find_are_refused(call, checkpoint, tmp_path):
    arguments = ("--official", "litepose-xs", "--data", tmp_path, "--skeleton", "coco")
    assert "finds the joints of crowdpose, not those of coco" in call(
        "evaluate", checkpoint, *arguments, refused=True
    )


# -- predict


def test_the_people_of_several_photographs_are_drawn_and_listed_in_coco_format(call, trained, tmp_path):
    paths = photographs(tmp_path / "photographs")
    images = [read_image(path) for path in paths]
    expected = predict(weights.load(trained).model, images, CROWDPOSE, INPUT)
    call("predict", trained, *paths, "--out", "out", "--min-score", 0)
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


def test_people_below_the_score_are_listed_but_not_drawn(call, trained, tmp_path):
    path = photographs(tmp_path / "photographs")[0]
    call("predict", trained, path, "--out", "out", "--min-score", 1e6)
    image = cv2.imread(str(path))
    plain = cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_COLOR)
    assert np.array_equal(cv2.imread("out/0.jpg"), plain)
    assert json.loads(Path("out/detections.json").read_text())["annotations"]


def test_an_official_checkpoint_predicts_at_the_size_given(call, checkpoint, tmp_path):
    path = photographs(tmp_path / "photographs")[2]
    call("predict", checkpoint, path, "--out", "out", "--official", "litepose-xs", "--size", 128)
    model = models.load_official("litepose-xs", 14, released("litepose-xs-14"))
    expected = predict(model, [read_image(path)], CROWDPOSE, 128)
    people = json.loads(Path("out/detections.json").read_text())["annotations"]
    assert len(people) == len(expected) > 0
    assert people[0]["keypoints"] == pytest.approx(expected[0]["keypoints"], abs=0.01)


def test_a_photograph_is_never_written_over(call, trained, tmp_path):
    image = photographs(tmp_path / "photographs")[0]
    photograph = image.rename(image.with_suffix(".jpg"))
    before = photograph.read_bytes()
    error = call("predict", trained, photograph, "--out", photograph.parent, refused=True)
    assert f"{photograph} is one of the files that are read" in error
    assert photograph.read_bytes() == before


def test_photographs_of_one_name_become_files_of_different_names(call, trained, tmp_path):
    same = [photographs(tmp_path / name)[0] for name in "abc"]
    call("predict", trained, *same, "--out", "out", "--no-flip")
    drawn = sorted(path.name for path in Path("out").glob("*.jpg"))
    assert drawn == ["0-2.jpg", "0-3.jpg", "0.jpg"]


def test_a_photograph_that_is_named_twice_is_looked_at_once(call, trained, tmp_path):
    path = photographs(tmp_path / "photographs")[0]
    call("predict", trained, path.parent, path, tmp_path / "photographs/0*", "--out", "out")
    images = json.loads(Path("out/detections.json").read_text())["images"]
    assert [Path(image["file_name"]).name for image in images] == ["0.png", "1.png", "2.png"]


def test_a_state_dict_without_its_network_is_told_what_to_give(call, checkpoint, tmp_path):
    path = photographs(tmp_path / "photographs")[0]
    error = call("predict", checkpoint, path, "--out", "out", refused=True)
    assert "holds tensors but not which network" in error
