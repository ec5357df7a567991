"""Parameters are checked before DVC starts."""

import pytest

from support import ROOT
from tools import check


@pytest.fixture
def params(tmp_path, monkeypatch):
    """The parameter file of a project."""
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")
    (tmp_path / "params.yaml").write_text((ROOT / "profiles/tiny.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "params.yaml"


def test_parameters_that_fit_pass_in_silence(params, capsys):
    check.main()
    assert capsys.readouterr() == ("", "")


def test_a_slip_is_one_sentence(params):
    params.write_text(params.read_text().replace("runs: [lms]", "runs: [zzz]"))
    with pytest.raises(
        SystemExit, match=r"^error: params\.yaml: ranking\.runs is \['zzz'\]: expected some of"
    ):
        check.main()
