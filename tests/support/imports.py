"""What a module of the project imports, read from its source: late imports and resolved names included."""

import ast
from functools import cache
from pathlib import Path

from support import ROOT

ROOMS = ("litepose", "scenes", "report", "stages", "tools")


@cache
def imported(module: str) -> frozenset[str]:
    """Modules of the project that a module names in any import, or as text to resolve a name from."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source(module).read_text())):
        if isinstance(node, ast.Import):
            found |= {known(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [known(f"{node.module}.{alias.name}") for alias in node.names]
            # A package's modules can be imported from it without anything that it says itself.
            found |= {*modules, "" if all(modules) else known(node.module)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and ":" in node.value:
            found.add(known(node.value.partition(":")[0]))
    return frozenset(found - {"", module})


def known(name: str) -> str:
    """The name where it is a module of the project, else nothing."""
    inside = name.split(".")[0] in ROOMS and all(part.isidentifier() for part in name.split("."))
    return name if inside and source(name).is_file() else ""


def source(module: str) -> Path:
    """File of a module or package."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def closure(module: str, without: frozenset[str] = frozenset()) -> set[str]:
    """Everything that a module imports, and so on; ``without`` what some modules bring."""
    reached, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in reached and name not in without:
            reached.add(name)
            waiting += imported(name)
    return reached
