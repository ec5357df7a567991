"""The keypoint data set: views, their targets, batches and their order."""

import cv2
import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from scipy.ndimage import map_coordinates
from torch.utils.data import DataLoader

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.datasets.annotations import load
from litepose.datasets.keypoints import (
    NO_AUGMENTATION,
    Augmentation,
    KeypointDataset,
    ResolutionSampler,
    Sample,
    collate,
    normalise,
    start_worker,
)
from support.pose_data import content, person, write

MIRROR = Augmentation(rotation=0, scale=(1, 1), translation=0, flip=1)
LEFT, RIGHT = CROWDPOSE.joints.index("left_wrist"), CROWDPOSE.joints.index("right_wrist")


def dataset(
    tmp_path, people, augmentation=NO_AUGMENTATION, sizes=((128, 128),), skeleton=CROWDPOSE, **options
):
    annotations = load(*write(tmp_path, content(skeleton, people, sizes)), skeleton)
    return KeypointDataset([annotations], skeleton, augmentation, 0, **options)


def standing(seed=0, image_id=1, count=1, size=128):
    rng = np.random.default_rng(seed)
    joints = np.concatenate([rng.uniform(20, size - 20, (count, 14, 2)), np.full((count, 14, 1), 2)], 2)
    return [person(CROWDPOSE, entry, image_id) for entry in joints]


def peak(heatmap):
    return np.array(np.unravel_index(heatmap.argmax(), heatmap.shape))[::-1]


def test_without_augmentation_joints_are_where_the_annotation_says(tmp_path):
    people = [person(CROWDPOSE, {"left_wrist": (40, 80, 2), "right_wrist": (100, 20, 1)})]
    item = dataset(tmp_path, people)[Sample(0, 0, 128, 128)]
    assert peak(item.heatmaps[0][LEFT]).tolist() == [10, 20]
    assert peak(item.heatmaps[1][RIGHT]).tolist() == [50, 10]
    assert item.joints[0, LEFT].tolist() == [(LEFT * 32 + 20) * 32 + 10, 1]
    assert item.joints[0, :, 1].sum() == 2


