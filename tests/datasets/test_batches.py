"""Batches of training epochs: the same from any process, however long it has served."""

import multiprocessing

import pytest
import torch

from litepose.models.space import SearchSpace
from litepose.training.supernet import SupernetTask
from support.parallel_training import pose_arguments, write_images


@pytest.fixture
def task(tmp_path):
    """Makes a training with a number of workers, whose resolution changes from step to step."""
    write_images(tmp_path)
    space = SearchSpace((1.0,), (64, 80, 96))
    return lambda workers: SupernetTask(space, **{**pose_arguments(tmp_path), "workers": workers})


def images(task, epoch):
    return [batch.images for batch in task.batches(epoch)]


def test_a_worker_stays_for_all_epochs_and_gives_what_a_fresh_one_gives(task):
    long, workers = task(1), []
    for epoch in (1, 0, 2):
        served = images(long, epoch)
        workers.append({child.pid for child in multiprocessing.active_children()})
        fresh = images(task(0), epoch)
        assert [len(batch) for batch in served] == [len(batch) for batch in fresh] == [4, 4]
        assert all(map(torch.equal, served, fresh))
    assert workers[0] == workers[1] == workers[2]
    assert len(workers[0]) == 1


def test_reading_batches_draws_no_numbers_of_the_run(task):
    before = torch.get_rng_state()
    images(task(0), 0)
    assert torch.equal(torch.get_rng_state(), before)
