"""Stand-ins for packages that the library imports at its top and a machine may lack.

A stand-in can be imported and its classes inherited; whatever is then used of it says which package is
missing. They are files, so that processes started for data or for a second rank find them too.
"""

import importlib.util
from pathlib import Path

PACKAGES = {
    "pycocotools": ("mask", "coco", "cocoeval"),
    "faster_coco_eval": (),
    "psutil": (),
    "requests": (),
    "msgspec": (),
}
SOURCE = '''"""Stands in for {name}, which is not installed."""


class Kind(type):
    def __getattr__(cls, attribute):
        tell(attribute)


class Absent(metaclass=Kind):
    def __init_subclass__(cls, **named):
        pass

    def __init__(self, *arguments, **named):
        if arguments or named:
            tell("")

    def __getattr__(self, attribute):
        tell(attribute)


def tell(attribute):
    if attribute.startswith("__"):
        raise AttributeError(attribute)
    raise ModuleNotFoundError("{name} is not installed", name="{name}")


def __getattr__(attribute):
    if attribute.startswith("__"):
        raise AttributeError(attribute)
    return Absent
'''


def missing() -> list[str]:
    """Those of the packages that cannot be imported here."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def write(folder: Path, names: list[str]) -> None:
    """Write stand-ins below a folder, which becomes part of the path of modules."""
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for module in ("__init__", *PACKAGES[name]):
            (folder / name / f"{module}.py").write_text(SOURCE.format(name=name))
