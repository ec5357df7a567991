"""Figures 1, 5, 6 and 8, and the training curves: what they show, and what they say where nothing was run."""

import json
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import manifest
from report import curves, examples, figures, published, series, style
from report.results import Results
from support import ROOT

PAPER = published.read(ROOT / "data" / "paper")


@pytest.fixture
def results(tmp_path):
    contents = {
        "complexity": {"higherhrnet-w16": {"macs_paper_g": 12.0}},
        "latency/host": {
            "higherhrnet-w16": {"pytorch": {"ms": 100.0}},
            "litepose-s": {"pytorch": {"ms": 50.0}},
        },
        "transfer/s": {"AP": 14.5},
        "ablation/no-fusion": {"AP": 6.5},
        "kernels/7": {"AP": 9.0},
    }
    for name, content in contents.items():
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    return Results(tmp_path)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_figure_1_never_shows_a_measured_point_on_the_papers_phone(results):
    rows = series.figure1(PAPER, results).rows
    measured = [row for row in rows if row["source"] == series.MEASURED]
    assert [(row["system"], row["cost"], row["ap"]) for row in measured] == [("LitePose-S", 50.0, 14.5)]
    assert {row["axis"] for row in measured} == {series.DEVICES["host"]}
    assert {row["axis"] for row in rows if row not in measured} == {series.DEVICES["snapdragon855"]}


def test_figure_6_compares_the_plain_head_with_the_fusion_head(results):
    rows = series.figure6(PAPER, results).rows
    scores = {(row["head"], row["source"]): row["ap"] for row in rows}
    assert scores[("Plain head", series.PUBLISHED)] == 47.1
    assert scores[("Fusion head", series.PUBLISHED)] == 54.7
    assert scores[("Plain head", series.MEASURED)] == 6.5
    assert scores[("Fusion head", series.MEASURED)] == 9.0


def test_figure_8_divides_macs_by_latency(results):
    rows = series.figure8(PAPER, results).rows
    speed = {(row["system"], row["source"]): row["value"] for row in rows if row["quantity"] == series.RATE}
    assert speed[("HigherHRNet-W16", series.MEASURED)] == pytest.approx(120)
    assert speed[("HigherHRNet-W16", series.PUBLISHED)] == pytest.approx(12.5 / 0.17)
    assert ("LitePose-S", series.MEASURED) not in speed


@pytest.mark.parametrize("name", ["figure1", "figure8"])
def test_a_figure_without_measurements_says_so(tmp_path, name):
    with style.settings():
        figure = getattr(figures, name)(getattr(series, name)(PAPER, Results(tmp_path)).rows)
    assert "not run" in texts(figure)


@pytest.mark.parametrize("name", ["figure1", "figure6"])
def test_the_interactive_templates_use_columns_that_the_data_have(results, name):
    template = (ROOT / ".dvc" / "plots" / f"{name}.json").read_text()
    columns = {column.key for column in getattr(series, name)(PAPER, results).columns}
    used = set(re.findall(r'"field": "([a-z_]+)"', template)) - {"rev", "variant"}
    assert used
    assert used <= columns


@pytest.mark.parametrize("path", sorted((ROOT / ".dvc" / "plots").glob("*.json")), ids=lambda path: path.stem)
def test_every_interactive_template_tells_two_revisions_apart(path):
    def channels(node):
        if isinstance(node, list):
            return set().union(*map(channels, node))
        if not isinstance(node, dict):
            return set()
        shown = {name: what for name, what in node.get("encoding", {}).items() if name != "tooltip"}
        by_revision = ("<DVC_METRIC_COLOR>", "'field': 'rev'")
        own = {name for name, what in shown.items() if any(mark in str(what) for mark in by_revision)}
        return own.union(*map(channels, node.values()))

    assert channels(json.loads(path.read_text())) & {"color", "shape", "strokeDash"}


def test_families_of_systems_differ_in_shape_as_well_as_colour():
    looks = figures._FAMILIES.values()
    assert len({color for color, _ in looks}) == len({shape for _, shape in looks}) == len(looks)


def test_a_point_that_finds_nothing_has_room_for_its_name_above_the_axis():
    rows = [
        {"family": "LitePose", "system": name, "source": series.MEASURED, "cost": cost, "ap": ap}
        for name, cost, ap in (("LitePose-S", 5.0, 60.0), ("LitePose-XS", 1.0, 0.0))
    ]
    with style.settings():
        axes = style.new_figure(3.5, 2.4).add_subplot()
        style.label_points(figures._draw_systems(axes, rows))
    name = next(text for text in axes.texts if text.get_text() == "XS").get_window_extent()
    room = axes.transData.transform((1.0, 0.0))[1] - axes.get_window_extent().y0
    assert room > name.height / 2


def test_figure_5_shows_every_network_beside_the_annotated_people(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "0/image": rng.integers(0, 255, (40, 60, 3), np.uint8),
        "0/truth": np.zeros((1, 14, 3), np.float32),
        "0/kernel 3/heatmap": np.zeros((40, 60), np.uint8),
        "0/kernel 3/people": np.zeros((0, 14, 3), np.float32),
    }
    np.savez(tmp_path / "examples.npz", **arrays)
    with style.settings():
        figure = examples.figure5(examples.read(tmp_path / "examples.npz"), CROWDPOSE)
    assert [axes.get_title() for axes in figure.axes] == ["annotated", "kernel 3", "", ""]


