"""Tables 1 to 3 and the cost table: published and measured numbers in columns of their own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pandas import DataFrame

from report.published import Published
from report.results import Results
from report.runs import FIGURE3, TABLE1, TABLE2, TABLE3, Entry, before
from report.systems import RUNTIME_TITLES
from report.table import Column, Row, Table

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
    Column("trained_images", "Images seen in its training", 0),
    Column("images_before", "Images seen before, as a supernet", 0),
]
NOTE = (
    "An image counts each time that a training uses it. LitePoses of which images seen before are told start "
    "from a supernet's weights, the other networks at random: they have seen more than their own training's."
)
NOT_TRAINED = (
    "Lightweight OpenPose's AP is not compared: this pipeline trains no network that joins keypoints by part "
    "affinity fields."
)
_SHORT = {
    *("model", "input_size", "macs_g_published", "macs_paper_g_counted", "trained_input_size"),
    *("ap_published", "ap_measured", "ap_val_published", "ap_val_measured"),
}
_SHORT_ABLATIONS = {
    *("arch", "kernel", "fusion_deconv_head", "supernet", "distillation"),
    *("macs_paper_g_counted", "ap_published", "ap_measured"),
}


def table1(published: Published, results: Results) -> Table:
    """Table 1: systems on CrowdPose; those that the paper's table lacks, where they were trained."""
    scores = {"AP": "ap", "AP50": "ap50", "AP75": "ap75"}
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
    rows = _systems(TABLE1, published.table1, results, scores)
    return Table("Table 1: CrowdPose test", columns, list(rows))


def table2(published: Published, results: Results) -> Table:
    """Table 2: systems on COCO; those that the paper's table lacks, where they were trained."""
    scores = {"AP": "ap_val", "AP_test": "ap_test"}
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
    rows = _systems(TABLE2, published.table2, results, scores)
    return Table("Table 2: COCO", columns, list(rows))


def _systems(
    entries: Mapping[str, Entry], printed: DataFrame, results: Results, scores: Mapping[str, str]
) -> Iterator[Row]:
    """A row per system; another where the published architecture was trained beside the found one.

    Args:
        entries: by the systems' names.
        printed: the paper's table.
        scores: names of columns by the metrics that stand in them.
    """
    papers = {paper["model"]: paper for paper in _records(printed)}
    for model, entry in entries.items():
        measured, twin = results.run(entry.run), results.run(entry.published_architecture)
        if model not in papers and not measured:
            continue
        paper = papers.get(model, {})
        own = {"model": model, **_system_row(paper, results, entry)}
        yield {
            **own,
            **_published(paper),
            **_measured(measured, **scores),
            **_trained(measured, results, entry.run),
        }
        if twin:
            name = {"model": f"{model} (published architecture)"}
            yield {
                **own,
                **name,
                **_measured(twin, **scores),
                **_trained(twin, results, entry.published_architecture),
            }


def table3(published: Published, results: Results) -> Table:
    """Table 3: what kernels, fusion head, supernet, search and distillation bring, on CrowdPose."""
    rows = []
    for paper in _records(published.table3):
        entry = TABLE3[ablation_name(paper)]
        measured = results.run(entry.run)
        ticks = ("fusion_deconv_head", "supernet", "distillation")
        rows.append(
            {
                "arch": paper["arch"],
                "kernel": paper["kernel"],
                **{name: "yes" if paper[name] else "" for name in ticks},
                **_counted(paper, results.cost(entry.system)),
                **_published(paper),
                **_measured(measured, AP="ap"),
                **_trained(measured, results, entry.run),
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


def shortened(table: Table, results: Results) -> Table:
    """One of Tables 1 to 3 with at most eight columns; of the latencies, the host's with its main runtime."""
    latency = f"host_{results.main_runtime('host')}_ms_measured"
    keys = _SHORT_ABLATIONS if table.columns[0].key == "arch" else {*_SHORT, latency}
    return table.short(keys)


def complexity_table(published: Published, results: Results) -> Table:
    """#Params and #MACs of every row of Tables 1 to 3 and of the shrinkings, published and counted."""
    rows = []
    for place, name, entry, paper in _places(published):
        cost = _counted(paper, results.cost(entry.system)) | _published(paper)
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


def _places(published: Published) -> Iterator[tuple[str, str, Entry, Row]]:
    """Every row of the paper that states costs: its place, its name, what it is here, and its numbers."""
    for place, entries, frame in (
        ("Table 1", TABLE1, published.table1),
        ("Table 2", TABLE2, published.table2),
    ):
        for paper in _records(frame):
            yield place, paper["model"], entries[paper["model"]], paper
    for paper in _records(published.table3):
        yield "Table 3", ablation_name(paper), TABLE3[ablation_name(paper)], paper
    for paper in _records(published.shrinking):
        yield "Section 3.2", paper["config"], FIGURE3[paper["config"]], paper


def ablation_name(paper: Row) -> str:
    """A row of Table 3 in one line."""
    fusion = "" if paper["fusion_deconv_head"] else ", no fusion"
    supernet = ", supernet" if paper["supernet"] else ""
    distilled = ", distilled" if paper["distillation"] else ""
    return f"{paper['arch']}, kernel {paper['kernel']}{fusion}{supernet}{distilled}"


def _relative(row: Row, counted: str, published: str) -> float | None:
    ours, theirs = row.get(counted), row.get(published)
    return None if ours is None or theirs is None else 100 * (ours / theirs - 1)


def _records(frame: DataFrame) -> list[Row]:
    return frame.to_dict("records")


def _system_row(paper: Row, results: Results, entry: Entry) -> Row:
    """What is counted and timed of a system."""
    row = _counted(paper, results.cost(entry.system))
    for device, runtime in results.timed():
        latency = results.latency(device, runtime, entry.zoo)
        row |= {f"{device}_{runtime}_{name}_measured": value for name, value in latency.items()}
    return row


def _counted(paper: Row, counted: Mapping[str, float]) -> Row:
    return {
        "input_size": counted.get("input_size", paper.get("input_size")),
        **{f"{name}_counted": counted.get(name) for name in ("params_m", "macs_paper_g", "macs_g")},
    }


def _published(paper: Row) -> Row:
    return {f"{name}_published": value for name, value in paper.items()}


def _measured(run: Mapping[str, Any], **names: str) -> Row:
    """A run's metrics under the names of columns; of several seeds also their standard deviations."""
    means = {f"{name}_measured": run.get(metric) for metric, name in names.items()}
    return means | {f"{name}_measured_std": run.get(f"{metric}_std") for metric, name in names.items()}


def _trained(run: Mapping[str, Any], results: Results, name: str) -> Row:
    """How the network of a run was trained; empty where it was not."""
    if not run:
        return {}
    earlier = [results.images(other) for other in before(name)]
    return {
        "trained_input_size": run.get("resolution"),
        "trained_macs_g": run.get("macs_g"),
        "trained_images": results.images(name),
        "images_before": sum(filter(None, earlier)) or None,
    }


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
