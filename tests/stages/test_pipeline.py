"""The whole pipeline at the smoke profile's scale, in a copy of the project with a history of its own."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from support import ROOT
from support.repository import ENVIRONMENT, commit, dvc, run


def stages_run(output):
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project's files as they stand, the smoke profile as its parameters, everything run once."""
    directory = tmp_path_factory.mktemp("smoke")
    listed = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    (directory / "dvc.lock").unlink(missing_ok=True)
    shutil.copy(directory / "profiles/smoke.yaml", directory / "params.yaml")
    run(directory, "git", "init", "--quiet")
    commit(directory, "before")
    dvc(directory, "repro")
    commit(directory, "after")
    return directory


def test_every_table_and_figure_is_written(project):
    for number in (1, 2, 3):
        for suffix in ("csv", "md", "tex"):
            assert (project / f"metrics/tables/table{number}.{suffix}").stat().st_size > 200
    for number in (1, 3, 5, 6, 7, 8, 9):
        for suffix in ("png", "svg"):
            assert (project / f"plots/figure{number}.{suffix}").stat().st_size > 5_000
    assert "https://" not in (project / "plots/report.html").read_text().partition("<body")[0]
    assert set(json.loads((project / "metrics/claims.json").read_text()))


def test_every_training_has_a_test_that_measured_its_network(project):
    lock = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    trained = [name for name in lock if name.split("@")[0] in ("shrink", "kernels", "finetune", "transfer")]
    assert len(trained) >= 6
    for name in trained:
        (metrics,) = [out["path"] for out in lock[f"test_{name}"]["outs"] if out["path"].endswith(".json")]
        values = json.loads((project / metrics).read_text())
        assert 0 <= values["AP"] <= 100
        assert values["macs_g"] > 0


def test_repeating_the_pipeline_does_nothing(project):
    assert stages_run(dvc(project, "repro")) == []
    assert "up to date" in dvc(project, "status")


def test_a_second_clone_takes_all_results_from_a_remote_without_training(project, tmp_path):
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "--quiet", str(project), str(clone))
    for place in (project, clone):
        dvc(place, "remote", "add", "--local", "--default", "shared", str(tmp_path / "remote"))
    dvc(project, "push", "--run-cache")
    assert stages_run(dvc(clone, "repro", "--pull")) == []
    assert "up to date" in dvc(clone, "status")
    weights = "data/models/finetune/s/0.pt"
    assert (clone / weights).read_bytes() == (project / weights).read_bytes()
    dvc(project, "remote", "remove", "--local", "shared")


def test_without_dvc_lock_the_run_cache_gives_trainings_back(project):
    weights = {path: path.read_bytes() for path in (project / "data/models").rglob("*.pt")}
    (project / "dvc.lock").unlink()
    shutil.rmtree(project / "data/models")
    reran = stages_run(dvc(project, "repro", "kernels@3", "supernet@lms"))
    assert {name.split("@")[0] for name in reran} == {"dataset"}
    assert {"kernels/3/0.pt", "supernet/lms/0.pt"} <= {
        path.relative_to(project / "data/models").as_posix()
        for path, content in weights.items()
        if path.is_file() and path.read_bytes() == content
    }
    run(project, "git", "checkout", "--quiet", ".")
    dvc(project, "checkout")


def test_changing_one_kernel_parameter_reruns_what_depends_on_it_and_changing_it_back_trains_nothing(project):
    epochs = yaml.safe_load((project / "params.yaml").read_text())["kernels"]["epochs"]
    output = dvc(project, "exp", "run", "-S", f"kernels.epochs={epochs + 1}")
    reran = stages_run(output)
    assert {name.split("@")[0] for name in reran} == {"kernels", "test_kernels", "examples", "report"}
    assert reran[-1] == "report"
    assert "kernels.epochs" in dvc(project, "params", "diff")
    assert "AP" in dvc(project, "metrics", "diff", "--all")
    run(project, "git", "checkout", "--quiet", "params.yaml")
    assert stages_run(dvc(project, "repro")) == ["report"]
    run(project, "git", "checkout", "--quiet", ".")


