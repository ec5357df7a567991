"""Files of numbers that a stage writes, and digests of what decides them."""

import json

from stages.lib.common.results import digest, write_json


def test_json_is_rounded_and_leaves_no_temporary_file(tmp_path):
    write_json(tmp_path / "metrics/a.json", {"AP": 1 / 3, "list": [2 / 3], "n": 2})
    assert json.loads((tmp_path / "metrics/a.json").read_text()) == {"AP": 0.3333, "list": [0.6667], "n": 2}
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["a.json"]


def test_only_the_first_process_writes(tmp_path, monkeypatch):
    monkeypatch.setattr("litepose.core.distributed.rank", lambda: 1)
    write_json(tmp_path / "a.json", {"AP": 1})
    assert not list(tmp_path.iterdir())


def test_a_digest_changes_with_parameters_and_with_code(tmp_path):
    code = tmp_path / "a.py"
    code.write_text("x = 1")
    first = digest({"epochs": 1}, tmp_path)
    assert first == digest({"epochs": 1}, tmp_path)
    assert first != digest({"epochs": 2}, tmp_path)
    code.write_text("x = 2")
    assert first != digest({"epochs": 1}, tmp_path)


def test_a_digest_changes_with_a_file_and_not_with_the_order_of_keys(tmp_path):
    data = tmp_path / "people.json"
    data.write_text("1")
    first = digest({"a": 1, "b": 2}, data)
    assert first == digest({"b": 2, "a": 1}, data)
    data.write_text("2")
    assert first != digest({"a": 1, "b": 2}, data)
