"""The verdicts on the paper's claims: what the rule says of an interval, and where the numbers come from."""

import json
import re
import shutil

import numpy as np
import pytest
import torch

from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE
from litepose.datasets import manifest
from litepose.evaluation import evaluate
from litepose.training.classification import correct
from report import claims, verdicts
from report.claims import Claim, Estimate, Measurement
from report.evidence import Evidence, independent_difference
from report.results import Results
from report.runs import asked_for
from report.systems import systems
from stages.lib.common.parameters import read_params
from support import ROOT

PAPER = ROOT / "data" / "paper" / "claims.yaml"
CLAIMS = {claim.id: claim for claim in claims.read(PAPER)}
IMAGES = 60


def claim(expects, **published):
    return Claim("c", "words", "place", "AP", "a", "b", expects, published)


def verdict(expects, low, high, **known):
    found = claims.decide(claim(expects), Measurement(Estimate((low + high) / 2, low, high), "here", **known))
    return found.verdict


def scores(first, second):
    return {"scores": tuple(Estimate(value, value - 1, value + 1) for value in (first, second))}


@pytest.mark.parametrize(
    ("expects", "low", "high", "expected"),
    [
        ("gain", 0.1, 3.0, "reproduced"),
        ("gain", -0.1, 3.0, "inconclusive"),
        ("gain", -3.0, -0.1, "contradicted"),
        ("no loss", -0.9, 0.5, "reproduced"),
        ("no loss", -1.1, 0.5, "inconclusive"),
        ("no loss", -3.0, -1.1, "contradicted"),
        ("no gain", -3.0, 0.9, "reproduced"),
        ("no gain", 0.5, 1.5, "inconclusive"),
        ("no gain", 1.1, 3.0, "contradicted"),
        ("fewer", 1.1, 1.3, "reproduced"),
        ("fewer", 0.9, 1.3, "inconclusive"),
        ("fewer", 0.5, 0.9, "contradicted"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side_of_the_bound(expects, low, high, expected):
    assert verdict(expects, low, high, **scores(50, 50)) == expected


def test_equal_models_reproduce_no_gain_and_are_no_loss():
    assert verdict("gain", 0.0, 0.0, **scores(50, 50)) == "inconclusive"
    assert verdict("no loss", 0.0, 0.0, **scores(50, 50)) == "reproduced"


def test_a_network_that_finds_next_to_nothing_has_nothing_to_lose():
    assert verdict("no loss", -0.1, 0.1, **scores(3, 3), chance=0.1) == "inconclusive"
    assert verdict("no gain", -0.1, 0.1, **scores(11, 11), chance=0.1) == "inconclusive"
    assert verdict("no loss", -0.1, 0.1, **scores(12, 12), chance=0.1) == "reproduced"
    assert verdict("no loss", -3.0, -2.0, **scores(5, 2.5), chance=0.1) == "contradicted"


def test_a_difference_between_two_networks_at_chance_says_nothing():
    assert verdict("gain", 0.1, 0.2, **scores(0.5, 0.7), chance=0.1) == "inconclusive"
    assert verdict("gain", 0.1, 3.0, **scores(0.5, 2.0), chance=0.1) == "reproduced"


@pytest.mark.parametrize(
    ("expects", "low", "high", "images", "expected"),
    [
        ("gain", 1.0, 2.0, (2, 6), "inconclusive"),
        ("gain", 1.0, 2.0, (6, 2), "reproduced"),
        ("gain", -2.0, -1.0, (6, 2), "inconclusive"),
        ("gain", -2.0, -1.0, (2, 6), "contradicted"),
        ("no gain", -2.0, -1.0, (6, 2), "inconclusive"),
        ("no gain", -2.0, -1.0, (2, 6), "reproduced"),
    ],
)
def test_a_verdict_in_favour_of_the_network_that_saw_more_images_is_inconclusive(
    expects, low, high, images, expected
):
    assert verdict(expects, low, high, images=images, **scores(50, 50)) == expected


def test_the_size_agrees_if_what_rounds_to_the_printed_numbers_meets_the_interval():
    kernels = CLAIMS["kernel7-kernel3"]
    assert kernels.published[""] == pytest.approx((13.0, 12.9, 13.1))
    for low, high, expected in ((12.0, 12.95, "as published"), (1.0, 2.0, "smaller"), (14.0, 15.0, "larger")):
        found = claims.decide(kernels, Measurement(Estimate(low, low, high), "here"))
        assert (found.verdict, found.agreement) == ("reproduced", expected)


def test_a_device_of_the_papers_is_compared_with_its_own_latency_and_another_with_all():
    measured = Measurement(Estimate(5.5, 5.4, 5.6), "here")
    faster = CLAIMS["ms-xs-w16"]
    assert claims.decide(faster, measured, device="host").agreement == "smaller"
    assert claims.decide(faster, measured, device="pi4").published == (faster.published["pi4"],)
    assert len(claims.decide(faster, measured, device="host").published) == 3


def test_every_claim_is_about_runs_and_systems_that_the_pipeline_has():
    values = read_params(ROOT / "profiles" / "paper.yaml", ROOT / "profiles" / "tiny.yaml")
    runs = asked_for(values)
    keys = {system.key for system in systems()}
    for item in CLAIMS.values():
        known = keys if item.measure in ("macs", "latency", "time per MAC") else runs
        assert {item.first, item.second} <= known, item.id


def test_the_published_sizes_follow_from_the_published_tables():
    table3 = {"kernel7-kernel3": 13.0, "fusion-head": 7.6, "supernet-half": 1.4, "supernet-xs": 2.7}
    table3 |= {"search-s": 2.2, "distillation-xs": 1.1, "s-h1": 2.0, "xs-h3": 3.4, "macs-s-h1": 2.84}
    table3 |= {"s-h2": 3.9, "xs-h4": 4.9}
    assert {name: round(CLAIMS[name].published[""].value, 2) for name in table3} == table3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"measure": "speed"}, "measure of claim c is unknown: use one of AP, accuracy"),
        ({"expects": "magic"}, "expects of claim c is unknown: use one of gain"),
        ({"beyond": "d"}, "claim c is beyond 'd': name another claim's id"),
        ({"unit": "AP"}, "claim c does not fit: .*'unit'"),
    ],
)
def test_a_claim_that_does_not_fit_is_named(tmp_path, change, sentence):
    entry = {"id": "c", "words": "w", "place": "p", "measure": "AP", "first": "a", "second": "b"}
    (tmp_path / "claims.yaml").write_text(json.dumps([{**entry, "expects": "gain", **change}]))
    with pytest.raises(InputError, match=sentence):
        claims.read(tmp_path / "claims.yaml")


