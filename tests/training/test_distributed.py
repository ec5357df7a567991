"""Training over two processes: losses of one process, one writer, exact resume, one sentence on failure."""

import json
import os
import subprocess
import sys

import pytest
import torch

from litepose.core import distributed
from litepose.training import checkpoint
from support import ROOT, SUPPORT
from support.parallel_training import SCHEDULE, steps, train, write_images

SCRIPT = str(SUPPORT / "parallel_training.py")
LAUNCH = (
    "import logging, sys; from litepose.core.distributed import launch; "
    "logging.getLogger('torch.distributed.elastic').setLevel(logging.CRITICAL); "
    "sys.exit(not launch(2, sys.executable, sys.argv[1:]))"
)


def run(directory, *modes):
    """Trainings of two processes in a directory that holds the images; returns the finished command."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return subprocess.run(
        [sys.executable, "-c", LAUNCH, SCRIPT, str(directory), *modes],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A directory in which two processes trained without interruption and took one step of each kind."""
    directory = tmp_path_factory.mktemp("whole")
    write_images(directory)
    done = run(directory, "whole", "steps")
    assert done.returncode == 0, done.stderr
    return directory


def losses(directory, rank=0):
    return json.loads((directory / f"losses-{rank}.json").read_text())


def test_two_processes_have_the_losses_of_one(whole, tmp_path):
    write_images(tmp_path)
    train(tmp_path, "whole")
    (first, *later), (alone, *alone_later) = losses(whole), losses(tmp_path)
    assert first == pytest.approx(alone, rel=1e-4)
    # Adam divides each gradient by its size: rounding of gradients near zero grows to whole steps.
    assert later == pytest.approx(alone_later, rel=1e-3)


# Float32's rounding, relative; gradients pass many batch norms of few values and have most of it.
ROUNDING = {"losses": 2e-6, "statistics": 1e-5, "gradient": 2e-3}


@pytest.fixture(scope="module")
def two_and_one(whole):
    """What a step of each kind of training gives in two processes, and in one."""
    return checkpoint.load(whole / "steps.pt"), steps(whole)


def distance(kind, two_and_one, what):
    """Between two processes and one, relative to the size."""
    two, one = (results[kind][what].double() for results in two_and_one)
    return float((two - one).norm() / one.norm())


KINDS = ["pose", "pose in two parts", "compiled pose", "supernet", "distillation", "classification"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_of_two_processes_is_that_of_one(two_and_one, kind):
    for what, rounding in ROUNDING.items():
        assert distance(kind, two_and_one, what) < rounding, what


def test_without_shared_batch_statistics_it_is_another(two_and_one):
    for what, rounding in ROUNDING.items():
        assert distance("pose without shared statistics", two_and_one, what) > 5 * rounding, what


def test_gradients_are_exchanged_once_however_many_parts_a_batch_has(two_and_one):
    two, one = two_and_one
    assert two["pose in two parts"]["exchanges"] == two["pose"]["exchanges"] > 0
    assert one["pose in two parts"]["exchanges"] == 0


def test_only_the_first_process_writes_and_all_know_the_mean_loss(whole):
    assert losses(whole, 0) == losses(whole, 1)
    assert sorted(file.name for file in whole.glob("*.pt")) == ["2.pt", "steps.pt", "weights-0.pt"]
    names = checkpoint.load(whole / "weights-0.pt")
    assert not [name for name in names if name.startswith("module.")]


def test_two_resumed_processes_equal_two_uninterrupted_ones(whole, tmp_path):
    write_images(tmp_path)
    assert run(tmp_path, "killed").returncode != 0
    assert len(checkpoint.load(tmp_path / "2.pt")["history"]) == 1 < SCHEDULE.epochs
    assert run(tmp_path, "whole").returncode == 0
    expected = checkpoint.load(whole / "weights-0.pt")
    for name, tensor in checkpoint.load(tmp_path / "weights-0.pt").items():
        assert torch.equal(tensor, expected[name]), name


def test_a_failing_process_ends_both_with_one_sentence(tmp_path):
    write_images(tmp_path)
    done = run(tmp_path, "diverged")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    sentences = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1
    assert "the loss of batch 1 is nan (images [" in sentences[0]


def test_a_single_process_is_the_first_of_one():
    assert (distributed.rank(), distributed.processes(), distributed.gathered("x")) == (0, 1, ["x"])
