"""The page's first words: what was reproduced, on what data, how sure it is, and how to read the numbers."""

import math
from collections.abc import Iterator, Mapping

from report import verdicts
from report.claims import COSTS, Finding
from report.results import Results

TITLES = {"crowdpose": "CrowdPose", "coco": "COCO"}
_SOURCES = {
    "synthetic": "drawn scenes with CrowdPose's statistics, not photographs",
    "local": "a data set read from disk",
    "download": "the public data set",
}
_USES = {
    "images_train": "images to train on",
    "images_drawn": "drawn ones beside them",
    "images_val": "to validate",
    "images_test": "to test",
}
_PAPER = """\
*Lite Pose: Efficient Architecture Design for 2D Human Pose Estimation* (Wang et al., CVPR 2022) claims that
networks with one branch, large kernels and a fusion head, found by a search, locate people's joints as well
as larger networks at a fraction of their cost. This page sets the paper's numbers beside those of one run."""
_SMALL, _DRAWN = "the networks are smaller than the paper's", "the data are drawn scenes, not photographs"
_SMALLER = (
    "smaller than the paper's and trained on smaller images (last columns of Tables 1 to 3). Their AP "
    "shows what each step does here, not what the published networks reach."
)
_FAIR = (
    "a verdict in favour of the network whose own training saw more images is inconclusive. What a "
    "supernet's training saw before is not counted there: starting from its weights is part of the method. "
    "Tables 1 to 3 state both."
)
_WORDS = (
    "*published*: printed in the paper. *Measured*: tested or timed in this run. *Counted*: computed from "
    "the architecture. *AP*: average precision of the joints found, 0 to 100. *#MACs*: multiplications with "
    "an addition for one image, in G (10^9). An empty cell was not run."
)


def opening(profile: str, findings: list[Finding], smaller: bool, drawn: bool) -> str:
    """The title, and what the first pictures show.

    Args:
        profile: name of the parameters' profile.
        findings: on the paper's claims.
        smaller: whether networks were trained on smaller images than the paper's.
        drawn: whether the data are drawn scenes.
    """
    parts = [part for part, applies in ((_SMALL, smaller), (_DRAWN, drawn)) if applies]
    here = f" Here {' and '.join(parts)}." if parts else ""
    counts = {
        "Claims on AP and accuracy": verdicts.count(list(_about(findings, costs=False))),
        "Claims on #MACs and latency": verdicts.count(list(_about(findings, costs=True))),
    }
    return f"# Lite Pose, reproduced: profile `{profile}`\n\n{_PAPER}{here}\n\n{_listed(counts)}"


def reading(sources: Mapping[str, str], results: Results, smaller: bool, trainings: int) -> str:
    """How to read the numbers, as a list.

    Args:
        sources: where each data set comes from: `synthetic`, `local` or `download`.
        results: this run's metrics.
        smaller: whether networks were trained on smaller images than the paper's.
        trainings: of each network that the tables compare, with different seeds.
    """
    data = "; ".join(_described(name, source, results) for name, source in sources.items())
    return _listed(
        {
            "Data": f"{data}.",
            "Networks": _SMALLER if smaller else "of the paper's sizes.",
            "How sure": _sure(trainings) + _chance(results),
            "How fair": _FAIR,
            "Words": _WORDS,
        }
    )


def _listed(points: Mapping[str, str]) -> str:
    return "".join(f"- **{name}**: {text}\n" for name, text in points.items())


def _described(name: str, source: str, results: Results) -> str:
    run = results.run(f"dataset/{name}")
    known = [f"{run[key]} {use}" for key, use in _USES.items() if key in run]
    return f"for {TITLES[name]}, {_SOURCES[source]}" + (f" ({', '.join(known)})" if known else "")


def _sure(trainings: int) -> str:
    if trainings == 1:
        return "each network was trained once; the 95 % intervals are over the test images only."
    return f"each network was trained with {trainings} seeds; 95 % intervals are over seeds and test images."


def _about(findings: list[Finding], costs: bool) -> Iterator[Finding]:
    return (finding for finding in findings if (finding.claim.measure in COSTS) == costs)


def _chance(results: Results) -> str:
    """What an AP is to be compared with."""
    scores = {title: results.run(f"dataset/{name}") for name, title in TITLES.items()}
    known = [
        f"AP {run['chance_AP']:.1f} and AP50 {run['chance_AP50']:.1f} on {title}"
        for title, run in scores.items()
        if _is_number(run.get("chance_AP")) and _is_number(run.get("chance_AP50"))
    ]
    blind = "A blind guess (the training images' average person in every image) reaches"
    return f" {blind} {', '.join(known)}." if known else ""


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
