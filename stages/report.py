"""Make verdicts, tables, figures and the page from metrics, predictions and the published numbers.

Usage: python -m stages.report
"""

from pathlib import Path

import yaml

from litepose.core.files import write_text
from report import (
    claims,
    curves,
    diagnosis,
    examples,
    figures,
    forest,
    page,
    provenance,
    published,
    runs,
    style,
    summary,
    verdicts,
)
from report.claims import Finding
from report.evidence import Evidence
from report.published import Published
from report.results import Results
from report.table import Table
from report.tables import complexity_table, shortened, table1, table2, table3
from stages.lib.common.parameters import Values
from stages.lib.common.results import write_json
from stages.lib.common.running import run_stage

METRICS, PLOTS, DATA, PAPER = Path("metrics"), Path("plots"), Path("data"), Path("data/paper")
PICTURES = 5  # of people, in the README's first picture


def main(values: Values) -> None:
    """Write ``metrics/{claims.json,{claims,verdicts,diagnosis,report}.md,tables}``, figures, and the page."""
    paper, results = published.read(PAPER), Results(METRICS, runs.asked_for(values), DATA / "curves")
    sources = {name: values[name]["source"] for name in ("crowdpose", "coco")}
    training = curves.collect(DATA / "curves", results)
    tested_on = (*sources, "classification")
    described = {name: f"{values['profile']}, {values[name]['source']}" for name in tested_on}
    evidence = Evidence(results, DATA, described)
    findings = evidence.findings(claims.read(PAPER / "claims.yaml"))
    trainings = len(values["seeds"])
    write_verdicts(findings, trainings)
    tables = write_tables(paper, results, values["profile"], sources)
    limits = diagnosis.table(DATA / "predictions", results)
    write_text(METRICS / "diagnosis.md", limits.markdown() if limits.rows else f"{diagnosis.NONE}\n")
    searches = curves.collect_searches(PLOTS / "search", results)
    forest.write(PLOTS / "overview", findings)
    points = figures.write(PLOTS, paper, results)
    write_lead(points["figure9"])
    curves.write(PLOTS / "curves", training, searches)
    examples.write(PLOTS, DATA)
    write_text(PLOTS / "training.csv", training.to_csv(index=False))
    write_text(PLOTS / "search.csv", searches.to_csv(index=False))
    costs = complexity_table(paper, results)
    text = summary.summarise(
        values["profile"],
        sources,
        findings,
        tables,
        costs,
        limits,
        results,
        (METRICS / "gpu.md").read_text(),
        trainings,
    )
    write_text(METRICS / "report.md", text)
    made_with = provenance.markdown(values["seed"], values["seeds"], yaml.safe_dump(values, sort_keys=False))
    page.write(PLOTS / "report.html", f"{text}\n{made_with}", METRICS)


def write_lead(points: Table) -> None:
    """Draw the README's first picture, ``plots/overview/lead``, from Figure 9's points."""
    pictures = examples.found_people(DATA, runs.TABLE1["LitePose-S"].run, PICTURES)
    with style.settings():
        style.save(figures.lead(points.rows, pictures), PLOTS / "overview" / "lead")


def write_verdicts(findings: list[Finding], trainings: int) -> None:
    """Write the verdicts as metrics, as a table, and counted by the sections of the paper."""
    write_json(METRICS / "claims.json", verdicts.metrics(findings))
    write_text(METRICS / "claims.md", verdicts.markdown(findings, trainings))
    write_text(METRICS / "verdicts.md", verdicts.sections(findings).markdown())


def write_tables(paper: Published, results: Results, profile: str, sources: dict[str, str]) -> list[Table]:
    """Write Tables 1 to 3 whole (CSV, Markdown, LaTeX) and, as ``table<n>_short.md``, for a narrow page."""
    tables = [build(paper, results) for build in (table1, table2, table3)]
    for number, table in enumerate(tables, 1):
        stem = METRICS / "tables" / f"table{number}"
        source = sources["coco" if number == 2 else "crowdpose"]
        write_text(stem.with_suffix(".csv"), table.csv())
        write_text(stem.with_suffix(".md"), table.markdown())
        write_text(stem.with_suffix(".tex"), table.latex(f"Measured: profile {profile}, {source} data."))
        write_text(stem.with_name(f"{stem.name}_short.md"), shortened(table, results).markdown())
    return tables


if __name__ == "__main__":
    run_stage(main)
