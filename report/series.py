"""The points of Figures 1, 3, 6, 7, 8 and 9, published and measured, as tables."""

import math

from report.published import Published
from report.results import Results
from report.runs import FIGURE3, FIGURE6, FIGURE7, FIGURE7_CLASSIFICATION, FIGURE8, TABLE1, TABLE2
from report.systems import RUNTIME_TITLES
from report.table import Column, Row, Table

PUBLISHED, MEASURED = "published", "measured"
POSE, CLASSIFICATION = "pose", "classification"
PUBLISHED_KERNELS = {POSE: (3, 5, 7, 9), CLASSIFICATION: (3, 5, 7)}  # on Figure 7's axes
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

_GAIN_OF_L = 11.6  # AP of Figure 8's last system over its first (section 3.4)
AP, LATENCY, RATE = "AP", "Latency (ms)", "Speed (G MACs/s)"


def figure1(published: Published, results: Results) -> Table:
    """AP on COCO val against latency (Figure 1); measured points as in :func:`figure9`."""
    phone, host = DEVICES["snapdragon855"], DEVICES["host"]
    runtime = results.main_runtime("host")
    rows: list[Row] = []
    for paper in published.table2.to_dict("records"):
        model, entry = paper["model"], TABLE2[paper["model"]]
        rows.append(_point(PUBLISHED, axis=phone, system=model, cost=paper["mobile_ms"], ap=paper["ap_val"]))
        measured = results.latency("host", runtime, entry.zoo).get("ms")
        ap = results.run(entry.run).get("AP")
        rows.append(_point(MEASURED, axis=host, runtime=_title(runtime), system=model, cost=measured, ap=ap))
    return _ap_against_cost("Figure 1: AP against latency on COCO", "Latency (ms)", rows)


def figure3(published: Published, results: Results) -> Table:
    """AP along the gradual shrinking; the paper prints only the baseline's (Table 1, HigherHRNet-W16)."""
    baseline = published.table1.set_index("model").loc["HigherHRNet-W16", "ap"]
    rows: list[Row] = [_point(PUBLISHED, ap=float(baseline), network="Baseline")]
    rows += [
        _point(MEASURED, ap=results.run(entry.run).get("AP"), network=name) for name, entry in FIGURE3.items()
    ]
    for row in rows:
        row["macs_paper_g"] = results.cost(FIGURE3[row["network"]].system).get("macs_paper_g")
    columns = [
        Column("network", "Network"),
        Column("source", "Source"),
        Column("ap", "AP", 2),
        Column("macs_paper_g", "#MACs (G)", 2),
    ]
    return _table("Figure 3: AP as the high-resolution branches shrink", columns, rows, "ap")


def figure6(published: Published, results: Results) -> Table:
    """AP of 0.5 LitePose without and with the fusion head (Figure 6; its numbers are Table 3's)."""
    half = published.table3.query("arch == '0.5 LitePose' and kernel == 7 and supernet == 0")
    printed = half.set_index("fusion_deconv_head")["ap"]
    rows: list[Row] = []
    for fusion, (head, entry) in enumerate(FIGURE6.items()):
        counted = results.cost(entry.system).get("macs_paper_g")
        measured = results.run(entry.run).get("AP")
        rows.append(_point(PUBLISHED, head=head, ap=float(printed[fusion]), macs_paper_g=counted))
        rows.append(_point(MEASURED, head=head, ap=measured, macs_paper_g=counted))
    columns = [
        Column("head", "Head"),
        Column("source", "Source"),
        Column("ap", "AP", 2),
        Column("macs_paper_g", "#MACs (G)", 2),
    ]
    return _table("Figure 6: the fusion head", columns, rows, "ap")


def figure7(published: Published, results: Results) -> Table:
    """AP and classification accuracy per kernel size; the paper prints AP of kernels 3, 5, 7 (Table 3)."""
    plain = published.table3.query("arch == '0.5 LitePose' and fusion_deconv_head == 1 and supernet == 0")
    rows: list[Row] = [
        _point(PUBLISHED, task=POSE, kernel=int(row["kernel"]), score=float(row["ap"]))
        for row in plain.to_dict("records")
    ]
    for kernel, entry in FIGURE7.items():
        accuracy = results.run(FIGURE7_CLASSIFICATION[kernel]).get("accuracy")
        rows.append(_point(MEASURED, task=POSE, kernel=kernel, score=results.run(entry.run).get("AP")))
        rows.append(_point(MEASURED, task=CLASSIFICATION, kernel=kernel, score=accuracy))
    for row in rows:
        row["macs_paper_g"] = results.cost(FIGURE7[row["kernel"]].system).get("macs_paper_g")
    columns = [
        Column("task", "Task"),
        Column("source", "Source"),
        Column("kernel", "Kernel", 0),
        Column("score", "AP or accuracy (%)", 2),
        Column("macs_paper_g", "#MACs (G)", 2),
    ]
    return _table("Figure 7: kernel size on pose and on classification", columns, rows, "score")


