"""Results of a run of evaluations, kept in a file: an interrupted run goes on after what is finished."""

import json
from pathlib import Path
from typing import Any

from litepose.core.errors import InputError
from litepose.core.files import write_text

Row = dict[str, Any]


class History:
    """Rows by their number, kept in a JSON file together with what identifies the run.

    Args:
        path: of the file; where it exists, its rows are taken over.
        settings: whatever decides the rows; JSON values.

    Raises:
        InputError: the file holds the rows of other settings.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path, self._settings = path, json.loads(json.dumps(settings))
        self._rows: dict[int, Row] = {}
        if path.exists():
            saved = json.loads(path.read_text())
            if saved["settings"] != self._settings:
                raise InputError(f"{path} holds results of other settings: delete it to start afresh.")
            self._rows = {row["index"]: row for row in saved["rows"]}

    @property
    def rows(self) -> list[Row]:
        """All rows, by their ``index``."""
        return [self._rows[index] for index in sorted(self._rows)]

    def __contains__(self, index: int) -> bool:
        return index in self._rows

    def add(self, row: Row) -> None:
        """Keep a row, its number being its ``index``."""
        self._rows[row["index"]] = row
        write_text(self._path, json.dumps({"settings": self._settings, "rows": self.rows}))
