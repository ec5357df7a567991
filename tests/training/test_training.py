"""The training loop: schedule, exact resume, refusal of a loss that is not finite."""

import functools
import math
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from litepose.core.errors import DivergedError, InputError
from litepose.training import checkpoint
from litepose.training.loop import fit
from litepose.training.optimizer import OPTIMIZERS
from litepose.training.schedule import Schedule
from litepose.training.step import PLAIN, StepOptions, parts_of


class LineTask:
    """Learn y = 2x from batches that depend on the epoch only."""

    compilable = True

    def __init__(self, stop_after: int | None = None, poison: int | None = None) -> None:
        self.stop_after, self.poison = stop_after, poison

    def batches(self, epoch):
        generator = torch.Generator().manual_seed(epoch)
        return [torch.randn(8, 3, generator=generator) for _ in range(5)]

    def loss(self, model, batch, epoch, step):
        if self.stop_after == epoch:
            raise KeyboardInterrupt
        loss = F.mse_loss(model(batch), 2 * batch)
        if self.poison == epoch:
            loss = loss * math.nan
        return loss, {"part": loss / 2}


SCHEDULE = Schedule(epochs=4, batch_size=32, learning_rate=0.01, milestones=(3,), warmup_epochs=0.5)


def network() -> nn.Module:
    torch.manual_seed(0)
    # Dropout makes the result depend on PyTorch's generator, whose state a resumed run must restore.
    layers = [
        nn.Unflatten(1, (3, 1, 1)),
        nn.Conv2d(3, 8, 1),
        nn.Flatten(),
        nn.BatchNorm1d(8),
        nn.Dropout(0.3),
    ]
    return nn.Sequential(*layers, nn.Linear(8, 3))


def run(directory, task, fingerprint="same", options=PLAIN, model=None):
    model = model or network()
    rows = []
    history = fit(
        model,
        task,
        SCHEDULE,
        name="line",
        checkpoint_path=directory / "state.pt",
        fingerprint=fingerprint,
        measure=lambda epoch: {"AP": float(epoch)} if epoch == 4 else {},
        log=lambda epoch, row: rows.append((epoch, row["loss"])),
        options=options,
    )
    return model, history, rows


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_killed_and_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path, optimizer):
    options = StepOptions(optimizer)
    whole, history, rows = run(tmp_path / "whole", LineTask(), options=options)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", LineTask(stop_after=2), options=options)
    torch.rand(7)  # a new process starts with another state of the generator
    resumed, resumed_history, resumed_rows = run(tmp_path / "killed", LineTask(), options=options)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert [row["loss"] for row in history] == [row["loss"] for row in resumed_history]
    assert rows == resumed_rows
    assert [epoch for epoch, _ in resumed_rows] == [1, 2, 3, 4]


def test_a_checkpoint_of_other_parameters_is_not_resumed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, LineTask(stop_after=2), fingerprint="other")
    seen = []
    task = LineTask()
    batches = task.batches
    task.batches = lambda epoch: seen.append(epoch) or batches(epoch)
    run(tmp_path, task, fingerprint="same")
    assert {0, 1, 2, 3} <= set(seen)


def test_a_checkpoint_cut_short_is_not_resumed(tmp_path):
    run(tmp_path, LineTask())
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:100])
    assert checkpoint.load_interrupted(state, "same") is None
    with pytest.raises(InputError, match=r"state\.pt cannot be read"):
        checkpoint.load(state)


def test_a_loss_that_is_not_finite_stops_with_the_epoch_and_the_batch(tmp_path):
    with pytest.raises(DivergedError, match=r"line: epoch 2/4: the loss of batch 1 is nan"):
        run(tmp_path, LineTask(poison=1))


def test_measurements_of_an_epoch_stand_in_its_row(tmp_path):
    _, history, _ = run(tmp_path, LineTask())
    assert history[-1]["AP"] == 4
    assert "AP" not in history[0]
    assert history[0]["part"] == pytest.approx(history[0]["loss"] / 2)