def test_a_mirrored_image_swaps_left_and_right_joints(tmp_path):
    people = [person(CROWDPOSE, {"left_wrist": (40, 80, 2)})]
    plain = dataset(tmp_path, people)[Sample(0, 0, 128, 128)]
    mirrored = dataset(tmp_path, people, MIRROR)[Sample(0, 0, 128, 128)]
    assert np.array_equal(mirrored.image, plain.image[:, ::-1])
    assert mirrored.heatmaps[0][LEFT].max() == 0
    assert peak(mirrored.heatmaps[1][RIGHT]).tolist() == [(127 - 40) // 2, 40]


def test_joints_move_with_the_pixels_under_any_augmentation(tmp_path):
    spots = {"head": (60, 50, 2), "neck": (90, 70, 2), "left_knee": (75, 95, 2)}
    file, images = write(tmp_path, content(CROWDPOSE, [person(CROWDPOSE, spots)], [(160, 140)]))
    dark = np.zeros((140, 160, 3), np.uint8)
    for channel, joint in enumerate(("left_knee", "neck", "head")):  # blue, green, red
        cv2.circle(dark, spots[joint][:2], 4, tuple(255 * np.eye(3)[channel]), cv2.FILLED)
    cv2.imwrite(str(images / "1.png"), dark)
    views = KeypointDataset([load(file, images, CROWDPOSE)], CROWDPOSE, Augmentation(), 0)
    compared = 0
    for epoch in range(30):
        item = views[Sample(0, epoch, 256, 256)]
        mirrored = (
            "left_knee" if item.heatmaps[0][CROWDPOSE.joints.index("left_knee")].max() else "right_knee"
        )
        for channel, joint in enumerate(("head", "neck", mirrored)):
            heatmap = item.heatmaps[1][CROWDPOSE.joints.index(joint)]
            if heatmap.max() == 1 and peak(heatmap).min() > 10 and peak(heatmap).max() < 118:
                y, x = np.nonzero(item.image[..., channel] > 128)
                assert np.abs(peak(heatmap) * 2 + 0.5 - [x.mean(), y.mean()]).max() < 1.6
                compared += 1
    assert compared > 50


def test_the_mask_moves_with_the_view(tmp_path):
    nobody = person(COCO, np.zeros((17, 3)), segmentation=[[0, 0, 30, 0, 30, 128, 0, 128]])
    seen = person(COCO, {"nose": (90, 60, 2)})
    plain = dataset(tmp_path, [nobody, seen], skeleton=COCO)[Sample(0, 0, 128, 128)]
    mirrored = dataset(tmp_path, [nobody, seen], MIRROR, skeleton=COCO)[Sample(0, 0, 128, 128)]
    assert plain.masks[1][:, :14].max() == 0
    assert plain.masks[1][:, 16:].min() == 1
    assert mirrored.masks[1][:, -14:].max() == 0
    assert mirrored.masks[0][:, :-8].min() == 1


@pytest.mark.parametrize("form", ["polygon", "run lengths", "compressed"])
@pytest.mark.parametrize("flip", [0, 1])
def test_both_masks_are_cocos_own_regions_seen_through_the_view(tmp_path, form, flip):
    polygon = [[30, 20, 110, 30, 90, 100, 40, 90]]
    encoded = coco_mask.merge(coco_mask.frPyObjects(polygon, 120, 160))
    region = coco_mask.decode(encoded)
    segmentation = {
        "polygon": polygon,
        "run lengths": {"counts": run_lengths(region), "size": [120, 160]},
        "compressed": {**encoded, "counts": encoded["counts"].decode()},
    }[form]
    people = [
        person(COCO, np.zeros((17, 3)), iscrowd=form != "polygon", segmentation=segmentation),
        person(COCO, {"nose": (120, 60, 2)}),
    ]
    views = dataset(tmp_path, people, Augmentation(flip=flip), ((160, 120),), COCO)
    item = views[Sample(0, 1, 128, 128)]
    matrix, mirror = views.augmentation.draw(160, 120, np.random.default_rng([0, 1, 0]))
    assert mirror == flip
    for mask, size in zip(item.masks, (32, 64), strict=True):
        # A mask's pixel (x, y) shows the picture where the view's pixel (x, y) * 128 / size does; in a
        # mirrored view that is 127 minus x.
        y, x = np.mgrid[:size, :size] * (128 / size)
        places = np.stack([(127 - x if flip else x), y], -1) / 128 - matrix[:, 2]
        u, v = np.moveaxis(places @ np.linalg.inv(matrix[:, :2]).T, -1, 0)
        expected = 1 - map_coordinates(region.astype(float), [v, u], order=1)  # bilinear, 0 outside
        certain = np.abs(expected - 0.5) > 0.1  # OpenCV rounds positions to a 32nd of a pixel
        assert certain.mean() > 0.98
        assert 0.02 < (mask == 0).mean() < 0.9
        assert np.array_equal(mask[certain], (expected > 0.5)[certain])


def run_lengths(region):
    """COCO's uncompressed run lengths: down the columns, alternating between outside and inside."""
    values = np.concatenate([[0], region.T.reshape(-1), [-1]])
    edges = np.flatnonzero(np.diff(values))
    return np.diff(np.concatenate([[0], edges])).tolist()


def test_crowd_joints_are_not_learned(tmp_path):
    people = [person(CROWDPOSE, {"head": (60, 60, 2)}, iscrowd=1), *standing()]
    item = dataset(tmp_path, people)[Sample(0, 0, 128, 128)]
    assert item.joints[..., 1].sum(1).tolist()[:2] == [14, 0]


@pytest.mark.parametrize("resolution", [64, 112, 320, 448])
def test_a_sampled_resolutions_tag_positions_are_those_of_its_own_maps(tmp_path, resolution):
    spots = {"left_wrist": (40, 80, 2), "neck": (64, 20, 1)}
    item = dataset(tmp_path, [person(CROWDPOSE, spots)])[Sample(0, 0, resolution, resolution)]
    side = resolution // 4
    for name, (x, y, _) in spots.items():
        joint = CROWDPOSE.joints.index(name)
        cell = (joint, y * side // 128, x * side // 128)
        assert item.heatmaps[0][cell] == 1
        assert item.joints[0, joint].tolist() == [np.ravel_multi_index(cell, (14, side, side)), 1]


def test_targets_are_made_for_the_sampled_resolution(tmp_path):
    views = dataset(tmp_path, standing(count=2), Augmentation())
    small, large = views[Sample(0, 3, 128, 128)], views[Sample(0, 3, 256, 256)]
    assert small.heatmaps[0].shape == (14, 32, 32)
    assert large.heatmaps[1].shape == (14, 128, 128)
    inside = small.joints[..., 1] > 0
    assert inside.sum() > 10
    for item, size in ((small, 32), (large, 64)):
        index = item.joints[..., 0][inside]
        values = item.heatmaps[0].reshape(-1)[index]
        assert (values == 1).all()
        assert np.array_equal(index // size**2, np.nonzero(inside)[1])  # each in its own channel


def test_a_larger_image_for_a_teacher_keeps_the_view_and_the_targets(tmp_path):
    views = dataset(tmp_path, standing(count=2), Augmentation(flip=0))
    alone, taught = views[Sample(0, 1, 128, 128)], views[Sample(0, 1, 128, 256)]
    assert taught.image.shape == (256, 256, 3)
    assert all(map(np.array_equal, alone.heatmaps, taught.heatmaps))
    assert np.array_equal(alone.joints, taught.joints)
    half = cv2.resize(taught.image, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(half.reshape(-1), alone.image.reshape(-1))[0, 1] > 0.8


def test_people_beyond_the_maximum_stay_in_the_heatmaps_and_are_counted(tmp_path):
    views = dataset(tmp_path, standing(count=5), max_people=3)
    item = views[Sample(0, 0, 128, 128)]
    assert views.people_beyond_max == 2
    assert item.joints.shape == (3, 14, 2)
    assert (item.heatmaps[1][0] == 1).sum() == 5


@pytest.mark.parametrize(("people", "beyond"), [(1, 0), (30, 0), (31, 1), (75, 45)])
def test_no_person_is_lost_silently(tmp_path, people, beyond):
    spots = [{"head": (4 + 12 * (number % 10), 4 + 12 * (number // 10), 2)} for number in range(people)]
    views = dataset(tmp_path, [person(CROWDPOSE, spot) for spot in spots])
    item = views[Sample(0, 0, 128, 128)]
    assert views.people_beyond_max == beyond
    assert item.joints[..., 1].sum() == people - beyond
    assert (item.heatmaps[1] == 1).sum() == people


def test_people_without_joints_leave_empty_targets(tmp_path):
    people = [person(CROWDPOSE, np.zeros((14, 3))), *standing(image_id=2)]
    item = dataset(tmp_path, people, sizes=((64, 64), (128, 128)))[Sample(0, 0, 64, 64)]
    assert item.joints.max() == 0
    assert max(level.max() for level in item.heatmaps) == 0
    assert min(level.min() for level in item.masks) == 1


def test_images_without_annotations_are_left_out(tmp_path):
    views = dataset(tmp_path, standing(image_id=2), sizes=((64, 64), (128, 128)))
    assert len(views) == 1
    assert views[Sample(0, 0, 64, 64)].image_id == 2


@pytest.mark.parametrize(
    "people", [[], [person(CROWDPOSE, np.zeros((14, 3)))], [standing()[0] | {"iscrowd": 1}]]
)
def test_a_split_without_anybody_to_learn_is_refused(tmp_path, people):
    with pytest.raises(InputError, match="nothing to train on"):
        dataset(tmp_path, people)


def test_views_differ_between_epochs_and_repeat_with_the_same_epoch(tmp_path):
    views = dataset(tmp_path, standing(), Augmentation())
    first, again, other = (views[Sample(0, epoch, 64, 64)].image for epoch in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_view_does_not_depend_on_what_was_read_before(tmp_path):
    people = [entry for image in (1, 2, 3) for entry in standing(image, image)]
    views = dataset(tmp_path, people, Augmentation(), ((128, 128),) * 3)
    samples = [Sample(index, epoch, 64, 64) for epoch in (0, 1) for index in range(3)]
    forwards = {sample: views[sample] for sample in samples}
    for sample in reversed(samples):
        assert np.array_equal(views[sample].image, forwards[sample].image)
        assert np.array_equal(views[sample].joints, forwards[sample].joints)


@pytest.mark.parametrize("size", [(64, 900), (1, 1), (900, 3)])
def test_extreme_image_shapes_are_handled(tmp_path, size):
    people = [person(CROWDPOSE, {"head": (0, 0, 2)})]
    item = dataset(tmp_path, people, Augmentation(), [size])[Sample(0, 0, 64, 64)]
    assert item.image.shape == (64, 64, 3)


def test_a_batch_does_not_depend_on_the_number_of_workers(tmp_path):
    people = [entry for image in range(1, 9) for entry in standing(image, image)]
    views = dataset(tmp_path, people, Augmentation(), ((128, 128),) * 8)
    batches = []
    for workers in (0, 2):
        order = ResolutionSampler(8, 4, epoch=1, resolutions=[64, 128])
        loader = DataLoader(
            views,
            batch_sampler=order,
            num_workers=workers,
            collate_fn=collate,
            worker_init_fn=start_worker if workers else None,
        )
        batches.append(list(loader))
    assert [batch.images.shape[2] for batch in batches[0]] == [64, 128]
    for alone, parallel in zip(*batches, strict=True):
        assert alone.image_ids == parallel.image_ids
        assert torch.equal(alone.images, parallel.images)
        assert torch.equal(alone.heatmaps[0], parallel.heatmaps[0])


def test_a_batch_holds_small_integers_in_channels_last_order(tmp_path):
    views = dataset(tmp_path, standing())
    batch = collate([views[Sample(0, epoch, 64, 64)] for epoch in range(2)])
    assert batch.images.dtype == torch.uint8
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.heatmaps[0].shape == (2, 14, 16, 16)
    assert batch.heatmaps[1].shape == (2, 14, 32, 32)
    assert [mask.shape for mask in batch.masks] == [(2, 16, 16), (2, 32, 32)]
    assert batch.joints.shape == (2, 30, 14, 2)
    assert batch.joints.dtype == torch.int64
    assert batch.image_ids == [1, 1]


def test_normalised_images_have_imagenets_mean_and_deviation():
    images = torch.tensor([124, 116, 104], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    normalised = normalise(images)
    assert normalised.abs().max() < 0.01
    assert normalise(torch.full((1, 3, 4, 4), 255, dtype=torch.uint8))[0, 0, 0, 0] == pytest.approx(
        (1 - 0.485) / 0.229
    )
    assert normalised.is_contiguous(memory_format=torch.channels_last)


def indices(**options):
    return [
        [sample.index for sample in batch] for batch in ResolutionSampler(10, 4, resolutions=64, **options)
    ]


def test_every_epoch_has_its_own_order_and_no_image_twice():
    first, second = indices(epoch=0), indices(epoch=1)
    assert [len(batch) for batch in first] == [4, 4]
    assert len({index for batch in first for index in batch}) == 8
    assert first != second
    assert first == indices(epoch=0)


def test_the_processes_share_each_batch_of_a_single_process():
    shares = [indices(rank=rank, world_size=2) for rank in range(2)]
    for whole, one, other in zip(indices(), *shares, strict=True):
        assert sorted(one + other) == sorted(whole)


def test_fewer_images_than_a_batch_make_one_small_batch():
    (batch,) = ResolutionSampler(3, 8, resolutions=64, seed=None)
    assert [sample.index for sample in batch] == [0, 1, 2]


def test_the_number_of_resolutions_must_be_that_of_the_batches():
    with pytest.raises(ValueError, match="3 resolutions for 2 batches"):
        list(ResolutionSampler(10, 4, resolutions=[64, 64, 64]))
