"""The search space is the paper's, the search keeps to its budget, and calibration is per network."""

import itertools
import json
import threading

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from litepose.complexity import litepose_cost
from litepose.core.errors import InputError
from litepose.models.litepose import ARCHITECTURES
from litepose.models.space import SPACES, Configuration, SearchSpace
from litepose.nas.calibration import recalibrate
from litepose.nas.costs import PaperMacs, scaled_budget
from litepose.nas.evolution import random_search, search
from litepose.nas.history import History
from litepose.nas.stratified import stratified_sample
from support import ROOT

SMALL = SearchSpace((1.0, 0.5), (128, 96))
MEDIUM = SearchSpace((1.0, 0.75, 0.5), (128, 96))
BUDGET = 0.5


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def cost(configuration):
    return gmacs(configuration.architecture, configuration.resolution)


def gmacs(architecture, resolution):
    return litepose_cost(architecture, resolution, 14)["macs_paper"] / 1e9


def score(configuration):
    """Wide early stages are worth most."""
    return sum(width / position for position, width in enumerate(configuration.architecture.widths, 1))


def evolve(path, *evaluators, space=MEDIUM, budget=BUDGET, seed=0, population=6, generations=4):
    evaluators = evaluators or (score,)
    costs = space.costs(gmacs)
    return untimed(search(space, costs, budget, evaluators, population, generations, 0.2, 3, seed, path))


