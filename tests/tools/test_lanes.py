"""Stages beside each other: what they need comes first, what measures time is alone, a failure ends it."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from support import ROOT, repository
from tools import lanes
from tools.lanes import closing, pipeline, stale, startable

NEEDS = {
    "dataset": set(),
    "train@a": {"dataset"},
    "train@b": {"dataset"},
    "test@a": {"train@a"},
    "latency": set(),
    "report": {"test@a", "train@b", "latency"},
}


def test_what_needs_a_changed_stage_is_stale_too_and_the_longest_chain_comes_first():
    assert stale(NEEDS, {"train@b", "train@a"}) == ["train@a", "train@b", "test@a", "report"]


def test_nothing_is_stale_where_nothing_changed():
    assert stale(NEEDS, set()) == []


def test_a_stage_waits_for_what_it_needs():
    left = ["train@a", "train@b", "test@a", "report"]
    assert startable(left, set(), NEEDS, set(), 4) == ["train@a", "train@b"]
    assert startable(["test@a", "report"], {"train@a"}, NEEDS, set(), 4) == []


def test_no_more_stages_run_than_there_are_lanes():
    assert startable(["train@b"], {"train@a", "latency"}, NEEDS, set(), 0) == []


def test_a_stage_that_measures_time_runs_when_no_other_does():
    assert startable(["train@b", "latency"], {"train@a"}, NEEDS, {"latency"}, 2) == ["train@b"]
    assert startable(["latency"], {"train@a"}, NEEDS, {"latency"}, 2) == []
    assert startable(["latency", "report"], set(), NEEDS, {"latency"}, 2) == ["latency"]
    assert startable(["train@a"], {"latency"}, NEEDS, {"latency"}, 2) == []


def test_a_test_follows_its_training_in_one_call_of_dvc():
    assert closing("train@a", ["test@a", "report"], {"train@b"}, NEEDS, set()) == ["test@a"]
    assert closing("test@a", ["report"], set(), NEEDS, set()) == ["report"]
    assert closing("test@a", ["report"], {"train@b"}, NEEDS, set()) == []


def test_nothing_follows_a_stage_that_others_wait_for():
    needs = {**NEEDS, "train@c": {"train@a"}, "test@c": {"train@c"}}
    needs["report"] = {*NEEDS["report"], "test@c"}
    assert closing("train@a", ["test@a", "train@c", "test@c", "report"], set(), needs, set()) == []


def test_what_needs_two_that_start_together_follows_neither(monkeypatch):
    calls = []
    monkeypatch.setattr(lanes, "reproduce", lambda names, threads: calls.append(names) or "")
    assert (
        lanes.run(
            ["left", "right", "last"], {"left": set(), "right": set(), "last": {"left", "right"}}, set(), 2
        )
        == []
    )
    assert sorted(calls[:2]) == [["left"], ["right"]]
    assert calls[2:] == [["last"]]


def test_a_stage_that_measures_time_follows_none_and_is_followed_by_none():
    assert closing("train@a", ["test@a", "report"], set(), NEEDS, {"test@a"}) == []
    assert closing("latency", ["report"], set(), NEEDS, {"latency"}) == []


def test_the_pipelines_stages_that_measure_time_are_alone(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert pipeline()[1] == {"latency@host", "latency_model@host", "tuning@host"}


@pytest.fixture
def meeting(tmp_path):
    """Two stages that wait until both have started, and one that reads what they wrote."""
    meet = "import pathlib, sys, time; a, b = sys.argv[1:]; pathlib.Path(a).touch()\n"
    meet += "end = time.time() + 60\n"
    meet += "while not pathlib.Path(b).exists() and time.time() < end: time.sleep(0.05)\n"
    meet += "assert pathlib.Path(b).exists(); pathlib.Path(a + '.out').touch()\n"
    (tmp_path / "meet.py").write_text(meet)
    python = sys.executable
    stages = {
        "left": {"cmd": f"{python} meet.py a b", "deps": ["meet.py"], "outs": ["a.out"]},
        "right": {"cmd": f"{python} meet.py b a", "deps": ["meet.py"], "outs": ["b.out"]},
        "last": {"cmd": "cat a.out b.out > c.out", "deps": ["a.out", "b.out"], "outs": ["c.out"]},
    }
    write(tmp_path, stages)
    repository.run(tmp_path, "git", "init", "--quiet")
    repository.dvc(tmp_path, "init", "--quiet")
    return tmp_path, stages


def write(folder, stages):
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))


def start(folder, *lanes):
    return subprocess.Popen(
        [sys.executable, "-m", "tools.lanes", *lanes],
        cwd=folder,
        env=repository.ENVIRONMENT | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the tests run in a shell's background, they and their processes would ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(folder, *lanes):
    process = start(folder, *lanes)
    output, error = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, error)


def test_the_graph_is_dvcs_in_the_order_of_its_file(meeting, monkeypatch):
    folder, _ = meeting
    monkeypatch.chdir(folder)
    needs, alone = pipeline()
    assert needs == {"left": set(), "right": set(), "last": {"left", "right"}}
    assert (list(needs), alone) == (["left", "right", "last"], set())


def test_stages_run_beside_each_other_and_a_second_call_runs_none(meeting):
    folder, _ = meeting
    first = run(folder, "2")
    assert first.returncode == 0, first.stderr
    assert (folder / "c.out").is_file()
    second = run(folder, "2")
    assert (second.returncode, second.stdout) == (0, "Everything is up to date.\n")


def test_a_stage_that_fails_is_named_and_none_starts_after_it(meeting):
    folder, stages = meeting
    broken = {"cmd": "echo the reason >&2; exit 3", "outs": ["a.out"]}
    write(folder, {"left": broken, "last": {**stages["last"], "deps": ["a.out"]}})
    done = run(folder, "2")
    assert done.returncode == 1
    assert "left: the reason" in done.stderr
    assert "error: left failed" in done.stderr
    assert not (folder / "c.out").exists()


def test_an_interruption_ends_all_stages_with_one_sentence(meeting):
    folder, _ = meeting
    write(folder, {"endless": {"cmd": "touch started; sleep 600", "outs": ["a.out"]}})
    process = start(folder, "2")
    while not (folder / "started").exists() and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 1
    assert error.endswith("interrupted: make repro goes on from there\n")
    assert "Traceback" not in error


def test_a_wrong_number_of_lanes_is_one_sentence(tmp_path):
    done = run(tmp_path, "none")
    assert done.returncode == 1
    assert done.stderr == "error: LANES is 'none': give how many stages run at a time, 1 to 99\n"


def test_a_device_that_is_not_there_is_one_sentence(meeting):
    folder, _ = meeting
    params = (ROOT / "params.yaml").read_text().replace("device: auto", "device: cuda:63")
    (folder / "params.yaml").write_text(params)
    done = run(folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error: params.yaml: device is 'cuda:63': use auto, cpu or cuda")
    assert done.stderr.count("\n") == 1