def test_independent_errors_add_in_squares():
    difference = independent_difference(Estimate(10, 7, 14), Estimate(4, 1, 8))
    assert difference == pytest.approx((6, 6 - 5, 6 + 5))


def people(count, rng):
    """One person in each image, well apart from the borders."""
    joints = rng.uniform(50, 150, (count, CROWDPOSE.num_joints, 2))
    flags = np.full((count, CROWDPOSE.num_joints, 1), 2.0)
    return np.concatenate([joints, flags], 2)


@pytest.fixture
def run(tmp_path):
    """A run of four kernels: 3 and 5 predict the same, 7 is much better; 9 was not run."""
    rng = np.random.default_rng(0)
    truth = people(IMAGES, rng)
    annotations = tmp_path / "data" / "crowdpose" / "test.json"
    annotations.parent.mkdir(parents=True)
    others = {"category_id": 1, "bbox": [50, 50, 100, 100], "iscrowd": 0}
    content = {
        "images": [{"id": number, "crowdIndex": 0.1} for number in range(1, IMAGES + 1)],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"id": number, "image_id": number, "keypoints": joints.ravel().tolist(), **others}
            for number, joints in enumerate(truth, 1)
        ],
    }
    annotations.write_text(json.dumps(content))
    splits = {"test": (annotations, annotations.parent)}
    manifest.write(annotations.parent / "dataset.json", splits, CROWDPOSE)
    for kernel, error in (("3", 8.0), ("5", 8.0), ("7", 3.0)):
        noise = np.random.default_rng(1).normal(0, error, truth[..., :2].shape)
        save_run(tmp_path, f"kernels/{kernel}", truth[..., :2] + noise)
    for kernel, share in ((3, 0.4), (7, 0.5)):
        right = (np.random.default_rng(kernel).permutation(1000) < 1000 * share).astype(int)
        predictions = tmp_path / "data/predictions/kernels_classification"
        save(predictions / f"{kernel}/0.json", {"val": right.tolist()})
        save(tmp_path / "metrics" / f"kernels_classification/{kernel}.json", {"accuracy": 100 * share})
    save(tmp_path / "metrics" / "dataset/crowdpose.json", {"chance_AP": 0.1})
    costs = {"litepose-s": 5.0, "efficienthrnet-h-1": 14.0}
    counted = {name: {"macs_paper_g": cost, "macs_g": 0.8 * cost} for name, cost in costs.items()}
    save(tmp_path / "metrics" / "complexity.json", counted)
    timed = {
        name: {"pytorch": {"ms": cost, "low_ms": 0.9 * cost, "high_ms": 1.1 * cost}}
        for name, cost in costs.items()
    }
    timed["litepose-s"]["onnxruntime"] = timed["litepose-s"]["pytorch"]
    save(tmp_path / "metrics" / "latency/host.json", timed)
    return tmp_path


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def save_run(root, run, joints, seed=0):
    """Detections of one person in each image, as the testing of a network writes them."""
    scored = np.concatenate([joints, np.ones((*joints.shape[:2], 1))], 2)
    detections = [
        {"image_id": number, "category_id": 1, "keypoints": person.ravel().tolist(), "score": 1 / number}
        for number, person in enumerate(scored, 1)
    ]
    save(root / "data/predictions" / f"{run}/{seed}.json", {"test": detections})
    save(root / "metrics" / f"{run}.json", {"AP": 1.0})


