"""A stage depends on the code that it runs, whole and nothing else; arrows between rooms run one way."""

import ast

import pytest
import yaml

from support import ROOT
from support.imports import closure, imported, source

# What is imported, but decides no result: the public names, which are loaded when asked for, and the AP
# curves of a training, a log (see the module).
DECIDES_NOTHING = frozenset({"litepose", "stages.lib.monitor"})
# Rooms of the library, of which a module imports only those to its left
ORDER = (
    ("core",),
    ("models", "datasets", "runtimes"),
    ("export",),
    ("training", "inference", "evaluation"),
    ("nas", "latency", "finetuning"),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def declared_stages():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in stages.items()}


def code(dependencies):
    """Declared dependencies that are code of the project."""
    rooms = ("litepose", "scenes", "report", "stages", "tools")
    return {path for path in dependencies if path.split("/")[0] in rooms and not path.endswith(".json")}


def files_of(stage):
    """Files with code that a stage's module runs, relative to the project; packages without code left out."""
    module = stage["cmd"].split()[2]
    found = (source(name).relative_to(ROOT) for name in closure(module, DECIDES_NOTHING))
    return {path.as_posix() for path in found if not is_only_a_docstring(path)}


def is_only_a_docstring(path):
    return path.name == "__init__.py" and len(ast.parse((ROOT / path).read_text()).body) <= 1


@pytest.mark.parametrize("name", declared_stages())
def test_a_stage_declares_all_code_that_it_runs_and_no_other(name):
    stage = declared_stages()[name]
    declared, used = code(stage["deps"]), files_of(stage)
    covered = {
        path: {file for file in used if file == path or file.startswith(f"{path}/")} for path in declared
    }
    undeclared = used - set().union(*covered.values())
    assert not undeclared, f"{name} runs {sorted(undeclared)}"
    unused = sorted(path for path, files in covered.items() if not files)
    assert not unused, f"{name} does not use {unused}"


def modules_of(room):
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / room).rglob("*.py")
    )


def test_no_stage_imports_another_stage():
    for module in modules_of("stages"):
        other = {name for name in imported(module) if name.startswith("stages.") and "lib" not in name}
        assert not other, f"{module} imports {sorted(other)}"


def test_the_library_imports_nothing_around_it():
    around = ("scenes", "report", "stages", "tools", "dvc", "dvclive")
    for module in modules_of("litepose"):
        assert not [name for name in imported(module) if name.split(".")[0] in around], module


def test_rooms_of_the_library_import_one_way():
    for module in modules_of("litepose"):
        room = module.split(".")[1] if "." in module else ""
        for name in imported(module):
            other = name.split(".")[1] if "." in name else ""
            if room in LEVEL and other in LEVEL and room != other:
                assert LEVEL[other] < LEVEL[room], f"{module} imports {name}"


@pytest.mark.parametrize("room", ["litepose", "scenes", "report", "stages"])
def test_no_module_imports_itself_through_others(room):
    for module in modules_of(room):
        if module != "litepose":  # its names are loaded when asked for
            through = {name for other in imported(module) for name in closure(other, frozenset({"litepose"}))}
            assert module not in through - packages_above(module), module


def packages_above(module):
    parts = module.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts))}


def test_the_library_knows_neither_dvc_nor_the_parameter_file_nor_the_project_s_paths():
    for path in (ROOT / "litepose").rglob("*.py"):
        text = path.read_text()
        for word in ("params.yaml", "dvc", "data/models", "data/search", "metrics/", "plots/"):
            assert word not in text.lower(), f"{path.relative_to(ROOT)} mentions {word}"


def test_production_code_patches_nothing():
    for room in ("litepose", "scenes", "report", "stages", "tools"):
        for path in (ROOT / room).rglob("*.py"):
            assert "unittest" not in path.read_text(), path


def test_the_pipeline_stays_short_enough_to_be_read():
    lines = (ROOT / "dvc.yaml").read_text().splitlines()
    assert len(lines) <= 350
