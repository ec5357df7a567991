"""What all stages share: messages of one sentence, whole files, a device that exists."""

import json

import pytest
import torch
from torch.utils.data import DataLoader

from litepose.errors import InputError
from stages.common import device, digest, run_stage, write_json


class Broken(torch.utils.data.Dataset):
    """A data set whose images cannot be decoded."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise InputError("images/7.jpg: not an image; replace it.")


def test_bad_input_is_one_sentence_and_a_failing_exit(capsys):
    def main():
        raise InputError("params.yaml: unknown key epoks")

    with pytest.raises(SystemExit) as stopped:
        run_stage(main)
    assert stopped.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: params.yaml: unknown key epoks"


def test_an_image_that_a_worker_process_cannot_decode_is_one_sentence_too(capsys):
    with pytest.raises(SystemExit):
        run_stage(lambda: next(iter(DataLoader(Broken(), num_workers=1))))
    error = capsys.readouterr().err
    assert "error: images/7.jpg: not an image; replace it." in error
    assert "Traceback" not in error


def test_json_is_rounded_and_leaves_no_temporary_file(tmp_path):
    write_json(tmp_path / "metrics/a.json", {"AP": 1 / 3, "list": [2 / 3], "n": 2})
    assert json.loads((tmp_path / "metrics/a.json").read_text()) == {"AP": 0.3333, "list": [0.6667], "n": 2}
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["a.json"]


def test_a_device_that_does_not_exist_is_named():
    assert device("cpu").type == "cpu"
    with pytest.raises(InputError, match="device is 'abacus'"):
        device("abacus")


def test_a_digest_changes_with_parameters_and_with_code(tmp_path):
    code = tmp_path / "a.py"
    code.write_text("x = 1")
    first = digest({"epochs": 1}, tmp_path)
    assert first == digest({"epochs": 1}, tmp_path)
    assert first != digest({"epochs": 2}, tmp_path)
    code.write_text("x = 2")
    assert first != digest({"epochs": 1}, tmp_path)
