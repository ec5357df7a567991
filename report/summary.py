"""The run on one Markdown page: tables, figures, data, machine, time per stage, and what differs."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from report import diagnosis, lead, verdicts
from report.claims import Finding
from report.results import Results, Time
from report.runs import SEARCHES, STAGES, SUPERNETS
from report.table import Column, Row, Table
from report.tables import NOT_TRAINED, NOTE, ablation_name

_CLAIMS = (
    "Every claim of the paper that can be tested: the measured difference or ratio with its 95 % interval, "
    "the published one, and the side that the paper claims."
)
_FIGURES = {
    "figure1": "Figure 1. AP on COCO against latency: published on a Snapdragon 855, measured on this host.",
    "figure3": "Figure 3. AP of HigherHRNet-W16 and of its three shrinkings.",
    "figure6": "Figure 6. The fusion head: AP of 0.5 LitePose without and with it, and the feature maps "
    "that it reads.",
    "figure7": "Figure 7. Kernel size: AP of 0.5 LitePose, and accuracy of its backbone on classification.",
    "figure8": "Figure 8. One branch against many: #MACs (as the paper counts) that a second executes. "
    "LitePose-L's published AP is HigherHRNet-W16's + 11.6, as section 3.4 states.",
    "figure9": "Figure 9. AP on CrowdPose against #MACs (as the paper counts) and latency. A measured point "
    "pairs the AP of the network that this run trained with the cost of the published architecture.",
    "curves/search": "Search. The best AP so far, with the supernet's weights, against networks evaluated: "
    "evolution, and a random search beside it; of several seeds the mean and its 95 % interval.",
}
_FOUND = (
    "Figure 5. The first test images of two or more people (of one, where there are too few): heatmaps, and "
    "as many people as are annotated, one colour each, of networks with and without large kernels and the "
    "fusion head."
)
# Percent; and what a number printed with one decimal may be off by.
_TOLERANCE = 1.0
_ROUNDING = 0.05


def summarise(
    profile: str,
    sources: Mapping[str, str],
    findings: list[Finding],
    tables: list[Table],
    costs: Table,
    limits: Table,
    results: Results,
    gpu: str,
    trainings: int = 1,
) -> str:
    """Write the page.

    Args:
        profile: name of the parameters' profile.
        sources: where each data set comes from: `synthetic`, `local` or `download`.
        findings: on the paper's claims.
        tables: Tables 1 to 3.
        costs: the table of published and counted costs.
        limits: what limits each network.
        results: this run's metrics.
        gpu: what was checked and measured on a GPU, or the sentence that nothing was.
        trainings: of each network that the tables compare, with different seeds.
    """
    smaller = any(_smaller(row) for table in tables for row in table.rows)
    drawn = "synthetic" in sources.values()
    sections = [
        lead.opening(profile, findings, smaller, drawn),
        f"## What the paper claims, and what this run says\n\n{_shown('overview/claims', _CLAIMS)}",
        f"## What networks find\n\n{_shown('figure5', _FOUND)}",
        "## Figures",
        *(_shown(name, text) for name, text in _FIGURES.items()),
        f"## How to read the numbers\n\n{lead.reading(sources, results, smaller, trainings)}",
        f"## {verdicts.table(findings).title}\n\n{verdicts.markdown(findings, trainings)}",
        *(f"## {table.title}\n\n{table.markdown()}\n{_note(table)}" for table in tables),
        _section(limits.title, limits.columns, limits.rows, diagnosis.NOTE),
        f"## What differs\n\n{_bullets(_differences(profile, tables, costs))}",
        f"## {costs.title}\n\n{costs.markdown()}",
        _searches(results),
        _rankings(results),
        _statistics(results),
        _machines(results),
        f"## On a GPU\n\n{gpu}",
        _times(results),
    ]
    return "\n".join(section.rstrip("\n") + "\n" for section in sections if section)


def _shown(name: str, text: str) -> str:
    """A picture and what it shows."""
    return f"![{text}](../plots/{name}.png)\n\n*{text}*"


def _note(table: Table) -> str:
    """What stands below one of Tables 1 to 3."""
    notes = [NOTE] if any(_is(row, "images_before") for row in table.rows) else []
    return "\n\n".join([*notes, NOT_TRAINED] if "COCO" in table.title else notes)


def _differences(profile: str, tables: list[Table], costs: Table) -> Iterator[str]:
    """What keeps this run's numbers apart from the paper's."""
    if any(_smaller(row) for table in tables for row in table.rows):
        yield (
            f"The profile `{profile}` trains smaller networks on smaller images than the paper's: "
            "the last columns of each table say what was trained."
        )
    for table in tables:
        missing = [row for row in table.rows if not any(_is(row, key) for key in _measured(row))]
        if missing:
            yield f"{table.title}: not trained in this run: {', '.join(_row_name(row) for row in missing)}."
    for row in costs.rows:
        yield from _cost_differences(row)


def _cost_differences(row: Row) -> Iterator[str]:
    """Costs that neither rounding in the paper nor the tolerance in percent explains."""
    for name, counted, published, difference in (
        ("#Params", "params_m_counted", "params_m_published", "params_difference"),
        ("#MACs counted as it does", "macs_paper_g_counted", "macs_g_published", "macs_paper_difference"),
    ):
        if not _is(row, difference) or abs(row[difference]) <= _TOLERANCE:
            continue
        if abs(row[counted] - row[published]) > _ROUNDING:
            yield (
                f"{row['place']}, {row['system']}: {name} are {row[counted]:.2f} where the paper prints "
                f"{row[published]} ({row[difference]:+.1f} %)."
            )


def _row_name(row: Row) -> str:
    return row["model"] if "model" in row else ablation_name(row)


def _smaller(row: Row) -> bool:
    return _is(row, "trained_input_size") and row["trained_input_size"] < (row["input_size"] or 0)


def _measured(row: Row) -> Iterator[str]:
    return (key for key in row if key.startswith("ap") and key.endswith("_measured"))


def _is(row: Row, key: str) -> bool:
    """Whether a cell holds a number."""
    return row.get(key) is not None and not math.isnan(row[key])


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _bullets(lines: Iterator[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "Nothing."


def _searches(results: Results) -> str:
    found = [(title, results.run(f"search/{size}")) for size, title in SEARCHES.items()]
    columns = [
        Column("size", "Search"),
        Column("AP", "AP of the found network, val", 1),
        Column("random_AP", "AP of random search", 1),
        Column("macs_paper_g", "#MACs (G)", 3),
        Column("budget_macs_paper_g", "Budget (G)", 3),
        Column("near_budget", "Networks 2 % under it", 0),
        Column("evaluations", "Evaluations", 0),
        Column("held_out_AP", "AP, test", 1, ends=("held_out_AP_low", "held_out_AP_high")),
        Column(
            "held_out_random_AP",
            "of random search, test",
            1,
            ends=("held_out_random_AP_low", "held_out_random_AP_high"),
        ),
        Column("gain", "Gain over random search, test", 1, ends=("gain_low", "gain_high")),
    ]
    rows = [{"size": title, **run} for title, run in found if run]
    note = (
        "Networks with the supernet's weights; the random search has as many evaluations. On `val`, where "
        "the networks were chosen, those of the first seed; on the first images of the test split, which "
        "chose none, those of all seeds, with intervals over seeds and images. Both searches draw first from "
        "the networks at most 2 % under the budget: where these are few, chance finds the best of them too."
    )
    return _section("Search", columns, rows, note)


def _rankings(results: Results) -> str:
    """Does the order by shared weights hold after training, and what does calibration bring?"""
    found = [(size, results.run(f"ranking/{size}")) for size in SUPERNETS]
    columns = [
        Column("supernet", "Supernet"),
        Column("configurations", "Configurations", 0),
        Column("AP_inherited", "Mean AP, inherited", 1),
        Column("AP_calibrated", "calibrated", 1),
        Column("AP_finetuned", "fine-tuned", 1),
        Column("kendall_tau", "Kendall's tau, calibrated and fine-tuned", 2),
        Column("kendall_p", "p", 3),
        Column("kendall_macs_tau", "Kendall's tau, #MACs and fine-tuned", 2),
        Column("kendall_macs_p", "p", 3),
    ]
    note = "The same networks with inherited weights, with batch norm calibrated, and after own fine-tuning."
    return _section("Ranking", columns, [{"supernet": size, **run} for size, run in found if run], note)


def _statistics(results: Results) -> str:
    """One row per statistic, beside it the target that the data set's generator aims at, if any."""
    numbers = {name: results.run(f"dataset/{name}") for name in lead.TITLES}
    keys = _unique(
        key
        for run in numbers.values()
        for key, value in run.items()
        if _is_number(value) and key != "seconds" and not key.endswith(("_target", "_difference"))
    )
    columns = [Column("statistic", "Statistic")]
    for name, title in lead.TITLES.items():
        columns += [Column(name, title), Column(f"{name}_target", f"{title}, target")]
    rows = [
        {
            "statistic": f"`{key}`",
            **{name: _short(run.get(key)) for name, run in numbers.items()},
            **{f"{name}_target": _short(run.get(f"{key}_target")) for name, run in numbers.items()},
        }
        for key in keys
    ]
    note = (
        "Per image: people. Per person: height as a share of the image's, labelled and visible joints. "
        "`q05` to `q95`: quantiles in percent. `crowd_index`: shares of the images by CrowdPose's measure of "
        "crowding. *Target*: what the drawn scenes aim at, from CrowdPose's annotations."
    )
    warnings = [
        f"- {title}, {text}" for name, title in lead.TITLES.items() for text in results.warnings(name)
    ]
    if warnings:
        note += "\n\nIt looks wrong, though it is allowed:\n\n" + "\n".join(warnings)
    return _section("Data", columns, rows, note)