def findings(root, **images):
    for run, count in images.items():
        save(root / "data/curves" / run / "training.json", {"loss": 0.1, "images": count})
    described = dict.fromkeys(("crowdpose", "coco", "classification"), "tiny, synthetic")
    evidence = Evidence(Results(root / "metrics", logs=root / "data/curves"), root / "data", described)
    return {finding.id: finding for finding in evidence.findings(list(CLAIMS.values()))}


def test_a_better_kernel_reproduces_the_claim_and_an_equal_one_does_not(run):
    found = findings(run)
    assert found["kernel7-kernel3"].verdict == "reproduced"
    assert found["kernel5-kernel3"].verdict == "inconclusive"
    assert found["kernel5-kernel3"].measurement.size == (0, 0, 0)
    assert found["kernel9-kernel7"].verdict == "not run"
    assert found["kernel9-kernel7"].remark == "kernels/9 was not run"


def test_the_measured_difference_is_that_of_the_evaluator(run):
    ap = {
        kernel: evaluate(
            run / "data/crowdpose/test.json",
            json.loads((run / f"data/predictions/kernels/{kernel}/0.json").read_text())["test"],
            CROWDPOSE,
        )["AP"]
        for kernel in ("3", "7")
    }
    size = findings(run)["kernel7-kernel3"].measurement.size
    assert size.value == pytest.approx(100 * (ap["7"] - ap["3"]), abs=1e-9)
    assert size.low < size.value < size.high


def test_accuracies_are_paired_image_by_image(run):
    size = findings(run)["kernel7-accuracy"].measurement.size
    assert size.value == pytest.approx(10)
    # Two independent halves of 1,000 images: 1.96 standard errors of a difference of proportions.
    assert size.high - size.low == pytest.approx(2 * 1.96 * 100 * np.sqrt((0.24 + 0.25) / 1000), rel=0.15)


def test_the_gain_for_pose_beyond_that_for_classification_is_their_difference(run):
    found = findings(run)
    pose, accuracy = (found[name].measurement.size for name in ("kernel7-kernel3", "kernel7-accuracy"))
    both = found["kernel7-pose-accuracy"].measurement.size
    assert both == independent_difference(pose, accuracy)
    assert both.value == pytest.approx(pose.value - accuracy.value)


