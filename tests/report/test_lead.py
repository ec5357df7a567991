"""The page's first words: a reader who sees nothing else is not misled."""

import json

import pytest

from report import claims, lead
from report.results import Results


def finding(measure, verdict):
    claim = claims.Claim("id", "words", "place", measure, "first", "second", "gain", {})
    return claims.Finding("id", claim, (), None, verdict)


@pytest.fixture
def results(tmp_path):
    (tmp_path / "dataset").mkdir()
    statistics = {"images_train": 1800, "images_test": 300, "chance_AP": 0.12, "chance_AP50": 0.41}
    (tmp_path / "dataset/crowdpose.json").write_text(json.dumps(statistics))
    return Results(tmp_path)


def opening(findings=(), smaller=True, drawn=True):
    return lead.opening("tiny", list(findings), smaller, drawn)


def reading(results, source="synthetic", smaller=True, trainings=1):
    return lead.reading({"crowdpose": source}, results, smaller, trainings)


def test_drawn_scenes_are_never_called_crowdpose(results):
    assert "drawn scenes, not photographs." in opening()
    assert "drawn" not in opening(drawn=False)
    assert "not photographs (1800 images to train on, 300 to test)" in reading(results)
    assert "drawn" not in reading(results, source="download")


def test_counted_costs_do_not_swell_the_number_of_reproduced_accuracies():
    text = opening([finding("AP", "contradicted"), *[finding("macs", "reproduced")] * 3])
    assert "AP and accuracy**: Of 1 findings: 0 reproduced, 1 contradicted" in text
    assert "#MACs and latency**: Of 3 findings: 3 reproduced, 0 contradicted" in text


def test_a_blind_guess_stands_beside_the_first_ap(results):
    assert "reaches AP 0.1 and AP50 0.4 on CrowdPose." in reading(results)


def test_what_the_intervals_leave_out_is_said(results):
    assert "over the test images only" in reading(results)
    assert "trained with 3 seeds" in reading(results, trainings=3)


def test_only_smaller_networks_are_called_smaller(results):
    for text in (opening(), reading(results)):
        assert "smaller than the paper's" in text
    for text in (opening(smaller=False), reading(results, smaller=False)):
        assert "smaller than the paper's" not in text
