"""The runs of the pipeline: which there are, and where each stands in the paper.

A run's metrics are in ``metrics/<stage>/<run>.json`` and, of its training, in
``data/curves/<stage>/<run>/training.json``. A new row of a table or point of a figure is a line here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from report.systems import KERNELS, half_key

_TWIN = "-published"  # ends the run of a published architecture, beside that of the found one


class Entry(NamedTuple):
    """What stands in a row of a table or at a point of a figure.

    Attributes:
        run: ``<stage>/<run>`` whose scores these are; empty where the pipeline does not train the network.
        system: name of the published network in the complexity metrics.
    """

    run: str
    system: str

    @property
    def zoo(self) -> str:
        """The published network's name in the zoo and in the latency metrics."""
        return self.system.removesuffix("-coco")

    @property
    def published_architecture(self) -> str:
        """Run of the published architecture, beside that of the architecture which a search found."""
        return f"{self.run}{_TWIN}"


_KERNELS = {kernel: Entry(f"kernels/{kernel}", half_key(kernel)) for kernel in KERNELS}
_NO_FUSION = Entry("ablation/no-fusion", half_key(7, fusion=False))

# Table 1, CrowdPose, and Table 2, COCO. Systems that the paper's tables lack come last.
TABLE1 = {
    "HigherHRNet-W48": Entry("baselines/higherhrnet-w48", "higherhrnet-w48"),
    "HigherHRNet-W24": Entry("baselines/higherhrnet-w24", "higherhrnet-w24"),
    "EfficientHRNet-H-1": Entry("baselines/efficienthrnet-h-1", "efficienthrnet-h-1"),
    "LitePose-S": Entry("finetune/s", "litepose-s"),
    "HigherHRNet-W16": Entry("shrink/baseline", "higherhrnet-w16"),
    "EfficientHRNet-H-3": Entry("baselines/efficienthrnet-h-3", "efficienthrnet-h-3"),
    "LitePose-XS": Entry("finetune/xs", "litepose-xs"),
    "LitePose-M": Entry("finetune/m", "litepose-m"),
    "LitePose-L": Entry("finetune/l", "litepose-l"),
}
TABLE2 = {
    "PersonLab": Entry("", "personlab"),
    "Hourglass": Entry("", "hourglass-ae"),
    "HigherHRNet-W48": Entry("", "higherhrnet-w48-coco"),
    "Lightweight OpenPose": Entry("", "lightweight-openpose"),
    "EfficientHRNet-H-2": Entry("baselines/efficienthrnet-h-2", "efficienthrnet-h-2"),
    "LitePose-S": Entry("transfer/s", "litepose-s-coco"),
    "EfficientHRNet-H-4": Entry("baselines/efficienthrnet-h-4", "efficienthrnet-h-4"),
    "LitePose-XS": Entry("transfer/xs", "litepose-xs-coco"),
    "LitePose-M": Entry("transfer/m", "litepose-m-coco"),
    "LitePose-L": Entry("transfer/l", "litepose-l-coco"),
}
# Table 3, ablations: a row in one line, as `report.tables.ablation_name` writes it
TABLE3 = {
    "0.5 LitePose, kernel 3": _KERNELS[3],
    "0.5 LitePose, kernel 5": _KERNELS[5],
    "0.5 LitePose, kernel 7, no fusion": _NO_FUSION,
    "0.5 LitePose, kernel 7": _KERNELS[7],
    "0.5 LitePose, kernel 7, supernet": Entry("ablation/half-supernet", half_key(7)),
    "LitePose-S, kernel 7, supernet": TABLE1["LitePose-S"],
    "LitePose-XS, kernel 7": Entry("ablation/xs-scratch", "litepose-xs"),
    "LitePose-XS, kernel 7, supernet": Entry("ablation/xs-supernet", "litepose-xs"),
    "LitePose-XS, kernel 7, supernet, distilled": TABLE1["LitePose-XS"],
}
# Figure 3, gradual shrinking: the paper's configurations
FIGURE3 = {
    "Baseline": TABLE1["HigherHRNet-W16"],
    "Shrink 1": Entry("shrink/shrink1", "higherhrnet-w16-shrink1"),
    "Shrink 2": Entry("shrink/shrink2", "higherhrnet-w16-shrink2"),
    "Shrink 3": Entry("shrink/shrink3", "higherhrnet-w16-shrink3"),
}
FIGURE6 = {"Plain head": _NO_FUSION, "Fusion head": _KERNELS[7]}
# Figure 7: kernel size -> network that finds people, and run of the classifier
FIGURE7 = _KERNELS
FIGURE7_CLASSIFICATION = {kernel: f"kernels_classification/{kernel}" for kernel in KERNELS}
# Figure 8 compares the first with the last.
FIGURE8 = {name: TABLE1[name] for name in ("HigherHRNet-W16", "LitePose-S", "LitePose-L")}