def test_the_rate_warms_up_linearly_and_drops_to_a_tenth_after_each_milestone():
    schedule = Schedule(epochs=10, batch_size=64, learning_rate=0.001, milestones=(5, 8), warmup_epochs=2)
    assert schedule.base_rate == 0.002
    factors = [schedule.factor(step, steps_per_epoch=10) for step in range(100)]
    assert factors[0] == pytest.approx(1 / 20)
    assert factors[9] == pytest.approx(10 / 20)
    assert factors[20:50] == pytest.approx([1.0] * 30)
    assert factors[50:80] == pytest.approx([0.1] * 30)
    assert factors[80:] == pytest.approx([0.01] * 20)


def test_the_rate_falls_linearly_to_zero_in_the_last_epochs():
    schedule = Schedule(
        epochs=4, batch_size=32, learning_rate=0.01, milestones=(), warmup_epochs=1, decay_epochs=2
    )
    factors = [schedule.factor(step, steps_per_epoch=10) for step in range(40)]
    assert factors[10:20] == pytest.approx([1.0] * 10)
    assert factors[20:] == pytest.approx([step / 20 for step in range(20, 0, -1)])


def test_a_schedule_without_epochs_is_refused_by_name():
    with pytest.raises(InputError, match="epochs is 0"):
        Schedule(epochs=0, batch_size=1, learning_rate=1, milestones=(), warmup_epochs=0)


def test_weights_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "weights.pt"
    checkpoint.save(path, {"w": torch.ones(3)})
    with pytest.raises((AttributeError, pickle.PicklingError), match=r"local object .*lambda"):
        checkpoint.save(path, {"w": lambda: None})
    assert torch.equal(checkpoint.load(path)["w"], torch.ones(3))
    assert [file.name for file in tmp_path.iterdir()] == ["weights.pt"]


def plain_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3))


def losses(directory, options):
    _, history, _ = run(directory, LineTask(), options=options, model=plain_network())
    return [row["loss"] for row in history]


def test_bfloat16_has_nearly_the_loss_of_float32(tmp_path):
    whole, half = losses(tmp_path / "a", PLAIN), losses(tmp_path / "b", StepOptions(precision="bfloat16"))
    assert half == pytest.approx(whole, rel=2**-7)  # one unit in bfloat16's eighth binary digit
    assert half != whole


def test_a_compiled_network_has_the_same_loss(tmp_path, monkeypatch):
    whole = losses(tmp_path / "a", PLAIN)
    # The graph is traced as always, but not translated to C++, which takes a compiler and a minute.
    calls = []
    compile_ = functools.partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(torch, "compile", lambda model: calls.append(model) or compile_(model))
    assert losses(tmp_path / "b", StepOptions(compile=True)) == pytest.approx(whole, rel=1e-5)
    assert len(calls) == 1


def test_parts_of_a_batch_have_the_loss_and_the_gradient_of_the_whole(tmp_path):
    whole, parts = losses(tmp_path / "a", PLAIN), losses(tmp_path / "b", StepOptions(accumulate_grad=4))
    assert parts == pytest.approx(whole, rel=1e-5)


def test_a_batch_without_so_many_equal_parts_is_refused():
    with pytest.raises(InputError, match=r"a batch of 8 images has no 3 equal parts.*accumulate_grad"):
        parts_of((torch.zeros(8, 3), list(range(8))), 3)


def test_the_gradient_is_clipped_to_the_norm(tmp_path, monkeypatch):
    norms = []
    step = torch.optim.Adam.step

    def observed(self, *arguments, **options):
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(torch.cat([gradient.flatten() for gradient in gradients]).norm().item())
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", observed)
    losses(tmp_path / "a", PLAIN)
    assert max(norms) > 0.1
    norms.clear()
    losses(tmp_path / "b", StepOptions(clip_gradient=0.1))
    assert max(norms) <= 0.1 * (1 + 1e-5)


def test_an_unknown_precision_is_named_with_the_known_ones():
    with pytest.raises(InputError, match=r"precision is 'float8': use one of float32, bfloat16"):
        StepOptions(precision="float8")


def test_the_share_of_time_waited_for_batches_stands_in_the_row(tmp_path):
    _, history, _ = run(tmp_path, LineTask())
    assert all(0 < row["wait_share"] < 1 for row in history)
