"""The tuning stage on a machine without TVM: one sentence, or nothing to do."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from support import ROOT, stage_project

STAGE = (
    "import runpy, sys; sys.modules['tvm'] = None; sys.argv = ['tuning', 'host']; "
    "runpy.run_module('stages.tuning', run_name='__main__')"
)


@pytest.fixture
def without_tvm(tmp_path):
    """Runs the stage where TVM cannot be imported, with these runtimes; the finished command."""
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")

    def run(runtimes):
        values = stage_project.smoke()
        values["latency"]["runtimes"] = runtimes
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-c", STAGE], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return run


def test_where_tvm_is_asked_for_one_sentence_says_how_to_install_it(without_tvm):
    done = without_tvm({"tvm": "all"})
    assert done.returncode == 1
    assert "error: params.yaml: latency.runtimes: tvm needs the package tvm" in done.stderr
    assert "pip install 'litepose[tvm]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_it_is_not_there_is_nothing_to_tune(without_tvm, tmp_path):
    done = without_tvm({"pytorch": "all"})
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "data/tuning/host.json").read_text())["kernels"] == {}
