"""Intervals of AP: the evaluators' own AP, draws as if images were repeated, and the coverage promised."""

import json
from statistics import NormalDist

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from litepose.core.errors import InputError
from litepose.core.skeletons import COCO, CROWDPOSE
from litepose.evaluation import bootstrap, evaluate
from litepose.evaluation.bootstrap import (
    Interval,
    Matches,
    average_precisions,
    difference,
    interval,
    matches,
    over_trainings,
)
from support.pose_data import content, person


@pytest.fixture(scope="module")
def crowdpose_matches(crowdpose_val):
    return matches(*crowdpose_val, CROWDPOSE)


def scene(skeleton, images=12, seed=0):
    """People of many images, crowds and people without joints among them, and detections of all kinds."""
    rng = np.random.default_rng(seed)
    people, detections = [], []
    for image in range(1, images + 1):
        for _ in range(rng.integers(0, 4)):
            joints = np.concatenate(
                [rng.uniform(20, 180, (skeleton.num_joints, 2)), np.full((skeleton.num_joints, 1), 2)], 1
            )
            kind = rng.random()
            if kind < 0.1:
                joints[:] = 0
            people.append(person(skeleton, joints, image, iscrowd=int(0.1 < kind < 0.2)))
            moved = joints.copy()
            moved[:, :2] += rng.normal(0, rng.uniform(1, 15), moved[:, :2].shape)
            for copy in range(rng.integers(0, 3)):
                # Few different scores: many are equal.
                score = round(float(rng.random()), 1)
                detections.append(
                    {
                        "image_id": image,
                        "category_id": 1,
                        "keypoints": (moved + copy).reshape(-1).tolist(),
                        "score": score,
                    }
                )
    return content(skeleton, people, [(200, 200)] * images), detections


def test_ap_on_crowdpose_is_that_of_the_evaluator(crowdpose_val, crowdpose_matches):
    expected = evaluate(*crowdpose_val, CROWDPOSE)
    assert crowdpose_matches.average_precision() == pytest.approx(expected["AP"], abs=1e-12)
    assert crowdpose_matches.at(0.5).average_precision() == pytest.approx(expected["AP50"], abs=1e-12)
    assert crowdpose_matches.at(0.75).average_precision() == pytest.approx(expected["AP75"], abs=1e-12)


@pytest.mark.parametrize("skeleton", [COCO, CROWDPOSE])
@pytest.mark.parametrize("seed", range(5))
def test_ap_with_crowds_and_unlabelled_people_is_that_of_the_evaluator(tmp_path, skeleton, seed):
    truth, detections = scene(skeleton, seed=seed)
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    expected = evaluate(file, detections, skeleton)["AP"]
    assert 0 < expected < 1
    assert matches(file, detections, skeleton).average_precision() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_draw_is_worth_what_an_annotation_file_with_repeated_images_is(tmp_path, seed):
    truth, detections = scene(COCO, seed=seed)
    detections = [  # without equal scores, whose order among copies of an image is a convention
        {**detection, "score": detection["score"] + number * 1e-6}
        for number, detection in enumerate(detections)
    ]
    file, repeated = tmp_path / "truth.json", tmp_path / "repeated.json"
    file.write_text(json.dumps(truth))
    weights = np.random.default_rng(seed).integers(0, 3, len(truth["images"]))
    images, people, found = [], [], []
    for image, weight in zip(truth["images"], weights, strict=True):
        for copy in range(weight):
            number = 10 * image["id"] + copy
            images.append({**image, "id": number})
            people += [
                {**p, "image_id": number} for p in truth["annotations"] if p["image_id"] == image["id"]
            ]
            found += [{**d, "image_id": number} for d in detections if d["image_id"] == image["id"]]
    repeated.write_text(json.dumps({**truth, "images": images, "annotations": people}))
    expected = evaluate(repeated, found, COCO)["AP"]
    drawn = average_precisions(matches(file, detections, COCO), weights[None])
    assert drawn == pytest.approx([expected], abs=1e-12)


@pytest.mark.parametrize("skeleton", [COCO, CROWDPOSE])
def test_oks_is_bit_for_bit_that_of_cocos_evaluator(tmp_path, monkeypatch, skeleton):
    compared = []

    class Compared(bootstrap._Evaluator):
        def computeOks(self, imgId, catId):
            ours, theirs = super().computeOks(imgId, catId), COCOeval.computeOks(self, imgId, catId)
            compared.append(np.array_equal(ours, theirs))
            return ours

    truth, detections = scene(skeleton, images=60)
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    monkeypatch.setattr(bootstrap, "_Evaluator", Compared)
    matches(file, detections, skeleton)
    assert len(compared) == 60
    assert all(compared)


def test_some_images_of_a_file_are_evaluated_alone(tmp_path):
    truth, detections = scene(COCO)
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    some = [2, 3, 5, 7]
    assert matches(file, detections, COCO, some).image_ids.tolist() == some
    expected = evaluate(file, detections, COCO, some)["AP"]
    assert matches(file, detections, COCO, some).average_precision() == pytest.approx(expected, abs=1e-12)


def test_without_detections_ap_is_surely_zero(tmp_path):
    truth, _ = scene(COCO)
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(truth))
    result = interval([matches(file, [], COCO)], 20)
    assert (result.value, result.low, result.high) == (0, 0, 0)


