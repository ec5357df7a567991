"""From images to people in image pixels, with a network that sees coloured dots."""

import json

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE, Skeleton
from litepose.datasets.annotations import load
from litepose.datasets.keypoints import normalise
from litepose.drawing import draw_people
from litepose.inference import Resizing, forward_test, predict, prediction, prepare
from litepose.inference.grouping import group
from litepose.inference.prediction import find
from support import plain_inference
from support.pose_data import GOLDEN, content, write

DOTS = Skeleton("dots", ("red", "green", "blue"), (0, 1, 2), ((0, 1), (1, 2)), (0.1, 0.1, 0.1))


class DotNetwork(torch.nn.Module):
    """Joint j is a dot in colour j; its brightness is the person's tag."""

    def forward(self, images):
        plain = images * torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
        plain += torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        seen = (plain > 0.35).float()
        for _ in range(3):
            seen = functional.avg_pool2d(seen, 9, 1, 4)
        tags = functional.max_pool2d(plain, 9, 1, 4) * 20
        return [
            torch.cat([functional.avg_pool2d(seen, 4), functional.avg_pool2d(tags, 4)], 1),
            functional.avg_pool2d(seen, 2),
        ]


def dotted(width, height, people):
    """An image with people of three dots each, and their positions [P, 3, 2] in pixels."""
    rng = np.random.default_rng(width)
    image = np.zeros((height, width, 3), np.uint8)
    size = min(width, height)
    positions = rng.uniform(0.2, 0.8, (people, 3, 2)) * [width, 0]
    positions[..., 1] = np.linspace(0.25, 0.75, people)[:, None] * height
    for joints, brightness in zip(positions, np.linspace(255, 120, people), strict=True):
        for colour, joint in enumerate(joints):
            plane = np.ascontiguousarray(image[..., colour])
            cv2.circle(plane, np.rint(joint).astype(int), max(3, size // 24), brightness, cv2.FILLED)
            image[..., colour] = plane
    return image, positions


def found(detections, image_id):
    people = [d["keypoints"] for d in detections if d["image_id"] == image_id]
    return np.array(people).reshape(-1, 3, 3)


@pytest.mark.parametrize("flip", [False, True])
def test_people_are_found_in_images_of_any_shape(flip):
    sizes = [(200, 150, 2), (150, 200, 1), (256, 256, 2), (90, 300, 1), (128, 128, 0), (600, 520, 2)]
    images, truths = zip(*(dotted(*size) for size in sizes), strict=True)
    detections = predict(DotNetwork(), images, DOTS, 256, flip=flip, batch_size=2)
    for number, (image, truth) in enumerate(zip(images, truths, strict=True)):
        people = found(detections, number)
        assert len(people) == len(truth)
        people = people[people[:, :, 1].mean(1).argsort()]
        assert people[..., :2] == pytest.approx(truth, abs=1.5 + 0.01 * max(image.shape))
    assert {d["category_id"] for d in detections} == {1}
    assert all(0 < d["score"] <= 1 for d in detections)


def test_the_detections_do_not_depend_on_the_batches():
    images = [dotted(120 + 10 * number, 150, 1 + number % 2)[0] for number in range(6)]
    alone, together = (predict(DotNetwork(), images, DOTS, 128, batch_size=size) for size in (1, 4))
    assert [d["image_id"] for d in alone] == sorted(d["image_id"] for d in alone)
    assert len(alone) == len(together) >= 6
    for one, other in zip(alone, together, strict=True):
        assert one["keypoints"] == pytest.approx(other["keypoints"], abs=1e-3)


def test_annotated_images_are_read_and_keep_their_ids(tmp_path):
    file, images = write(tmp_path, content(DOTS, [], [(200, 150), (150, 150)]))
    image, truth = dotted(150, 150, 1)
    cv2.imwrite(str(images / "2.png"), image[..., ::-1])
    detections = predict(DotNetwork(), load(file, images, DOTS), DOTS, 128)
    assert found(detections, 2)[0, :, :2] == pytest.approx(truth[0], abs=3)


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    file, images = write(tmp_path, content(DOTS, []))
    (images / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"1\.png"):
        predict(DotNetwork(), load(file, images, DOTS), DOTS, 128)


def test_no_images_give_no_detections():
    assert predict(DotNetwork(), [], DOTS, 128) == []


def test_prediction_leaves_the_number_of_threads_alone():
    threads = torch.get_num_threads()
    predict(DotNetwork(), [dotted(64, 64, 1)[0]], DOTS, 64)
    assert torch.get_num_threads() == threads


class LeftRight(torch.nn.Module):
    """Outputs that depend on the place, so that mirroring shows."""

    def __init__(self, joints):
        super().__init__()
        torch.manual_seed(0)
        self.coarse = torch.nn.Conv2d(3, 2 * joints, 4, 4)
        self.fine = torch.nn.Conv2d(3, joints, 2, 2)

    def forward(self, images):
        return [self.coarse(images), self.fine(images)]


class Recorder(LeftRight):
    """Keeps the inputs' sizes."""

    def __init__(self, joints):
        super().__init__(joints)
        self.sizes, self.batches = [], []

    def forward(self, images):
        self.sizes.append(tuple(images.shape[2:]))
        self.batches.append(len(images))
        return super().forward(images)


class Everywhere(LeftRight):
    """Sees everything everywhere."""

    def forward(self, images):
        return [20 * output.sigmoid() for output in super().forward(images)]


def test_the_flip_test_averages_heatmaps_of_swapped_joints_and_keeps_both_tags():
    model, images = LeftRight(14), torch.randn(2, 3, 64, 128)
    with torch.no_grad():
        heatmaps, tags = forward_test(model, images, CROWDPOSE)
        plain_heatmaps, plain_tags = forward_test(model, images, CROWDPOSE, flip=False)
        other_heatmaps, other_tags = forward_test(model, images.flip(3), CROWDPOSE, flip=False)
    back = list(CROWDPOSE.flip)
    assert heatmaps.shape == (2, 14, 64, 128)
    assert tags.shape == (2, 14, 64, 128, 2)
    assert plain_tags.shape == (2, 14, 64, 128, 1)
    expected = (plain_heatmaps + other_heatmaps.flip(3)[:, back]) / 2
    assert torch.allclose(heatmaps, expected, atol=1e-5)
    assert torch.equal(tags[..., :1], plain_tags)
    assert torch.allclose(tags[..., 1:], other_tags.flip(3)[:, back], atol=1e-5)


def test_both_outputs_are_averaged_at_stride_2_before_up_sampling():
    model, images = LeftRight(14), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        coarse, fine = model(images)
        heatmaps, tags = forward_test(model, images, CROWDPOSE, flip=False)
    half = functional.interpolate(coarse, size=(32, 32), mode="bilinear", align_corners=False)
    full = functional.interpolate(
        torch.cat([(half[:, :14] + fine) / 2, half[:, 14:]], 1), size=(64, 64), mode="bilinear"
    )
    assert torch.allclose(heatmaps, full[:, :14], atol=1e-6)
    assert torch.allclose(tags[..., 0], full[:, 14:], atol=1e-6)


@pytest.mark.parametrize("case", range(5))
def test_resizing_and_projection_equal_the_released_ones(case):
    golden = json.loads((GOLDEN / "resize.json").read_text())[case]
    resizing = Resizing.fit(*golden["image_wh"], golden["input_size"], max_side=4096)
    assert [resizing.width, resizing.height] == golden["resized_wh"]
    points = np.array(golden["heatmap_points"])[..., :2]
    projected = resizing.to_image(points, *golden["heatmap_wh"])
    assert projected == pytest.approx(np.array(golden["image_points"])[..., :2], abs=1e-4)


@pytest.mark.parametrize(
    "input_size, expected", [(64, (128, 64)), (80, (128, 80)), (96, (160, 96)), (416, (640, 416))]
)
def test_a_network_is_tested_at_the_size_it_was_trained_at(input_size, expected):
    resizing = Resizing.fit(300, 200, input_size)
    assert (resizing.width, resizing.height) == expected
    assert resizing.scale == pytest.approx(input_size / 200)


def test_points_and_pixels_move_alike():
    image = np.zeros((170, 256, 3), np.uint8)
    image[60:63, 200:203] = 255
    resizing = Resizing.fit(256, 170, 128)
    y, x = np.nonzero(resizing.apply(image)[..., 0] > 60)
    centre = np.array([x.mean(), y.mean()])
    assert resizing.to_image(centre, resizing.width, resizing.height) == pytest.approx([201, 61], abs=0.5)


def test_the_long_side_is_bounded_and_the_whole_image_stays_visible():
    resizing = Resizing.fit(64, 900, 256)
    assert (resizing.width, resizing.height) == (128, 1024)
    seen = resizing.apply(np.full((900, 64, 3), 255, np.uint8))[..., 0] > 128
    assert seen[5].any()
    assert seen[-6].any()
    assert seen.any(0).sum() == pytest.approx(64 * 1024 / 900, abs=2)
    rows, columns = resizing.content()
    assert seen[rows, columns].all()
    assert not seen[:, : columns.start - 1].any()
    assert not seen[:, columns.stop + 1 :].any()


@pytest.mark.parametrize(
    ("image", "size", "max_side", "expected"),
    [
        ((1792, 448), 448, None, (1792, 448)),  # 4:1, as released
        ((3600, 450), 448, None, (1792, 256)),
        ((450, 3600), 448, None, (256, 1792)),
        ((1792, 448), 448, 1024, (1024, 256)),
        ((640, 480), 448, 512, (512, 384)),
        ((640, 480), 448, 600, (576, 448)),
        ((64, 900), 256, 512, (64, 512)),
        ((900, 64), 96, None, (384, 32)),
    ],
)
def test_a_bounded_input_ends_at_the_next_multiple_of_its_content(image, size, max_side, expected):
    resizing = Resizing.fit(*image, size, max_side)
    assert (resizing.width, resizing.height) == expected


@pytest.mark.parametrize("size", [(64, 900), (77, 901), (333, 2001)])
def test_no_joint_is_found_outside_a_bounded_image(size):
    image = dotted(*size, 2)[0]
    people = np.array([d["keypoints"] for d in predict(Everywhere(3), [image], DOTS, 128)]).reshape(-1, 3)
    assert len(people)
    x, y = people[people[:, 2] > 0, :2].T
    assert x.min() >= 0 and x.max() <= size[0]
    assert y.min() >= 0 and y.max() <= size[1]


def test_everybody_in_a_panorama_is_found_once_and_in_his_place():
    seven = [dotted(100 + number, 150, 1) for number in range(7)]
    parts = [np.pad(image, ((0, 0), (0, 200 - image.shape[1]), (0, 0))) for image, _ in seven]
    expected = np.concatenate(
        [truth + np.array([200 * number, 0]) for number, (_, truth) in enumerate(seven)]
    )
    panorama = np.concatenate(parts, 1)
    detections = predict(DotNetwork(), [panorama, parts[0]], DOTS, 128)
    people = found(detections, 0)
    assert len(people) == 7
    assert people[people[:, :, 0].mean(1).argsort()][..., :2] == pytest.approx(expected, abs=4)
    assert len(found(detections, 1)) == 1
    alone = found(find(DotNetwork(), panorama, DOTS, 128), 0)
    assert alone == pytest.approx(people, abs=1e-3)


@pytest.mark.parametrize("image", [(640, 427), (427, 640), (500, 375), (97, 129), (89, 113), (612, 612)])
@pytest.mark.parametrize("size", [64, 448, 512])
def test_inputs_of_multiples_of_64_equal_the_released_ones_byte_for_byte(image, size):
    pixels = np.random.default_rng(0).integers(0, 255, (image[1], image[0], 3), np.uint8)
    assert np.array_equal(Resizing.fit(*image, size).apply(pixels), plain_inference.resized(pixels, size))


@pytest.mark.parametrize(("factor", "times"), [(0.5, 1), (0.5, 2), (0.5, 4)])
def test_inputs_of_all_scales_equal_the_released_ones_byte_for_byte(factor, times):
    pixels = np.random.default_rng(0).integers(0, 255, (375, 500, 3), np.uint8)
    resizing = Resizing.fit(500, 375, 448, factor=factor).times(times)
    expected = plain_inference.resized(pixels, 448, factor * times, factor)
    assert np.array_equal(resizing.apply(pixels), expected)


def test_on_a_cpu_as_many_images_pass_at_a_time_as_its_cache_holds():
    model = Recorder(14)
    images = [np.zeros((size, size, 3), np.uint8) for size in (*[64] * 40, *[256] * 5, *[512] * 2)]
    for image, size in ((images[:40], 64), (images[40:45], 256), (images[45:], 512)):
        predict(model, image, CROWDPOSE, size, flip=False)
    assert model.batches == [16, 16, 8, 2, 2, 1, 1, 1]


def test_an_untrained_network_crashes_nothing():
    torch.manual_seed(0)
    noise = torch.rand(1, 14, 64, 64), torch.randn(1, 14, 64, 64, 2)
    ((people, scores),) = group(*noise)
    assert np.isfinite(people).all()
    assert len(scores) == len(people)


def test_drawn_people_show_their_limbs_and_leave_the_image_alone():
    image = np.zeros((60, 80, 3), np.uint8)
    person = [10, 30, 1, 40, 30, 1, 70, 30, 0]
    drawn = draw_people(image, [person], DOTS)
    assert image.max() == 0
    assert drawn[30, 25].max() > 200  # the limb between the first two joints
    assert drawn[:, 50:].max() == 0  # the third joint was not seen


def test_prepared_images_give_the_same_detections_without_being_read_again(tmp_path):
    file, images = write(tmp_path, content(DOTS, [], [(200, 150), (150, 200), (150, 150)]))
    for number, size in enumerate([(200, 150), (150, 200), (150, 150)], 1):
        cv2.imwrite(str(images / f"{number}.png"), dotted(*size, 2)[0][..., ::-1])
    annotated = load(file, images, DOTS)
    expected = predict(DotNetwork(), annotated, DOTS, 128, max_side=128)
    assert len(expected) == 6
    prepared = prepare(annotated, 128, max_side=128)
    for image in images.iterdir():
        image.unlink()
    assert predict(DotNetwork(), prepared, DOTS) == expected
    assert predict(DotNetwork(), prepared, DOTS) == expected


def test_people_are_found_at_several_scales():
    images, truths = zip(*(dotted(200, 150, 2), dotted(150, 260, 1)), strict=True)
    detections = predict(DotNetwork(), images, DOTS, 128, scales=(0.5, 1, 2))
    for number, truth in enumerate(truths):
        people = found(detections, number)
        people = people[people[:, :, 1].mean(1).argsort()]
        assert people[..., :2] == pytest.approx(truth, abs=4)


def test_heatmaps_of_all_scales_are_averaged_and_tags_are_those_of_scale_one(monkeypatch):
    model, image = LeftRight(14), np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    seen = []
    monkeypatch.setattr(prediction, "group", lambda *maps: seen.append(maps) or group(*maps))
    predict(model, [image], CROWDPOSE, 128, scales=(2, 1), flip=False)
    ((heatmaps, tags),) = seen

    def network_input(size):
        pixels = Resizing.fit(128, 128, size).apply(image)
        return normalise(torch.from_numpy(pixels).permute(2, 0, 1)[None])

    with torch.no_grad():
        base_heatmaps, base_tags = forward_test(model, network_input(128), CROWDPOSE, flip=False)
        coarse, fine = model(network_input(256))
    double = functional.interpolate(coarse, size=(128, 128), mode="bilinear", align_corners=False)
    assert torch.allclose(heatmaps, (base_heatmaps + (double[:, :14] + fine) / 2) / 2, atol=1e-6)
    (component,) = tags.components
    full = functional.interpolate(component, size=(128, 128), mode="bilinear", align_corners=False)
    assert torch.allclose(full[..., None], base_tags, atol=1e-6)


def test_the_bound_holds_for_the_largest_scale():
    model = Recorder(14)
    predict(
        model, [np.zeros((100, 800, 3), np.uint8)], CROWDPOSE, 64, scales=(1, 2), max_side=256, flip=False
    )
    assert set(model.sizes) == {(64, 128), (128, 256)}


@pytest.mark.parametrize("scales", [(), (2,), (1, 1.5), (0, 1), (-1, 1)])
def test_scales_that_do_not_fit_together_are_refused(scales):
    with pytest.raises(InputError, match="a multiple of the smallest"):
        predict(DotNetwork(), [dotted(64, 64, 1)[0]], DOTS, 64, scales=scales)