def test_a_killed_training_resumes_and_gives_the_same_weights(project):
    lock = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    weights = project / "data/models/pretrain/full/0.pt"
    expected = next(out["md5"] for out in lock["pretrain"]["outs"] if "models" in out["path"])
    weights.unlink()
    command = [sys.executable, "-m", "stages.pretrain"]
    process = subprocess.Popen(
        command, cwd=project, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    state = project / "data/checkpoints/pretrain/full/0.pt"
    deadline = time.monotonic() + 120
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert state.exists()
    output = run(project, *command)
    assert "resumed after epoch" in output
    assert not state.exists()
    status = json.loads(dvc(project, "status", "pretrain", "--json"))
    assert "data/models/pretrain/full" not in json.dumps(status), (expected, status)
    run(project, "git", "checkout", "--quiet", ".")
    dvc(project, "checkout", "--force", "pretrain")  # its log holds the seconds, which are others


def changed(project):
    """Stages that DVC would run again, without the numbers of their runs."""
    status = json.loads(dvc(project, "status", "--json"))
    return {name.split("@")[0] for name in status}


def edited(project, path):
    """Stages that DVC would run again after an edit of a file of code, which is taken back."""
    file = project / path
    before = file.read_text()
    file.write_text(f"{before}\n# an edit\n")
    found = changed(project)
    file.write_text(before)
    return found


TESTS = {f"test_{name}" for name in ("shrink", "kernels", "baselines", "supernet", "finetune", "distill")} | {
    f"test_{name}" for name in ("ablation", "ablation_supernet", "transfer")
}
# What searches and what compares their AP finds people too, with settings of its own
EVALUATES = TESTS | {"search", "test_ranking"}


@pytest.mark.parametrize("change", [("flip", False), ("scales", [0.5, 1.0]), ("max_side", 256)])
def test_a_changed_test_setting_repeats_the_tests_and_trains_nothing(project, change):
    params = project / "params.yaml"
    before = params.read_text()
    values = yaml.safe_load(before)
    values["evaluation"][change[0]] = change[1]
    params.write_text(yaml.safe_dump(values))
    assert changed(project) == TESTS
    params.write_text(before)


def test_an_edit_of_the_decoder_the_evaluator_or_the_drawing_trains_nothing(project):
    assert edited(project, "litepose/inference/grouping.py") == EVALUATES | {"examples"}
    assert edited(project, "litepose/evaluation/average_precision.py") == EVALUATES | {"dataset", "report"}
    assert edited(project, "litepose/drawing.py") == {"report"}
    assert edited(project, "stages/examples.py") == {"examples"}


def test_a_new_kernel_leaves_the_others_alone(project):
    params = project / "params.yaml"
    before = params.read_text()
    values = yaml.safe_load(before)
    values["kernels"]["runs"].append(11)
    values["shrink"]["runs"].remove("shrink3")
    params.write_text(yaml.safe_dump(values))
    status = json.loads(dvc(project, "status", "--json"))
    params.write_text(before)
    assert set(status) == {"kernels@11", "test_kernels@11", "examples", "report"}


def test_a_test_needs_no_training_where_the_weights_of_all_seeds_are_there(project):
    shutil.rmtree(project / "data/predictions/kernels")
    (project / "metrics/kernels/3.json").unlink()
    output = dvc(project, "repro", "--force", "--single-item", "test_kernels@3")
    assert stages_run(output) == ["test_kernels@3"]
    assert "AP" in json.loads((project / "metrics/kernels/3.json").read_text())
    run(project, "git", "checkout", "--quiet", ".")
    dvc(project, "checkout")


def test_the_final_networks_are_models_by_name(project):
    pipeline = yaml.safe_load((project / "dvc.yaml").read_text())
    for name, artifact in pipeline["artifacts"].items():
        assert artifact["type"] == "model"
        assert list((project / artifact["path"]).glob("*.pt")), name


def test_an_unknown_parameter_stops_a_stage_with_one_sentence_and_leaves_its_outputs(project):
    params = project / "params.yaml"
    before = params.read_text()
    report = (project / "metrics/tables/table1.csv").read_bytes()
    params.write_text(before.replace("profile: smoke", "profile: smoke\nepoks: 3"))
    output = run(project, sys.executable, "-m", "stages.report", check=False)
    params.write_text(before)
    assert "unknown key epoks" in output
    assert "Traceback" not in output
    assert (project / "metrics/tables/table1.csv").read_bytes() == report


def test_a_data_set_without_annotations_stops_the_pipeline_and_the_earlier_one_comes_back(project, tmp_path):
    params = project / "params.yaml"
    before = params.read_text()
    values = yaml.safe_load(before)
    values["coco"] |= {"source": "local", "root": str(tmp_path)}
    params.write_text(yaml.safe_dump(values))
    output = dvc(project, "repro", "dataset@coco", check=False)
    params.write_text(before)
    assert "person_keypoints_train2017.json is missing" in output
    assert "Traceback" not in output
    dvc(project, "checkout")
    run(project, "git", "checkout", "--quiet", ".")
    assert (project / "data/coco/annotations/person_keypoints_train2017.json").is_file()
    assert (project / "metrics/dataset/coco.json").is_file()
    assert "up to date" in dvc(project, "status")
