"""Tables, figures and the summary from metrics files: nothing mixed, nothing invented, nothing cut off."""

import csv
import io
import json
import math
import shutil
from pathlib import Path

import pytest
import yaml

import stages.report
from litepose.core.errors import InputError
from report import figures, published, series, style, summary
from report.results import Results
from report.runs import FIGURE3, TABLE1, TABLE2, TABLE3, asked_for, figure5
from report.systems import systems
from report.table import Column, Table
from report.tables import ablation_name, complexity_table, shortened, table1, table2, table3
from support import ROOT

PAPER = published.read(ROOT / "data" / "paper")
STATISTICS = {"people_q50": 3.0, "people_q50_target": 2.5, "chance_AP": 0.12, "chance_AP50": 0.41}


def write(directory, name, **metrics):
    path = directory / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics))


@pytest.fixture
def metrics(tmp_path):
    """A run that trained, counted and timed a few systems."""
    directory = tmp_path / "metrics"
    trained = {"resolution": 128, "macs_g": 0.4, "seconds": 90.0}
    write(directory, "finetune/s", AP=15.25, AP50=40.0, AP75=9.0, **trained)
    write(tmp_path / "data/curves", "finetune/s/training", loss=0.1, seconds=180.0)
    write(directory, "finetune/xs", AP=8.5, AP50=25.0, AP75=4.0, **trained)
    write(directory, "shrink/baseline", AP=9.75, AP50=30.0, AP75=5.0, **trained)
    write(directory, "shrink/shrink3", AP=11.0, AP50=31.0, AP75=6.0, **trained)
    write(directory, "kernels/3", AP=7.5, AP50=20.0, AP75=2.0, **trained)
    write(directory, "kernels/9", AP=10.5, AP50=28.0, AP75=3.0, **trained)
    write(directory, "kernels_classification/3", accuracy=80.5, seconds=30.0)
    write(directory, "ablation/no-fusion", AP=6.5, AP50=20.0, AP75=2.0, **trained)
    write(directory, "transfer/s", AP=14.5, AP_test=14.0, AP50=38.0, **trained)
    write(directory, "dataset/crowdpose", **STATISTICS, seconds=20.0)
    costs = {"input_size": 448, "params_m": 2.734, "macs_g": 3.61, "macs_paper_g": 4.981}
    coco = costs | {"macs_paper_g": 5.02}
    write(directory, "complexity", **{"litepose-s": costs, "litepose-s-coco": coco})
    write(
        directory,
        "latency/host",
        **{
            "litepose-s": {
                "pytorch": {"ms": 56.0, "low_ms": 55.0, "high_ms": 58.0, "runs": 20},
                "onnxruntime": {"ms": 40.0, "low_ms": 39.0, "high_ms": 41.0, "runs": 20},
            },
            "litepose-xs": {"pytorch": {"ms": 27.0, "low_ms": 26.0, "high_ms": 28.0, "runs": 20}},
        },
    )
    write(directory, "latency/host_machine", cpu="a processor", threads=2, seconds=100.0)
    return directory


@pytest.fixture
def results(metrics):
    return Results(metrics, logs=metrics.parent / "data/curves")


def summarised(results):
    costs, limits = complexity_table(PAPER, results), Table("What limits each network", [], [])
    return summary.summarise("tiny", {}, [], [], costs, limits, results, "nothing")


def row_of(table, name, key="model"):
    return next(row for row in csv.DictReader(io.StringIO(table.csv())) if row[key] == name)


def test_published_and_measured_numbers_stand_in_columns_of_their_own(results):
    row = row_of(table1(PAPER, results), "LitePose-S")
    assert (row["ap_published"], row["ap_measured"]) == ("58.3", "15.2")
    assert (row["ap50_published"], row["ap50_measured"]) == ("81.1", "40.0")
    assert (row["params_m_published"], row["params_m_counted"]) == ("2.7", "2.73")
    assert (row["macs_g_published"], row["macs_paper_g_counted"], row["macs_g_counted"]) == (
        "5.0",
        "4.98",
        "3.61",
    )
    timed = [row[f"host_{name}_measured"] for name in ("pytorch_ms", "pytorch_low_ms", "onnxruntime_ms")]
    assert (row["nano_ms_published"], timed) == ("97", ["56.0", "55.0", "40.0"])
    assert (row["trained_input_size"], row["trained_macs_g"]) == ("128", "0.400")