def untimed(rows):
    """Rows without the time that they took."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize(
    ("space", "name", "resolution"),
    [("xs", "xs", 256), ("lms", "s", 448), ("lms", "m", 448), ("lms", "l", 512)],
)
def test_the_published_architectures_lie_in_the_papers_spaces(space, name, resolution):
    genes = Configuration(ARCHITECTURES[name], resolution).genes
    assert all(gene in values for gene, values in zip(genes, SPACES[space].choices, strict=True))


def test_the_size_counts_different_configurations():
    configurations = set(itertools.product(*SMALL.choices))
    assert SMALL.size == len(configurations) == 2**9


def test_the_table_holds_every_configuration_once_at_its_index():
    assert {tuple(genes) for genes in MEDIUM.table.tolist()} == set(itertools.product(*MEDIUM.choices))
    assert len(MEDIUM.table) == MEDIUM.size
    for row in (0, 1, 1000, MEDIUM.size - 1):
        assert MEDIUM.index(MEDIUM.at(row)) == row


def test_the_costs_of_all_configurations_are_those_of_each():
    costs = MEDIUM.costs(gmacs)
    for row in range(0, MEDIUM.size, 501):
        assert costs[row] == cost(MEDIUM.at(row))


def test_the_largest_configuration_is_the_whole_supernet():
    assert SPACES["lms"].largest == Configuration(ARCHITECTURES["full"], 512)
    assert cost(SMALL.smallest) < cost(SMALL.largest)


def test_sampling_is_uniform_and_reproducible():
    draw = generator()
    drawn = [SPACES["xs"].sample(draw) for _ in range(2000)]
    again = generator()
    assert drawn[:50] == [SPACES["xs"].sample(again) for _ in range(50)]
    for values, genes in zip(SPACES["xs"].choices, zip(*(c.genes for c in drawn), strict=True), strict=True):
        for value in set(values):
            share = values.count(value) / len(values)
            assert genes.count(value) / len(genes) == pytest.approx(share, abs=0.05)


def test_a_mutation_of_probability_0_is_the_parent_and_of_1_is_new():
    parent = SPACES["xs"].smallest
    assert SPACES["xs"].mutate(parent, 0.0, generator()) == parent
    assert SPACES["xs"].mutate(parent, 1.0, generator()) == SPACES["xs"].sample(generator())


def test_a_crossover_takes_every_gene_from_one_parent_and_some_from_each():
    first, second = SPACES["xs"].smallest, SPACES["xs"].largest
    child = SPACES["xs"].crossover(first, second, generator())
    parents = list(zip(first.genes, second.genes, strict=True))
    assert all(gene in pair for gene, pair in zip(child.genes, parents, strict=True))
    assert child not in (first, second)


@pytest.mark.parametrize(
    ("ratios", "resolutions"), [((1.5,), (128,)), ((), (128,)), ((1.0,), (100,)), ((1.0,), ())]
)
def test_a_space_that_no_network_fits_is_refused(ratios, resolutions):
    with pytest.raises(InputError):
        SearchSpace(ratios, resolutions)


def test_no_configuration_is_evaluated_twice_or_over_the_budget(tmp_path):
    evaluated = []
    rows = evolve(tmp_path / "state.json", lambda c: evaluated.append(c) or score(c))
    assert len(rows) == len(evaluated) == len(set(evaluated)) == 24
    assert all(row["cost"] <= BUDGET for row in rows)
    assert [row["generation"] for row in rows] == [index // 6 for index in range(24)]
    assert all([*row["genes"], row["resolution"]] == c.genes for row, c in zip(rows, evaluated, strict=True))


@pytest.mark.parametrize(
    ("space", "budget"), [("xs", 1.202), ("lms", 4.981), ("lms", 7.842), ("lms", 13.713)]
)
def test_candidates_are_within_2_percent_under_the_papers_budgets(tmp_path, space, budget):
    rows = evolve(tmp_path / "state.json", space=SPACES[space], budget=budget, generations=2)
    assert all(0.98 * budget <= row["cost"] <= budget for row in rows)


def test_candidates_lie_further_below_only_where_none_is_left_closer(tmp_path):
    costs = MEDIUM.costs(gmacs)
    close = int(((costs >= 0.98 * BUDGET) & (costs <= BUDGET)).sum())
    rows = evolve(tmp_path / "state.json", population=close + 2, generations=1)
    assert [row["cost"] >= 0.98 * BUDGET for row in rows] == [True] * close + [False] * 2


@pytest.mark.parametrize("profile", ["smoke", "tiny", "small", "photos", "paper"])
def test_every_profile_has_configurations_within_2_percent_under_its_budgets(profile):
    values = yaml.safe_load((ROOT / f"profiles/{profile}.yaml").read_text())
    depth = values["recipe"]["depth"]
    for run in values["search"]["runs"].values():
        settings = values["supernet"]["runs"][run["supernet"]]
        space = SearchSpace(tuple(settings["ratios"]), tuple(settings["resolutions"]))
        costs = PaperMacs().costs(space, depth)
        budget = scaled_budget(run["budget"], SPACES[run["supernet"]], space, depth)
        evaluations = values["search"]["population"] * values["search"]["generations"]
        within = ((costs >= 0.98 * budget) & (costs <= budget)).sum()
        assert within >= min(evaluations, 15)


def test_the_networks_that_start_from_the_supernet_train_as_those_that_do_not():
    """half-supernet stands beside kernels/7, so that only the weights they start from may differ."""
    values = yaml.safe_load((ROOT / "profiles/tiny.yaml").read_text())
    schedules = [
        {name: value for name, value in values[section].items() if name not in what_differs}
        for section, what_differs in (
            ("ablation", {"runs", "supernet_runs"}),
            ("kernels", {"runs", "resolution"}),
        )
    ]
    assert schedules[0] == schedules[1]
    assert 7 in values["kernels"]["runs"]


def test_evolution_finds_better_configurations_than_chance(tmp_path):
    evolved, drawn = [], []
    for seed in range(2):
        rows = evolve(
            tmp_path / f"e{seed}.json",
            space=SPACES["xs"],
            budget=3.0,
            seed=seed,
            population=10,
            generations=6,
        )
        evolved.append(max(row["score"] for row in rows))
        costs = SPACES["xs"].costs(gmacs)
        rows = random_search(SPACES["xs"], costs, 3.0, [score], 60, seed, tmp_path / f"r{seed}.json")
        assert len(rows) == 60
        drawn.append(max(row["score"] for row in rows))
    assert sum(evolved) > sum(drawn)


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(tmp_path):
    expected = evolve(tmp_path / "whole.json")
    calls = itertools.count()

    def interrupted(configuration):
        if next(calls) == 10:
            raise KeyboardInterrupt
        return score(configuration)

    with pytest.raises(KeyboardInterrupt):
        evolve(tmp_path / "state.json", interrupted)
    assert len(json.loads((tmp_path / "state.json").read_text())["rows"]) == 10
    evaluated = []
    rows = evolve(tmp_path / "state.json", lambda c: evaluated.append(c) or score(c))
    assert rows == expected
    assert len(evaluated) == 14


def test_two_evaluators_at_the_same_time_give_what_one_gives(tmp_path):
    meeting = threading.Barrier(2, timeout=60)

    def together(configuration):
        meeting.wait()  # passes only while both evaluators are at work
        return score(configuration)

    assert evolve(tmp_path / "two.json", together, together) == evolve(tmp_path / "one.json")


def test_a_search_with_two_evaluators_goes_on_where_it_was_interrupted(tmp_path):
    expected = evolve(tmp_path / "whole.json")
    calls = itertools.count()

    def interrupted(configuration):
        if next(calls) >= 9:
            raise KeyboardInterrupt
        return score(configuration)

    with pytest.raises(KeyboardInterrupt):
        evolve(tmp_path / "state.json", interrupted, interrupted)
    assert len(json.loads((tmp_path / "state.json").read_text())["rows"]) == 9
    evaluated = []
    rows = evolve(tmp_path / "state.json", *[lambda c: evaluated.append(c) or score(c)] * 2)
    assert rows == expected
    assert len(evaluated) == 15


def test_the_seed_decides_what_is_searched(tmp_path):
    first, other = (evolve(tmp_path / f"{seed}.json", seed=seed) for seed in (0, 1))
    assert first != other


def test_the_state_of_another_search_is_refused(tmp_path):
    evolve(tmp_path / "state.json", generations=1)
    with pytest.raises(InputError, match="other settings"):
        evolve(tmp_path / "state.json", seed=1)


def test_a_search_ends_when_nothing_new_is_left(tmp_path):
    space = SearchSpace((1.0,), (128, 96))
    rows = evolve(tmp_path / "state.json", space=space, budget=100.0)
    assert len(rows) == space.size == 2


def test_a_budget_under_the_smallest_network_is_refused(tmp_path):
    with pytest.raises(InputError, match="raise the budget"):
        evolve(tmp_path / "state.json", budget=0.001)


def test_a_stratified_sample_lies_evenly_over_the_range_of_cost():
    costs = SPACES["lms"].costs(gmacs)
    chosen = stratified_sample(costs, 8, seed=0)
    assert len(set(chosen)) == 8
    places = np.linspace(costs.min(), costs.max(), 8)
    step = places[1] - places[0]
    assert np.abs(costs[chosen] - places).max() <= step / 2
    assert costs[chosen[0]] == costs.min()
    assert costs[chosen[-1]] == costs.max()


def test_another_seed_samples_other_configurations_and_the_same_seed_the_same():
    costs = SPACES["lms"].costs(gmacs)
    assert (
        stratified_sample(costs, 8, seed=0)
        == stratified_sample(costs, 8, seed=0)
        != stratified_sample(costs, 8, seed=1)
    )


def test_a_gap_in_the_costs_is_filled_by_the_nearest():
    assert stratified_sample(np.array([1.0, 1.1, 1.2, 9.0]), 3, seed=0)[::2] == [0, 3]
    assert len(set(stratified_sample(np.array([1.0, 1.1, 1.2, 9.0]), 4, seed=0))) == 4


def test_a_history_keeps_its_rows_in_order_and_refuses_other_settings(tmp_path):
    history = History(tmp_path / "state.json", {"seed": 0})
    for index in (1, 0):
        history.add({"index": index, "AP": 10.0 + index})
    again = History(tmp_path / "state.json", {"seed": 0})
    assert again.rows == [{"index": 0, "AP": 10.0}, {"index": 1, "AP": 11.0}]
    assert 1 in again
    assert 2 not in again
    with pytest.raises(InputError, match="other settings"):
        History(tmp_path / "state.json", {"seed": 1})


@pytest.fixture
def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)
    model = nn.Sequential(*layers).eval()
    for norm in (model[1], model[4]):
        norm.running_mean.fill_(7.0)
        norm.running_var.fill_(9.0)
    return model


def batches():
    return [2 + 3 * torch.randn(8, 3, 16, 16, generator=generator(seed)) for seed in range(3)]


def test_calibration_estimates_the_statistics_of_the_images(network):
    recalibrate(network, batches())
    features = torch.cat([network[0](images) for images in batches()])
    torch.testing.assert_close(network[1].running_mean, features.mean((0, 2, 3)))
    torch.testing.assert_close(network[1].running_var, features.var((0, 2, 3)), rtol=0.01, atol=0)
    normalised = torch.cat([network(images) for images in batches()])
    torch.testing.assert_close(normalised.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=0.05)
    torch.testing.assert_close(normalised.var((0, 2, 3)), torch.ones(4), rtol=0.1, atol=0)


def test_calibration_changes_statistics_only(network):
    before = [parameter.clone() for parameter in network.parameters()]
    recalibrate(network, batches())
    after = list(network.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert not any(module.training for module in network.modules())
    assert network[1].momentum == nn.BatchNorm2d(4).momentum


def test_calibration_without_images_is_refused(network):
    with pytest.raises(InputError, match="no images"):
        recalibrate(network, [])
