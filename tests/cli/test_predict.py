"""``litepose predict``: photographs, folders and videos; bad ones among them; Ctrl-C; whole files."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import litepose
from litepose.cli import writing
from litepose.cli.main import main
from litepose.core.skeletons import CROWDPOSE
from litepose.inference.estimator import Estimator, Frame, People
from litepose.inference.sources import DEFAULT_RATE, Source
from support import networks, photographs, videos

INPUT = 64


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A directory outside the project, with nothing in it."""
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(capsys):
    """Runs the command; returns its exit status and what it says when it refuses."""

    def run(*arguments):
        try:
            main(["predict", *map(str, arguments)])
        except SystemExit as end:
            error = capsys.readouterr().err
            assert error.count("\n") <= 1, error
            return end.code, error
        return 0, capsys.readouterr().err

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A file of weights with random numbers, on which the network finds people in noise."""
    return networks.write_drawn(tmp_path_factory.mktemp("trained") / "weights.pt", INPUT)


def noise(seed, width=96, height=64):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def photo(path, seed=0):
    path.parent.mkdir(exist_ok=True, parents=True)
    cv2.imwrite(str(path), cv2.cvtColor(noise(seed), cv2.COLOR_RGB2BGR))
    return path


def detections(out="out"):
    return json.loads(Path(out, "detections.json").read_text())


def files(out="out"):
    return sorted(path.name for path in Path(out).iterdir())


# -- sources


def test_folders_patterns_and_files_are_predicted_in_one_call(call, trained, folder):
    photo(folder / "photos/a.png", 0)
    photo(folder / "photos/b.bmp", 1)
    photo(folder / "more/c.png", 2)
    assert call(trained, "photos", "more/*.png", "--out", "out", "--no-flip") == (0, "")
    content = detections()
    assert [image["file_name"] for image in content["images"]] == [
        "photos/a.png",
        "photos/b.bmp",
        "more/c.png",
    ]
    assert {person["image_id"] for person in content["annotations"]} == {0, 1, 2}
    assert files() == ["a.jpg", "b.jpg", "c.jpg", "detections.json"]


def test_a_video_is_drawn_and_its_people_are_listed_by_frame(call, trained, folder):
    videos.write(folder / "clip.avi", [noise(seed) for seed in range(6)], rate=12)
    assert call(trained, "clip.avi", "--out", "out", "--csv", "--no-flip", "--min-score", 0) == (0, "")
    assert files() == ["clip.mp4", "detections.json", "people.csv"]
    content = detections()
    assert [(image["id"], image["frame"]) for image in content["images"]] == [(n, n) for n in range(6)]
    frames = videos.read(folder / "clip.avi")
    network = litepose.load(trained, "cpu")
    people = [network(frame, flip=False) for frame in frames]
    assert [sum(one["image_id"] == number for one in content["annotations"]) for number in range(6)] == [
        len(some) for some in people
    ]
    drawn = videos.read(folder / "out/clip.mp4")
    assert len(drawn) == 6
    assert cv2.VideoCapture("out/clip.mp4").get(cv2.CAP_PROP_FPS) == pytest.approx(12)
    for frame, some, picture in zip(frames, people, drawn, strict=True):
        expected = litepose.draw(frame, some, network.skeleton, 0)
        assert difference(picture, expected) < 0.8 * difference(picture, frame)
    with Path("out/people.csv").open(newline="") as table:
        lines = list(csv.DictReader(table))
    assert len(lines) == len(content["annotations"]) > 0
    assert (lines[0]["file"], lines[0]["frame"]) == ("clip.avi", "0")
    assert float(lines[-1]["left_shoulder_y"]) == pytest.approx(content["annotations"][-1]["keypoints"][1])


def test_a_files_name_need_not_be_text(call, trained, folder):
    named = Path(os.fsdecode(b"\xff.png"))
    photo(folder / "a.png").rename(folder / named)
    assert call(trained, named, "--out", "out", "--csv", "--no-flip", "--min-score", 0) == (0, "")
    lines = Path("out/people.csv").read_bytes().splitlines()
    assert lines[1].startswith(b"\xff.png,")


def test_a_camera_is_not_opened_a_second_time_to_ask_for_its_rate(monkeypatch):
    """Most cannot be, and a video of another rate than is said would play at the wrong speed."""
    image, people = noise(0), People(np.zeros((0, 14, 3), np.float32), np.zeros(0, np.float32))
    camera = Source(0, is_video=True)
    drawings = writing.Drawings({camera: Path("camera.mp4")}, CROWDPOSE, 0.1)
    with monkeypatch.context() as patched:
        patched.setattr(cv2, "VideoCapture", None)
        drawings.add(Frame(image, people, camera, 0))
    drawings.finish()
    assert cv2.VideoCapture("camera.mp4").get(cv2.CAP_PROP_FPS) == DEFAULT_RATE


def difference(one, other):
    return np.abs(one.astype(float) - other).mean()


def test_videos_and_photographs_in_one_call_have_their_own_files(call, trained, folder):
    for name in ("a", "b"):
        videos.write(folder / f"{name}.avi", [noise(seed) for seed in range(2)])
    photo(folder / "c.png")
    assert call(trained, "a.avi", "c.png", "b.avi", "--out", "out", "--no-flip") == (0, "")
    assert files() == ["a.mp4", "b.mp4", "c.jpg", "detections.json"]
    assert [image.get("frame") for image in detections()["images"]] == [0, 1, None, 0, 1]


def test_photographs_of_every_kind_come_out_as_they_are_seen(call, trained, folder):
    picture = noise(0)
    os.mkdir("kinds")  # noqa: PTH102
    image = Image.fromarray(picture)
    cv2.imwrite("kinds/deep.png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR).astype(np.uint16) * 257)
    image.convert("L").save("kinds/grey.png")
    image.convert("P", palette=Image.Palette.ADAPTIVE).save("kinds/palette.png")
    image.convert("CMYK").save("kinds/cmyk.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    Image.fromarray(np.rot90(picture)).save("kinds/turned.jpg", exif=exif, quality=95)
    assert call(trained, "kinds", "--out", "out", "--no-flip", "--min-score", 1e6) == (0, "")
    assert {(image["width"], image["height"]) for image in detections()["images"]} == {(96, 64)}
    assert files() == ["cmyk.jpg", "deep.jpg", "detections.json", "grey.jpg", "palette.jpg", "turned.jpg"]
    for name in ("deep", "turned"):
        written = cv2.cvtColor(cv2.imread(f"out/{name}.jpg"), cv2.COLOR_BGR2RGB)
        assert difference(written, picture) < 0.75 * difference(written, noise(1))


# -- what is bad is named, and the rest is done


def test_a_bad_photograph_among_many_is_named_at_the_end_and_the_others_are_done(call, trained, folder):
    for number in range(4):
        photo(folder / f"photos/{number}.png", number)
    whole = cv2.imencode(".jpg", noise(5))[1].tobytes()
    (folder / "photos/cut.jpeg").write_bytes(whole[: len(whole) // 2])
    (folder / "photos/empty.jpg").touch()
    code, error = call(trained, "photos", "--out", "out", "--no-flip")
    assert code == 1
    assert "photos/cut.jpeg" in error
    assert "photos/empty.jpg" in error
    assert "4 other images are done" in error
    assert files() == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "detections.json"]
    assert len(detections()["images"]) == 4


def test_a_video_that_breaks_off_keeps_what_it_had_and_says_so(call, trained, folder):
    content = videos.write(folder / "whole.avi", [noise(seed) for seed in range(10)]).read_bytes()
    (folder / "clip.avi").write_bytes(content[: len(content) // 2])
    code, error = call(trained, "clip.avi", "--out", "out", "--no-flip")
    frames = len(detections()["images"])
    assert code == 1
    assert f"clip.avi: the video breaks off after {frames} of 10 frames" in error
    assert len(videos.read(folder / "out/clip.mp4")) == frames > 0


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nothing.jpg", "nothing.jpg: cannot be read"),
        ("nothing.mp4", "nothing.mp4: there is no such video"),
        ("empty", "The folder empty holds no image and no video"),
        ("*.png", "The pattern *.png fits no image and no video"),
        ("977", "camera 977 does not open"),
        ("text.mp4", "text.mp4: not a video that can be read"),
    ],
)
def test_where_there_is_nothing_to_look_at_nothing_is_written(call, trained, source, sentence):
    Path("empty").mkdir()
    Path("text.mp4").write_text("no video")
    code, error = call(trained, source, "--out", "out")
    assert code == 1
    assert error.startswith(f"error: {sentence}")
    assert not Path("out").exists()


def test_weights_that_are_not_there_are_told_before_anything_is_made(call, folder):
    photo(folder / "a.png")
    code, error = call("none.pt", "a.png", "--out", "out")
    assert (code, error.startswith("error: none.pt is missing")) == (1, True)
    assert not Path("out").exists()


def test_an_exported_file_runs_in_no_other_runtime(call, tmp_path):
    photo(tmp_path / "a.png")
    code, error = call("network.onnx", "a.png", "--out", "people", "--runtime", "tvm")
    assert code == 1
    assert error.startswith("error: network.onnx is an ONNX file, which ONNX Runtime runs")


def test_a_folder_that_was_there_stays_where_nothing_comes_into_it(call, trained, folder):
    Path("out").mkdir()
    code, _ = call(trained, "nothing.jpg", "--out", "out")
    assert (code, files()) == (1, [])


def test_an_out_that_is_a_file_is_told(call, trained, folder):
    photo(folder / "a.png")
    Path("out").touch()
    code, error = call(trained, "a.png", "--out", "out")
    assert (code, "out cannot be made (File exists)" in error) == (1, True)


def test_a_video_is_never_written_over(call, trained, folder):
    clip = videos.write(folder / "clip.mp4", [noise(0)])
    before = clip.read_bytes()
    code, error = call(trained, "clip.mp4", "--out", ".")
    assert (code, "clip.mp4 is one of the files that are read" in error) == (1, True)
    assert clip.read_bytes() == before


def test_a_full_disk_is_one_sentence_and_leaves_no_half_file(call, trained, folder, monkeypatch):
    videos.write(folder / "clip.avi", [noise(seed) for seed in range(3)])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.shutil, "copyfileobj", full)
    code, error = call(trained, "clip.avi", "--out", "out", "--no-flip")
    assert code == 1
    assert "detections.json cannot be written (No space left on device)" in error
    assert "detections.json" not in files()
    assert not [name for name in files() if "part" in name]


def write_to_a_full_disk(name):
    """Have a file of the folder written to the device that is always full."""
    Path("out").mkdir()
    Path("out", name).symlink_to("/dev/full")


def test_a_disk_that_fills_up_within_a_folder_keeps_what_is_done_and_says_so(call, trained, folder):
    for number, name in enumerate("abcd"):
        photo(folder / f"photos/{name}.png", number)
    write_to_a_full_disk(".c.jpg.part")
    code, error = call(trained, "photos", "--out", "out", "--csv", "--no-flip")
    assert code == 1
    assert "out/c.jpg cannot be written (No space left on device)" in error
    assert "2 other images are done" in error
    assert files() == ["a.jpg", "b.jpg", "detections.json", "people.csv"]
    assert [image["file_name"] for image in detections()["images"]] == ["photos/a.png", "photos/b.png"]
    with Path("out/people.csv").open(newline="") as table:
        assert {line["file"] for line in csv.DictReader(table)} == {"photos/a.png", "photos/b.png"}


@pytest.mark.parametrize(
    ("full", "part", "kept"),
    [
        ("people.csv", ".people.part.csv", ["a.jpg", "detections.json"]),
        ("detections.json", ".detections.part.json", ["a.jpg"]),
    ],
)
def test_a_list_of_people_that_does_not_fit_the_disk_is_told_beside_what_is_done(
    call, trained, folder, full, part, kept
):
    photo(folder / "a.png")
    write_to_a_full_disk(part)
    code, error = call(trained, "a.png", "--out", "out", "--csv", "--no-flip")
    assert code == 1
    assert f"out/{full} cannot be written (No space left on device)" in error
    assert files() == kept


def test_a_video_that_was_not_written_whole_is_deleted(call, trained, folder, monkeypatch):
    videos.write(folder / "clip.avi", [noise(seed) for seed in range(3)])
    release = writing.Video.finish

    def cut(self):
        self._frames += 1  # as if one had not reached the disk
        release(self)

    monkeypatch.setattr(writing.Video, "finish", cut)
    code, error = call(trained, "clip.avi", "--out", "out", "--no-flip")
    assert (code, "clip.mp4 could not be written whole" in error) == (1, True)
    assert files() == ["detections.json"]
    assert len(detections()["images"]) == 3


# -- Ctrl-C


def test_ctrl_c_keeps_what_is_done(call, trained, folder, monkeypatch):
    videos.write(folder / "clip.avi", [noise(seed) for seed in range(30)])
    stream = Estimator.stream

    def interrupted(self, *arguments, **options):
        for number, frame in enumerate(stream(self, *arguments, **options)):
            if number == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield frame

    monkeypatch.setattr(Estimator, "stream", interrupted)
    before = signal.getsignal(signal.SIGINT)
    code, error = call(trained, "clip.avi", "--out", "out", "--csv", "--no-flip")
    assert (code, error) == (130, "")
    assert [image["frame"] for image in detections()["images"]] == [0, 1, 2, 3]
    assert len(videos.read(folder / "out/clip.mp4")) == 4
    assert files() == ["clip.mp4", "detections.json", "people.csv"]
    assert signal.getsignal(signal.SIGINT) == before


# -- photographs, with the authors' weights


@photographs.needed
def test_twenty_good_photographs_beside_one_that_is_cut_off_are_done(call, folder):
    root = photographs.folder("real")
    good = sorted((root / "coco/val2017").glob("*.jpg"))
    (folder / "photos").mkdir()
    for path in good[:3]:
        shutil.copy(path, folder / "photos")
    (folder / "photos/zzz.jpg").write_bytes(good[3].read_bytes()[:20_000])
    checkpoint = root / "official/litepose-m-crowdpose.pth"
    code, error = call(
        checkpoint, "photos", "--official", "litepose-m", "--out", "out", "--size", 256, "--no-flip"
    )
    assert code == 1
    assert "photos/zzz.jpg: the file is cut off" in error
    assert "3 other images are done" in error
    assert [Path(image["file_name"]).name for image in detections()["images"]] == [
        path.name for path in good[:3]
    ]
    assert len(files()) == 4
