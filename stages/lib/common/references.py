"""What the values of several parameters must have in common, so that every stage finds what it needs.

Every check is a generator of findings: the path of the value that is wrong, and what was expected of it.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

import litepose
from litepose.core.skeletons import SKELETONS
from stages.lib.common.schema import DRAWN, SKELETON_FILES, STRIDES

Finding = tuple[tuple[str, ...], str]
Values = dict[str, Any]

PUBLISHED = ("half", "xs-published", "s-published", "m-published", "l-published")  # see stages.published
DISTILLED, TEACHER = "xs", "s"  # see stages.distill
PLAIN_HEAD = "no-fusion"  # of Figure 5, see report.runs
IN_ONE_PROCESS = ("ranking",)  # trainings whose batches are not shared


def findings(values: Values) -> Iterator[Finding]:
    """What is wrong with values of which each for itself is right."""
    for name in ("crowdpose", "coco"):
        yield from _data_set(name, values[name])
    for name in ("crowdpose", "coco", "classification"):
        if values[name]["root"].startswith("~"):
            yield (name, "root"), "expected a path without ~, which DVC does not expand, as /home/ann/photos"
    yield from _classification(values["classification"])
    yield from _batches(values)
    yield from _tested_scales(values["evaluation"]["scales"])
    yield from _baselines(values["baselines"]["runs"])
    yield from _architectures(values)
    yield from _latency(values["latency"])
    if values["compute"]["nodes"] > 1 and not values["compute"]["launch"].strip():
        yield ("compute", "launch"), "expected what starts a command on each of the nodes, such as srun"


def _data_set(name: str, section: Values) -> Iterator[Finding]:
    skeleton, synthetic = section["skeleton"], section["source"] == "synthetic"
    # The search evaluates on CrowdPose's val.
    used = {*section["fit"], section["monitor"], *section["test"], *(["val"] * (name == "crowdpose"))}
    needed = {"train", "val", "test"} if synthetic else set()
    yield from _drawn_images(name, section["images"], needed | used & {DRAWN})
    if synthetic:
        if skeleton != name:
            yield (name, "skeleton"), f"expected {name}, whose joints drawn people have, or source: local"
        for split in sorted(used - section["images"].keys()):
            yield (name, "images"), f"expected {split} among the splits that are drawn, or source: local"
    elif DRAWN in used and skeleton != name:
        words = f"expected {name}, whose joints drawn people have, or no split {DRAWN} in use"
        yield (name, "skeleton"), words
    elif skeleton not in SKELETONS and not (SKELETON_FILES / f"{skeleton}.yaml").is_file():
        known = [*SKELETONS, *sorted(path.stem for path in SKELETON_FILES.glob("*.yaml"))]
        file = SKELETON_FILES / f"{skeleton}.yaml"
        yield (name, "skeleton"), f"expected one of {', '.join(known)}, or its joints in {file}"


def _classification(section: Values) -> Iterator[Finding]:
    if section["source"] == "synthetic":
        yield from _drawn_images("classification", section["images"], section["images"])


def _drawn_images(name: str, images: dict[str, int], needed: Collection[str]) -> Iterator[Finding]:
    for split, count in images.items():
        if split in needed and count < 1:
            other = f"no split {DRAWN} in use" if split == DRAWN else "source: local"
            yield (name, "images", split), f"expected at least 1 image to draw, or {other}"


def _batches(values: Values) -> Iterator[Finding]:
    """Every batch can be shared by the processes, and the share divided."""
    parts, compute = values["recipe"]["accumulate_grad"], values["compute"]
    processes = compute["processes"] * compute["nodes"]
    sections = {(name,): content for name, content in values.items() if isinstance(content, dict)}
    supernets = {("supernet", "runs", run): content for run, content in values["supernet"]["runs"].items()}
    for path, section in [*sections.items(), *supernets.items()]:
        if "batch_size" not in section:
            continue
        sharing = 1 if path[0] in IN_ONE_PROCESS else processes
        if section["batch_size"] % (sharing * parts):
            words = f"{sharing} processes (compute)" if sharing > 1 else ""
            words += " times " if sharing > 1 and parts > 1 else ""
            words += f"{parts} parts (recipe.accumulate_grad)" if parts > 1 else ""
            yield (*path, "batch_size"), f"expected a multiple of {sharing * parts}, for {words}"


def _tested_scales(scales: list[float]) -> Iterator[Finding]:
    multiples = [scale / min(scales) for scale in scales]
    if 1 not in scales or any(abs(multiple - round(multiple)) > 1e-6 for multiple in multiples):
        words = "expected 1 among them, and each a multiple of the smallest, as in [0.5, 1, 2]"
        yield ("evaluation", "scales"), words


def _baselines(runs: Values) -> Iterator[Finding]:
    for name, run in runs.items():
        unit = STRIDES[name.partition("-")[0]]
        if run["resolution"] % unit:
            yield ("baselines", "runs", name, "resolution"), f"expected a multiple of {unit}"


def _architectures(values: Values) -> Iterator[Finding]:
    """What starts from an architecture finds it in the pipeline, and no two stages write the same file."""
    searched = values["search"]["runs"]
    known = {*searched, *PUBLISHED}
    words = f"expected one of search.runs or a published one: {', '.join(sorted(known))}"
    for name in searched.keys() & set(PUBLISHED):
        yield ("search", "runs"), f"expected another name than {name}, that of a published architecture"
    for name in (DISTILLED, TEACHER):
        if name not in searched:
            yield ("search", "runs"), f"expected {name} among them, which distill needs"
    finetuned = values["finetune"]["runs"]
    for name in finetuned:
        if name not in known:
            yield ("finetune", "runs"), f"{words}; not {name}"
    if DISTILLED in finetuned:
        yield ("finetune", "runs"), f"expected no {DISTILLED}, which distill trains"
    if TEACHER not in finetuned:
        yield ("finetune", "runs"), f"expected {TEACHER} among them, the teacher of distill"
    for name in values["transfer"]["runs"]:
        if name not in known:
            yield ("transfer", "runs"), f"{words}; not {name}"
    yield from _ablations(values["ablation"], known, words)


def _ablations(section: Values, known: set[str], words: str) -> Iterator[Finding]:
    for key in ("runs", "supernet_runs"):
        for name, run in section[key].items():
            if run["architecture"] not in known:
                yield ("ablation", key, name, "architecture"), words
    for name in section["runs"].keys() & section["supernet_runs"].keys():
        yield ("ablation", "supernet_runs"), f"expected another name than {name}, one of ablation.runs"
    if PLAIN_HEAD not in section["runs"]:
        yield ("ablation", "runs"), f"expected {PLAIN_HEAD} among them, which Figure 5 shows"


def _latency(section: Values) -> Iterator[Finding]:
    boards = Path(litepose.__file__).with_name("runtimes") / "boards.yaml"
    devices = ["host", "cuda", *yaml.load(boards.read_text(encoding="utf-8"), yaml.SafeLoader)]
    for device in section["devices"]:
        if device not in devices:
            yield ("latency", "devices"), f"expected some of {', '.join(devices)}, not {device}"
    for name, systems in section["runtimes"].items():
        for system in systems if isinstance(systems, list) else ():
            if system not in section["systems"]:
                yield ("latency", "runtimes", name), f"expected all, or some of latency.systems, not {system}"