def test_equal_detections_differ_by_exactly_nothing(crowdpose_matches):
    result = difference([crowdpose_matches], [crowdpose_matches], 50)
    assert (result.value, result.low, result.high) == (0, 0, 0)


def test_pairing_on_the_same_draws_narrows_the_interval_of_a_difference(crowdpose_val, crowdpose_matches):
    file, detections = crowdpose_val
    rng = np.random.default_rng(0)
    worse = matches(file, [entry for entry in detections if rng.random() < 0.97], CROWDPOSE)
    paired = difference([worse], [crowdpose_matches], 100)
    alone = interval([crowdpose_matches], 100)
    assert 0 < paired.low < paired.value < paired.high
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)


def test_the_seed_decides_the_interval(crowdpose_matches):
    network = [crowdpose_matches]
    assert interval(network, 20, seed=1) == interval(network, 20, seed=1)
    assert interval(network, 20, seed=1) != interval(network, 20, seed=2)


def test_different_images_cannot_be_paired(crowdpose_val, crowdpose_matches):
    file, detections = crowdpose_val
    some = matches(file, detections, CROWDPOSE, crowdpose_matches.image_ids[:10].tolist())
    with pytest.raises(InputError, match="cannot be paired"):
        difference([some], [crowdpose_matches])


def networks(images, rng, seeds=1, seed_spread=0.0):
    """Matches of two networks on the same images, each trained with some seeds.

    A person is found by chance, hard images hinder both networks, and a seed makes one better or worse. The
    second network finds more people. Right detections tend to have higher scores. One OKS threshold. On
    endless images and seeds both find a share in the middle between two recall levels: on a level, AP would
    be undecided there.
    """
    people = rng.integers(1, 6, images)
    image = np.repeat(np.arange(images), people)
    hardness = rng.normal(0, 1, images)[image]
    results = []
    for share in (0.505, 0.615):
        skill = NormalDist(0, (2 + seed_spread**2) ** 0.5).inv_cdf(share)
        trainings = []
        for _ in range(seeds):
            trained = skill + (seed_spread and rng.normal(0, seed_spread))
            found = rng.normal(0, 1, len(image)) + trained - hardness > 0
            order = np.argsort(-(rng.normal(0, 1, len(image)) + found))
            nothing = np.zeros((1, len(image)), bool)
            trainings.append(
                Matches(np.arange(images), people, np.array([0.5]), image[order], found[order][None], nothing)
            )
        results.append(trainings)
    return results


def coverage(images, draws, repetitions, truth, rng, **trained):
    """Share of the intervals of AP, and of the difference of two networks, that hold the truth."""
    covered = []
    for seed in range(repetitions):
        first, second = networks(images, rng, **trained)
        alone, paired = interval(first, draws, seed), difference(first, second, draws, seed)
        gain = truth[1] - truth[0]
        covered.append([alone.low <= truth[0] <= alone.high, paired.low <= gain <= paired.high])
    return np.mean(covered, 0)


def test_intervals_cover_the_truth_as_often_as_they_promise():
    """95 % of 500 intervals, within 93 and 97 %: two binomial standard errors."""
    rng = np.random.default_rng(0)
    endless = [network.average_precision() for (network,) in networks(200_000, rng)]
    assert coverage(200, 300, 500, endless, rng) == pytest.approx([0.95, 0.95], abs=0.02)


SEEDS = {"seeds": 3, "seed_spread": 0.12}  # AP varies about as much over seeds as over images


def test_intervals_over_three_seeds_cover_what_endless_seeds_would_give():
    rng = np.random.default_rng(0)
    many = networks(4_000, rng, seeds=400, seed_spread=SEEDS["seed_spread"])
    truth = [np.mean([training.average_precision() for training in network]) for network in many]
    assert coverage(200, 100, 250, truth, rng, **SEEDS) == pytest.approx([0.95, 0.95], abs=0.03)


def test_seeds_that_agree_leave_the_interval_over_images_as_it_is():
    assert over_trainings(Interval(1.0, 0.5, 2.0), [0.3, 0.3], [0.4, 0.4]) == Interval(1.0, 0.5, 2.0)


def test_the_mean_over_seeds_has_the_interval_of_students_t_where_images_are_certain():
    """3 seeds at 1, 2, 3: mean 2, standard error 1 / sqrt(3), and 4.303 for two degrees of freedom."""
    widened = over_trainings(Interval(2.0, 2.0, 2.0), [1.0, 2.0, 3.0])
    assert (widened.low, widened.high) == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=1e-3)


def test_what_seeds_and_images_change_adds_in_squares():
    widened = over_trainings(Interval(2.0, 0.04, 5.92), [1.0, 2.0, 3.0])
    # Standard errors: over images 1 below and 2 above, over seeds 1 / sqrt(3). With variances of 1 + 1/3 and
    # 4 + 1/3 the degrees of freedom are (4/3)^2 / (1/18) = 32 and (13/3)^2 / (1/18) = 338.
    assert widened.low == pytest.approx(2 - 2.037 * (4 / 3) ** 0.5, abs=2e-3)
    assert widened.high == pytest.approx(2 + 1.967 * (13 / 3) ** 0.5, abs=2e-3)
