"""What a run will cost: counted as the run counts, from the same parameters, and nothing is written."""

import copy
import dataclasses
import functools
import json

import pytest
import torch

import scenes
from litepose.core.skeletons import COCO
from litepose.inference import predict
from litepose.models.litepose import ARCHITECTURES
from stages.lib.common.parameters import read_params
from support import ROOT
from tools import plan
from tools.planning import images, trainings
from tools.planning.people import FindsPeople
from tools.planning.timing import Limits
from tools.planning.work import Work, table, text

CPU = torch.device("cpu")
TINY_LIMITS = Limits(seconds=0.0, longest=0.0, steps=1, images=1, pictures=2)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with what a plan reads, and nothing run."""
    for name in ("skeletons", "profiles", "dvc.yaml", "scenes"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def smoke(project):
    """Parameters of the smoke profile."""
    return read_params(project / "profiles/smoke.yaml")


@pytest.fixture
def paper(project):
    """Parameters of the paper's profile."""
    return read_params(project / "profiles/paper.yaml")


@functools.cache
def stages(profile):
    return trainings.stages(ROOT / "dvc.yaml", read_params(ROOT / f"profiles/{profile}.yaml"))


def planned(values, *names, start=0.0):
    every = stages(values["profile"])
    return plan.plan(every, values, CPU, start, TINY_LIMITS, set(names) or None)


def test_every_stage_of_the_pipeline_is_planned_and_nothing_is_written(project, smoke):
    smoke["latency"] |= {"systems": ["litepose-xs"], "runtimes": {"pytorch": "all"}}
    before = sorted(project.rglob("*"))
    works = planned(smoke, start=1.0)
    assert list(works) == [stage.name for stage in stages("smoke")]
    assert {"dataset@coco", "kernels@7", "test_kernels@7", "distill", "latency@host", "report"} <= set(works)
    assert all(work.seconds >= 1 for work in works.values())
    assert sorted(project.rglob("*")) == before


