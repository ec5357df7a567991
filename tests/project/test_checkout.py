"""A checkout has the same bytes everywhere, and says what it lacks before it installs anything."""

import hashlib
import shutil
import subprocess

import pytest

from support import ROOT

GIT = (ROOT / ".git").exists()


def git(directory, *arguments):
    subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True)


def digests(directory):
    files = [path for path in directory.rglob("*") if path.is_file() and ".git" not in path.parts]
    return {str(path.relative_to(directory)): hashlib.md5(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.skipif(not GIT, reason="an archive has no history to check out")
def test_a_checkout_with_windows_line_endings_changes_no_file(tmp_path):
    for setting in ("true", "false"):
        git(
            tmp_path,
            "clone",
            "--quiet",
            "--depth=1",
            "-c",
            f"core.autocrlf={setting}",
            f"file://{ROOT}",
            setting,
        )
    plain = digests(tmp_path / "false")
    assert len(plain) > 100
    assert digests(tmp_path / "true") == plain


def test_line_endings_of_text_and_of_pictures_are_kept(tmp_path):
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    names = {"code.py": b"a\n", "picture.png": b"\x89PNG\r\n\x1a\n", "weights.npz": b"a\r\nb\n"}
    for name, content in names.items():
        (tmp_path / name).write_bytes(content)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "core.autocrlf", "true")
    git(tmp_path, "add", "--all")
    for name in names:
        (tmp_path / name).unlink()
    git(tmp_path, "checkout", "--", ".")
    assert {name: (tmp_path / name).read_bytes() for name in names} == names


def test_an_archive_is_told_to_become_a_repository_before_anything_is_installed(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    done = subprocess.run(["make", "repro"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "run git init first" in done.stderr.splitlines()[0]
    assert not (tmp_path / ".venv").exists()


def test_a_python_that_is_too_old_is_named_before_anything_is_installed(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".git").mkdir()
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    done = subprocess.run(["make", "repro", "PYTHON=false"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "false is not Python 3.11 to 3.13" in done.stdout
    assert not (tmp_path / ".venv").exists()