SUPERNETS = ("xs", "lms")
SEARCHES = {"xs": "LitePose-XS", "s": "LitePose-S", "m": "LitePose-M", "l": "LitePose-L"}

# In the pipeline's order
STAGES = (
    *("dataset", "complexity", "pretrain", "shrink", "kernels", "kernels_classification", "ablation"),
    *("baselines", "supernet", "ranking", "latency_model", "search", "finetune", "transfer", "latency"),
)
# What runs with all parameters; finetune/xs is the distilled network
_ALWAYS = (
    *("complexity", "pretrain/full", "finetune/xs", "latency_model/host"),
    *("dataset/crowdpose", "dataset/coco", "dataset/classification"),
)
MACHINE = "_machine"  # ends the name of the file that describes a device


def asked_for(values: Mapping[str, Any]) -> set[str]:
    """Names ``<stage>/<run>`` of everything that runs with these parameters.

    Args:
        values: parameters by section. Of a stage, ``runs`` (and ``supernet_runs``, where there are some that
            start from a supernet) hold the names of its runs; ``latency.devices`` those of devices.
    """
    sections = {stage: values[stage] for stage in STAGES if "runs" in values.get(stage, {})}
    runs = {
        f"{stage}/{run}"
        for stage, section in sections.items()
        for run in (*section["runs"], *section.get("supernet_runs", ()))
    }
    devices = values["latency"]["devices"]
    return {*_ALWAYS, *runs, *(f"latency/{device}{end}" for device in devices for end in ("", MACHINE))}


def dataset(run: str) -> str:
    """The data set that a run, ``<stage>/<run>``, is trained and tested on: COCO for those of Table 2."""
    if run.startswith("kernels_classification/"):
        return "classification"
    return "coco" if run.removesuffix(_TWIN) in {entry.run for entry in TABLE2.values()} else "crowdpose"


def people_finders() -> dict[str, str]:
    """What each run whose network finds people is called, in the paper's order; COCO's after CrowdPose's."""
    found = {entry.run: name for name, entry in FIGURE3.items()}
    found |= {entry.run: f"0.5 LitePose, kernel {kernel}" for kernel, entry in FIGURE7.items()}
    found |= {entry.run: name for name, entry in (*TABLE3.items(), *TABLE1.items())}
    found |= {entry.run: f"{name}, COCO" for name, entry in TABLE2.items() if entry.run}
    return found


def before(run: str) -> tuple[str, ...]:
    """Runs whose training a network's weights have passed before its own: none where it starts at random."""
    stage, _, name = run.partition("/")
    if stage in ("finetune", "transfer") or (stage == "ablation" and name.endswith("-supernet")):
        return ("pretrain/full", f"supernet/{'xs' if name.startswith('xs') else 'lms'}")
    return ("pretrain/full",) if stage == "supernet" else ()


def figure5(kernels: Sequence[int]) -> dict[str, str]:
    """Runs whose networks Figure 5 shows, by what they are called there.

    Small kernels, no fusion head, both as published, and the found network.

    Args:
        kernels: sizes that were trained.
    """
    large = 7 if 7 in kernels else max(kernels)
    return {
        f"kernel {min(kernels)}, fusion": f"kernels/{min(kernels)}",
        "kernel 7, no fusion": _NO_FUSION.run,
        f"kernel {large}, fusion": f"kernels/{large}",
        "LitePose-S": TABLE1["LitePose-S"].run,
    }
