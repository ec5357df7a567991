"""What an annotation file may say, what is read as it is meant, what is refused, and what is told."""

import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE, Skeleton
from litepose.datasets.annotations import load
from litepose.datasets.reading import read
from litepose.evaluation import evaluate
from litepose.evaluation.bootstrap import matches
from support import ROOT
from support.pose_data import content, person, write

HAND = Skeleton("hand", ("wrist", "thumb", "finger"), (0, 1, 2), (), (0.1, 0.1, 0.1))
SIZE = (160, 120)
COUNTS = np.array([160 * 40, 160 * 40, 160 * 40])


def people(skeleton=CROWDPOSE, images=3, each=2):
    """Two people in each image, whose joints lie inside their boxes and their image."""
    rng = np.random.default_rng(0)
    found = []
    for image in range(1, images + 1):
        for _ in range(each):
            low = rng.uniform(5, 60, 2)
            joints = np.full((skeleton.num_joints, 3), 2.0)
            joints[:, :2] = low + rng.uniform(0, 50, (skeleton.num_joints, 2))
            joints[-1] = 0
            found.append(person(skeleton, joints.round(2), image))
    return found


def contents(skeleton=CROWDPOSE, **options):
    return content(skeleton, people(skeleton, **options), [SIZE] * options.get("images", 3))


def detections(truth):
    """What finds everybody of an annotation file where they are."""
    return [
        {key: one.get(key, 1) for key in ("image_id", "category_id", "keypoints")} | {"score": 0.9}
        for one in truth["annotations"]
    ]


def saved(directory, truth):
    file = directory / "people.json"
    file.write_text(json.dumps(truth))
    return file


def all_of(field, change):
    """Change a field of every annotation by what it was."""

    def apply(truth):
        for one in truth["annotations"]:
            one[field] = change(one[field])

    return apply


def joints(change):
    """Change the keypoints of every annotation, [J, 3] in place."""

    def apply(truth):
        for one in truth["annotations"]:
            points = np.reshape(one["keypoints"], (-1, 3)).astype(float)
            change(points)
            one["keypoints"] = points.ravel().tolist()

    return apply


# ------------------------------------------------------------------ read as it is meant


def renumbered(images, people_too=True):
    def apply(truth):
        for number, image in enumerate(truth["images"]):
            new = images[number]
            for one in truth["annotations"]:
                if people_too and one["image_id"] == number + 1:
                    one["image_id"] = new
            image["id"] = new

    return apply


def category(identity, **others):
    def apply(truth):
        truth["categories"][0]["id"] = identity
        for one in truth["annotations"]:
            one["category_id"] = identity
        truth["categories"] += [{"id": key, "name": name} for name, key in others.items()]

    return apply


def without(field):
    def apply(truth):
        for one in truth["annotations"]:
            del one[field]

    return apply


def boxes_of_another_category(truth):
    truth["categories"].append({"id": 2, "name": "car"})
    truth["annotations"].append({"id": 99, "image_id": 1, "category_id": 2, "bbox": [1, 2, "3", None]})


def unlabelled_at(place):
    """Where nothing is labelled, another place than the corner of the image."""

    def apply(points):
        points[points[:, 2] == 0, :2] = place

    return joints(apply)


MEANT = {
    "as written": lambda truth: None,
    "a category of id 2": category(2),
    "a category of id 'person'": category("person"),
    "a second category for boxes": boxes_of_another_category,
    "people in the second of two categories": category(7, car=1),
    "no category_id": without("category_id"),
    "no iscrowd": without("iscrowd"),
    "iscrowd as false": all_of("iscrowd", bool),
    "iscrowd as a float": all_of("iscrowd", float),
    "iscrowd as null": all_of("iscrowd", lambda _: None),
    "no num_keypoints": without("num_keypoints"),
    "num_keypoints of 0": all_of("num_keypoints", lambda _: 0),
    "num_keypoints of 99": all_of("num_keypoints", lambda _: 99),
    "num_keypoints as text": all_of("num_keypoints", str),
    "no area": without("area"),
    "an area of 0": all_of("area", lambda _: 0),
    "no ids of annotations": without("id"),
    "ids of images as text": renumbered(["1", "2", "3"]),
    "ids of images as text in the images only": renumbered(["1", "2", "3"], people_too=False),
    "ids of images as floats": renumbered([1.0, 2.0, 3.0]),
    "names of images as ids": renumbered(["a.png", "b.png", "c.png"]),
    "names and numbers as ids": renumbered(["2", "b.png", 1]),
    "ids that no integer of a machine holds": renumbered([10**30, 10**30 + 1, 0]),
    "negative ids": renumbered([-1, -2, -3]),
    "joints that are not labelled at (-1, -1)": unlabelled_at(-1),
    "flags as floats": all_of("keypoints", lambda values: [float(value) for value in values]),
    "sizes as floats": lambda truth: [image.update(width=160.0, height=120.0) for image in truth["images"]],
}