def test_what_was_not_run_is_an_empty_cell(results):
    row = row_of(table1(PAPER, results), "HigherHRNet-W48")
    assert row["ap_published"] == "65.9"
    ours = [
        value for name, value in row.items() if name.endswith(("_measured", "_counted")) or "trained" in name
    ]
    assert len(ours) > 8
    assert not any(ours)


def test_without_any_metrics_every_table_still_has_the_published_rows(tmp_path):
    empty = Results(tmp_path)
    for table, rows in ((table1, 7), (table2, 8), (table3, 9), (complexity_table, 28)):
        built = table(PAPER, empty)
        assert len(built.rows) == rows
        assert not {"nan", "None"} & set(built.csv().replace("\n", ",").split(","))


def test_the_higherhrnet_w16_row_is_the_shrinking_baseline(results):
    assert row_of(table1(PAPER, results), "HigherHRNet-W16")["ap_measured"] == "9.8"


def test_table_2_takes_coco_runs_and_costs_with_17_joints(results):
    row = row_of(table2(PAPER, results), "LitePose-S")
    assert (row["ap_val_measured"], row["ap_test_measured"]) == ("14.5", "14.0")
    assert row["macs_paper_g_counted"] == "5.02"
    assert row_of(table2(PAPER, results), "LitePose-XS")["ap_val_measured"] == ""


def test_an_unpublished_cell_of_the_paper_stays_empty(results):
    row = row_of(table2(PAPER, results), "Hourglass")
    assert (row["ap_val_published"], row["ap_test_dev_published"], row["nano_ms_published"]) == (
        "",
        "56.6",
        "",
    )


def test_every_row_of_table_3_has_its_own_run():
    runs = [TABLE3[ablation_name(row)].run for row in PAPER.table3.to_dict("records")]
    assert runs == [
        "kernels/3", "kernels/5", "ablation/no-fusion", "kernels/7", "ablation/half-supernet",
        "finetune/s", "ablation/xs-scratch", "ablation/xs-supernet", "finetune/xs",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "run", "ap", "rows"), [(table1, "finetune/m", "ap", 7), (table2, "transfer/m", "ap_val", 8)]
)
def test_litepose_m_and_l_join_tables_1_and_2_once_they_are_trained(metrics, results, table, run, ap, rows):
    assert len(table(PAPER, results).rows) == rows
    write(metrics, run, AP=17.0, resolution=128)
    row = row_of(table(PAPER, results), "LitePose-M")
    assert (row[f"{ap}_published"], row[f"{ap}_measured"]) == ("", "17.0")


def test_a_published_architecture_that_was_trained_has_a_row_below_the_found_one(metrics, results):
    write(metrics, "finetune/s-published", AP=17.0, resolution=112)
    write(metrics, "transfer/s-published", AP=15.0, AP_test=14.0, resolution=112)
    for table, ap in ((table1, "ap"), (table2, "ap_val")):
        rows = list(csv.DictReader(io.StringIO(table(PAPER, results).csv())))
        place = [row["model"] for row in rows].index("LitePose-S (published architecture)")
        found, published_one = rows[place - 1], rows[place]
        assert found["model"] == "LitePose-S"
        assert published_one["macs_g_counted"] == found["macs_g_counted"]
        assert float(published_one[f"{ap}_measured"]) > float(found[f"{ap}_measured"])
        assert (published_one[f"{ap}_published"], published_one["trained_input_size"]) == ("", "112")


def test_the_best_ap_is_marked_among_the_published_and_among_the_measured(results):
    table = table1(PAPER, results)
    marked = [cell.strip() for cell in table.markdown().split("|") if "**" in cell]
    assert marked == ["**65.9**", "**86.4**", "**70.6**", "**15.2**", "**40.0**", "**9.0**"]
    assert "**" not in table.csv()
    assert table.latex("").count(r"\textbf{") == len(marked)


def test_equal_best_numbers_are_all_marked():
    table = Table("t", [Column("a", "A", 1, ranked=True)], [{"a": 1.04}, {"a": 0.96}, {"a": 0.5}, {}])
    assert [line for line in table.markdown().splitlines() if "**" in line] == ["| **1.0** |"] * 2


