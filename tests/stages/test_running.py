"""How stages run: with checked parameters, on a device that exists, and one sentence for bad input."""

import sys
from types import SimpleNamespace

import pytest
import torch
import yaml
from torch.utils.data import DataLoader

from litepose.core import distributed
from litepose.core.errors import DivergedError, InputError
from stages.lib.common.running import device, run_stage
from support import ROOT, stage_project


TWO_PROCESSES = {"processes": 2, "nodes": 1, "launch": ""}


class Broken(torch.utils.data.Dataset):
    """A data set whose images cannot be decoded."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise InputError("images/7.jpg: not an image; replace it.")


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """A directory with parameters and nothing else."""
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")
    write_params(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(directory, **changes):
    (directory / "params.yaml").write_text(yaml.safe_dump(stage_project.smoke() | changes))


def refused(main, capsys):
    """The last line on stderr of a stage that ends with exit status 1."""
    with pytest.raises(SystemExit) as stopped:
        run_stage(main)
    assert stopped.value.code == 1
    return capsys.readouterr().err.splitlines()[-1]


def raising(error):
    def main(values):
        raise error

    return main


def test_main_gets_the_parameters_of_the_run():
    given = []
    run_stage(given.append)
    assert given == [stage_project.smoke()]


def test_bad_input_is_one_sentence_and_a_failing_exit(capsys):
    error = InputError("params.yaml: unknown key epoks")
    assert refused(raising(error), capsys) == "error: params.yaml: unknown key epoks"


def test_parameters_that_do_not_fit_are_one_sentence_before_anything_runs(directory, capsys):
    write_params(directory, epoks=3)
    last = refused(lambda values: pytest.fail("it ran"), capsys)
    assert last.startswith("error: params.yaml: unknown key epoks")


def test_a_training_that_diverges_is_one_sentence(capsys):
    error = DivergedError("kernels/3: the loss of batch 1 is nan: lower the stage's learning_rate")
    assert refused(raising(error), capsys) == f"error: {error}"


def test_an_error_of_the_program_keeps_its_traceback():
    with pytest.raises(RuntimeError, match="shapes"):
        run_stage(raising(RuntimeError("shapes do not match")))


def test_an_image_that_a_worker_process_cannot_decode_is_one_sentence_too(capsys):
    with pytest.raises(SystemExit):
        run_stage(lambda values: next(iter(DataLoader(Broken(), num_workers=1))))
    error = capsys.readouterr().err
    assert "error: images/7.jpg: not an image; replace it." in error
    assert "Traceback" not in error


def test_a_device_that_does_not_exist_is_named():
    assert device("cpu").type == "cpu"
    with pytest.raises(InputError, match="device is 'abacus'"):
        device("abacus")


def test_dvc_s_lock_file_is_kept_while_a_stage_runs(directory):
    (directory / ".dvc/tmp").mkdir(parents=True)
    (directory / "dvc.lock").write_text((ROOT / "dvc.lock").read_text())
    run_stage(lambda values: None)
    assert (directory / ".dvc/tmp/dvc.lock").read_text() == (ROOT / "dvc.lock").read_text()


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_stage_that_several_processes_share_is_started_in_each_of_them(directory, monkeypatch, succeeded):
    started = []
    write_params(directory, compute=TWO_PROCESSES)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", SimpleNamespace(name="stages.kernels"))
    monkeypatch.setattr(sys, "argv", ["kernels.py", "7"])
    monkeypatch.setattr(distributed, "launch", lambda *call: started.append(call) or succeeded)
    with pytest.raises(SystemExit) as ended:
        run_stage(lambda values: pytest.fail("it ran here"), parallel=True)
    assert ended.value.code == (0 if succeeded else 1)
    assert started == [(2, sys.executable, ["-m", "stages.kernels", "7"], 1)]


def test_any_other_stage_runs_in_one_process(directory):
    write_params(directory, compute=TWO_PROCESSES)
    ran = []
    run_stage(ran.append)
    assert [values["compute"] for values in ran] == [TWO_PROCESSES]