@pytest.mark.parametrize("skeleton", [COCO, CROWDPOSE])
@pytest.mark.parametrize("case", MEANT)
def test_detections_that_equal_the_truth_score_100_however_it_is_written(tmp_path, case, skeleton):
    truth = contents(skeleton)
    _, images = write(tmp_path, truth)
    MEANT[case](truth)
    file = saved(tmp_path, truth)
    truth["annotations"] = [one for one in truth["annotations"] if "keypoints" in one]
    found = detections(truth)
    assert evaluate(file, found, skeleton)["AP"] == pytest.approx(1)
    assert matches(file, found, skeleton).average_precision() == pytest.approx(1)
    loaded = load(file, images, skeleton)
    assert [len(image.keypoints) for image in loaded] == [2, 2, 2]
    assert min(image.areas.min() for image in loaded) > 100


def test_what_was_found_in_loaded_images_is_judged_under_their_ids(tmp_path):
    truth = contents()
    _, images = write(tmp_path, truth)
    MEANT["names and numbers as ids"](truth)
    file = saved(tmp_path, truth)
    loaded = load(file, images, CROWDPOSE)
    assert all(isinstance(image.id, int) for image in loaded)
    found = [
        {"image_id": image.id, "keypoints": one.ravel().tolist(), "score": 0.9}
        for image in loaded
        for one in image.keypoints.astype(float)
    ]
    ids = [image.id for image in loaded]
    assert evaluate(file, found, CROWDPOSE, ids)["AP"] == pytest.approx(1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_every_encoding_of_unicode_is_understood(tmp_path, encoding):
    truth = contents()
    truth["images"][0]["file_name"] = "Füße.png"
    file, images = write(tmp_path, truth)
    file.write_bytes(json.dumps(truth, ensure_ascii=False).encode(encoding))
    assert load(file, images, CROWDPOSE).images[0].path.name == "Füße.png"


def test_the_locale_does_not_matter(tmp_path):
    truth = contents()
    truth["info"] = "日本"
    file = tmp_path / "people.json"
    file.write_bytes(json.dumps(truth, ensure_ascii=False).encode())
    code = (
        "import sys; from litepose.datasets.reading import read; "
        "from litepose.core.skeletons import CROWDPOSE; print(len(read(sys.argv[1], CROWDPOSE).image))"
    )
    plain = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, file], env=plain, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "6"


def test_crowdposes_own_count_of_joints_leaves_out_head_and_neck(tmp_path):
    truth = contents()
    one = truth["annotations"][0]
    one["keypoints"] = [0] * 36 + [20, 20, 2, 30, 30, 2]
    one["bbox"] = [10, 10, 30, 30]
    one["num_keypoints"] = 0
    assert read(saved(tmp_path, truth), CROWDPOSE).counted().tolist() == [False] + [True] * 5
    one["num_keypoints"] = 2
    assert read(saved(tmp_path, truth), CROWDPOSE).counted().all()


# ------------------------------------------------------------------ refused


def first(field, value):
    return lambda truth: truth["annotations"][0].update({field: value})


def first_keypoint(value, place=0):
    return lambda truth: truth["annotations"][0]["keypoints"].__setitem__(place, value)


def corners(box):
    return [box[0], box[1], box[0] + box[2], box[1] + box[3]]


def flip(points):
    points[:, 1] *= -1


def normalise(points):
    points[:, :2] /= SIZE


def resized(points):
    points[:, :2] *= 4


