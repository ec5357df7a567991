"""The points of Figures 3, 7 and 9, published and measured, as tables."""

import math

from litepose.report.published import Published
from litepose.report.results import Results
from litepose.report.systems import SHRINKING, ZOO, crowdpose_run, half_key
from litepose.report.tables import Column, Row, Table

PUBLISHED, MEASURED = "published", "measured"
POSE, CLASSIFICATION = "pose", "classification"
KERNELS = (3, 5, 7, 9)
# Device of the latency metrics -> its axis; and axis -> column of the published tables.
MACS = "#MACs (G)"
DEVICES = {
    "host": "Latency on this host (ms)",
    "nano": "Latency on Jetson Nano (ms)",
    "snapdragon855": "Latency on Snapdragon 855 (ms)",
    "pi4": "Latency on Raspberry Pi 4B+ (ms)",
}
_PUBLISHED_COLUMNS = {
    MACS: "macs_g",
    DEVICES["nano"]: "nano_ms",
    DEVICES["snapdragon855"]: "mobile_ms",
    DEVICES["pi4"]: "pi_ms",
}


def figure3(published: Published, results: Results) -> Table:
    """AP along the gradual shrinking; the paper prints only the baseline's (Table 1, HigherHRNet-W16)."""
    baseline = published.table1.set_index("model").loc["HigherHRNet-W16", "ap"]
    rows: list[Row] = [_point(PUBLISHED, ap=float(baseline), network="Baseline")]
    rows += [
        _point(MEASURED, ap=results.run(run).get("AP"), network=name) for name, (_, run) in SHRINKING.items()
    ]
    for row in rows:
        row["macs_paper_g"] = results.cost(SHRINKING[row["network"]][0]).get("macs_paper_g")
    columns = [
        Column("network", "Network"),
        Column("source", "Source"),
        Column("ap", "AP", 2),
        Column("macs_paper_g", "#MACs (G)", 2),
    ]
    return _table("Figure 3: AP as the high-resolution branches shrink", columns, rows, "ap")


def figure7(published: Published, results: Results) -> Table:
    """AP and classification accuracy per kernel size; the paper prints AP of kernels 3, 5, 7 (Table 3)."""
    plain = published.table3.query("arch == '0.5 LitePose' and fusion_deconv_head == 1 and supernet == 0")
    rows: list[Row] = [
        _point(PUBLISHED, task=POSE, kernel=int(row["kernel"]), score=float(row["ap"]))
        for row in plain.to_dict("records")
    ]
    for kernel in KERNELS:
        accuracy = results.run(f"kernels_classification/{kernel}").get("accuracy")
        rows.append(
            _point(MEASURED, task=POSE, kernel=kernel, score=results.run(f"kernels/{kernel}").get("AP"))
        )
        rows.append(_point(MEASURED, task=CLASSIFICATION, kernel=kernel, score=accuracy))
    for row in rows:
        row["macs_paper_g"] = results.cost(half_key(row["kernel"])).get("macs_paper_g")
    columns = [
        Column("task", "Task"),
        Column("source", "Source"),
        Column("kernel", "Kernel", 0),
        Column("score", "AP or accuracy (%)", 2),
        Column("macs_paper_g", "#MACs (G)", 2),
    ]
    return _table("Figure 7: kernel size on pose and on classification", columns, rows, "score")


def figure9(published: Published, results: Results) -> Table:
    """AP on CrowdPose against #MACs and against latency, per device.

    A measured point pairs a measured AP with the cost of the published architecture at its published size.
    """
    rows: list[Row] = []
    for paper in published.table1.to_dict("records"):
        rows += [
            _point(PUBLISHED, axis=axis, system=paper["model"], cost=paper[column], ap=paper["ap"])
            for axis, column in _PUBLISHED_COLUMNS.items()
        ]
    models = [*published.table1["model"], "LitePose-M", "LitePose-L"]
    for model in models:
        ap = results.run(crowdpose_run(model)).get("AP")
        costs = {MACS: results.cost(ZOO[model]).get("macs_paper_g")}
        costs |= {axis: results.latency(device, ZOO[model]).get("ms") for device, axis in DEVICES.items()}
        rows += [_point(MEASURED, axis=axis, system=model, cost=cost, ap=ap) for axis, cost in costs.items()]
    for row in rows:
        row["family"] = family(row["system"])
    columns = [
        Column("axis", "Axis"),
        Column("family", "Family"),
        Column("system", "System"),
        Column("source", "Source"),
        Column("cost", "#MACs (G) or latency (ms)", 2),
        Column("ap", "AP", 2),
    ]
    return _table("Figure 9: AP against cost on CrowdPose", columns, rows, "cost", "ap")


def family(system: str) -> str:
    """LitePose, HigherHRNet or EfficientHRNet."""
    return system.partition("-")[0]


def _point(source: str, **values: str | int | float | None) -> Row:
    return {"source": source, **values}


def _table(title: str, columns: list[Column], rows: list[Row], *needed: str) -> Table:
    """Leave out the points that lack a coordinate."""
    present = [row for row in rows if all(_is_number(row[name]) for name in needed)]
    return Table(title, columns, present)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
