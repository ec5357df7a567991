"""``litepose export``: files that say what they are, written only if they compute what PyTorch computes."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from litepose.cli.main import main
from litepose.core.skeletons import CROWDPOSE
from litepose.export import formats, writing
from litepose.models import weights
from litepose.runtimes import registry
from litepose.runtimes.devices import BOARDS
from support import networks

SIZE = 32


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Weights of a small Lite Pose."""
    return networks.write_small(tmp_path_factory.mktemp("trained") / "small.pt", SIZE)


@pytest.fixture
def call(capsys):
    """Runs the command; returns its output, or the one sentence with which it refuses."""

    def run(*arguments, refused=False):
        if not refused:
            main(["export", *map(str, arguments)])
            return capsys.readouterr().out
        with pytest.raises(SystemExit) as end:
            main(["export", *map(str, arguments)])
        assert end.value.code in (1, 2)
        return capsys.readouterr().err.splitlines()[-1]

    return run


def check(described, size):
    assert described["joints"] == list(CROWDPOSE.joints)
    assert described["flip"] == list(CROWDPOSE.flip)
    assert (described["input_size"], described["size"]) == (SIZE, size)
    assert described["mean"] == [0.485, 0.456, 0.406]
    assert set(described["outputs"]) == {"coarse", "fine"}
    assert described["network"]["family"] == "LitePose"


def test_an_onnx_file_is_for_one_size_and_says_what_it_is(call, trained):
    onnxruntime = pytest.importorskip("onnxruntime")
    output = call(trained, "--out", "network.onnx", "--size", "32x64")
    assert output.startswith("network.onnx: onnx, outputs equal PyTorch's to ")
    session = onnxruntime.InferenceSession("network.onnx")
    assert session.get_inputs()[0].shape == [1, 3, 32, 64]
    assert [output.name for output in session.get_outputs()] == ["coarse", "fine"]
    stored = session.get_modelmeta().custom_metadata_map
    check({name: json.loads(value) for name, value in stored.items()}, [32, 64])


def test_a_torchscript_file_holds_its_metadata(call, trained):
    call(trained, "--out", "network.ts", "--format", "torchscript")
    extra = {formats.TORCHSCRIPT_FILE: ""}
    torch.jit.load("network.ts", _extra_files=extra)
    check(json.loads(extra[formats.TORCHSCRIPT_FILE]), [SIZE, SIZE])


def test_a_library_for_a_board_that_is_not_attached_is_written_only_when_asked_for(
    call, trained, monkeypatch
):
    pytest.importorskip("tvm")
    arguments = (trained, "--out", "network.so", "--format", "tvm", "--target", "pi4")
    monkeypatch.delenv("TVM_TRACKER_HOST", raising=False)
    assert "it cannot be run and compared (pi4: TVM_TRACKER_HOST" in call(*arguments, refused=True)
    assert not list(Path.cwd().iterdir())
    if not shutil.which(BOARDS["pi4"]["compiler"]):
        assert "is not installed" in call(*arguments, "--unverified", refused=True)
        pytest.skip("the board's compiler is not installed")
    assert call(*arguments, "--unverified") == "network.so: tvm, not run on pi4\n"
    assert Path("network.so").read_bytes()[18] == 183  # the machine AArch64 in an ELF file
    described = json.loads(Path("network.so.json").read_text())
    check(described, [SIZE, SIZE])
    assert described["target"] == "pi4"
    assert "cortex-a72" in described["compiled_for"]


def test_sides_are_multiples_of_the_networks_largest_stride(call):
    """HRNets have a branch at stride 32, which Lite Pose has not."""
    weights.save("hrnet.pt", networks.drawn("efficienthrnet-h-4", depth=0.34), CROWDPOSE, 32)
    arguments = ("hrnet.pt", "--format", "torchscript", "--out", "network.ts")
    sentence = call(*arguments, "--size", "48x64", refused=True)
    assert "48 px, but must be a positive multiple of 32 px" in sentence
    call(*arguments, "--size", "32x96")
    assert Path("network.ts").exists()


def test_outputs_that_are_not_pytorchs_are_never_written(call, trained, monkeypatch):
    right = formats.torchscript
    monkeypatch.setattr(
        writing.formats,
        "torchscript",
        lambda *given: right(*given)._replace(outputs=[[torch.zeros(1)] * 2] * 2),
    )
    sentence = call(trained, "--out", "network.ts", "--format", "torchscript", refused=True)
    assert "network.ts is not written: its outputs differ" in sentence
    assert not list(Path.cwd().iterdir())


def test_bad_input_is_one_sentence(call, trained, monkeypatch):
    monkeypatch.setitem(registry.RUNTIMES, "onnxruntime", "package_that_is_missing:Runtime")
    Path("full").write_text("a file where a folder should be")
    torchscript = (trained, "--format", "torchscript")
    for arguments, words in (
        ((trained, "--out", "a", "--format", "tflite"), "invalid choice: 'tflite'"),
        ((trained, "--out", "a", "--target", "toaster"), "invalid choice: 'toaster'"),
        ((trained, "--out", "a", "--target", "pi4"), "onnx files are for no target"),
        ((trained, "--out", "a", "--format", "tvm"), "a must end in .so"),
        ((*torchscript, "--out", "a", "--dynamic"), "torchscript files have no dynamic size"),
        ((*torchscript, "--out", "a", "--size", "100"), "100 px, but must be a positive multiple of 16 px"),
        ((*torchscript, "--out", "a", "--size", "big"), "is not a size such as 448x640"),
        ((trained, "--out", trained), "holds the weights that are read"),
        ((trained, "--out", "."), ". is a directory: give a file's name"),
        ((trained, "--out", "a"), "pip install 'litepose[onnx]'"),
        (("none.pt", "--out", "a"), "none.pt is missing"),
        (("network.onnx", "--out", "a"), "network.onnx was exported: give the weights that it was made of"),
        ((*torchscript, "--out", "full/a"), "full"),
    ):
        assert words in call(*arguments, refused=True)
    assert [path.name for path in Path.cwd().iterdir()] == ["full"]