def test_a_training_is_counted_with_the_images_of_the_whole_run(smoke):
    smoke["crowdpose"]["images"] = {"train": 900, "val": 90, "test": 70}
    smoke["monitor"] = {"every": 3, "images": 20}
    smoke["kernels"]["epochs"] = 10
    batch = smoke["kernels"]["batch_size"]
    works = planned(smoke, "kernels@3", "test_kernels@3")
    training, test = works["kernels@3"], works["test_kernels@3"]
    assert (training.steps, training.trained) == (10 * (900 // batch), 10 * (900 // batch) * batch)
    # points after the epochs 3, 6, 9 and 10
    assert training.tested == 4 * 20
    assert (test.steps, test.tested) == (0, 70)
    assert min(training.seconds, training.memory, training.checkpoint, training.macs) > 0
    assert test.macs > 0


def test_twice_the_epochs_are_twice_the_steps(smoke):
    longer = copy.deepcopy(smoke)
    longer["shrink"]["epochs"] *= 2
    once, twice = (planned(values, "shrink@shrink3")["shrink@shrink3"] for values in (smoke, longer))
    assert (twice.steps, twice.trained) == (2 * once.steps, 2 * once.trained)
    assert twice.seconds > 0


def test_every_seed_is_a_network_but_a_supernet_has_one(smoke):
    several = smoke | {"seeds": [0, 1, 2]}
    one, three = (planned(values, "kernels@3", "supernet@xs") for values in (smoke, several))
    assert three["kernels@3"].steps == 3 * one["kernels@3"].steps
    assert three["supernet@xs"].steps == one["supernet@xs"].steps


def test_a_search_counts_its_calibrations_and_tests(smoke):
    sizes = {"population": 5, "generations": 4, "images": 7, "calibration_images": 3, "held_out_images": 6}
    work = planned(smoke | {"search": smoke["search"] | sizes | {"repeats": 2}}, "search@xs")["search@xs"]
    # evolution and random search, which begin with the same generation, and the networks that they find
    assert work.tested == 2 * ((2 * 4 - 1) * 5 * (7 + 3) + 2 * (6 + 3))


def test_the_paper_profile_is_planned_with_a_part_of_a_batch(paper):
    work = planned(paper, "kernels_classification@3")["kernels_classification@3"]
    settings = paper["kernels_classification"]
    assert work.steps == settings["epochs"] * (1_281_167 // settings["batch_size"])
    assert work.share == 1 / settings["batch_size"]


def test_processes_share_the_batches(paper):
    paper["compute"]["processes"] = 4
    name = "kernels_classification@5"
    work = planned(paper, name)[name]
    assert work.share == 4 / paper["kernels_classification"]["batch_size"]


def test_trainings_are_those_of_the_stages_with_fresh_networks(smoke):
    by_name = {stage.name: stage for stage in stages("smoke")}
    distilled = trainings.planned(by_name["distill"], smoke).training
    assert (distilled.name, distilled.schedule.epochs) == ("finetune/xs", smoke["distill"]["epochs"])
    assert distilled.teacher.weights.match("finetune/s/*.pt")
    assert distilled.network.supernet is not None
    assert trainings.fresh(distilled.network) == dataclasses.replace(distilled.network, supernet=None)
    assert trainings.planned(by_name["report"], smoke) is None


def test_an_architecture_is_the_found_one_where_it_is_of_this_profile_else_the_published_one(project, paper):
    published = trainings.found("s", paper)
    assert published == (ARCHITECTURES["s"], 448)
    assert trainings.found("half", paper) == (ARCHITECTURES["half"], paper["kernels"]["resolution"])
    content = {**dataclasses.asdict(ARCHITECTURES["m"]), "resolution": 512}
    (project / "data/search").mkdir(parents=True)
    (project / "data/search/s.json").write_text(json.dumps(content))
    assert trainings.found("s", paper) == (ARCHITECTURES["m"], 512)
    (project / "data/search/s.json").write_text(json.dumps(content | {"resolution": 112}))
    assert trainings.found("s", paper) == published


def test_images_are_counted_where_they_lie_and_as_published_where_they_do_not(tmp_path):
    for split, count in {"train": 3, "val": 2}.items():
        (tmp_path / split / "cat").mkdir(parents=True)
        for number in range(count):
            (tmp_path / split / "cat" / f"{number}.jpg").touch()
    section = {"source": "local", "root": str(tmp_path)}
    assert images.classified_images(section) == ({"train": (3, 3), "val": (2, 2)}, 1)
    counted, classes = images.classified_images(section | {"root": "nowhere"})
    assert (counted["train"].all, classes) == (1_281_167, 1000)
    drawn = {"source": "synthetic", "images": {"train": 7, "val": 2}}
    assert images.classified_images(drawn)[0] == {"train": (7, 7), "val": (2, 2)}


@pytest.mark.parametrize("there", [True, False], ids=["on the disk", "published"])
def test_scenes_drawn_beside_photographs_are_counted_too(smoke, tmp_path, there):
    if there:
        scenes.write(
            tmp_path, COCO, {"train": 3, "val": 2}, scenes.SceneSettings(**smoke["coco"]["scenes"]), 0
        )
    smoke["coco"] |= {"source": "local", "root": str(tmp_path), "fit": ["train", "drawn"], "test": ["val"]}
    smoke["coco"]["images"]["drawn"] = 9
    counted = images.keypoint_images("coco", smoke["coco"])
    assert counted["drawn"] == (9, 9)
    assert counted["train"].all == (3 if there else 118_287)


def test_the_table_sums_what_adds_up_and_takes_the_largest_memory():
    works = {
        "a": Work(trained=10, steps=1, seconds=60, memory=2**30),
        "b": Work(trained=5, seconds=30, memory=2**31, share=0.5),
    }
    rows = table(works)
    assert rows.loc["total", ["trained", "minutes", "memory, GiB"]].tolist() == [15, 1.5, 2]
    lines = text(rows).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["a", "b", "total"]
    assert "50%" in lines[2]
    assert "nan" not in text(rows)


def test_what_is_to_be_fetched_is_said_with_its_size():
    nowhere = {"source": "download", "root": "nowhere"}
    lines = images.to_fetch(
        {"coco": nowhere, "crowdpose": nowhere, "classification": {"source": "synthetic"}}
    )
    assert len(lines) == 2
    assert lines[0].startswith("coco is not in nowhere: 20 GB are fetched")
    assert lines[1].startswith("crowdpose is not in nowhere: it is fetched from Google Drive")


def test_tests_are_timed_with_people_in_the_maps_of_an_untrained_network():
    network = torch.nn.Module()
    network.forward = lambda images: [
        torch.rand(len(images), 34, 16, 16),
        torch.rand(len(images), 17, 32, 32),
    ]
    image = torch.zeros(64, 64, 3, dtype=torch.uint8).numpy()
    found = predict(FindsPeople(network, COCO), [image], COCO, 64)
    assert len(found) >= FindsPeople.PEOPLE


def test_what_the_table_leaves_out_is_said(paper):
    every = [trainings.Stage(name, f"stages.{name}", (), (), ()) for name in ("kernels", "report")]
    works = {"kernels": Work(seconds=60, share=0.25), "report": Work()}
    said = "\n".join(plan.remarks(every, works, paper, 2.0, CPU))
    assert "Of report the start alone is counted" in said
    assert "part of a batch" in said
