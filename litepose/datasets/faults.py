"""What is wrong with a file: counted by kind, the first of each kind told, all in one sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from litepose.core.errors import InputError

KINDS, ENTRIES = 3, 4  # told in one sentence


class Faults:
    """Collects faults of a file, to refuse them together."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kinds: dict[str, tuple[str, list[int]]] = {}

    def add(self, kind: str, entry: int, sentence: str) -> None:
        """Note a fault.

        Args:
            kind: what faults have in common that are counted together.
            entry: number of the entry in its list.
            sentence: which entry and field, what was found, what is expected; told of the kind's first.
        """
        _, entries = self._kinds.setdefault(kind, (sentence, []))
        entries.append(entry)

    def add_where(
        self, kind: str, broken: np.ndarray, entries: np.ndarray, sentence: Callable[[int], str]
    ) -> None:
        """Note a fault of every row where ``broken`` [N] holds.

        Args:
            kind: as for :meth:`add`.
            broken: bool [N].
            entries: int [N], numbers of the rows' entries in their list.
            sentence: of a row.
        """
        rows = np.flatnonzero(broken)
        if len(rows):
            _, known = self._kinds.setdefault(kind, (sentence(int(rows[0])), []))
            known.extend(entries[rows].tolist())

    def refuse(self) -> None:
        """Raise the faults, if there are any.

        Raises:
            InputError: one sentence with the first fault of each of the first kinds, and the counts.
        """
        if self._kinds:
            raise InputError(f"{self._file}: {'; '.join(self._clauses())}.")

    def _clauses(self) -> Iterator[str]:
        for sentence, entries in list(self._kinds.values())[:KINDS]:
            yield " ".join(sentence.split()) + counted(entries)
        further = sum(len(entries) for _, entries in list(self._kinds.values())[KINDS:])
        if further:
            yield f"and {further} faults of {len(self._kinds) - KINDS} other kinds"


def counted(entries: list[int]) -> str:
    """How many entries and which ones, in brackets; nothing for a single one."""
    if len(entries) < 2:
        return ""
    some = ", ".join(map(str, entries[:ENTRIES]))
    return f" ({len(entries)} such entries: {some}{', ...' if len(entries) > ENTRIES else ''})"
