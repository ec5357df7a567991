"""A dvc.lock that a kill tore while DVC wrote it comes back as it was before the last stage."""

import pytest

from stages.lib.common import lockfile
from support import ROOT
from tools import recover

WHOLE = (ROOT / "dvc.lock").read_text()


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """The file in a project's directory, as a stage found it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    path = tmp_path / "dvc.lock"
    path.write_text(WHOLE)
    lockfile.keep()
    return path


@pytest.mark.parametrize("cut", [0, 300, *range(2_500, len(WHOLE), 19_973)])
def test_a_file_torn_anywhere_comes_back(lock, cut, capsys):
    lock.write_text(WHOLE[:cut].rstrip("\n"))
    recover.main()
    assert lock.read_text() == WHOLE
    assert "dvc.lock was torn" in capsys.readouterr().err


def test_a_whole_file_stays_as_it_is_and_none_is_no_error(lock, capsys):
    newer = WHOLE.replace("cmd: python", "cmd:   python")
    lock.write_text(newer)
    recover.main()
    assert lock.read_text() == newer
    lock.unlink()
    recover.main()
    assert not lock.exists()
    assert capsys.readouterr().err == ""


def test_a_torn_file_is_not_kept(lock):
    lock.write_text(WHOLE[:300])
    lockfile.keep()
    recover.main()
    assert lock.read_text() == WHOLE


def test_without_a_copy_it_says_what_brings_the_file_back(lock):
    lockfile.COPY.unlink()
    lock.write_text(WHOLE[:300])
    with pytest.raises(SystemExit, match=r"git checkout dvc\.lock"):
        recover.main()