def test_a_latex_table_has_shared_headings_escaped_cells_and_rules():
    columns = [Column("a", "A_b"), Column("b", "#C, x", 1), Column("c", "#C, y", 1), Column("d", "empty", 1)]
    text = Table("Table 1: what is 100", columns, [{"a": "50 %", "b": 1.25, "c": 2}]).latex("Run: tiny.")
    assert r"\caption{what is 100. Run: tiny.}" in text
    assert r" & \multicolumn{2}{c}{\#C} \\" in text
    assert r"{A\_b}} & \rotatebox{90}{\shortstack[l]{x}} & \rotatebox{90}{\shortstack[l]{y}} \\" in text
    assert r"50 \% & 1.2 & 2.0 \\" in text
    assert [rule for rule in ("toprule", "midrule", "bottomrule") if f"\\{rule}" in text] == [
        "toprule",
        "midrule",
        "bottomrule",
    ]
    assert "empty" not in text


def test_the_page_shows_how_well_shared_weights_rank_networks(metrics, results):
    scores = {"AP_inherited": 1.0, "AP_calibrated": 8.5, "AP_finetuned": 12.0}
    write(metrics, "ranking/lms", configurations=8, **scores, kendall_tau=0.7143, kendall_p=0.0141)
    page = summarised(results)
    assert "| lms | 8 | 1.0 | 8.5 | 12.0 | 0.71 | 0.014 |" in page


def test_every_row_of_the_cost_table_names_a_counted_system():
    keys = {system.key for system in systems()}
    assert len(keys) == len(systems())
    with_all = Results(Path("/nonexistent"))
    with_all.cost = lambda key: (
        {"input_size": 512, "params_m": 1.0, "macs_g": 1.0, "macs_paper_g": 1.0} if key in keys else {}
    )
    assert all(row["macs_g_counted"] == 1.0 for row in complexity_table(PAPER, with_all).rows)


def test_the_difference_to_the_paper_is_relative_and_in_percent(results):
    row = row_of(complexity_table(PAPER, results), "LitePose-S", "system")
    assert (row["params_difference"], row["macs_paper_difference"], row["macs_difference"]) == (
        "1.3",
        "-0.4",
        "-27.8",
    )


def test_a_markdown_table_leaves_out_columns_without_values_and_keeps_the_others_aligned():
    columns = [Column("a", "A"), Column("b", "B", 1), Column("c", "C", 1)]
    table = Table("t", columns, [{"a": "x", "b": 1.25, "c": math.nan}, {"a": "y", "b": None}])
    assert table.markdown() == "| A | B |\n| --- | ---: |\n| x | 1.2 |\n| y |  |\n"
    assert table.csv() == "a,b,c\nx,1.2,\ny,,\n"


def test_a_latency_stands_with_its_interval_in_one_cell_of_print_and_in_three_of_csv(results):
    table = table1(PAPER, results)
    assert "| host, PyTorch (ms), measured | host, ONNX Runtime (ms), measured |" in table.markdown()
    assert "| 56.0 (55.0 to 58.0) | 40.0 (39.0 to 41.0) |" in table.markdown()
    assert "56.0 (55.0 to 58.0)" in table.latex("A note.")
    assert row_of(table, "LitePose-XS")["host_onnxruntime_high_ms_measured"] == ""
    assert row_of(table, "LitePose-XS")["host_pytorch_high_ms_measured"] == "28.0"


def test_figures_take_the_runtime_that_timed_most_systems_and_of_those_the_fastest(metrics, results):
    assert results.main_runtime("host") == "pytorch"
    timed = {"pytorch": {"ms": 56.0}, "onnxruntime": {"ms": 40.0}}
    write(metrics, "latency/host", **{"litepose-s": timed})
    assert results.main_runtime("host") == "onnxruntime"
    slow = {"pytorch": {"ms": 2000.0}, "onnxruntime": {"ms": 2100.0}}
    write(metrics, "latency/host", **{"litepose-s": timed, "hourglass-ae": slow})
    assert results.main_runtime("host") == "onnxruntime"  # not decided by the slowest system
    write(metrics, "latency/host", **{"litepose-s": timed})
    assert results.main_runtime("cuda") == ""
    with style.settings():
        figure = figures.figure9(series.figure9(PAPER, results).rows)
    assert "Latency on this host, ONNX Runtime (ms)" in [axes.get_xlabel() for axes in figure.axes]


def test_what_a_machine_lacks_is_told_beside_it(metrics, results):
    write(metrics, "latency/cuda")
    write(metrics, "latency/cuda_machine", cpu="a processor", left_out=["PyTorch finds no CUDA GPU here."])
    assert [device for device, _ in results.timed()] == ["host", "host"]
    page = summarised(results)
    assert "- `cuda`: cpu a processor. Left out: PyTorch finds no CUDA GPU here." in page