def test_several_seeds_widen_the_interval_of_their_mean_difference(run):
    alone = findings(run)["kernel7-kernel3"].measurement.size
    truth = json.loads((run / "data/crowdpose/test.json").read_text())["annotations"]
    joints = np.array([person["keypoints"] for person in truth]).reshape(IMAGES, -1, 3)[..., :2]
    for seed, error in ((1, 2.0), (2, 4.5)):
        noise = np.random.default_rng(seed).normal(0, error, joints.shape)
        save_run(run, "kernels/7", joints + noise, seed)
    size = findings(run)["kernel7-kernel3"].measurement.size
    aps = [
        evaluate(
            run / "data/crowdpose/test.json",
            json.loads((run / f"data/predictions/kernels/{network}.json").read_text())["test"],
            CROWDPOSE,
        )["AP"]
        for network in ("3/0", "7/0", "7/1", "7/2")
    ]
    assert size.value == pytest.approx(100 * (np.mean(aps[1:]) - aps[0]))
    assert size.high - size.low > 2 * (alone.high - alone.low)


def test_several_seeds_count_for_accuracies_too(run):
    right = np.random.default_rng(5).permutation(1000) < 600
    file = run / "data/predictions/kernels_classification/7/1.json"
    save(file, {"val": right.astype(int).tolist()})
    size = findings(run)["kernel7-accuracy"].measurement.size
    assert size.value == pytest.approx(15)  # 50 % and 60 % against 40 %
    # Standard errors: 5 points over seeds, about 2 over images; 1.3 degrees of freedom.
    assert size.high - size.value == pytest.approx(7.4 * (5**2 + 2**2) ** 0.5, rel=0.1)


def test_the_rule_says_what_the_intervals_hold():
    assert "was trained once: they\ndo not hold what another seed would change." in verdicts.markdown([])
    assert "each\nnetwork was trained with 3 seeds" in verdicts.markdown([], trainings=3)


def test_macs_are_compared_in_both_conventions_and_latencies_per_device_and_runtime(run):
    found = findings(run)
    assert found["macs-s-h1"].measurement.size == pytest.approx((2.8, 2.8, 2.8))
    assert found["macs-s-h1-true"].measurement.way == ("true MACs",)
    size = found["ms-s-h1-host-pytorch"].measurement.size
    assert size.value == pytest.approx(2.8)
    assert 2.8 * 0.9 / 1.1 < size.low < size.value < size.high < 2.8 * 1.1 / 0.9
    assert found["ms-s-h1-host-pytorch"].measurement.way == ("host", "PyTorch")
    assert "ms-s-h1-host-onnxruntime" not in found
    assert found["ms-xs-h3"].remark == "no runtime timed both efficienthrnet-h-3 and litepose-xs"


def test_time_per_mac_is_the_ratio_of_latencies_over_that_of_macs(run):
    timed = {"higherhrnet-w16": 20.0, "litepose-l": 25.0}
    latencies = {name: {"pytorch": {"ms": ms, "low_ms": ms, "high_ms": ms}} for name, ms in timed.items()}
    save(run / "metrics" / "latency/host.json", latencies)
    counted = {
        "higherhrnet-w16": {"macs_paper_g": 10.0, "macs_g": 10.0},
        "litepose-l": {"macs_paper_g": 15.0, "macs_g": 10.0},
    }
    save(run / "metrics" / "complexity.json", counted)
    found = findings(run)
    assert found["parallelism-l-w16-host-pytorch"].measurement.size.value == pytest.approx(1.2)
    assert found["parallelism-l-w16-host-pytorch-true"].measurement.size.value == pytest.approx(0.8)
    assert [found[f"parallelism-l-w16-host-pytorch{end}"].verdict for end in ("", "-true")] == [
        "reproduced",
        "contradicted",
    ]


def test_images_that_both_trainings_saw_are_known_to_the_rule(run):
    found = findings(run, **{"kernels/3": 5400, "kernels/7": 10800})["kernel7-kernel3"]
    assert (found.verdict, found.measurement.images) == ("inconclusive", (5400, 10800))
    assert found.remark == "the better one saw 10,800 images in its training, the other 5,400"
    assert findings(run, **{"kernels/3": 10800})["kernel7-kernel3"].verdict == "reproduced"


