"""The parameters of a run: params.yaml, its keys and types checked against a profile's."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from litepose.core.errors import InputError

PARAMS = Path("params.yaml")
REFERENCE_PARAMS = Path("profiles/tiny.yaml")
SKELETON_FILES = Path("skeletons")  # of joints other than COCO's and CrowdPose's
# Sections whose keys name runs or runtimes, which differ between profiles
RUN_KEYS = {"runs", "supernet_runs", "runtimes"}

Values = dict[str, Any]


def params() -> Values:
    """Parameters of this run; a stage reads them once and hands down what its parts need.

    Raises:
        InputError: a key is unknown or missing, or a value has another type than in the profiles.
    """
    return read_params(PARAMS)


def read_params(path: Path, reference_path: Path = REFERENCE_PARAMS) -> Values:
    """Read a parameter file and check its keys and types against a profile's.

    Raises:
        InputError: see :func:`params`.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} cannot be read ({error}): copy a file of profiles/ to it") from None
    _check(values, yaml.safe_load(reference_path.read_text(encoding="utf-8")), path, ())
    return values


def seeds(values: Values) -> list[int]:
    """Seeds of the trainings that the report compares.

    Raises:
        InputError: they are not different whole numbers.
    """
    chosen = values["seeds"]
    whole = all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in chosen)
    if not chosen or not whole or len(set(chosen)) < len(chosen):
        raise InputError(f"{PARAMS}: seeds is {chosen}: expected different whole numbers, as in [0, 1, 2]")
    return chosen


def chosen_run(key: str, runs: Any, name: str) -> Any:
    """Entry of the runs (a mapping or a list) under a key of the parameters that a stage was called with.

    Raises:
        InputError: there is none of that name.
    """
    known = {str(run): run for run in runs}
    if name not in known:
        raise InputError(f"{PARAMS}: {key} has no {name!r}: it has {', '.join(known)}")
    return runs[known[name]] if isinstance(runs, dict) else known[name]


@contextmanager
def section(name: str) -> Iterator[None]:
    """Say which section of the parameters an error of the library comes from."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{PARAMS}: {name}: {error}") from None


def _check(values: Any, reference: Any, path: Path, at: tuple[str, ...]) -> None:
    where = ".".join(at)
    if not _is_like(values, reference):
        kind = "number" if _is_number(reference) else type(reference).__name__
        raise InputError(f"{path}: {where or 'the file'} is {values!r}: expected a {kind}")
    if not isinstance(reference, dict) or (at and at[-1] in RUN_KEYS):
        return
    for key in values.keys() - reference.keys():
        name = ".".join((*at, key))
        close = difflib.get_close_matches(key, reference, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys are {', '.join(sorted(reference))}"
        raise InputError(f"{path}: unknown key {name}: {hint}")
    for key, value in reference.items():
        if key not in values:
            raise InputError(f"{path}: {'.'.join((*at, key))} is missing: profiles/tiny.yaml has {value!r}")
        _check(values[key], value, path, (*at, key))


def _is_like(value: Any, reference: Any) -> bool:
    return _is_number(value) if _is_number(reference) else isinstance(value, type(reference))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
