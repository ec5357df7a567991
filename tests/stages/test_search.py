"""The search stage: its budget, what it writes, and that a killed one goes on where it was."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.evaluation.bootstrap import Matches
from litepose.models import weights
from litepose.models.litepose import ARCHITECTURES
from litepose.models.space import Configuration
from litepose.models.supernet import Supernet
from litepose.nas.costs import Latency, PaperMacs
from litepose.nas.evaluator import Evaluator
from litepose.nas.latency_model import LatencyModel
from stages import search
from stages.lib.common.data import keypoint_data
from stages.lib.training.found import read_found
from support import stage_project

EVALUATIONS, REPEATS = 4, 2  # of each method and seed, 2 generations of 2; seeds
WRITTEN = ("data/search/s.json", "plots/search/s.csv", "metrics/search/s.json")
XS = Configuration(ARCHITECTURES["xs"], 48)
DEVICE = Latency(LatencyModel(constant=1.0, dense=100.0, depthwise=0.0, transposed=0.0))


def prepare(directory, seed=0):
    """What a search reads beside the data set."""
    torch.manual_seed(0)
    supernet = Supernet(CROWDPOSE.num_joints, depth=0.1)
    weights.save(directory / f"data/models/supernet/lms/{seed}.pt", supernet, CROWDPOSE, 64)
    PaperMacs().write(directory / "data/costs/macs.json")
    DEVICE.write(directory / "data/costs/host.json")


@pytest.fixture
def searching(project):
    """A project in which a search can run."""
    prepare(project)
    return project


class Scores:
    """Stands for the evaluation: what a configuration costs decides its AP, and what was asked is known."""

    def __init__(self, killed_after=None):
        self.asked, self.killed_after = [], killed_after

    def __call__(self, _evaluator, configuration):
        if len(self.asked) == self.killed_after:
            raise KeyboardInterrupt
        self.asked.append(configuration)
        return float(sum(configuration.genes))


def run(monkeypatch, values, scores):
    """Run the stage with such an evaluation, one after the other, and without held-out images."""
    with monkeypatch.context() as patch:
        patch.setattr(
            Evaluator, "__call__", lambda evaluator, configuration: scores(evaluator, configuration)
        )
        patch.setattr(search, "held_out", lambda run, searches, values: {})
        patch.setattr(torch, "get_num_threads", lambda: 1)
        stage_project.run(search, values, "s")


def results():
    """The written files without times."""
    metrics = json.loads(Path(WRITTEN[2]).read_text())
    times = {"seconds", "cost_us", "evaluation_ms"}
    return [Path(name).read_text() for name in WRITTEN[:2]], {
        name: value for name, value in metrics.items() if name not in times
    }


def test_budgets_in_macs_are_scaled_and_those_in_milliseconds_are_not(searching, values):
    macs = search.read_problem({"supernet": "lms", "budget": 4.981, "cost": "macs"}, values)
    assert macs.unit == "macs_paper_g"
    assert macs.budget / macs.macs.max() == pytest.approx(4.981 / 15.2798, rel=1e-4)
    assert macs.costs.tolist() == macs.macs.tolist()
    device = search.read_problem({"supernet": "lms", "budget": 3.0, "cost": "host"}, values)
    assert (device.unit, device.budget) == ("ms", 3.0)
    assert 1 < device.costs.min() < device.costs.max() < 1 + 100 * macs.macs.max()
    assert device.macs.tolist() == macs.macs.tolist()


def test_a_cost_of_another_name_is_told_with_its_file(searching, values):
    with pytest.raises(InputError, match=r"data/costs/phone\.json is no cost model"):
        search.read_problem({"supernet": "lms", "budget": 3.0, "cost": "phone"}, values)


def test_a_search_writes_the_best_architecture_its_history_and_a_summary(searching, values):
    stage_project.run(search, values, "s")
    history = pd.read_csv("plots/search/s.csv")
    assert history.groupby(["seed", "method"]).size().to_dict() == {
        (seed, method): EVALUATIONS for seed in range(REPEATS) for method in ("evolution", "random")
    }
    for _, one in history.groupby(["seed", "method"]):
        assert one["evaluated"].tolist() == [1, 2, 3, 4]
        assert one["best"].tolist() == one["AP"].cummax().tolist()
    evolved, drawn = (
        history[(history["seed"] == 0) & (history["method"] == method)] for method in ("evolution", "random")
    )
    assert evolved["generation"].tolist() == [0, 0, 1, 1]
    metrics = json.loads(Path("metrics/search/s.json").read_text())
    assert metrics["AP"] == evolved["AP"].max()
    assert metrics["random_AP"] == drawn["AP"].max()
    assert metrics["macs_paper_g"] <= metrics["budget_macs_paper_g"]
    assert metrics["evaluations"] == metrics["random_evaluations"] == EVALUATIONS
    assert (metrics["repeats"], metrics["held_out_images"]) == (REPEATS, 4)
    assert 1 <= metrics["near_budget"] <= metrics["under_budget"] <= metrics["configurations"]
    architecture, resolution = read_found("s")
    best = evolved.loc[evolved["AP"].idxmax()]
    assert resolution == metrics["resolution"] == best["resolution"]
    widths = [architecture.stem, *architecture.stages, *architecture.deconv]
    assert " ".join(map(str, widths)) == best["genes"]
    assert not list(Path("data/checkpoints").rglob("*.json"))


def searches(*genes):
    """Pairs of searches whose best networks have these genes; each has a worse one too."""
    worse = {"genes": [8] * 8, "resolution": 48, "score": 0.0}

    def one(best):
        return [worse, {"genes": best[:-1], "resolution": best[-1], "score": 1.0}]

    return [search.Searches(one(evolved), one(drawn)) for evolved, drawn in genes]


def test_networks_are_compared_on_test_images_by_their_mean_over_the_seeds(searching, values, monkeypatch):
    values["search"]["held_out_images"] = 3
    small, large = [16] * 8 + [48], [24] * 8 + [64]
    asked = []

    def matches(evaluator, configuration):
        asked.append((configuration.resolution, [image.id for image in evaluator.images.annotations]))
        right = np.full((10, 3), configuration.resolution == 64)
        people = np.ones(3, int)
        return Matches(np.arange(3), people, np.linspace(0.5, 0.95, 10), np.arange(3), right, ~right & False)

    monkeypatch.setattr(Evaluator, "matches", matches)
    run = values["search"]["runs"]["s"]
    compared = search.held_out(run, searches((large, small), (large, large)), values)
    test = keypoint_data("crowdpose", values).load("test", 3)
    assert asked == [(64, [image.id for image in test]), (48, [image.id for image in test])]
    assert compared["held_out_images"] == 3
    assert (compared["held_out_AP"], compared["held_out_random_AP"]) == (100, 50)
    assert compared["gain"] == 50
    assert compared["gain_low"] < 50 < compared["gain_high"]


def test_on_a_cpu_with_several_threads_two_configurations_are_evaluated_at_the_same_time(
    searching, values, monkeypatch
):
    threads = []

    def known(evaluator, configuration):
        threads.append((threading.get_ident(), torch.get_num_threads()))
        return float(sum(configuration.genes))

    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 4)
        measures = search.evaluating(
            "s", values["search"]["runs"]["s"], {}, search.tqdm(disable=True), values
        )
    assert len(measures) == 2
    first, second = (measure.args[0] for measure in measures)
    assert first.images is second.images
    monkeypatch.setattr(Evaluator, "__call__", known)
    with ThreadPoolExecutor(1) as other:
        other.submit(measures[0], XS).result()
    assert threads[0][1] == 2
    assert threads[0][0] != threading.get_ident()


def test_under_a_budget_on_a_device_costs_are_milliseconds_and_macs_stand_beside(
    searching, values, monkeypatch
):
    values["search"]["runs"]["s"] |= {"budget": 1.5, "cost": "host"}
    run(monkeypatch, values, Scores())
    history = pd.read_csv("plots/search/s.csv")
    assert {"ms", "macs_paper_g"} <= set(history)
    assert history["ms"].max() <= 1.5
    metrics = json.loads(Path("metrics/search/s.json").read_text())
    assert metrics["budget_ms"] == 1.5
    assert 1 < metrics["ms"] <= 1.5


def test_what_several_searches_meet_is_evaluated_once(searching, values, monkeypatch):
    scores = Scores()
    run(monkeypatch, values, scores)
    assert len(scores.asked) == len(set(scores.asked)) < 2 * REPEATS * EVALUATIONS


def test_the_network_that_goes_on_is_that_of_the_first_seed(searching, values, monkeypatch):
    run(monkeypatch, values, Scores())
    several = read_found("s")
    values["search"]["repeats"] = 1
    run(monkeypatch, values, Scores())
    assert read_found("s") == several
    values["seed"] = 1
    prepare(searching, seed=1)
    run(monkeypatch, values, Scores())
    assert pd.read_csv("plots/search/s.csv")["seed"].unique().tolist() == [1]


@pytest.mark.parametrize("killed_after", [1, 3, 5, 8])
def test_a_killed_search_goes_on_and_finds_the_same(searching, values, monkeypatch, killed_after):
    undisturbed = Scores()
    run(monkeypatch, values, undisturbed)
    expected = results()
    for name in WRITTEN:
        Path(name).unlink()
    killed, after = Scores(killed_after), Scores()
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, values, killed)
    assert not any(Path(name).exists() for name in WRITTEN)
    run(monkeypatch, values, after)
    assert results() == expected
    assert killed.asked + after.asked == undisturbed.asked
    assert not list(Path("data/checkpoints").rglob("*.json"))


@pytest.mark.parametrize(
    ("change", "goes_on"),
    [
        (lambda values: values["evaluation"].update(flip=False, scales=[0.5, 1.0]), True),
        (lambda values: values["search"]["runs"]["xs"].update(budget=1.0), True),
        (lambda values: values["search"].update(flip=False), False),
        (lambda values: values["search"]["runs"]["s"].update(budget=4.0), False),
        (lambda values: PaperMacs().write(Path("data/costs/macs.json")) or DEVICE.write(
            Path("data/costs/host.json")), True),
        (lambda values: weights.save(Path("data/models/supernet/lms/0.pt"),
                                     Supernet(CROWDPOSE.num_joints, depth=0.1), CROWDPOSE, 64), False),
    ],
    ids=["evaluation", "another run", "flip test", "budget", "cost models written again", "supernet"],
)  # fmt: skip
def test_it_goes_on_unless_something_changed_that_decides_it(searching, values, monkeypatch, change, goes_on):
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, values, Scores(3))
    change(values)
    after = Scores(1)
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, values, after)
    whole = Scores()
    run(monkeypatch, values, whole)
    # One evaluation more is known now, besides the three of the first attempt where they still count.
    total = Scores()
    run(monkeypatch, values, total)
    assert len(total.asked) - len(whole.asked) == (4 if goes_on else 1)


def test_a_budget_below_the_smallest_network_is_told_with_its_parameter(searching, values, monkeypatch):
    values["search"]["runs"]["s"]["budget"] = 0.001
    with pytest.raises(InputError, match=r"params\.yaml: search\.runs\.s\.budget is 0\.001, .*give more"):
        run(monkeypatch, values, Scores())


def test_a_search_that_the_parameters_do_not_have_is_named(searching, values):
    with pytest.raises(InputError, match=r"search\.runs has no 'l': it has xs, s"):
        stage_project.run(search, values, "l")
