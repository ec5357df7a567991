"""Streams: photographs, folders, patterns and videos are looked at one image after the other."""

import threading

import cv2
import numpy as np
import pytest
import torch

import litepose
from litepose import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.inference import sources
from litepose.inference.streaming import AHEAD, in_order
from support import networks, videos

INPUT = 64


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def estimator():
    """A network with random numbers that finds people in noise, on two threads."""
    model = networks.drawn("litepose-half", kernel=3, depth=0.25)
    return litepose.Estimator(model, CROWDPOSE, INPUT, threads=2)


def noise(seed, width=96, height=64):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def photograph(path, seed, width=96, height=64):
    cv2.imwrite(str(path), cv2.cvtColor(noise(seed, width, height), cv2.COLOR_RGB2BGR))
    return path


def same(people, other):
    """Up to the order of sums, which other sizes of batches change."""
    return people.keypoints.shape == other.keypoints.shape and np.allclose(
        people.keypoints, other.keypoints, atol=1e-3
    )


def test_photographs_of_a_folder_come_by_name_with_the_people_of_a_call(estimator, tmp_path):
    for number, (width, height) in enumerate(((96, 64), (64, 96), (64, 64), (96, 64), (64, 80))):
        photograph(tmp_path / f"{number}.png", number, width, height)
    (tmp_path / "notes.txt").write_text("no image")
    frames = list(estimator.stream(tmp_path))
    assert [frame.source.place.name for frame in frames] == [f"{number}.png" for number in range(5)]
    for frame in frames:
        assert frame.number is None
        assert np.array_equal(frame.image, noise(int(frame.source.place.stem), *frame.image.shape[1::-1]))
        assert len(frame.people) > 0
        assert same(frame.people, estimator(frame.image))


def test_a_video_comes_frame_by_frame(estimator, tmp_path):
    path = videos.write(tmp_path / "clip.avi", [noise(seed) for seed in range(7)])
    frames = list(estimator.stream(path, flip=False))
    assert [frame.number for frame in frames] == list(range(7))
    for frame, image in zip(frames, videos.read(path), strict=True):
        assert str(frame.source) == str(path)
        assert np.array_equal(frame.image, image)
        assert same(frame.people, estimator(image, flip=False))


def test_sources_of_all_kinds_are_looked_at_one_after_the_other(estimator, tmp_path):
    folder = tmp_path / "photos/2020"
    folder.mkdir(parents=True)
    photograph(folder / "b.png", 1)
    photograph(folder / "a.bmp", 0)
    clip = videos.write(tmp_path / "clip.avi", [noise(seed) for seed in range(2)])
    places = [folder / "b.png", clip, str(tmp_path / "photos/*/?.*")]
    found = [(frame.source.place.name, frame.number) for frame in estimator.stream(places)]
    assert found == [("b.png", None), ("clip.avi", 0), ("clip.avi", 1), ("a.bmp", None), ("b.png", None)]


def test_a_bad_image_is_raised_or_told_and_left_out(estimator, tmp_path):
    photograph(tmp_path / "a.png", 0)
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff")
    photograph(tmp_path / "c.png", 1)
    with pytest.raises(InputError, match=r"b\.jpg"):
        list(estimator.stream(tmp_path))
    told = []
    frames = list(estimator.stream(tmp_path, on_error=told.append))
    assert [frame.source.place.name for frame in frames] == ["a.png", "c.png"]
    assert [str(tmp_path / "b.jpg") in str(error) for error in told] == [True]


def test_a_video_that_breaks_off_gives_what_it_has_and_says_so(estimator, tmp_path):
    whole = videos.write(tmp_path / "whole.avi", [noise(seed) for seed in range(10)])
    content = whole.read_bytes()
    broken = tmp_path / "broken.avi"
    broken.write_bytes(content[: len(content) // 2])
    told = []
    frames = list(estimator.stream(broken, on_error=told.append))
    assert 2 <= len(frames) <= 6
    assert [frame.number for frame in frames] == list(range(len(frames)))
    (error,) = told
    assert f"broken.avi: the video breaks off after {len(frames)} of 10 frames" in str(error)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: folder / "clip.mp4", r"clip\.mp4: there is no such video"),
        (lambda folder: write(folder / "clip.mp4", b"no video"), r"clip\.mp4: not a video that can be read"),
        (lambda folder: folder / "photo.jpg", r"photo\.jpg: cannot be read"),
        (lambda folder: folder, r"The folder .* holds no image and no video"),
        (lambda folder: str(folder / "*.jpg"), r"The pattern .*\*\.jpg fits no image and no video"),
        (lambda folder: 977, r"camera 977 does not open"),
        (lambda folder: None, r"of the type NoneType: give paths or a camera's number"),
    ],
    ids=["no video", "text", "no photograph", "empty folder", "pattern", "no camera", "nothing"],
)
def test_what_is_no_source_is_told_in_one_sentence(estimator, tmp_path, make, sentence):
    with pytest.raises(InputError, match=sentence) as refusal:
        list(estimator.stream(make(tmp_path)))
    assert "\n" not in str(refusal.value)


def write(path, content):
    path.write_bytes(content)
    return path


def test_few_images_are_in_memory_however_many_there_are():
    drawn, seen, most = 0, 0, 0

    def items():
        nonlocal drawn
        for number in range(100):
            drawn += 1
            yield number

    for number in in_order(lambda item: item, items(), threads=2):
        assert number == seen
        seen += 1
        most = max(most, drawn - seen)
    assert seen == 100
    assert most <= 2 + AHEAD


def test_work_runs_beside_each_other_and_comes_in_order():
    meeting = threading.Barrier(2)

    def work(number):
        if number < 2:
            meeting.wait(timeout=20)  # only two at the same time pass
        return number, torch.get_num_threads()

    torch.set_num_threads(1)
    assert list(in_order(work, range(5), threads=2)) == [(number, 1) for number in range(5)]


@pytest.mark.parametrize(("items", "each"), [(1, 8), (2, 4), (3, 2), (9, 1)])
def test_fewer_items_than_threads_are_worked_on_by_several_threads_each(items, each):
    found = list(in_order(lambda item: torch.get_num_threads(), list(range(items)), threads=8))
    assert found == [each] * items


def test_a_stream_that_is_left_early_leaves_the_threads_as_they_were(estimator, tmp_path):
    path = videos.write(tmp_path / "clip.avi", [noise(seed) for seed in range(12)])
    torch.set_num_threads(2)
    stream = estimator.stream(path)
    assert next(stream).number == 0
    stream.close()
    assert torch.get_num_threads() == 2


def test_a_source_is_a_photograph_a_video_or_a_camera():
    assert [source.is_video for source in sources.expand(["a.jpg", "b.MP4", 0])] == [False, True, True]
    assert str(sources.expand(1)[0]) == "camera 1"
