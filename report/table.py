"""A table of a report: rows and columns, written as CSV, Markdown and LaTeX."""

import csv
import io
import math
import re
import textwrap
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

Row = dict[str, Any]


class Column(NamedTuple):
    """One column: its name in CSV, its heading, decimals of its numbers (None: text), is more better?

    The ends of its numbers' intervals are columns of their own in CSV, and stand in brackets elsewhere. So
    are standard deviations, which a row has as `<key>_std`; elsewhere they follow ±.
    """

    key: str
    heading: str
    decimals: int | None = None
    ranked: bool = False
    ends: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows and their columns; a row lacks the keys of its empty cells, or has None or NaN there.

    Attributes:
        title: one line above the table.
        columns: in order.
        rows: one mapping per row.
    """

    title: str
    columns: list[Column]
    rows: list[Row]

    def csv(self) -> str:
        """Comma-separated, one header line, empty cells empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = [column._replace(key=key) for column in self.columns for key in self._keys(column)]
        writer.writerow([column.key for column in columns])
        writer.writerows([_cell(row, column) for column in columns] for row in self.rows)
        return text.getvalue()

    def markdown(self) -> str:
        """A GitHub-flavoured table, the best of a ranked column bold; columns without values are left out."""
        columns = self._filled()
        lines = [
            [column.heading for column in columns],
            ["---" if column.decimals is None else "---:" for column in columns],
            *([_marked(row, column, self.rows) for column in columns] for row in self.rows),
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

    def latex(self, note: str) -> str:
        """A float for the packages booktabs and graphicx, as wide as the page, marked as in Markdown.

        What several headings have before their comma stands above these columns. Headings stand upright, so
        that twenty columns fit a page in letters that can be read.

        Args:
            note: follows the title in the caption.
        """
        columns = self._filled()
        headings = pd.MultiIndex.from_tuples(_split([column.heading for column in columns]))
        cells = pd.DataFrame(
            [[_shown(row, column) for column in columns] for row in self.rows], columns=headings
        )
        bold = pd.DataFrame(
            [[_is_best(row, column, self.rows) for column in columns] for row in self.rows], columns=headings
        )
        styled = cells.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
        styled = styled.format_index(_upright, escape="latex", axis=1, level=1)
        styled = styled.apply(lambda _: bold.replace({True: "textbf:--rwrap", False: ""}), axis=None)
        sides = "".join("l" if column.decimals is None else "r" for column in columns)
        tabular = styled.to_latex(hrules=True, column_format=sides, multicol_align="c")
        tabular = re.sub(r" ± ([\d.]+)", r" {\\scriptsize$\\pm$\1}", tabular)
        caption = self.title.partition(": ")[2]  # LaTeX numbers its tables itself
        return (
            "\\begin{table*}\n\\centering\n"
            f"\\caption{{{caption}. {note}}}\n"
            "\\setlength{\\tabcolsep}{3pt}\n"
            f"\\resizebox{{\\textwidth}}{{!}}{{%\n{tabular.rstrip()}}}\n"
            "\\end{table*}\n"
        )

    def short(self, keys: Collection[str]) -> "Table":
        """The table with these columns alone, without the ends of their numbers' intervals."""
        chosen = [column._replace(ends=()) for column in self.columns if column.key in keys]
        return Table(self.title, chosen, self.rows)

    def _keys(self, column: Column) -> list[str]:
        """What a column is in CSV: its numbers, their standard deviations where there are any, their ends."""
        deviation = f"{column.key}_std"
        some = any(_cell(row, column._replace(key=deviation)) for row in self.rows)
        return [column.key, *([deviation] if some else []), *column.ends]

    def _filled(self) -> list[Column]:
        return [column for column in self.columns if any(_cell(row, column) for row in self.rows)]


def _split(headings: list[str]) -> list[tuple[str, str]]:
    """What each heading shares with others, and the rest of it."""
    firsts = Counter(heading.partition(", ")[0] for heading in headings)
    parts = [(*heading.partition(", ")[::2], heading) for heading in headings]
    return [(first, own) if own and firsts[first] > 1 else ("", whole) for first, own, whole in parts]


def _upright(heading: str) -> str:
    """A heading in LaTeX, turned by 90 degrees, in lines of at most 24 characters."""
    lines = "\\\\".join(textwrap.wrap(heading, 24, break_on_hyphens=False))
    return f"\\rotatebox{{90}}{{\\shortstack[l]{{{lines}}}}}"


def _cell(row: Row, column: Column) -> str:
    value = row.get(column.key)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value) if column.decimals is None else f"{value:z.{column.decimals}f}"


def _shown(row: Row, column: Column) -> str:
    cell = _cell(row, column)
    deviation = _cell(row, column._replace(key=f"{column.key}_std"))
    ends = " to ".join(_cell(row, column._replace(key=key)) for key in column.ends)
    return f"{cell}{f' ± {deviation}' if deviation else ''}{f' ({ends})' if cell and ends else ''}"


def _marked(row: Row, column: Column, rows: list[Row]) -> str:
    cell = _shown(row, column)
    return f"**{cell}**" if _is_best(row, column, rows) else cell


def _is_best(row: Row, column: Column, rows: list[Row]) -> bool:
    """Whether a ranked column has no larger number as printed; several may share the first place."""
    cell = _cell(row, column)
    if not column.ranked or not cell:
        return False
    return float(cell) == max(float(_cell(other, column) or "-inf") for other in rows)
