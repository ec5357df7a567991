"""What a fine-tuning consists of: rounds of about a minute that show every image before any comes again."""

import numpy as np
import pytest
import torch

from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import annotations
from litepose.datasets.augmentation import NO_AUGMENTATION
from litepose.datasets.keypoints import KeypointDataset
from litepose.datasets.sampling import Sample
from litepose.finetuning.plan import plan, step_options, suitable_size
from litepose.finetuning.rounds import Rounds
from support import pose_data

SIZES = ((40, 30),) * 7


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    joints = [(10 + joint, 10 + joint, 2) for joint in range(14)]
    people = [pose_data.person(CROWDPOSE, joints, number) for number in range(1, 8)]
    file, folder = pose_data.write(
        tmp_path_factory.mktemp("data"), pose_data.content(CROWDPOSE, people, SIZES)
    )
    return annotations.load(file, folder, CROWDPOSE)


def test_minutes_become_steps_and_rounds_of_a_minute():
    made = plan(images=10_000, batch_size=8, step_seconds=2.0, minutes=10, epochs=1)
    assert (made.rounds, made.steps) == (10, 30)
    assert made.images == 2400
    assert made.seconds == pytest.approx(600)


def test_epochs_of_a_small_data_set_are_rounds():
    made = plan(images=100, batch_size=8, step_seconds=0.1, minutes=None, epochs=5)
    assert (made.rounds, made.steps) == (5, 12)


def test_epochs_of_a_large_data_set_are_cut():
    made = plan(images=10_000, batch_size=8, step_seconds=1.0, minutes=None, epochs=2)
    assert made.rounds * made.steps >= 2 * 1250 > made.rounds * (made.steps - 1)
    assert made.steps <= 60


def test_the_rate_grows_and_falls_to_almost_nothing():
    made = plan(images=10_000, batch_size=8, step_seconds=2.0, minutes=10, epochs=1)
    schedule = made.schedule(1e-3)
    factors = [schedule.factor(step, made.steps) for step in range(made.rounds * made.steps)]
    assert factors[0] < 0.1
    assert max(factors) == 1
    assert factors[-1] < 0.01


def test_a_batch_passes_a_cpu_in_equal_parts_that_fit_its_cache():
    assert step_options(8, 256, torch.device("cpu")).accumulate_grad == 2
    assert step_options(8, 448, torch.device("cpu")).accumulate_grad == 8
    assert step_options(6, 64, torch.device("cpu")).accumulate_grad == 1
    assert step_options(8, 448, torch.device("cuda")).accumulate_grad == 1


def test_small_photographs_are_looked_at_enlarged_by_half_at_most(images):
    assert suitable_size(448, images) == 64
    assert suitable_size(32, images) == 32


def test_rounds_show_every_image_once_before_any_again(images):
    dataset = KeypointDataset([images], CROWDPOSE, NO_AUGMENTATION, seed=3)
    rounds = Rounds(dataset, 3)
    assert len(rounds) == 3
    shown = [rounds[Sample(index, number, 32, 32)].image_id for number in range(7) for index in range(3)]
    passes = np.array(shown).reshape(3, 7)
    assert all(sorted(one) == list(range(1, 8)) for one in passes.tolist())
    assert len({tuple(one) for one in passes.tolist()}) > 1
