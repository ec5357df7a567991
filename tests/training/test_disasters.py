"""A full disk, a file cut short, an ended process: what was whole stays, one sentence says what to do."""

import contextlib
import errno
import os
import resource
import signal

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from litepose.core.errors import InputError, WriteError
from litepose.core.files import write_text
from litepose.datasets.sampling import SampledDataset
from litepose.training import checkpoint
from litepose.training.batches import epoch_batches
from stages.lib.common.running import run_stage
from support import ROOT


class Ending(Dataset):
    """A data set whose reading process is killed, as the system does when memory runs out."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)


class Images(SampledDataset):
    """A data set of black images, 200 kB at 128 px, which pass from process to process in shared memory."""

    seed = 0

    def __len__(self):
        return 4

    def __getitem__(self, sample):
        return torch.zeros(3, sample.resolution, sample.resolution)


@pytest.fixture(autouse=True)
def directory(tmp_path_factory, monkeypatch):
    """A working directory with the parameters that every stage reads."""
    place = tmp_path_factory.mktemp("project")
    for name in ("profiles", "params.yaml"):
        (place / name).symlink_to(ROOT / name)
    monkeypatch.chdir(place)


@contextlib.contextmanager
def nearly_full_disk():
    """No file may grow beyond 20 kB, not even pytest's log: writing more fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_earlier_checkpoint_and_is_one_sentence(tmp_path):
    state = tmp_path / "state.pt"
    checkpoint.save(state, {"weights": torch.ones(3), "fingerprint": "same"})
    refusal = pytest.raises(
        WriteError, match=r"state\.pt cannot be written .*: make room for it, then repeat"
    )
    with refusal, nearly_full_disk():
        checkpoint.save(state, {"weights": torch.ones(100_000), "fingerprint": "same"})
    assert torch.equal(checkpoint.load_interrupted(state, "same")["weights"], torch.ones(3))
    assert [file.name for file in tmp_path.iterdir()] == ["state.pt"]


def test_a_full_disk_leaves_an_earlier_file_whole_and_nothing_beside_it(tmp_path):
    scores = tmp_path / "scores.json"
    write_text(scores, "whole")
    with pytest.raises(WriteError, match="too large"), nearly_full_disk():
        write_text(scores, "x" * 100_000)
    assert scores.read_text() == "whole"
    assert [file.name for file in tmp_path.iterdir()] == ["scores.json"]


def test_a_full_disk_met_by_any_other_writer_is_one_sentence_too(capsys):
    def main(values):
        raise OSError(errno.ENOSPC, "No space left on device", "metrics/a.json")

    with pytest.raises(SystemExit):
        run_stage(main)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "error: metrics/a.json cannot be written, the disk is full: free space, then repeat"


def test_an_error_of_another_kind_keeps_its_traceback():
    def main(values):
        raise OSError(errno.EIO, "Input/output error", "metrics/a.json")

    with pytest.raises(OSError, match="Input/output"):
        run_stage(main)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_weights_cut_short_are_refused_by_name_with_what_to_do(tmp_path, share):
    weights = tmp_path / "weights.pt"
    checkpoint.save(weights, {"w": torch.ones(1000)})
    whole = weights.read_bytes()
    weights.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"weights\.pt cannot be read .*: delete it and repeat"):
        checkpoint.load(weights)


def test_a_batch_that_does_not_fit_the_shared_memory_is_one_sentence(capfd):
    """A bound on the size of files bounds those of /dev/shm too."""
    batches = epoch_batches(Images(), torch.stack, 2, 0, 128, device=torch.device("cpu"), workers=1)
    with pytest.raises(SystemExit), nearly_full_disk():
        run_stage(lambda values: next(iter(batches)))
    error = capfd.readouterr().err
    assert "error: a worker process cannot hand over its batch (" in error
    assert "as by docker run --shm-size=8g, or set workers to 0" in error
    assert "Traceback" not in error


def test_a_reading_process_that_is_killed_is_one_sentence(capsys):
    with pytest.raises(SystemExit):
        run_stage(lambda values: next(iter(DataLoader(Ending(), num_workers=1))))
    error = capsys.readouterr().err
    assert "error: a process that reads images was ended from outside" in error
    assert "set workers in params.yaml to fewer" in error
    assert "Traceback" not in error
