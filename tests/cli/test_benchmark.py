"""``litepose benchmark``: a row per runtime, and a sentence on what is not there."""

import pytest

from litepose.cli.main import main
from litepose.runtimes import registry
from support import networks


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Weights of a small Lite Pose."""
    return networks.write_small(tmp_path_factory.mktemp("trained") / "small.pt", 32)


def test_a_runtime_has_a_row_with_its_interval_and_a_missing_one_a_sentence(trained, capsys, monkeypatch):
    for name in ("onnxruntime", "tvm"):
        monkeypatch.setitem(registry.RUNTIMES, name, "package_that_is_missing:Runtime")
    main(["benchmark", str(trained), "--seconds", "1", "--threads", "1", "--size", "32x64"])
    title, header, row, *left_out = capsys.readouterr().out.splitlines()
    assert "small.pt at 32x64 px on " in title
    assert title.endswith("1 threads, one image at a time")
    assert header.split() == ["runtime", "ms", "95", "%", "interval", "visits", "runs"]
    name, ms, low, _, high, visits, runs = row.split()
    assert name == "pytorch"
    assert 0 < float(low) <= float(ms) <= float(high)
    assert int(runs) >= int(visits) >= 3
    assert [sentence.startswith("left out: ") for sentence in left_out] == [True, True]
    assert "pip install 'litepose[tvm]'" in left_out[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--runtimes", "onnxruntime"], "pip install 'litepose[onnx]'"),
        (["--rounds", "1"], "an interval needs at least 2"),
        (["--size", "33"], "must be a positive multiple of 16"),
        (["--device", "pi4"], "pi4: "),
    ],
)
def test_bad_input_is_one_sentence(trained, capsys, monkeypatch, arguments, words):
    monkeypatch.setitem(registry.RUNTIMES, "onnxruntime", "package_that_is_missing:Runtime")
    with pytest.raises(SystemExit) as end:
        main(["benchmark", str(trained), *arguments])
    assert end.value.code == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert words in sentence
