"""The wheel holds the library alone, and works in another folder without the packages of the extras."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import litepose
from litepose import models
from litepose.core.skeletons import CROWDPOSE
from litepose.models import weights
from support import ROOT

# What the extras install: packages, and for TVM's the names of their distributions
EXTRAS = ("dvc", "dvclive", "pandas", "matplotlib", "markdown_it", "onnx", "onnxscript", "onnxruntime")
EXTRAS += ("tvm", "tvm_ffi", "apache_tvm", "tornado", "cloudpickle", "pytest", "ruff", "mypy")
OPTIONAL = ("litepose.runtimes.tvm", "litepose.runtimes.onnx_session", "litepose.export.tvm_library")
FIVE_LINES = """
import litepose
estimator = litepose.load("weights.pt")
people = estimator("image.png")
picture = litepose.draw("image.png", people, estimator.skeleton)
assert len(people) > 0 and picture.shape == (64, 96, 3), people
"""
EVERY_MODULE = f"""
import importlib, pkgutil, litepose
optional = {OPTIONAL}
for module in pkgutil.walk_packages(litepose.__path__, "litepose."):
    if not module.name.startswith(optional) and module.name != "litepose.__main__":
        importlib.import_module(module.name)
"""
PROJECT = ("litepose", "scenes", "report", "stages", "tools", "profiles", "skeletons")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the project."""
    copy = tmp_path_factory.mktemp("project")
    for name in PROJECT:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    target = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(copy)], check=True)
    (file,) = target.iterdir()
    return file


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Runs code or a command where the wheel is installed and the packages of the extras are missing."""
    root = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root)], check=True)
    interpreter = root / "bin/python"
    options = ["--quiet", "--no-deps", "--no-index"]
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "install"]
    subprocess.run([*pip, *options, str(wheel)], check=True)
    (site,) = root.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(("__editable__", "litepose", *EXTRAS)) and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["OMP_NUM_THREADS"] = "1"

    def run(*arguments, script=interpreter):
        command = [str(script), *map(str, arguments)]
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout

    run.folder, run.scripts = folder, root / "bin"
    return run


@pytest.fixture(scope="module")
def folder(python):
    """A folder with weights that find people in its image of noise."""
    torch.manual_seed(0)
    model = models.create("litepose-xs", depth=0.1)
    with torch.no_grad():
        for head in model.heads():
            head[-1].weight.normal_(std=1)
    weights.save(python.folder / "weights.pt", model, CROWDPOSE, 64)
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    cv2.imwrite(str(python.folder / "image.png"), image)
    return python.folder


def test_the_wheel_holds_the_library_and_its_data_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    metadata = f"litepose-{litepose.__version__}.dist-info/"
    library = {name for name in names if not name.startswith(metadata)}
    files = (path for path in (ROOT / "litepose").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert library == {path.relative_to(ROOT).as_posix() for path in files}
    assert {"litepose/py.typed", "litepose/cli/published.csv", "litepose/runtimes/boards.yaml"} <= library
    assert f"{metadata}licenses/LICENSE" in names


def test_five_lines_find_people_in_another_folder(python, folder):
    python("-c", FIVE_LINES)
    assert str(ROOT) not in python("-c", "import litepose; print(litepose.__file__)")


def test_the_command_finds_people_in_another_folder(python, folder):
    python("predict", "weights.pt", "image.png", "--out", "out", script=python.scripts / "litepose")
    assert json.loads((folder / "out/detections.json").read_text())["annotations"]
    assert (folder / "out/image.jpg").is_file()


def test_every_module_but_the_optional_runtimes_works_without_the_extras(python):
    python("-c", EVERY_MODULE)


def test_the_pins_of_the_reproduction_satisfy_what_the_library_asks_for():
    from packaging.requirements import Requirement

    pins = {}
    for line in (ROOT / "requirements.txt").read_text().split():
        name, _, version = line.partition("==")
        pins[name] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(name for extra in ("pipeline", "crowdpose", "onnx", "tvm") for name in extras[extra]),
    ]
    requirements = {Requirement(text).name: Requirement(text).specifier for text in wanted}
    assert requirements.keys() == pins.keys()
    assert all(requirements[name].contains(version) for name, version in pins.items())
    assert Path(ROOT / "requirements-dev.txt").read_text().startswith("-r requirements.txt")