def test_figure_3_publishes_only_the_number_that_the_paper_prints(results):
    rows = series.figure3(PAPER, results).rows
    assert [(r["network"], r["ap"]) for r in rows if r["source"] == "published"] == [("Baseline", 50.4)]
    assert [(r["network"], r["ap"]) for r in rows if r["source"] == "measured"] == [
        ("Baseline", 9.75),
        ("Shrink 3", 11.0),
    ]


def test_figure_7_publishes_no_ap_of_kernel_9_and_no_classification_accuracy(results):
    rows = series.figure7(PAPER, results).rows
    paper = [(r["task"], r["kernel"], r["score"]) for r in rows if r["source"] == "published"]
    assert paper == [("pose", 3, 41.7), ("pose", 5, 50.7), ("pose", 7, 54.7)]
    ours = {(r["task"], r["kernel"]): r["score"] for r in rows if r["source"] == "measured"}
    assert ours == {("pose", 3): 7.5, ("pose", 9): 10.5, ("classification", 3): 80.5}


def test_figure_9_never_pairs_a_published_ap_with_a_measured_latency(results):
    rows = series.figure9(PAPER, results).rows
    host = [row for row in rows if row["axis"] == series.DEVICES["host"]]
    assert [(row["system"], row["cost"], row["ap"], row["source"]) for row in host] == [
        ("LitePose-S", 56.0, 15.25, "measured"),
        ("LitePose-XS", 27.0, 8.5, "measured"),
    ]
    assert sum(row["source"] == "published" for row in rows) == 4 * 7


@pytest.mark.parametrize("name", ["figure3", "figure7", "figure9"])
def test_no_text_of_a_figure_is_cut_off_or_covers_another(results, name):
    with style.settings():
        figure = getattr(figures, name)(getattr(series, name)(PAPER, results).rows)
        figure.draw_without_rendering()
        texts = [
            text
            for axes in figure.axes
            for text in [*axes.texts, *_shown_tick_labels(axes), axes.xaxis.label, axes.yaxis.label]
            if text.get_text()
        ]
        boxes = {(id(text), text.get_text()): text.get_window_extent() for text in texts}
    assert len(boxes) > 5
    for (_, text), box in boxes.items():
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, text
    names = list(boxes)
    covered = [
        (a[1], b[1])
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if boxes[a].padded(-2).overlaps(boxes[b])
    ]
    assert covered == []


def _shown_tick_labels(axes):
    """Matplotlib keeps labels of ticks outside the limits, which it does not draw."""
    low, high = axes.get_xlim()
    return [
        label
        for label, at in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
        if low <= at <= high
    ]


def test_measured_points_are_filled_and_published_ones_hollow(results):
    with style.settings():
        figure = figures.figure3(series.figure3(PAPER, results).rows)
    faces = [line.get_markerfacecolor() for line in figure.axes[0].lines]
    assert faces == ["white", style.VERMILLION]


def test_a_figure_without_measurements_says_so_instead_of_staying_blank(tmp_path):
    with style.settings():
        figure = figures.figure9(series.figure9(PAPER, Results(tmp_path)).rows)
    said = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert said.count(["not run"]) == 1


@pytest.mark.parametrize("name", ["figure3", "figure7", "figure9"])
def test_the_interactive_templates_use_columns_that_the_data_have(results, name):
    template = json.loads((ROOT / ".dvc" / "plots" / f"{name}.json").read_text())
    columns = {column.key for column in getattr(series, name)(PAPER, results).columns}
    filled_in = {"rev", "variant", "<DVC_METRIC_X>", "<DVC_METRIC_Y>"}
    assert _fields(template) - filled_in <= columns
    assert _fields(template) & columns


def _fields(node):
    if isinstance(node, list):
        return set().union(*map(_fields, node))
    if isinstance(node, dict):
        own = {node["field"]} if isinstance(node.get("field"), str) else set()
        return own.union(*map(_fields, node.values()))
    return set()


@pytest.fixture
def project(tmp_path, metrics, monkeypatch):
    """A directory in which the report stage can run."""
    shutil.copytree(ROOT / "data" / "paper", tmp_path / "data" / "paper")
    shutil.copy(ROOT / "metrics" / "gpu.md", metrics)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def profile(name="tiny"):
    return yaml.safe_load((ROOT / f"profiles/{name}.yaml").read_text())