REFUSED = {
    "box of no area": (first("bbox", [5, 5, 0, 0]), r"annotations\[0\]\.bbox is \[5, 5, 0, 0\]; expected"),
    "negative box": (
        first("bbox", [50, 5, -20, 9]),
        r"annotations\[0\]\.bbox is \[50, 5, -20, 9\]; expected",
    ),
    "no number in a box": (first("bbox", [1, 2, None, 4]), r"bbox\[2\] is None; expected left, top, width"),
    "no box": (without("bbox"), r"annotations\[0\] has no 'bbox'; .* \(6 such entries: 0, 1, 2, 3, \.\.\.\)"),
    "iscrowd as text": (
        all_of("iscrowd", str),
        r"annotations\[0\]\.iscrowd is '0'; expected 0 or 1 \(6 such",
    ),
    "iscrowd of 2": (first("iscrowd", 2), r"annotations\[0\]\.iscrowd is 2; expected 0 or 1"),
    "keypoints as null": (first("keypoints", None), r"annotations\[0\] has no 'keypoints'"),
    "null in keypoints": (first_keypoint(None), r"annotations\[0\]\.keypoints\[0\] is None; expected x, y"),
    "NaN in keypoints": (
        first_keypoint(float("nan")),
        r"annotations\[0\]\.keypoints\[0\] is 'NaN'; expected",
    ),
    "a keypoint at infinity": (first_keypoint(float("inf"), 1), r"keypoints\[1\] is 'Infinity'; expected"),
    "a keypoint miles away": (first_keypoint(1e300), r"keypoints\[0\] is .*; expected pixels"),
    "text in keypoints": (first_keypoint("12"), r"annotations\[0\]\.keypoints\[0\] is '12'; expected"),
    "nested keypoints": (first("keypoints", [[1, 2, 2]]), r"annotations\[0\]\.keypoints\[0\] is \[1, 2, 2\]"),
    "visibility of 3": (
        first_keypoint(3, 5),
        r"annotations\[0\]\.keypoints\[5\] is 3; expected a visibility",
    ),
    "confidences": (first_keypoint(0.87, 2), r"annotations\[0\]\.keypoints\[2\] is 0\.87; expected a visib"),
    "visibility of -1": (first_keypoint(-1, 2), r"annotations\[0\]\.keypoints\[2\] is -1; expected a visib"),
    "area as text": (first("area", "12"), r"annotations\[0\]\.area is '12'; expected a number"),
    "negative area": (first("area", -3), r"annotations\[0\]\.area is -3; expected a number of pixels, or no"),
    "no image": (without("image_id"), r"annotations\[0\] has no 'image_id'"),
    "another category": (first("category_id", 5), r"annotations\[0\]\.category_id is 5; expected 1"),
    "no entry": (lambda truth: truth["annotations"].append(7), r"annotations\[6\].* expected an entry"),
    "keypoints between 0 and 1": (joints(normalise), "keypoints are about 0 to 1; multiply them by"),
    "boxes between 0 and 1": (
        all_of("bbox", lambda box: [value / 1000 for value in box]),
        "all boxes are about 0 to 1",
    ),
    "y counted from below": (joints(flip), r"100 % of the labelled keypoints lie outside their images"),
    "of a larger image": (joints(resized), r"% of the labelled keypoints lie outside their images"),
    "boxes as corners": (all_of("bbox", corners), r"boxes of 6 of 6 .* as two corners"),
    "negative crowdIndex": (
        lambda truth: truth["images"][1].update(crowdIndex=-1),
        r"images\[1\]\.crowdIndex is -1; expected a number from 0 on",
    ),
    "crowdIndex as text": (
        lambda truth: truth["images"][1].update(crowdIndex="0.1"),
        r"images\[1\]\.crowdIndex is '0\.1'; expected",
    ),
    "a name that is none": (
        lambda truth: truth["images"][1].update(file_name=7),
        r"images\[1\]\.file_name is 7; expected the name of an image file",
    ),
    "two equal ids, one of them text": (
        lambda truth: truth["images"][1].update(id="1"),
        "two images have id 1",
    ),
    "two categories of people": (
        lambda truth: truth["categories"].append(truth["categories"][0] | {"id": 2}),
        r"2 categories may be that of people \('person', 'person'\)",
    ),
    "no category": (lambda truth: truth["categories"].clear(), "0 categories"),
    "a category's joints as text": (
        lambda truth: truth["categories"][0].update(keypoints="nose"),
        r"categories\[0\]\.keypoints is 'nose'; expected the names of the joints",
    ),
    "a huge width": (
        lambda truth: truth["images"][0].update(width=10**9),
        r"images\[0\]\.width is 1e\+09; expected a whole number of pixels, at most a million",
    ),
    "a list as a file": (lambda truth: truth.update(images={}), "the list 'images' is missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_fault_is_refused_by_file_entry_and_field(tmp_path, case):
    change, words = REFUSED[case]
    truth = contents()
    change(truth)
    file = saved(tmp_path, truth)
    for reader in (read, lambda *split: evaluate(*split[:1], [], split[1])):
        with pytest.raises(InputError, match=words) as refused:
            reader(file, CROWDPOSE)
        assert str(refused.value).startswith(f"{file}: ")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "place"), [("crowdIndex", "images[0]"), ("area", "annotations[0]"), ("id", "images[0]")]
)
def test_a_number_beyond_all_bounds_is_told_as_the_file_writes_it(tmp_path, field, place):
    truth = contents()
    truth["images" if place.startswith("images") else "annotations"][0][field] = 12345
    file = tmp_path / "people.json"
    file.write_text(json.dumps(truth).replace("12345", "1e400"))
    with pytest.raises(InputError) as refused:
        read(file, CROWDPOSE)
    assert f"{place}.{field} is '1e400'; expected" in str(refused.value)


