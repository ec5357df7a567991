"""Print what changed between two revisions in the verdicts and in Tables 1 to 3.

Usage: python -m tools.compare REVISION [REVISION]     the second is what lies on disk by default
"""

import argparse
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import SCMError, resolve_rev

from litepose.core.errors import InputError

CLAIMS = "metrics/claims.json"
TABLES = {f"Table {number}": f"metrics/tables/table{number}.csv" for number in (1, 2, 3)}
WORKSPACE = "workspace"
# What names a row of a table: its columns before this one
FIRST_NUMBER = "input_size"


def main() -> None:
    """Print the verdicts and the cells of tables that differ, old beside new."""
    parser = argparse.ArgumentParser(prog="python -m tools.compare", description=__doc__.splitlines()[0])
    parser.add_argument("old", help="a commit, branch, tag or DVC experiment")
    parser.add_argument("new", nargs="?", default=WORKSPACE, help="another; default: the files on disk")
    arguments = parser.parse_args()
    names = (arguments.old, arguments.new)
    try:
        commits = [None if name == WORKSPACE else resolve(name) for name in names]
        verdicts, cells = changes(*(Files(name, commit) for name, commit in zip(names, commits, strict=True)))
    except InputError as error:
        sys.exit(f"error: {error}")
    show("Verdicts", verdicts, "No verdict changed.")
    show("Tables", cells, "No cell of a table changed.")


def resolve(revision: str) -> str:
    """Commit of a revision.

    Raises:
        InputError: there is none of this name, git is missing, or it does not read this repository.
    """
    check_repository()
    try:
        with Repo() as repo:
            return resolve_rev(repo.scm, revision)
    except (DvcException, SCMError):
        raise InputError(
            f"There is no revision {revision!r} here: give a commit, branch, tag or DVC experiment."
        ) from None


def check_repository() -> None:
    """Find that git reads the repository of the current directory.

    Raises:
        InputError: it is not installed, this is no repository, or one that another user owns.
    """
    try:
        found = subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True, text=True)
    except FileNotFoundError:
        raise InputError("git is not on the path: install it, or add its directory to PATH.") from None
    if found.returncode != 0:
        reason = found.stderr.partition("\n")[0].removeprefix("fatal: ")
        raise InputError(f"git does not read this directory ({reason}): compare in a clone of your own.")


class Files:
    """The committed files of a revision, or those on disk.

    Args:
        name: of the revision, for messages.
        commit: None for the files on disk.
    """

    def __init__(self, name: str, commit: str | None) -> None:
        self.name, self.commit = name, commit

    def read(self, path: str) -> str | None:
        """Text of a file; None where the revision has none."""
        if self.commit is None:
            return Path(path).read_text() if Path(path).is_file() else None
        shown = subprocess.run(["git", "show", f"{self.commit}:./{path}"], capture_output=True, text=True)
        return shown.stdout if shown.returncode == 0 else None


def changes(old: Files, new: Files) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Claims whose verdict differs, and cells of tables that differ, a column per revision.

    Raises:
        InputError: a revision has neither verdicts nor tables.
    """
    for files in (old, new):
        if not any(files.read(path) for path in (CLAIMS, *TABLES.values())):
            raise InputError(f"{files.name} has no {CLAIMS} and no tables: run dvc repro report there.")
    verdicts = [pd.Series(_verdicts(files.read(CLAIMS)), dtype=object) for files in (old, new)]
    kinds = [series.map(lambda item: item["verdict"]) for series in verdicts]
    said = [series.map(_say) for series in verdicts]
    cells = [_cells(files) for files in (old, new)]
    names = [old.name, new.name]
    return _differing(said, names, kinds), _differing(cells, names, cells)


def _verdicts(text: str | None) -> dict[str, Any]:
    return json.loads(text) if text else {}


def _say(finding: dict[str, Any]) -> str:
    """Verdict, value and interval in a few words."""
    words = [finding["verdict"]]
    if "value" in finding:
        words.append(f"{finding['value']:g}")
    if "low" in finding:
        words.append(f"({finding['low']:g} to {finding['high']:g})")
    return " ".join(words)


def _cells(files: Files) -> pd.Series:
    """All cells of the tables as text, by table, row and column; latencies without their intervals' ends."""
    cells: dict[tuple[str, str, str], str] = {}
    for title, path in TABLES.items():
        text = files.read(path)
        if text is None:
            continue
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
        first = table.columns.get_loc(FIRST_NUMBER)
        for row in table.to_dict("records"):
            keys, values = list(row.items())[:first], list(row.items())[first:]
            name = " ".join(_word(key, value) for key, value in keys if value)
            cells |= {
                (title, name, column): value
                for column, value in values
                if not column.endswith(("_low_ms_measured", "_high_ms_measured"))
            }
    return pd.Series(cells, dtype=object)


def _word(key: str, value: str) -> str:
    """A cell that names a row: a tick by its column."""
    return key if value == "yes" else value


def _differing(shown: list[pd.Series], names: list[str], compared: list[pd.Series]) -> pd.DataFrame:
    """Entries of two series that differ, in the order of the later one."""
    old, new = compared
    order = [*new.index, *old.index.difference(new.index)]
    different = [key for key in order if old.get(key, "") != new.get(key, "")]
    return pd.DataFrame(
        {name: [series.get(key, "") for key in different] for name, series in zip(names, shown, strict=True)},
        index=[" | ".join(key) if isinstance(key, tuple) else key for key in different],
    )


def show(title: str, table: pd.DataFrame, nothing: str) -> None:
    """Print a table of differences, or the sentence that there are none."""
    print(f"{title}\n")
    print(f"{nothing if table.empty else table.to_string()}\n")


if __name__ == "__main__":
    main()