def _machines(results: Results) -> str:
    machines = {device: results.machine(device) for device in results.devices()}
    lines = [f"- `{device}`: {_machine(machine)}" for device, machine in machines.items()]
    if not lines:
        return ""
    note = (
        "Milliseconds per image with their 95 % interval over visits, at the published input size, random "
        "weights. In a visit a network is loaded anew and run several times; a visit counts by its median."
    )
    return f"## Machine and latency\n\n{note}\n\n" + "\n".join(lines)


def _machine(machine: Mapping[str, Any]) -> str:
    facts = [f"{key} {value}" for key, value in machine.items() if key not in ("seconds", "left_out")]
    left_out = " ".join(["", "Left out:", *machine["left_out"]] if machine.get("left_out") else [])
    return f"{', '.join(facts)}.{left_out}"


def _times(results: Results) -> str:
    times = sorted(results.times().items(), key=lambda item: (_stage_order(item[0]), item[0]))
    rows = [{"run": f"`{run}`", **_minutes(time)} for run, time in times]
    columns = [
        Column("training", "Training (min)", 1),
        Column("others", "Test, or other work (min)", 1),
        Column("minutes", "Together (min)", 1),
    ]
    rows.append(
        {"run": "all", **{column.key: sum(row.get(column.key, 0) for row in rows) for column in columns}}
    )
    columns.insert(0, Column("run", "Run"))
    note = "By the clock, each run by itself: where runs lay side by side, the whole took less than the sum."
    return _section("Time", columns, rows, note) if times else ""


def _minutes(time: Time) -> Row:
    parts = {name: seconds / 60 for name, seconds in time._asdict().items() if seconds is not None}
    return {**parts, "minutes": time.total / 60}


def _stage_order(run: str) -> int:
    """Place in the pipeline's order; what is not named there comes last."""
    stage = run.partition("/")[0]
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _section(title: str, columns: list[Column], rows: list[Row], note: str = "") -> str:
    parts = (f"## {title}", note, Table(title, columns, rows).markdown())
    return "\n\n".join(part for part in parts if part) if rows else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: float | None) -> str | None:
    return f"{value:.4g}" if isinstance(value, float) else value