def test_a_category_beyond_all_bounds_is_refused_too(tmp_path):
    truth = contents()
    truth["categories"].append({"id": 2, "name": "car"})
    truth["annotations"][0]["category_id"] = 12345
    file = tmp_path / "people.json"
    file.write_text(json.dumps(truth).replace("12345", "1e400"))
    with pytest.raises(InputError, match=r"annotations\[0\]\.category_id is '1e400'; expected the id"):
        read(file, CROWDPOSE)


def test_people_of_a_refused_image_are_no_fault_of_their_own(tmp_path):
    truth = contents()
    truth["images"][0]["width"] = "160"
    with pytest.raises(InputError, match=r"images\[0\]\.width is '160'; expected[^;]*$"):
        read(saved(tmp_path, truth), CROWDPOSE)


def test_many_faults_are_told_together(tmp_path):
    truth = contents()
    for number, one in enumerate(truth["annotations"]):
        one["bbox"] = [1, 2, -3, 4] if number % 2 else one["bbox"]
        one["keypoints"][2] = 5
    with pytest.raises(InputError) as refused:
        read(saved(tmp_path, truth), CROWDPOSE)
    assert "(6 such entries: 0, 1, 2, 3, ...)" in str(refused.value)
    assert "annotations[1].bbox is [1, 2, -3, 4]" in str(refused.value)
    assert "(3 such entries: 1, 3, 5)" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "'images' is missing"),
        (b"null", "'images' is missing"),
        (b"\xff\xfe\xfd", "not valid JSON"),
        (
            b'{"images": [{"id": 1, "file_name": "\xe9"}], "annotations": [], "categories": [{}]}',
            r"images\[0\] cannot be read",
        ),
        (b"[" * 100_000, "not valid JSON|'images' is missing"),
        (b'{"images": ' + b"[" * 100_000, "not valid JSON"),
        (b'{"images": [{"id": 1' + b"0" * 5000 + b"}]}", "not valid JSON|'annotations' is missing"),
        (b"PK\x03\x04 not text", "not valid JSON but a ZIP archive: unpack it"),
        (gzip.compress(b"{}", mtime=0), "not valid JSON but compressed by gzip: unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "fetch the file by git lfs pull"),
    ],
)
def test_what_is_no_annotation_file_is_refused_in_one_sentence(tmp_path, text, words):
    (tmp_path / "people.json").write_bytes(text)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "people.json", CROWDPOSE)


@pytest.mark.parametrize("skeleton", [COCO, CROWDPOSE])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (all_of("keypoints", lambda values: [0] * len(values)), "no keypoint of anybody is labelled"),
        (all_of("iscrowd", lambda _: 1), "all people are marked as crowds"),
        (joints(lambda points: points.__setitem__((slice(None), 2), 0)), "although positions are given"),
        (lambda truth: truth["annotations"].clear(), "no keypoint of anybody is labelled"),
    ],
)
def test_where_nobody_is_labelled_there_is_nothing_to_judge(tmp_path, change, words, skeleton):
    truth = contents(skeleton)
    found = detections(truth)
    change(truth)
    file = saved(tmp_path, truth)
    for judge in (evaluate, matches):
        with pytest.raises(InputError, match=f"{words}.*; there is nothing to judge"):
            judge(file, found, skeleton)