def figure8(published: Published, results: Results) -> Table:
    """Does one branch execute faster than many? AP, #MACs, latency, and #MACs per second (Figure 8).

    Published latencies are a Snapdragon 855's, measured ones this host's. The speed divides #MACs as the
    paper counts by the latency.
    """
    printed, runtime = published.table1.set_index("model"), results.main_runtime("host")
    first, *_, last = FIGURE8
    rows: list[Row] = []
    for model, entry in FIGURE8.items():
        paper = printed.loc[model].to_dict() if model in printed.index else {}
        ap = paper.get("ap", printed.loc[first, "ap"] + _GAIN_OF_L if model == last else None)
        rows += _costs(PUBLISHED, model, ap, paper.get("macs_g"), paper.get("mobile_ms"))
        counted, timed = results.cost(entry.system), results.latency("host", runtime, entry.zoo)
        measured = results.run(entry.run).get("AP")
        costs = _costs(MEASURED, model, measured, counted.get("macs_paper_g"), timed.get("ms"))
        rows += [
            row | {"runtime": _title(runtime)} if row["quantity"] in (LATENCY, RATE) else row for row in costs
        ]
    columns = [
        Column("quantity", "Quantity"),
        Column("system", "System"),
        Column("source", "Source"),
        Column("runtime", "Runtime"),
        Column("value", "Value", 2),
    ]
    return _table("Figure 8: one branch against many", columns, rows, "value")


def _costs(source: str, system: str, ap: float | None, macs: float | None, ms: float | None) -> list[Row]:
    rate = None if macs is None or ms is None else 1e3 * macs / ms
    values = {AP: ap, MACS: macs, LATENCY: ms, RATE: rate}
    return [_point(source, quantity=name, system=system, value=value) for name, value in values.items()]


def figure9(published: Published, results: Results) -> Table:
    """AP on CrowdPose against #MACs and against latency, per device, with the device's main runtime.

    A measured point pairs a measured AP with the cost of the published architecture at its published size.
    """
    rows: list[Row] = []
    for paper in published.table1.to_dict("records"):
        rows += [
            _point(PUBLISHED, axis=axis, system=paper["model"], cost=paper[column], ap=paper["ap"])
            for axis, column in _PUBLISHED_COLUMNS.items()
        ]
    for model, entry in TABLE1.items():
        ap = results.run(entry.run).get("AP")
        macs = results.cost(entry.system).get("macs_paper_g")
        rows.append(_point(MEASURED, axis=MACS, system=model, cost=macs, ap=ap))
        for device, axis in DEVICES.items():
            runtime = results.main_runtime(device)
            ms = results.latency(device, runtime, entry.zoo).get("ms")
            rows.append(_point(MEASURED, axis=axis, runtime=_title(runtime), system=model, cost=ms, ap=ap))
    return _ap_against_cost("Figure 9: AP against cost on CrowdPose", "#MACs (G) or latency (ms)", rows)


def _ap_against_cost(title: str, cost: str, rows: list[Row]) -> Table:
    columns = [
        Column("axis", "Axis"),
        Column("runtime", "Runtime"),
        Column("family", "Family"),
        Column("system", "System"),
        Column("source", "Source"),
        Column("cost", cost, 2),
        Column("ap", "AP", 2),
    ]
    return _table(title, columns, [{**row, "family": family(row["system"])} for row in rows], "cost", "ap")


def _title(runtime: str) -> str:
    return RUNTIME_TITLES.get(runtime, runtime)


def family(system: str) -> str:
    """LitePose, HigherHRNet or EfficientHRNet; another system is its own."""
    return system.partition("-")[0]


def _point(source: str, **values: str | int | float | None) -> Row:
    return {"source": source, **values}


def _table(title: str, columns: list[Column], rows: list[Row], *needed: str) -> Table:
    """Leave out the points that lack a coordinate."""
    present = [row for row in rows if all(_is_number(row[name]) for name in needed)]
    return Table(title, columns, present)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