def test_metrics_that_an_earlier_run_with_other_parameters_left_behind_are_not_reported(tmp_path):
    runs = ("kernels/7", "kernels/9", "latency/host", "latency/pi4")
    for run in runs:
        path = tmp_path / f"{run}.json"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text('{"AP": 12.0, "seconds": 1}')
    results = Results(tmp_path, {"kernels/7", "latency/host"})
    assert results.run("kernels/7")["AP"] == 12
    assert results.run("kernels/9") == {}
    assert results.devices() == ["host"]
    assert list(results.times()) == ["kernels/7", "latency/host"]


@pytest.mark.parametrize("name", ["tiny", "paper", "smoke"])
def test_every_run_that_a_profile_asks_for_is_one_that_the_report_shows(name):
    known = {entry.run for table in (TABLE1, TABLE2, TABLE3, FIGURE3) for entry in table.values()}
    known |= {f"{run}-published" for run in known}
    stages_of_tables = ("shrink", "baselines", "ablation", "finetune", "transfer")
    runs = {run for run in asked_for(profile(name)) if run.startswith(stages_of_tables)}
    assert runs <= known


def test_a_run_of_an_ablation_is_asked_for_wherever_its_weights_start():
    values = profile()
    values["ablation"] |= {"runs": {"no-fusion": {}}, "supernet_runs": {"half-supernet": {}}}
    ablations = {run for run in asked_for(values) if run.startswith("ablation/")}
    assert ablations == {"ablation/no-fusion", "ablation/half-supernet"}


def test_the_time_of_a_run_is_that_of_its_training_and_of_its_test(tmp_path):
    metrics, logs = tmp_path / "metrics", tmp_path / "curves"
    write(logs, "kernels/7/training", loss=0.1, seconds=90)
    write(logs, "pretrain/full/training", loss=0.1, seconds=30)
    write(metrics, "kernels/7", AP=12.0, seconds=60)
    write(metrics, "latency/host_machine", seconds=6)
    times = Results(metrics, logs=logs).times()
    assert times == {"latency/host": (None, 6.0), "kernels/7": (90.0, 60.0), "pretrain/full": (30.0, None)}
    assert times["kernels/7"].total == 150


def test_figure_5_shows_small_and_large_kernels_of_those_that_were_trained():
    assert list(figure5([3, 5, 7, 9]).values()) == [
        "kernels/3",
        "ablation/no-fusion",
        "kernels/7",
        "finetune/s",
    ]
    assert "kernels/5" in figure5([3, 5]).values()


def test_the_short_tables_have_at_most_eight_columns_and_keep_published_and_measured_apart(results):
    for build in (table1, table2, table3):
        text = shortened(build(PAPER, results), results).markdown()
        heading = text.splitlines()[0].strip("| ").split(" | ")
        assert len(heading) <= 8
        assert sum("AP" in name and "published" in name for name in heading) == 1
        assert sum("AP" in name and "measured" in name for name in heading) == 1
        assert len(text.splitlines()) - 2 == len(build(PAPER, results).rows)
    assert "| 56.0 | 58.3 | **15.2** | 128 |" in shortened(table1(PAPER, results), results).markdown()


def test_the_report_stage_writes_tables_figures_and_the_page(project):
    values = profile()
    values["coco"]["source"] = "local"
    stages.report.main(values)
    written = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert {f"metrics/tables/table{n}.{kind}" for n in (1, 2, 3) for kind in ("csv", "md", "tex")} <= written
    assert {f"metrics/tables/table{n}_short.md" for n in (1, 2, 3)} <= written
    assert {
        f"metrics/{name}" for name in ("claims.json", "claims.md", "verdicts.md", "diagnosis.md")
    } <= written
    assert {f"plots/overview/{name}.png" for name in ("claims", "claims_narrow")} <= written
    assert {f"plots/curves/{name}.png" for name in ("training_loss", "training_ap", "search")} <= written
    assert {f"plots/figure{n}.{kind}" for n in (3, 7, 9) for kind in ("csv", "png", "svg")} <= written
    assert not [name for name in written if name.endswith(".part")]
    page = (project / "metrics" / "report.md").read_text()
    assert (project / "metrics" / "claims.md").read_text().strip() in page
    for part in (
        "for CrowdPose, drawn scenes",
        "for COCO, a data set read from disk",
        "Table 3",
        "../plots/overview/claims.png",
        "../plots/figure9.png",
        "| `people_q50` | 3 | 2.5 |",
        "AP 0.1 and AP50 0.4 on CrowdPose",
    ):
        assert part in page
    assert "CrowdPose test: not trained in this run: HigherHRNet-W48" in page
    assert "cpu a processor" in page