@pytest.mark.parametrize("skeleton", [COCO, CROWDPOSE])
def test_images_without_anybody_score_0_among_others(tmp_path, skeleton):
    truth = content(skeleton, people(skeleton, images=1), [SIZE] * 2)
    found = [one | {"image_id": 2} for one in detections(truth)]
    assert set(evaluate(saved(tmp_path, truth), found, skeleton, [2]).values()) == {0.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"keypoints": [1.0] * 41}, "Detection 0 .* give 42"),
        ({"keypoints": None}, "Detection 0 cannot be read"),
        ({"score": float("nan")}, "Detection 0 has a score"),
        ({"image_id": 77}, "image 77 is not in the file"),
    ],
)
def test_detections_that_cannot_be_judged_are_refused(tmp_path, change, words):
    truth = contents()
    found = detections(truth)
    found[0] |= change
    with pytest.raises(InputError, match=words):
        evaluate(saved(tmp_path, truth), found, CROWDPOSE)


# ------------------------------------------------------------------ allowed, and told


def in_one_pixel(truth):
    truth["annotations"][0]["keypoints"] = [50.2, 50.4, 2] * 13 + [0, 0, 0]
    truth["annotations"][0]["bbox"] = [40, 40, 20, 20]


def outside(truth):
    one = truth["annotations"][0]
    one["keypoints"] = [value + 200 * (place % 3 == 0) for place, value in enumerate(one["keypoints"])]
    one["bbox"][0] += 200


def lower_than_its_box(truth):
    for one in truth["annotations"]:
        one["bbox"][1] = 119.0 - one["bbox"][1] - one["bbox"][3]
        one["bbox"][0] = 159.0 - one["bbox"][0] - one["bbox"][2]


def hidden_as_0(truth):
    for one in truth["annotations"]:
        one["keypoints"][2:18:3] = [0] * 6


def half_as_corners(truth):
    for one in truth["annotations"][:3]:
        one["bbox"] = corners(one["bbox"])


