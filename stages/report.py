"""Make Tables 1 to 3, Figures 3, 7, 9 and the summary from the metrics files and the published numbers.

Usage: python -m stages.report
"""

from pathlib import Path

from litepose.report import curves, figures, published, summary
from litepose.report.files import write_text
from litepose.report.results import Results
from litepose.report.tables import complexity_table, table1, table2, table3
from stages.common import params, run_stage

METRICS, PLOTS, PAPER = Path("metrics"), Path("plots"), Path("data/paper")


def main() -> None:
    """Write `metrics/tables/table*.{csv,md}`, `plots/*.{csv,png,svg}` and `metrics/report.md`."""
    values = params()
    paper, results = published.read(PAPER), Results(METRICS)
    tables = {
        "table1": table1(paper, results),
        "table2": table2(paper, results),
        "table3": table3(paper, results),
    }
    for name, table in tables.items():
        write_text(METRICS / "tables" / f"{name}.csv", table.csv())
        write_text(METRICS / "tables" / f"{name}.md", table.markdown())
    figures.write(PLOTS, paper, results)
    write_text(PLOTS / "training.csv", curves.collect(PLOTS / "curves").to_csv(index=False))
    write_text(PLOTS / "search.csv", curves.collect_searches(PLOTS / "search").to_csv(index=False))
    sources = {name: values[name]["source"] for name in ("crowdpose", "coco")}
    costs = complexity_table(paper, results)
    page = summary.summarise(values["profile"], sources, list(tables.values()), costs, results)
    write_text(METRICS / "report.md", page)


if __name__ == "__main__":
    run_stage(main)
