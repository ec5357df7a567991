"""What changed between two revisions: verdicts and cells of tables, old beside new, and nothing else."""

import json
import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

import tools.compare
from litepose.core.errors import InputError
from tools.compare import Files, changes, resolve

TABLE = "model,input_size,host_ms_measured,host_low_ms_measured,ap_measured\nLitePose-S,448,{},{},{}\n"


def git(*arguments):
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def write(verdict, value, ap, low):
    """The report of a run with one claim and one system."""
    finding = {"verdict": verdict, "value": value, "low": value - 1, "high": value + 1}
    Path("metrics/tables").mkdir(parents=True, exist_ok=True)
    Path("metrics/claims.json").write_text(
        json.dumps({"kernel7-kernel3": finding, "macs-s-h1": {"verdict": "reproduced", "value": 2.86}})
    )
    Path("metrics/tables/table1.csv").write_text(TABLE.format(56.0, low, ap))


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Two commits whose runs differ, and files on disk as in the second."""
    monkeypatch.chdir(tmp_path)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a name")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "name@example.org")
    git("init", "-b", "main")
    Repo.init().close()
    write("inconclusive", 0.5, "12.0", 55.0)
    git("add", ".")
    git("commit", "-m", "first")
    git("tag", "first")
    write("reproduced", 2.5, "14.0", 54.0)
    git("commit", "-am", "second")
    return tmp_path


def differences(old, new="workspace"):
    return changes(*(Files(name, None if name == "workspace" else resolve(name)) for name in (old, new)))


def test_a_changed_verdict_and_a_changed_cell_stand_old_beside_new(repository):
    verdicts, cells = differences("first", "main")
    assert verdicts.loc["kernel7-kernel3"].to_dict() == {
        "first": "inconclusive 0.5 (-0.5 to 1.5)",
        "main": "reproduced 2.5 (1.5 to 3.5)",
    }
    assert cells.loc["Table 1 | LitePose-S | ap_measured"].to_dict() == {"first": "12.0", "main": "14.0"}


def test_what_did_not_change_and_the_ends_of_latencies_are_left_out(repository):
    verdicts, cells = differences("first", "main")
    assert list(verdicts.index) == ["kernel7-kernel3"]
    assert list(cells.index) == ["Table 1 | LitePose-S | ap_measured"]


def test_a_value_that_moves_within_its_verdict_is_no_changed_verdict(repository):
    write("reproduced", 2.75, "14.0", 54.0)
    verdicts, _ = differences("HEAD")
    assert verdicts.empty


def test_the_files_on_disk_are_the_second_revision_by_default(repository, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["compare", "main"])
    tools.compare.main()
    assert (
        capsys.readouterr().out
        == "Verdicts\n\nNo verdict changed.\n\nTables\n\nNo cell of a table changed.\n\n"
    )
    write("contradicted", -2.5, "9.0", 54.0)
    tools.compare.main()
    shown = capsys.readouterr().out
    assert "contradicted -2.5 (-3.5 to -1.5)" in shown
    assert "Table 1 | LitePose-S | ap_measured" in shown


def test_a_claim_that_only_one_revision_has_is_shown(repository):
    Path("metrics/claims.json").write_text("{}")
    verdicts, _ = differences("HEAD")
    assert verdicts["workspace"].tolist() == ["", ""]


def test_an_unknown_revision_is_named(repository):
    with pytest.raises(InputError, match=r"There is no revision 'nowhere' here: give a commit, branch, tag"):
        resolve("nowhere")


def error_of(capsys, monkeypatch):
    """What the command says instead of a traceback."""
    monkeypatch.setattr("sys.argv", ["compare", "main"])
    with pytest.raises(SystemExit) as stopped:
        tools.compare.main()
    assert capsys.readouterr().out == ""
    return str(stopped.value.code)


def test_without_git_on_the_path_one_sentence_says_so(repository, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))
    assert error_of(capsys, monkeypatch).startswith("error: git is not on the path: install it")


def test_a_clone_that_another_user_owns_is_named_in_one_sentence(repository, capsys, monkeypatch):
    for name in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", "/dev/null")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    sentence = error_of(capsys, monkeypatch)
    assert "dubious ownership" in sentence
    assert sentence.endswith("compare in a clone of your own.")
    assert "\n" not in sentence


def test_a_directory_outside_any_repository_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "not a git repository" in error_of(capsys, monkeypatch)


def test_a_revision_before_any_report_is_named(repository):
    git("rm", "-rq", "metrics")
    git("commit", "-m", "none")
    with pytest.raises(InputError, match=r"HEAD has no metrics/claims\.json and no tables"):
        differences("HEAD", "first")