TOLD = {
    "crowdIndex": (lambda truth: truth["images"][1].pop("crowdIndex"), "1 of 3 images have no crowdIndex"),
    "one pixel": (in_one_pixel, "1 of 6 annotations have all their labelled keypoints in one pixel"),
    "outside": (outside, "1 of 6 annotations have most of their labelled keypoints outside the image"),
    "outside box": (lower_than_its_box, "most of their labelled keypoints outside their own box"),
    "box outside": (first("bbox", [150, 110, 90, 90]), "a box that lies mostly outside the image"),
    "hidden as 0": (hidden_as_0, "6 of 6 annotations give positions of keypoints with visibility 0"),
    "twice": (lambda truth: truth["annotations"].append(dict(truth["annotations"][0])), "are there twice"),
    "same id": (lambda truth: truth["annotations"][1].update(id=1), "2 annotations share their id"),
    "same image": (
        lambda truth: truth["images"][1].update(file_name="1.png"),
        "1 entries of 'images' name an image file that others name",
    ),
    "far away": (
        first_keypoint(1e5),
        "1 of 6 annotations have a labelled keypoint further outside the image",
    ),
    "some boxes as corners": (
        half_as_corners,
        "3 of 6 annotations have a box that holds their keypoints far",
    ),
    "percent of crowding": (
        lambda truth: [image.update(crowdIndex=37) for image in truth["images"]],
        "most images have a crowdIndex above 1, all of which count as hard",
    ),
    "other category": (boxes_of_another_category, "1 annotations of the category 'car' are left out"),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_looks_wrong_is_read_and_told_once(tmp_path, case, caplog):
    change, words = TOLD[case]
    truth = contents()
    change(truth)
    file = saved(tmp_path, truth)
    found = read(file, CROWDPOSE)
    assert [warning for warning in found.warnings if words in warning]
    assert read(file, CROWDPOSE).warnings == found.warnings
    assert caplog.text.count(words) == 1


def test_a_file_in_percent_of_images_is_told(tmp_path):
    truth = contents(each=4)
    assert read(saved(tmp_path, truth), CROWDPOSE).warnings == ()
    for image in truth["images"]:  # places up to 110 px, which are now of less than a quarter of the image
        image.update(width=1920, height=1080)
    (warning,) = read(saved(tmp_path, truth), CROWDPOSE).warnings
    assert "left and upper half of their images: are they percentages" in warning


@pytest.mark.parametrize("skeleton", [COCO, HAND])
def test_cocos_metric_is_told_where_its_areas_come_from_boxes(tmp_path, skeleton):
    truth = contents(skeleton)
    truth["annotations"][1]["area"] = 0
    (warning,) = read(saved(tmp_path, truth), skeleton).warnings
    assert warning.startswith("1 of 6 annotations have no area: it is taken as the box's x 0.53")


def test_an_area_that_does_not_fit_its_box_is_told(tmp_path):
    truth = contents(COCO)
    for one in truth["annotations"]:
        one["area"] /= 1e4
    (warning,) = read(saved(tmp_path, truth), COCO).warnings
    assert "an area that does not fit their box" in warning


def test_good_files_are_read_without_a_word(tmp_path, caplog):
    for skeleton in (COCO, CROWDPOSE, HAND):
        assert read(saved(tmp_path, contents(skeleton)), skeleton).warnings == ()
    assert caplog.text == ""


# ------------------------------------------------------------------ segmentations

SQUARE = [20, 20, 60, 20, 60, 50, 20, 50]
LEFT_HALF = {"size": [120, 160], "counts": [0, 120 * 80, 120 * 80]}
COMPRESSED = coco_mask.frPyObjects(LEFT_HALF, 120, 160)
COMPRESSED = COMPRESSED | {"counts": COMPRESSED["counts"].decode()}


def region(tmp_path, segmentation):
    crowd = person(COCO, np.zeros((17, 3)), iscrowd=1, segmentation=segmentation)
    (image,) = load(*write(tmp_path, content(COCO, [crowd], [SIZE])), COCO)
    return 0 if image.ignore is None else coco_mask.area(image.ignore)


@pytest.mark.parametrize(
    ("segmentation", "pixels"),
    [
        ([SQUARE], 1200),
        (SQUARE, 1200),
        ([SQUARE, [100, 100, 110, 100, 110, 110, 100, 110]], 1300),
        (LEFT_HALF, 9600),
        (COMPRESSED, 9600),
        ([], 0),
        ([[]], 0),
        ([[], SQUARE], 1200),
        ([[5, 5]], 0),
        ([[5, 5, 50, 50]], 0),
        (None, 0),
        ({}, 0),
    ],
)
def test_every_form_of_a_segmentation_is_understood(tmp_path, segmentation, pixels):
    assert region(tmp_path, segmentation) == pixels


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ([[*SQUARE, 7]], "a polygon of 9 numbers; expected pairs"),
        ([[*SQUARE, 1e9, 5]], "reaches far beyond its image of 160x120"),
        ([[[20, 20], [60, 20], [60, 50]]], "is no segmentation of COCO's"),
        ([["20", 20, 60, 20, 60, 50]], "is no segmentation of COCO's"),
        ("20 20 60 20", "is no segmentation of COCO's"),
        (True, "is no segmentation of COCO's"),
        ({"counts": [1, 2]}, "is no segmentation of COCO's"),
        ({"counts": [0, 5], "size": [120, 160]}, "run lengths of 5 pixels; expected the 19200"),
        ({"counts": [-5, 19205], "size": [120, 160]}, "none below 0"),
        ({"counts": "é", "size": [120, 160]}, "counts with 'é'"),
        ({"counts": "ooo", "size": [120, 160]}, "counts that end within a number"),
        ({"counts": "o" * 99, "size": [120, 160]}, "counts that end within a number"),
        ({"counts": "00", "size": [120, 160]}, "run lengths of 0 pixels"),
        ({"counts": [160 * 120], "size": [160, 120]}, r"has size \[160, 120\]; expected .* \[120, 160\]"),
    ],
)
def test_a_segmentation_that_is_none_never_reaches_the_parser(tmp_path, segmentation, words):
    with pytest.raises(InputError, match=rf"people\.json: annotations\[0\]\.segmentation .*{words}"):
        region(tmp_path, segmentation)
