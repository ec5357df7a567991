"""Annotation files: what is read, and what is refused in which words."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.datasets.annotations import load
from support.pose_data import content, person, write

NOBODY = np.zeros((17, 3))
SQUARE = [[20, 20, 60, 20, 60, 50, 20, 50]]


def read(tmp_path, contents, skeleton=COCO):
    return load(*write(tmp_path, contents), skeleton)


def test_people_come_with_their_image_as_arrays(tmp_path):
    joints = np.arange(51).reshape(17, 3)
    joints[:, 2] = 2
    people = [person(COCO, NOBODY, 2), person(COCO, joints, 1), person(COCO, joints + np.array([1, 1, 0]), 2)]
    first, second = read(tmp_path, content(COCO, people, [(160, 120), (90, 70)])).images
    assert first.keypoints.shape == (1, 17, 3)
    assert np.array_equal(first.keypoints[0], joints)
    assert np.array_equal(second.keypoints[1], joints + np.array([1, 1, 0]))
    assert (second.width, second.height) == (90, 70)
    assert second.read().shape == (70, 90, 3)


def test_an_image_without_people_has_empty_arrays(tmp_path):
    (image,) = read(tmp_path, content(COCO, []))
    assert image.keypoints.shape == (0, 17, 3)
    assert image.ignore is None


def test_the_area_of_crowdpose_people_is_derived_from_the_box(tmp_path):
    entry = person(CROWDPOSE, np.ones((14, 3)), bbox=[0, 0, 10, 20])
    del entry["area"]
    (image,) = read(tmp_path, content(CROWDPOSE, [entry]), CROWDPOSE)
    assert image.areas == pytest.approx([106.0])


@pytest.mark.parametrize("crowd", [0, 1])
def test_people_without_joints_and_crowds_are_ignored_where_they_are_segmented(tmp_path, crowd):
    segmentation = coco_mask.frPyObjects(SQUARE, 120, 160)[0]
    segmentation["counts"] = segmentation["counts"].decode()
    people = [
        person(COCO, NOBODY, segmentation=segmentation if crowd else SQUARE, iscrowd=crowd),
        person(COCO, NOBODY + 2, segmentation=[[100, 0, 110, 0, 110, 10]]),
    ]
    (image,) = read(tmp_path, content(COCO, people))
    region = coco_mask.decode(image.ignore)
    assert region[30, 40] == 1
    assert region.sum() == pytest.approx(40 * 30, abs=80)
    assert region[2, 108] == 0  # this person has joints


def test_uncompressed_crowd_regions_are_understood(tmp_path):
    counts = [0, 120 * 80, 120 * 80]  # column by column: the left half
    people = [person(COCO, NOBODY, iscrowd=1, segmentation={"counts": counts, "size": [120, 160]})]
    (image,) = read(tmp_path, content(COCO, people))
    assert np.array_equal(coco_mask.decode(image.ignore), np.arange(160) < np.full((120, 1), 80))


def test_an_image_with_too_many_pixels_is_refused_by_name_before_it_is_read(tmp_path):
    split = write(tmp_path, content(COCO, [], [(160, 120)]))
    assert len(load(*split, COCO, max_pixels=160 * 120)) == 1
    with pytest.raises(InputError, match=r"1\.png: .* million pixels, more than .*raise max_pixels"):
        load(*split, COCO, max_pixels=160 * 120 - 1)


def test_an_image_larger_than_annotated_is_refused_by_the_same_bound(tmp_path):
    file, images = write(tmp_path, content(COCO, [], [(160, 120)]))
    file.write_text(file.read_text().replace("160", "16"))
    (image,) = load(file, images, COCO, max_pixels=160 * 120 - 1)
    with pytest.raises(InputError, match=r"1\.png: .* million pixels, more than"):
        image.read()


def broken(change):
    contents = content(COCO, [person(COCO, NOBODY + 1)])
    change(contents)
    return contents


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("annotations"), "'annotations' is missing"),
        (lambda c: c.update(images=[]), "needs at least one image"),
        (
            lambda c: c["annotations"][0].update(keypoints=[0] * 42),
            r"annotations\[0\].keypoints has 42 numbers",
        ),
        (lambda c: c["annotations"][0].pop("keypoints"), "has no 'keypoints'"),
        (lambda c: c["annotations"][0].update(category_id=3), "category_id is 3; expected 1"),
        (lambda c: c["annotations"][0].update(image_id=9), "image_id 9 is not in 'images'"),
        (lambda c: c["categories"][0]["keypoints"].reverse(), "joints that are not the 17 of coco"),
        (lambda c: c.update(categories=[{"id": 1}, {"id": 2}]), "2 categories may be that of people"),
        (lambda c: c["images"][0].pop("width"), r"images\[0\] has no 'width'"),
        (lambda c: c["images"].append(c["images"][0]), "two images have id 1"),
        (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), r"annotations\[0\].bbox has 3 numbers"),
        (
            lambda c: c["annotations"][0].update(iscrowd=1, segmentation={"counts": [0, 20], "size": [4, 5]}),
            r"annotations\[0\].segmentation has size \[4, 5\]; expected .* \[120, 160\]",
        ),
    ],
)
def test_malformed_annotations_are_refused_with_file_and_field(tmp_path, change, words):
    with pytest.raises(InputError, match=words) as refused:
        read(tmp_path, broken(change))
    assert "people.json" in str(refused.value)


def test_a_missing_image_is_named(tmp_path):
    file, images = write(tmp_path, content(COCO, []))
    (images / "1.png").unlink()
    with pytest.raises(InputError, match=r"1\.png: the image is missing"):
        load(file, images, COCO)


def test_a_missing_images_directory_is_named(tmp_path):
    file, _ = write(tmp_path, content(COCO, []))
    with pytest.raises(InputError, match="elsewhere"):
        load(file, tmp_path / "elsewhere", COCO)


def test_a_missing_annotation_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.json"):
        load(tmp_path / "absent.json", tmp_path, COCO)


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "people.json").write_text(json.dumps({})[:-1])
    with pytest.raises(InputError, match="not valid JSON"):
        load(tmp_path / "people.json", tmp_path, COCO)


@pytest.mark.parametrize(("field", "value"), [("width", 0), ("height", "120"), ("width", 160.5)])
def test_a_size_that_is_no_number_of_pixels_is_refused_by_name(tmp_path, field, value):
    file, images = write(tmp_path, content(COCO, []))
    contents = json.loads(file.read_text())
    contents["images"][0][field] = value
    file.write_text(json.dumps(contents))
    with pytest.raises(InputError, match=rf"people\.json: images\[0\]\.{field} is {value!r}; expected"):
        load(file, images, COCO)


def test_an_image_of_another_size_than_annotated_is_refused(tmp_path):
    file, images = write(tmp_path, content(COCO, []))
    contents = json.loads(file.read_text())
    contents["images"][0]["width"] = 161
    file.write_text(json.dumps(contents))
    (image,) = load(file, images, COCO)
    with pytest.raises(InputError, match="160x120 pixels, but annotated as 161x120"):
        image.read()
