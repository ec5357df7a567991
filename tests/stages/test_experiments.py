"""Experiments, which DVC runs in a copy of what git knows, read data sets that only the project has."""

from pathlib import Path

import pytest
import yaml

from support import ROOT
from support.repository import commit, dvc, run

LIST = """
from pathlib import Path
from stages.lib.common.data import root_of
names = sorted(path.name for path in root_of({"root": "photographs"}).iterdir())
Path("found.txt").write_text(" ".join(names))
"""
STAGE = {
    "cmd": "python list.py",
    "params": ["seed"],
    "deps": ["photographs"],
    "outs": [{"found.txt": {"cache": False}}],
}


@pytest.fixture
def project(tmp_path):
    """A repository whose single stage lists a data set, of which git knows the directory alone."""
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs/.gitignore").write_text("*\n!.gitignore\n")
    (tmp_path / "photographs/1.jpg").write_bytes(b"pixels")
    (tmp_path / "list.py").write_text(LIST)
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"look": STAGE}}))
    run(tmp_path, "git", "init", "--quiet")
    dvc(tmp_path, "init", "--quiet")
    commit(tmp_path, "start")
    return tmp_path


def test_an_experiment_in_a_copy_reads_the_data_set_of_the_project(project):
    dvc(project, "exp", "run", "--temp", "--name", "copied", "-S", "seed=1", PYTHONPATH=str(ROOT))
    (experiment,) = run(project, "git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/copied").split()
    assert run(project, "git", "show", f"{experiment}:found.txt") == ".gitignore 1.jpg"


def test_git_knows_the_directories_of_every_profiles_data_sets():
    known = set(run(ROOT, "git", "ls-files").splitlines())
    for profile in (ROOT / "profiles").glob("*.yaml"):
        values = yaml.safe_load(profile.read_text())
        for name in ("crowdpose", "coco", "classification"):
            root = Path(values[name]["root"])
            assert str(root) in known or str(root / ".gitignore") in known, f"{profile.name}: {root}"
