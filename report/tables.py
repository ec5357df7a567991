"""Tables 1 to 3 and the cost table: published and measured numbers in columns of their own."""

import csv
import io
import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from report.published import Published
from report.results import Results
from report.systems import (
    RUNTIME_TITLES,
    SHRINKING,
    ZOO,
    coco_key,
    coco_run,
    crowdpose_run,
    half_key,
)

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


_COST = [
    Column("input_size", "Input (px)", 0),
    Column("params_m_published", "#Params (M), published", 1),
    Column("params_m_counted", "#Params (M), counted", 2),
    Column("macs_g_published", "#MACs (G), published", 1),
    Column("macs_paper_g_counted", "#MACs (G), counted as the paper does", 2),
    Column("macs_g_counted", "#MACs (G), counted truly", 2),
]
_BOARDS = [
    Column("nano_ms_published", "Nano (ms), published", 0),
    Column("mobile_ms_published", "Mobile (ms), published", 0),
    Column("pi_ms_published", "Pi (ms), published", 0),
]
_TRAINED = [
    Column("trained_input_size", "Trained at (px)", 0),
    Column("trained_macs_g", "#MACs (G) of the trained network, true", 3),
]


def table1(published: Published, results: Results) -> Table:
    """Table 1: systems on CrowdPose, followed by LitePose-M and -L where they were trained."""
    extra = [{"model": model} for model in ("LitePose-M", "LitePose-L") if results.run(crowdpose_run(model))]
    rows = []
    for paper in [*_records(published.table1), *extra]:
        model = paper["model"]
        row = {
            "model": model,
            **_system_row(paper, results, ZOO[model]),
            **_published(paper, "ap", "ap50", "ap75"),
        }
        rows += _runs(row, crowdpose_run(model), results, AP="ap", AP50="ap50", AP75="ap75")
    columns = [
        Column("model", "Model"),
        *_COST,
        *_BOARDS,
        *_latency_columns(results),
        *_pair("ap", "AP"),
        *_pair("ap50", "AP50"),
        *_pair("ap75", "AP75"),
        *_TRAINED,
    ]
    return Table("Table 1: CrowdPose test", columns, rows)


def table2(published: Published, results: Results) -> Table:
    """Table 2: systems on COCO."""
    rows = []
    for paper in _records(published.table2):
        model = paper["model"]
        row = {
            "model": model,
            **_system_row(paper, results, coco_key(model)),
            **_published(paper, "ap_val", "ap_test_dev"),
        }
        rows += _runs(row, coco_run(model), results, AP="ap_val", AP_test="ap_test")
    columns = [
        Column("model", "Model"),
        *_COST,
        *_BOARDS,
        *_latency_columns(results),
        *_pair("ap_val", "AP val"),
        Column("ap_test_dev_published", "AP test-dev, published", 1, ranked=True),
        Column("ap_test_measured", "AP test, measured", 1, ranked=True),
        *_TRAINED,
    ]
    return Table("Table 2: COCO", columns, rows)


def _runs(row: Row, run: str, results: Results, **scores: str) -> Iterator[Row]:
    """A system's row with what its run measured; another where the published architecture was trained too.

    The first row of a LitePose is what the run's own search found.
    """
    measured = results.run(run)
    yield {**row, **_measured(measured, **scores), **_trained(measured)}
    twin = results.run(f"{run}-published")
    if twin:
        name = {"model": f"{row['model']} (published architecture)"}
        own = {key: value for key, value in row.items() if not key.endswith("_published")}
        yield {**own, **name, **_measured(twin, **scores), **_trained(twin)}


def table3(published: Published, results: Results) -> Table:
    """Table 3: what kernels, fusion head, supernet, search and distillation bring, on CrowdPose."""
    rows = []
    for paper in _records(published.table3):
        run, key = ablation(paper)
        measured = results.run(run)
        rows.append(
            {
                "arch": paper["arch"],
                "kernel": paper["kernel"],
                **{
                    name: "yes" if paper[name] else ""
                    for name in ("fusion_deconv_head", "supernet", "distillation")
                },
                **_cost(paper, results.cost(key)),
                **_published(paper, "ap"),
                **_measured(measured, AP="ap"),
                **_trained(measured),
            }
        )
    columns = [
        Column("arch", "Architecture"),
        Column("kernel", "Kernel", 0),
        Column("fusion_deconv_head", "Fusion"),
        Column("supernet", "Supernet"),
        Column("distillation", "Distilled"),
        *_COST,
        *_pair("ap", "AP"),
        *_TRAINED,
    ]
    return Table("Table 3: ablations on CrowdPose", columns, rows)


