"""The picture of all claims: each is there, told by colour and shape, and nothing is cut off."""

import itertools

import pytest

from report import claims, forest, style, verdicts
from report.claims import Estimate, Measurement
from support import ROOT

CLAIMS = {claim.id: claim for claim in claims.read(ROOT / "data" / "paper" / "claims.yaml")}
RUNTIMES = ("PyTorch", "ONNX Runtime", "TVM")


def findings():
    """Every claim in every way that the pipeline measures it, but one that was not run."""
    for claim in CLAIMS.values():
        if claim.id == "l-w16":
            yield claims.not_run(claim, "finetune/l was not run")
        elif claim.measure == "macs":
            for way in ("paper's MACs", "true MACs"):
                yield claims.decide(claim, Measurement(Estimate(2.0, 2.0, 2.0), "here", (way,)))
        elif claim.measure == "time per MAC":
            for way in itertools.product(("host",), RUNTIMES, ("paper's MACs", "true MACs")):
                yield claims.decide(claim, Measurement(Estimate(0.8, 0.7, 0.9), "here", way))
        elif claim.measure == "latency":
            for runtime in RUNTIMES:
                yield claims.decide(claim, Measurement(Estimate(3.0, 0.9, 9.0), "here", ("host", runtime)))
        else:
            yield claims.decide(claim, Measurement(Estimate(5.0, 2.0, 8.0), "here"))


@pytest.fixture(params=["wide", "narrow"])
def figure(request):
    drawn = forest.panels(list(findings()))
    with style.settings():
        figure = forest.draw([drawn[:1], drawn[1:]] if request.param == "wide" else [drawn])
        figure.draw_without_rendering()
        yield figure


def texts(figure):
    return [text for axes in figure.axes for text in axes.texts]


def test_every_claim_is_in_the_picture_once(figure):
    words = " ".join(text.get_text() for text in texts(figure))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["AP and accuracy", "#MACs", "Latency"]
    for claim in CLAIMS.values():
        assert words.count(f"{claim.words} ") == 1, claim.id


def test_no_words_are_cut_off(figure):
    for text in texts(figure):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1, text.get_text()
    key = figure.legends[0].get_window_extent()
    assert key.y0 >= 0 and key.x1 <= figure.bbox.x1


def test_columns_and_lines_do_not_cover_each_other(figure):
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in texts(figure)]
    covered = [(a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if one.overlaps(other)]
    assert covered == []


def test_verdicts_differ_in_shape_as_well_as_in_colour():
    looks = forest._LOOKS
    assert set(looks) == set(claims.VERDICTS) - {claims.NOT_RUN}
    assert (
        len({look["marker"] for look in looks.values()})
        == len({look["color"] for look in looks.values()})
        == 3
    )


def test_a_claim_that_was_not_run_says_what_is_missing(figure):
    assert "not run: finetune/l" in [text.get_text() for text in texts(figure)]


def test_a_claim_in_percent_stands_among_ratios_as_a_ratio():
    claim = CLAIMS["kernel7-cost"]
    assert forest._position(25.0, claim, ratio=True) == 1.25
    assert forest._position(2.0, CLAIMS["macs-s-h1"], ratio=True) == 2.0


def test_a_run_without_findings_on_costs_has_fewer_panels():
    scores = [finding for finding in findings() if finding.claim.measure == "AP"]
    assert [panel.title for panel in forest.panels(scores)] == ["AP and accuracy"]
    assert verdicts.grouped([]) == {}