def test_the_page_sums_the_time_of_the_runs(results):
    page = summarised(results)
    assert "| `finetune/s` | 3.0 | 1.5 | 4.5 |" in page
    assert "| `latency/host` |  | 1.7 | 1.7 |" in page
    others = (8 * 90 + 30 + 20 + 100) / 60
    assert f"| all | 3.0 | {others:.1f} | {3 + others:.1f} |" in page


def test_the_page_names_costs_that_differ_by_more_than_the_papers_rounding(metrics, results):
    counted = {"input_size": 512, "macs_g": 1.0, "macs_paper_g": 25.34}
    write(
        metrics,
        "complexity",
        **{"higherhrnet-w24": counted | {"params_m": 16.11}, "litepose-s": {"params_m": 2.734}},
    )
    page = summarised(results)
    assert "Table 1, HigherHRNet-W24: #Params are 16.11 where the paper prints 14.9 (+8.1 %)." in page
    assert "LitePose-S: #Params" not in page


def test_a_figure_is_the_same_bytes_when_drawn_again(results, tmp_path):
    for name in ("a", "b"):
        with style.settings():
            style.save(figures.figure3(series.figure3(PAPER, results).rows), tmp_path / name)
    for kind in ("png", "svg"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_a_broken_metrics_file_is_named(metrics, results):
    (metrics / "finetune" / "s.json").write_text("{")
    with pytest.raises(InputError, match=r"finetune/s\.json"):
        table1(PAPER, results)


def test_a_missing_published_table_or_column_is_named(tmp_path):
    with pytest.raises(InputError, match=r"table1_crowdpose\.csv is missing"):
        published.read(tmp_path)
    shutil.copytree(ROOT / "data" / "paper", tmp_path / "paper")
    (tmp_path / "paper" / "shrinking.csv").write_text("config,macs_g\nBaseline,12.5\n")
    with pytest.raises(InputError, match=r"shrinking\.csv lacks the column 'base_channel'"):
        published.read(tmp_path / "paper")


def test_several_seeds_give_a_mean_with_its_standard_deviation(metrics, results):
    write(metrics, "finetune/s", AP=15.25, AP_std=0.41, AP50=40.0, resolution=128)
    table = table1(PAPER, results)
    row = row_of(table, "LitePose-S")
    assert (row["ap_measured"], row["ap_measured_std"], row["ap50_measured"]) == ("15.2", "0.4", "40.0")
    assert "ap50_measured_std" not in row
    assert row_of(table, "LitePose-XS")["ap_measured_std"] == ""
    assert "| **15.2 ± 0.4** |" in table.markdown()
    assert r"\textbf{15.2 {\scriptsize$\pm$0.4}}" in table.latex("")


def test_one_seed_gives_no_column_of_standard_deviations(results):
    assert "_std" not in table1(PAPER, results).csv()


def test_the_tables_tell_how_many_images_a_network_saw_and_its_supernet_before(metrics, results):
    logs = metrics.parent / "data/curves"
    for run, images in (
        ("finetune/s", 5400),
        ("supernet/lms", 3600),
        ("pretrain/full", 9000),
        ("kernels/3", 5400),
    ):
        write(logs, f"{run}/training", images=images, seconds=1)
    row = row_of(table1(PAPER, results), "LitePose-S")
    assert (row["trained_images"], row["images_before"]) == ("5400", "12600")
    rows = list(csv.DictReader(io.StringIO(table3(PAPER, results).csv())))
    assert (rows[0]["trained_images"], rows[0]["images_before"]) == ("5400", "")


def test_the_page_shows_before_it_tells(project):
    stages.report.main(profile())
    page = (project / "metrics" / "report.md").read_text()
    order = (
        "plots/overview/claims.png",
        "plots/figure5.png",
        "plots/figure9.png",
        "How to read",
        "| Verdict |",
        "| Model |",
    )
    places = [page.index(part) for part in order]
    assert places == sorted(places)


def test_what_looks_wrong_with_the_data_is_shown_beside_its_statistics(metrics, results):
    assert "looks wrong" not in summary._statistics(results)
    (metrics / "dataset/crowdpose.md").write_text("- val: 3 of 9 images have no crowdIndex.\n")
    assert "- CrowdPose, val: 3 of 9 images have no crowdIndex." in summary._statistics(results)
