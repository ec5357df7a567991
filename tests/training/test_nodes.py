"""A training over several machines: they meet, and one sentence says what is wrong when they do not."""

import os
import shutil
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest

from litepose.core import distributed
from litepose.core.errors import InputError
from stages.lib.common.running import _in_processes
from support import ROOT, SUPPORT

NODE = str(SUPPORT / "node.py")
LAUNCH = (
    "import sys; from litepose.core import distributed as d; d.launch(1, sys.executable, sys.argv[1:], 2)"
)
# As srun does on two machines: the same command twice, failing when one fails
BOTH = '#!/bin/sh\n"$@" & "$@"\nstatus=$?\nwait $! && exit $status\n'


def launcher(directory, script):
    path = directory / "launcher"
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def can_rename_the_machine():
    """Whether a command may have a host name of its own (Linux's namespaces, for root)."""
    return bool(shutil.which("unshare")) and not subprocess.run(["unshare", "--uts", "true"]).returncode


@pytest.mark.skipif(not can_rename_the_machine(), reason="needs unshare and root")
def test_a_machine_whose_name_does_not_resolve_trains_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    alone = LAUNCH.replace("2)", "1)")
    command = [
        "sh",
        "-c",
        'hostname nowhere && exec "$0" "$@"',
        sys.executable,
        "-c",
        alone,
        NODE,
        str(tmp_path),
    ]
    done = subprocess.run(["unshare", "--uts", *command], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "0").read_text() == "1 of 1"
    assert done.stderr.count("\n") < 10  # no endless warnings


def test_two_nodes_compute_as_two_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    command = [sys.executable, "-c", LAUNCH, NODE, str(tmp_path)]
    assert distributed.start_on_nodes(launcher(tmp_path, BOTH), command)
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["11 of 2", "11 of 2"]


def test_a_failure_of_any_node_is_a_failure_of_the_stage(tmp_path):
    assert distributed.start_on_nodes("nice", ["true"])
    assert not distributed.start_on_nodes(launcher(tmp_path, BOTH), ["false"])


def test_nodes_that_do_not_come_are_one_sentence(monkeypatch):
    monkeypatch.setenv(distributed.MEETING, "localhost:0/run")
    monkeypatch.setattr(distributed, "JOIN_SECONDS", 1)
    with pytest.raises(InputError, match=r"The 2 nodes did not meet at localhost:0 .*that launch"):
        distributed.launch(1, sys.executable, ["-c", "pass"], nodes=2)


def test_several_nodes_without_a_launcher_are_refused():
    with pytest.raises(InputError, match=r"launch is empty.*such as srun"):
        distributed.start_on_nodes("", ["true"])


@pytest.mark.parametrize("command", ["no-such-program", "'unclosed"])
def test_a_launcher_that_cannot_be_run_is_named(command):
    with pytest.raises(InputError, match=r"launch is .*which cannot be run"):
        distributed.start_on_nodes(command, ["true"])


def test_the_first_node_starts_the_stage_everywhere_and_every_node_its_processes(monkeypatch):
    started = []
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", SimpleNamespace(name="stages.kernels"))
    monkeypatch.setattr(sys, "argv", ["kernels.py", "7"])
    monkeypatch.setattr(distributed, "start_on_nodes", lambda *call: started.append(call) or True)
    monkeypatch.setattr(distributed, "launch", lambda *call: started.append(call) or True)
    stage = ["-m", "stages.kernels", "7"]
    assert _in_processes(processes=8, nodes=2, launch="srun")
    monkeypatch.setitem(os.environ, distributed.MEETING, "first:29400/run")
    assert _in_processes(processes=8, nodes=2, launch="srun")
    assert started == [("srun", [sys.executable, *stage]), (8, sys.executable, stage, 2)]
