"""What the documents name exists: links, files, commands, parameters, stages, packages; their code runs."""

import fnmatch
import re
import shlex
from importlib import import_module, util

import pytest
import yaml

from litepose.cli.main import COMMANDS
from support import ROOT

DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}
TEXT = "\n".join(DOCUMENTS.values())
BLOCKS = re.findall(r"```\w*\n(.*?)```", TEXT, flags=re.DOTALL)
COMMAND_LINES = [line.strip() for block in BLOCKS for line in block.splitlines()]
COMMAND_LINES += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
# Directories of the project that a path in the documents starts with
ROOMS = "litepose|scenes|report|stages|tools|tests|docs|profiles|skeletons"
PARAMETERS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
DVC = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))


def anchors(text):
    """The anchors of a document's headings, as they are made where it is shown."""
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def found(name):
    """Whether a dotted name of parameters leads somewhere; the last part may stand for all."""
    values = PARAMETERS
    for part in name.split("."):
        if part == "*":
            return True
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(name):
    links = re.findall(r"\]\((?!http)([^)]+)\)|src=\"([^\"]+)\"", DOCUMENTS[name])
    for link in (first or second for first, second in links):
        file, _, anchor = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_reached_from_the_readme():
    assert [
        name for name in DOCUMENTS if name != "README.md" and f"]({name})" not in DOCUMENTS["README.md"]
    ] == []


def test_every_path_of_the_project_exists():
    paths = re.findall(rf"(?<![\w/.-])(?:{ROOMS})/[\w/.-]*[\w/]", TEXT)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_module_that_a_command_runs_exists():
    modules = set(re.findall(r"python -m ((?:stages|tools|litepose)[\w.]*)", TEXT))
    assert {"tools.plan", "tools.compare", "tools.recover"} <= modules
    assert [module for module in modules if not util.find_spec(module)] == []


def test_every_command_of_the_library_takes_the_arguments_that_it_is_shown_with():
    lines = [line for line in COMMAND_LINES if re.match(rf"litepose ({'|'.join(COMMANDS)}) \S", line)]
    assert len(lines) >= 4
    parser = import_module("litepose.cli.main")._parser
    for line in lines:
        argv = shlex.split(line, comments=True)[1:]
        if "--help" not in argv:
            parser(argv).parse_args(argv)


def test_every_target_of_make_exists():
    targets = set(
        re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    named = [target for line in COMMAND_LINES for target in re.findall(r"^make (?:\w+=\S+ )?(\w+)", line)]
    assert set(named) == {"repro", "test", "check", "bench", "gpu"} <= targets


def test_every_parameter_that_an_experiment_sets_exists():
    names = re.findall(r"-S '?([\w.]+)=", TEXT)
    assert len(names) > 5
    assert [name for name in names if not found(name)] == []


def test_every_parameter_that_is_named_exists():
    sections = "|".join(key for key, value in PARAMETERS.items() if isinstance(value, dict))
    names = re.findall(rf"`((?:{sections})\.[\w.*]+)(?=[`:])", TEXT)
    assert len(names) > 20
    files = (".py", ".yaml", ".md", ".json", ".csv")
    assert [name for name in names if not name.endswith(files) and not found(name)] == []


def test_the_page_of_the_pipeline_has_every_stage_and_no_other():
    table = DOCUMENTS["docs/pipeline.md"].partition("## Stages")[2].partition("## What reruns")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for cell in cells if "/" not in cell for name in re.findall(r"`(\w+)", cell)}
    assert named == set(DVC["stages"])


def test_the_page_of_the_pipeline_says_what_runs_again_as_the_stages_declare_it():
    table = DOCUMENTS["docs/pipeline.md"].partition("## What reruns")[2].partition("## Parameters")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("|")]
    compared = [(edited, again) for edited, again in rows if "`" in again or "nothing" in again]
    assert len(compared) >= 10
    for edited, again in compared:
        named, _, excepted = again.partition(" but ")
        for name in re.findall(r"`(.+?)`", edited):
            assert stages(named) - stages(excepted) == declaring(name), name


def stages(text):
    """Stages that a text names, `test_*` for several."""
    return {stage for name in re.findall(r"`(.+?)`", text) for stage in fnmatch.filter(DVC["stages"], name)}


def declaring(name):
    """Stages that declare a parameter, a whole section of them, or a directory."""
    bodies = {stage: declared.get("do", declared) for stage, declared in DVC["stages"].items()}
    names = {stage: [*body.get("params", []), *body.get("deps", [])] for stage, body in bodies.items()}
    sections = (name, name.partition(".")[0])
    return {
        stage
        for stage, declared in names.items()
        if any(entry in sections or entry.startswith(f"{name}.") for entry in declared)
    }


def test_the_page_of_the_pipeline_has_every_profile():
    assert {path.stem for path in (ROOT / "profiles").glob("*.yaml")} <= set(
        re.findall(r"^\| `(\w+)` \|", DOCUMENTS["docs/pipeline.md"], flags=re.MULTILINE)
    )


def test_every_package_is_explained():
    lines = (ROOT / "requirements.txt").read_text().splitlines() + (
        ROOT / "requirements-dev.txt"
    ).read_text().splitlines()
    packages = {line.partition("==")[0].lower() for line in lines if "==" in line}
    table = DOCUMENTS["CONTRIBUTING.md"].partition("## Packages")[2]
    named = {
        name for row in re.findall(r"^\| ([^|]+) \|", table, flags=re.MULTILINE) for name in row.split(", ")
    }
    assert {name for name in packages if not name.startswith("types-")} <= named
    assert {"types-*"} <= named


def test_versions_in_the_documents_are_those_that_are_installed():
    pinned = set((ROOT / "requirements.txt").read_text().split())
    assert set(re.findall(r"[\w-]+==[\w.]+", TEXT)) <= pinned