def test_figure_5_without_examples_says_what_is_missing(tmp_path):
    assert examples.read(tmp_path / "examples.npz") == []
    assert texts(examples.missing()) == ["not run: data/examples.npz is missing"]
    examples.write(tmp_path / "plots", tmp_path)
    assert (tmp_path / "plots" / "figure5.png").is_file()


def test_training_curves_have_a_panel_per_stage_and_a_name_per_run():
    rows = [("kernels", "3", 1, 0.5), ("kernels", "7", 1, 0.4), ("shrink", "baseline", 1, 0.3)]
    table = pd.DataFrame(rows, columns=["stage", "run", "epoch", "loss"])
    panels = [axes for axes in curves.draw(table, "loss").axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["kernels: loss", "shrink: loss"]
    assert [text.get_text() for text in panels[0].get_legend().get_texts()] == ["3", "7"]


def test_names_of_runs_stand_above_their_curves_and_epochs_are_whole_numbers():
    rows = [("kernels", run, 1, score) for run, score in zip("3579", (1.0, 2.0, 3.0, 4.0), strict=True)]
    with style.settings():
        figure = curves.draw(pd.DataFrame(rows, columns=["stage", "run", "epoch", "AP"]), "AP")
        figure.draw_without_rendering()
    axes = figure.axes[0]
    names = axes.get_legend().get_window_extent()
    points = [axes.transData.transform((1, score))[1] for *_, score in rows]
    assert max(points) < names.y0
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def history(best, seed=0, method="evolution"):
    steps = enumerate(best, 1)
    rows = [{"search": "s", "method": method, "seed": seed, "evaluated": i, "best": ap} for i, ap in steps]
    return pd.DataFrame(rows)


def test_the_best_of_several_searches_is_their_mean_with_its_interval():
    searches = [history([1, 2, 2]), history([3, 3, 4], seed=1), history([2, 4, 6], seed=2)]
    best = curves.best_so_far(pd.concat(searches))
    assert best.index.tolist() == [1, 2, 3]
    assert best["mean"].tolist() == pytest.approx([2, 3, 4])
    # Student's t of two degrees of freedom, three searches with a standard deviation of 1
    assert (best["high"] - best["mean"]).tolist()[:2] == pytest.approx([4.303 / 3**0.5] * 2, rel=1e-3)


def test_one_search_has_no_interval():
    best = curves.best_so_far(history([1, 2, 2]))
    assert best["low"].tolist() == best["mean"].tolist() == best["high"].tolist() == [1, 2, 2]


def test_a_search_is_drawn_beside_the_random_one():
    figure = curves.draw_searches(pd.concat([history([1, 2, 3]), history([1, 1, 1], method="random")]))
    (axes,) = figure.axes
    assert axes.get_title() == "LitePose-S"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["evolution", "random"]
    assert texts(curves.draw_searches(pd.DataFrame(columns=["search"]))) == ["not run"]


def test_the_first_picture_shows_people_side_by_side_above_ap_against_cost(results):
    pictures = [np.zeros((40, 60, 3), np.uint8), np.zeros((80, 40, 3), np.uint8)]
    with style.settings():
        figure = figures.lead(series.figure9(PAPER, results).rows, pictures)
        figure.draw_without_rendering()
    first, second, macs, host = figure.axes
    boxes = [axes.get_window_extent() for axes in (first, second)]
    assert [box.width / box.height for box in boxes] == pytest.approx([1.5, 0.5], rel=0.01)
    assert boxes[0].x0 == pytest.approx(0, abs=1)
    assert boxes[0].x1 < boxes[1].x0
    assert boxes[1].x1 == pytest.approx(figure.bbox.x1, abs=1)
    assert boxes[0].y0 > macs.get_window_extent().y1
    assert (macs.get_xlabel(), [text.get_text() for text in host.texts]) == (series.MACS, ["not run"])


def test_people_are_shown_in_the_first_test_images_of_several_people(tmp_path):
    directory = tmp_path / "crowdpose"
    directory.mkdir()
    person = np.array([[10 + 3 * joint, 10 + 3 * joint, 2] for joint in range(14)], float)
    owners = (1, 2, 2, 3, 3, 3)  # the image of each annotated person
    for number in (1, 2, 3):
        cv2.imwrite(str(directory / f"{number}.png"), np.full((60, 60 + number, 3), 128, np.uint8))
    content = {
        "images": [
            {"id": number, "file_name": f"{number}.png", "width": 60 + number, "height": 60}
            for number in (1, 2, 3)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(CROWDPOSE.joints)}],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": 1,
                "iscrowd": 0,
                "bbox": [10, 10, 40, 40],
                "keypoints": person.ravel().tolist(),
                "num_keypoints": 14,
            }
            for number, image in enumerate(owners, 1)
        ],
    }
    (directory / "test.json").write_text(json.dumps(content))
    manifest.write(directory / "dataset.json", {"test": (directory / "test.json", directory)}, CROWDPOSE)
    assert examples.found_people(tmp_path, "finetune/s", 1) == []
    joints = (person * [1, 1, 0.5]).ravel().tolist()
    found = [{"image_id": 2, "keypoints": joints, "score": score} for score in (0.5, 0.9)]
    (tmp_path / "predictions/finetune/s").mkdir(parents=True)
    (tmp_path / "predictions/finetune/s/0.json").write_text(json.dumps({"test": found}))
    drawn, empty = examples.found_people(tmp_path, "finetune/s", 2)
    assert drawn.shape[1] / drawn.shape[0] == pytest.approx(62 / 60, abs=0.01)
    assert np.ptp(drawn) > 100
    assert np.ptp(empty) < 5
