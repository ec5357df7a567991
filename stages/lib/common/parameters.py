"""The parameters of a run: params.yaml, all of it checked before anything runs."""

import difflib
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from voluptuous import DictInvalid, Invalid, MultipleInvalid, RequiredFieldInvalid, Schema

from litepose.core.errors import InputError
from stages.lib.common.kinds import Misnamed
from stages.lib.common.references import findings
from stages.lib.common.schema import SCHEMA

PARAMS = Path("params.yaml")
REFERENCE_PARAMS = Path("profiles/tiny.yaml")
_SCHEMA = Schema(SCHEMA, required=True)

Values = dict[str, Any]


def params() -> Values:
    """Parameters of this run; a stage reads them once and hands down what its parts need.

    Raises:
        InputError: a key is unknown or missing, or a value is none that the stages can work with.
    """
    return read_params(PARAMS)


def read_params(path: Path, reference_path: Path = REFERENCE_PARAMS) -> Values:
    """Read a parameter file and check all of it.

    Args:
        path: of the file.
        reference_path: of a file that shows what a missing key may be.

    Raises:
        InputError: see :func:`params`.
    """
    values = _read(path)
    check(values, path, reference_path)
    return values


def check(values: Any, path: Path, reference_path: Path = REFERENCE_PARAMS) -> None:
    """Check all that a parameter file holds.

    Raises:
        InputError: see :func:`params`; of several slips the first is told.
    """
    for sentence in _problems(values, path, reference_path):
        raise InputError(sentence)


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


def _read(path: Path) -> Any:
    """Content of a YAML file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)
    except Exception as error:  # beside its own errors, PyYAML lets through those of int(), date() and others
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} cannot be read ({reason}): copy a file of profiles/ to it") from None


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, except that a key which comes twice is an error: so says YAML, and so does DVC.

    That in C would crash on deep nesting.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} comes twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _problems(values: Any, path: Path, reference_path: Path) -> Iterator[str]:
    """Sentences about what is wrong; several values together are looked at once each is right by itself."""
    try:
        _SCHEMA(values)
    except MultipleInvalid as found:
        for error in found.errors:  # those of a key that is a name come one level deeper
            single = error.errors[0] if isinstance(error, MultipleInvalid) else error
            yield _sentence(single, values, path, reference_path)
        return
    for place, expected in findings(values):
        yield f"{path}: {'.'.join(place)} {_shown(_at(values, place))}: {expected}"


def _sentence(error: Invalid, values: Any, path: Path, reference_path: Path) -> str:
    """What a person has to change."""
    where = ".".join(map(str, error.path))
    if isinstance(error, RequiredFieldInvalid):
        return f"{path}: {where} is missing: {reference_path} has {_at(_read(reference_path), error.path)!r}"
    if isinstance(error, Misnamed):
        return f"{path}: unknown key {where}: {error.msg}"
    if error.msg == "extra keys not allowed":
        known = sorted(_at(SCHEMA, error.path[:-1]))
        close = difflib.get_close_matches(str(error.path[-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys are {', '.join(known)}"
        return f"{path}: unknown key {where}: {hint}"
    value = _at(values, error.path)
    expected = "expected a section of keys with values" if isinstance(error, DictInvalid) else error.msg
    return f"{path}: {where or 'the file'} {_shown(value)}: {expected}{_as_number(value)}"


def _at(values: Any, path: Sequence[Any]) -> Any:
    """What lies at a path; in a mapping whose keys are names (of runs, say), what lies at any of them."""
    for key in path:
        values = values[key] if key in values else next(iter(values.values()))
    return values


def _shown(value: Any) -> str:
    """A value in few words, of a section its keys."""
    if isinstance(value, dict):
        return f"has {', '.join(map(str, value)) or 'no keys'}"
    return f"is {textwrap.shorten(repr(value), 200)}"


def _as_number(value: Any) -> str:
    """A hint for text that was meant as a number."""
    try:
        float(value) if isinstance(value, str) else float("none")
    except ValueError:
        return ""
    return "; YAML takes this for text: write numbers without quotes, and 1e-3 as 1.0e-3"
