"""Make Tables 1 to 3, Figures 3, 7, 9 and the summary from the metrics files and the published numbers.

Usage: python -m stages.report
"""

from pathlib import Path
from typing import Any

from litepose.report import curves, figures, published, summary
from litepose.report.files import write_text
from litepose.report.results import Results
from litepose.report.tables import complexity_table, table1, table2, table3
from stages.common import params, run_stage

METRICS, PLOTS, PAPER = Path("metrics"), Path("plots"), Path("data/paper")


RUNS = (
    "shrink",
    "kernels",
    "kernels_classification",
    "baselines",
    "supernet",
    "search",
    "finetune",
    "transfer",
)
ALWAYS = (
    *("complexity", "pretrain", "pretrain/full", "finetune/xs"),
    *(f"dataset/{name}" for name in ("crowdpose", "coco", "classification")),
    *(f"ablation/{name}" for name in ("no-fusion", "half-supernet", "xs-scratch", "xs-supernet")),
)


def asked_for(values: dict[str, Any]) -> set[str]:
    """Names ``<stage>/<run>`` of everything that runs with these parameters, as dvc.yaml has it."""
    runs = {f"{stage}/{run}" for stage in RUNS for run in values[stage]["runs"]}
    devices = values["latency"]["devices"]
    return {*ALWAYS, *runs, *(f"latency/{name}{end}" for name in devices for end in ("", "_machine"))}


def main() -> None:
    """Write `metrics/tables/table*.{csv,md}`, `plots/*.{csv,png,svg}` and `metrics/report.md`."""
    values = params()
    paper, results = published.read(PAPER), Results(METRICS, asked_for(values))
    tables = {
        "table1": table1(paper, results),
        "table2": table2(paper, results),
        "table3": table3(paper, results),
    }
    for name, table in tables.items():
        write_text(METRICS / "tables" / f"{name}.csv", table.csv())
        write_text(METRICS / "tables" / f"{name}.md", table.markdown())
    figures.write(PLOTS, paper, results)
    write_text(PLOTS / "training.csv", curves.collect(PLOTS / "curves", results).to_csv(index=False))
    write_text(PLOTS / "search.csv", curves.collect_searches(PLOTS / "search", results).to_csv(index=False))
    sources = {name: values[name]["source"] for name in ("crowdpose", "coco")}
    costs = complexity_table(paper, results)
    page = summary.summarise(values["profile"], sources, list(tables.values()), costs, results)
    write_text(METRICS / "report.md", page)


if __name__ == "__main__":
    run_stage(main)