def ablation(row: Mapping[str, Any]) -> tuple[str, str]:
    """Run and complexity name of a row of the published Table 3."""
    if row["arch"] == "0.5 LitePose":
        key = half_key(row["kernel"], bool(row["fusion_deconv_head"]))
        if row["supernet"]:
            return "ablation/half-supernet", key
        return (f"kernels/{row['kernel']}" if row["fusion_deconv_head"] else "ablation/no-fusion"), key
    if row["arch"] == "LitePose-XS" and not row["distillation"]:
        return f"ablation/xs-{'supernet' if row['supernet'] else 'scratch'}", ZOO[row["arch"]]
    return crowdpose_run(row["arch"]), ZOO[row["arch"]]


def complexity_table(published: Published, results: Results) -> Table:
    """#Params and #MACs of every row of Tables 1 to 3 and of the shrinkings, published and counted."""
    places = [
        *(("Table 1", paper["model"], ZOO[paper["model"]], paper) for paper in _records(published.table1)),
        *(
            ("Table 2", paper["model"], coco_key(paper["model"]), paper)
            for paper in _records(published.table2)
        ),
        *(
            ("Table 3", ablation_name(paper), ablation(paper)[1], paper)
            for paper in _records(published.table3)
        ),
        *(
            ("Section 3.2", paper["config"], SHRINKING[paper["config"]][0], paper)
            for paper in _records(published.shrinking)
        ),
    ]
    rows = []
    for place, name, key, paper in places:
        cost = _cost(paper, results.cost(key))
        rows.append(
            {
                "place": place,
                "system": name,
                **cost,
                "params_difference": _relative(cost, "params_m_counted", "params_m_published"),
                "macs_paper_difference": _relative(cost, "macs_paper_g_counted", "macs_g_published"),
                "macs_difference": _relative(cost, "macs_g_counted", "macs_g_published"),
            }
        )
    columns = [
        Column("place", "Place"),
        Column("system", "System"),
        _COST[0],
        *_COST[1:3],
        Column("params_difference", "difference (%)", 1),
        *_COST[3:5],
        Column("macs_paper_difference", "difference (%)", 1),
        _COST[5],
        Column("macs_difference", "difference (%)", 1),
    ]
    return Table("Published and counted cost", columns, rows)


def ablation_name(paper: Row) -> str:
    """A row of Table 3 in one line."""
    fusion = "" if paper["fusion_deconv_head"] else ", no fusion"
    supernet = ", supernet" if paper["supernet"] else ""
    distilled = ", distilled" if paper["distillation"] else ""
    return f"{paper['arch']}, kernel {paper['kernel']}{fusion}{supernet}{distilled}"


def _relative(row: Row, counted: str, published: str) -> float | None:
    ours, theirs = row.get(counted), row.get(published)
    return None if ours is None or theirs is None else 100 * (ours / theirs - 1)


def _records(frame: Any) -> list[Row]:
    return frame.to_dict("records")


def _system_row(paper: Row, results: Results, key: str) -> Row:
    row = _cost(paper, results.cost(key)) | _published(paper, "nano_ms", "mobile_ms", "pi_ms")
    for device, runtime in results.timed():
        latency = results.latency(device, runtime, ZOO[paper["model"]])
        row |= {f"{device}_{runtime}_{name}_measured": value for name, value in latency.items()}
    return row


def _cost(paper: Row, counted: Mapping[str, float]) -> Row:
    return {
        "input_size": counted.get("input_size", paper.get("input_size")),
        **_published(paper, "params_m", "macs_g"),
        **{f"{name}_counted": counted.get(name) for name in ("params_m", "macs_paper_g", "macs_g")},
    }


def _published(paper: Row, *names: str) -> Row:
    return {f"{name}_published": paper.get(name) for name in names}


def _measured(run: Mapping[str, Any], **names: str) -> Row:
    """A run's metrics under the names of columns; of several seeds also their standard deviations."""
    means = {f"{name}_measured": run.get(metric) for metric, name in names.items()}
    return means | {f"{name}_measured_std": run.get(f"{metric}_std") for metric, name in names.items()}


def _trained(run: Mapping[str, Any]) -> Row:
    return {"trained_input_size": run.get("resolution"), "trained_macs_g": run.get("macs_g")}


def _pair(name: str, heading: str) -> Iterable[Column]:
    return (
        Column(f"{name}_published", f"{heading}, published", 1, ranked=True),
        Column(f"{name}_measured", f"{heading}, measured", 1, ranked=True),
    )


def _latency_columns(results: Results) -> list[Column]:
    return [
        Column(
            f"{device}_{runtime}_ms_measured",
            f"{device}, {RUNTIME_TITLES.get(runtime, runtime)} (ms), measured",
            1,
            ends=tuple(f"{device}_{runtime}_{end}_ms_measured" for end in ("low", "high")),
        )
        for device, runtime in results.timed()
    ]