def test_the_networks_of_table_2_are_compared_on_coco(run):
    (run / "data/coco").mkdir()
    for name in ("test.json", "dataset.json"):
        shutil.copy(run / "data/crowdpose" / name, run / "data/coco" / name)
    people = json.loads((run / "data/predictions/kernels/7/0.json").read_text())["test"]
    save(run / "data/predictions/transfer/s/0.json", {"test": people})
    save(run / "data/predictions/baselines/efficienthrnet-h-2/0.json", {"test": people[:30]})
    for name in ("transfer/s", "baselines/efficienthrnet-h-2"):
        save(run / "metrics" / f"{name}.json", {"AP": 1.0})
    save(run / "metrics/dataset/coco.json", {"chance_AP": 0.7})
    shutil.rmtree(run / "data/crowdpose")
    shutil.rmtree(run / "data/predictions/kernels")
    found = findings(run)["s-h2"]
    assert (found.verdict, found.measurement.chance) == ("reproduced", 0.7)


def test_predictions_that_are_not_here_are_asked_for(run):
    (run / "data/predictions/kernels/7/0.json").unlink()
    found = findings(run)["kernel7-kernel3"]
    assert found.verdict == "not run"
    assert "predictions/kernels/7 has no predictions: dvc pull or dvc repro brings them back" in found.remark


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_broken_file_of_predictions_is_named(run, content):
    (run / "data/predictions/kernels/7/0.json").write_text(content)
    with pytest.raises(InputError, match=r"kernels/7/0\.json holds no predictions by split"):
        findings(run)


def test_every_verdict_stands_beside_profile_and_data(run):
    found = list(findings(run).values())
    rows = {row["words"]: row for row in verdicts.table(found).rows if "words" in row}
    assert rows["Kernels of 7 gain AP over kernels of 3"]["on"] == "tiny, synthetic"
    assert rows["Kernels of 7 gain AP over kernels of 3"]["published"] == "+13.0 AP"
    assert all(row.get("on") for row in rows.values() if row["verdict"] != "not run")
    assert f"Of {len(found)} findings: " in verdicts.markdown(found)


def test_a_claim_measured_in_several_ways_is_one_row_that_tells_of_each(run):
    rows = [row for row in verdicts.table(list(findings(run).values())).rows if "words" in row]
    assert len(rows) == len({row["words"] for row in rows}) == len(CLAIMS)
    costs = next(row for row in rows if row["words"] == "LitePose-S takes fewer MACs than EfficientHRNet-H-1")
    assert costs["measured"] == (
        "2.80 times<br>paper's MACs: 2.80, reproduced<br>true MACs: 2.80, reproduced"
    )
    assert costs["verdict"] == "reproduced"


def test_verdicts_that_differ_with_the_way_of_measuring_are_counted():
    ratio = claims.decide(CLAIMS["macs-l-w16"], Measurement(Estimate(1.1, 1.1, 1.1), "", ("paper's MACs",)))
    other = claims.decide(CLAIMS["macs-l-w16"], Measurement(Estimate(0.9, 0.9, 0.9), "", ("true MACs",)))
    heading, row = verdicts.table([ratio, other]).rows
    assert heading == {"verdict": "**3.5 One branch**"}
    assert row["verdict"] == "1 reproduced, 1 contradicted"
    assert row["measured"].startswith("0.90 to 1.10 times<br>")


def test_the_metrics_of_a_finding_are_few_and_short(run):
    metrics = verdicts.metrics(list(findings(run).values()))
    assert metrics["kernel9-kernel7"] == {"verdict": "not run"}
    assert metrics["macs-s-h1"] == {"verdict": "reproduced", "value": 2.8}
    assert list(metrics["kernel7-kernel3"]) == ["verdict", "value", "low", "high"]
    assert metrics["kernel7-accuracy"]["value"] == 10.0


def test_every_claim_is_counted_under_a_section_of_the_paper(run):
    found = list(findings(run).values())
    *parts, everything = verdicts.sections(found).rows
    assert all(part["scores"] or part["costs"] for part in parts)
    for column in ("scores", "costs"):
        counts = [sum(map(int, re.findall(r"\d+", row[column]))) for row in (*parts, everything)]
        assert sum(counts[:-1]) == counts[-1]
    assert sum(map(int, re.findall(r"\d+", everything["scores"] + everything["costs"]))) == len(found)


def test_a_classifier_is_tested_image_by_image():
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    batches = [(torch.zeros(3, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 0, 0]))]
    network = torch.nn.Module()
    network.forward = lambda images: scores
    assert correct(network, batches, torch.device("cpu")).tolist() == [True, False, True]
