"""What a run will cost: counted as the run counts, from the same parameters, and nothing is written."""

import pandas as pd
import pytest
import torch
import yaml

from litepose.inference import predict
from litepose.skeletons import COCO
from stages import plan
from stages.rehearsal import Rehearsal, Seeing, Work
from support import ROOT


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with the smoke profile and nothing run."""
    (tmp_path / "data").mkdir()
    for name in ("litepose", "skeletons", "profiles", "data/paper", "dvc.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "params.yaml").write_text((ROOT / "profiles/smoke.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rehearsed(values, counts, *stages):
    """What some stages do with as many images, in DVC's order."""
    rehearsal = Rehearsal(torch.device("cpu"), counts, workers=0, processes=1, start=0.0, cores=1)
    with plan.rehearsal_directory(values) as order:
        commands = {name: command.split()[2:] for name, command in order if name in stages}
        return {name: rehearsal.run(module, arguments) for name, (module, *arguments) in commands.items()}


def test_a_training_is_counted_with_the_images_of_the_whole_run_and_leaves_no_file(project):
    values = yaml.safe_load((project / "params.yaml").read_text())
    values["kernels"]["epochs"] = 10
    counts = {("crowdpose", split): count for split, count in {"train": 900, "val": 90, "test": 70}.items()}
    before = sorted(project.rglob("*"))
    works = rehearsed(values, counts, "dataset@crowdpose", "kernels@3")
    work = works["kernels@3"]
    batch = values["kernels"]["batch_size"]
    assert (work.steps, work.trained) == (10 * (900 // batch), 10 * (900 // batch) * batch)
    # a point of the AP curve on the first images after each epoch, and the test on all
    assert work.tested == 10 * values["evaluation"]["monitor_images"] + 70
    assert work.seconds > 1
    assert work.memory > 1e6
    assert work.disk > 1e5
    assert works["dataset@crowdpose"].steps == 0
    assert sorted(project.rglob("*")) == before


def test_images_are_counted_where_they_lie_and_as_published_where_they_do_not(tmp_path):
    for split, count in {"train": 3, "val": 2}.items():
        (tmp_path / split / "cat").mkdir(parents=True)
        for number in range(count):
            (tmp_path / split / "cat" / f"{number}.jpg").touch()
    section = {"source": "local", "root": str(tmp_path)}
    assert plan.images("classification", section) == {"train": 3, "val": 2}
    assert plan.images("classification", section | {"root": "nowhere"})["train"] == 1_281_167
    drawn = {"source": "synthetic", "images": {"train": 7, "val": 2}}
    assert plan.images("classification", drawn) == {"train": 7, "val": 2}


def test_the_table_sums_what_adds_up_and_takes_the_largest_memory():
    works = {
        "a": Work(trained=10, steps=1, seconds=60, memory=2**30),
        "b": Work(trained=5, seconds=30, memory=2**31, share=0.5),
        "c": None,
    }
    table = plan.table(works)
    assert table.loc["total", ["trained", "minutes", "memory, GiB"]].tolist() == [15, 1.5, 2]
    lines = plan.text(table).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["a", "b", "total"]
    assert "50%" in lines[2]
    assert "nan" not in plan.text(table)


def test_what_is_to_be_fetched_is_said_with_its_size():
    nowhere = {"source": "download", "root": "nowhere"}
    lines = plan.fetched({"coco": nowhere, "crowdpose": nowhere, "classification": {"source": "synthetic"}})
    assert len(lines) == 2
    assert lines[0].startswith("coco is not in nowhere: 20 GB are fetched")
    assert lines[1].startswith("crowdpose is not in nowhere: a person has to fetch it")


def test_tests_are_timed_with_people_in_the_maps_of_an_untrained_network():
    network = torch.nn.Module()
    network.forward = lambda images: [
        torch.rand(len(images), 34, 16, 16),
        torch.rand(len(images), 17, 32, 32),
    ]
    image = torch.zeros(64, 64, 3, dtype=torch.uint8).numpy()
    found = predict(Seeing(network, 17, list(COCO.flip)), [image], COCO, 64)
    assert len(found) >= Seeing.PEOPLE


def test_stages_without_a_measurement_are_named():
    values = yaml.safe_load((ROOT / "profiles/paper.yaml").read_text())
    works = {"kernels@3": Work(seconds=60, share=0.25), "report": None}
    said = "\n".join(plan.remarks(values, works, 2.0, torch.device("cpu")))
    assert "Not measured: report" in said
    assert "part of a batch" in said
    assert isinstance(plan.table(works), pd.DataFrame)
