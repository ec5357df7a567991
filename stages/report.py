"""Make verdicts, tables, figures and the summary from metrics, predictions and the published numbers.

Usage: python -m stages.report
"""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from litepose.files import write_text
from litepose.skeletons import find
from report import (
    claims,
    curves,
    examples,
    figures,
    page,
    provenance,
    published,
    summary,
    verdicts,
)
from report.evidence import Evidence
from report.results import Results
from report.tables import complexity_table, table1, table2, table3
from stages.common import SKELETON_FILES, params, run_stage, write_json

METRICS, PLOTS, DATA, PAPER = Path("metrics"), Path("plots"), Path("data"), Path("data/paper")


RUNS = (
    "shrink",
    "kernels",
    "kernels_classification",
    "baselines",
    "supernet",
    "ranking",
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
    """Write `metrics/claims.*`, `metrics/tables/table*`, `plots/*.{csv,png,svg}`, `metrics/report.md` and
    `plots/report.html`."""
    values = params()
    paper, results = published.read(PAPER), Results(METRICS, asked_for(values))
    sources = {name: values[name]["source"] for name in ("crowdpose", "coco")}
    training = curves.collect(DATA / "curves", results)
    evidence = Evidence(results, DATA, f"{values['profile']}, {sources['crowdpose']}", epochs(training))
    findings = evidence.findings(claims.read(PAPER / "claims.yaml"))
    write_json(METRICS / "claims.json", verdicts.metrics(findings))
    trainings = len(values["seeds"])
    write_text(METRICS / "claims.md", verdicts.markdown(findings, trainings))
    tables = {
        "table1": table1(paper, results),
        "table2": table2(paper, results),
        "table3": table3(paper, results),
    }
    for name, table in tables.items():
        write_text(METRICS / "tables" / f"{name}.csv", table.csv())
        write_text(METRICS / "tables" / f"{name}.md", table.markdown())
        source = sources["coco" if name == "table2" else "crowdpose"]
        note = f"Measured: profile {values['profile']}, {source} data."
        write_text(METRICS / "tables" / f"{name}.tex", table.latex(note))
    figures.write(PLOTS, paper, results)
    curves.write(PLOTS, training)
    skeleton = find(values["crowdpose"]["skeleton"], SKELETON_FILES)
    examples.write(PLOTS, examples.read(DATA / "examples.npz"), skeleton)
    write_text(PLOTS / "training.csv", training.to_csv(index=False))
    write_text(PLOTS / "search.csv", curves.collect_searches(PLOTS / "search", results).to_csv(index=False))
    costs = complexity_table(paper, results)
    text = summary.summarise(
        values["profile"], sources, findings, list(tables.values()), costs, results, trainings
    )
    write_text(METRICS / "report.md", text)
    made_with = provenance.markdown(values["seed"], values["seeds"], yaml.safe_dump(values, sort_keys=False))
    page.write(PLOTS / "report.html", f"{text}\n{made_with}", METRICS)


def epochs(training: pd.DataFrame) -> dict[str, int]:
    """Epochs of each training, ``<stage>/<run>``, from the curves that it logged."""
    return {
        f"{stage}/{run}": int(count)
        for (stage, run), count in training.groupby(["stage", "run"])["loss"].count().items()
    }


if __name__ == "__main__":
    run_stage(main)
