"""Statistics of crowded scenes: what a data set's annotations hold, beside CrowdPose val's own numbers."""

import json
from functools import cache
from pathlib import Path

import numpy as np

from litepose.core.errors import InputError
from litepose.core.skeletons import CROWDPOSE, Skeleton
from litepose.datasets.crowding import crowd_index
from litepose.datasets.reading import read

PRIOR_FILE = Path(__file__).parent / "pose_prior.json"
QUANTILES = (5, 25, 50, 75, 95)
# Images are grouped by their number of people where a table is kept per number: 1, 2, 3, 4-5, 6-8, 9 or more.
PEOPLE_BINS = (1, 2, 3, 4, 6, 9)
HEIGHT_LEVELS = np.array(
    [0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 1]
)  # quantiles stored of relative heights
CROWD_BINS = 10
BODY_JOINTS = CROWDPOSE.joints[:12]  # the joints that both skeletons share


@cache
def load_prior() -> dict:
    """The statistics fitted to CrowdPose val by ``stages/fit_pose_prior.py``, as stored in the package."""
    return json.loads(PRIOR_FILE.read_text(encoding="utf-8"))


def people_bin(people: np.ndarray | int) -> np.ndarray:
    """Index into `PEOPLE_BINS` for a number of people per image."""
    return np.searchsorted(PEOPLE_BINS, people, side="right") - 1


def crowd_bin(index: np.ndarray) -> np.ndarray:
    """Which tenth a crowding index falls into; a tenth holds its lower end, the last one also 1 and more."""
    return np.clip(np.floor(np.round(index, 4) * CROWD_BINS + 1e-9), 0, CROWD_BINS - 1).astype(int)


def layout_prior(min_height: float) -> dict:
    """The stored tables of scenes from which people below a relative height were left out.

    Raises:
        InputError: no table is stored for this height.
    """
    layouts = load_prior()["layouts"]
    key = f"{min_height:g}"
    if key not in layouts:
        raise InputError(
            f"min_height is {key}, but statistics are stored for {', '.join(layouts)}: use one of them."
        )
    return layouts[key]


def people_of(annotations: dict) -> tuple[list[dict], list[np.ndarray]]:
    """Images that hold people, and per image the row numbers of its annotations."""
    image_ids = np.array([person["image_id"] for person in annotations["annotations"]])
    order = np.argsort(image_ids, kind="stable")
    found, starts = np.unique(image_ids[order], return_index=True)
    by_id = {image["id"]: image for image in annotations["images"]}
    return [by_id[image_id] for image_id in found.tolist()], np.split(order, starts[1:])


def describe(annotations: dict, skeleton: Skeleton) -> dict[str, float]:
    """Statistics of a data set in COCO's or CrowdPose's format.

    Args:
        annotations: the parsed annotation file.
        skeleton: its joints.

    Returns:
        Flat numbers: quantiles of persons per image, of relative height (box height / image height), of
        labelled and of visible body joints per person (the 12 joints that COCO and CrowdPose share; all
        joints of a skeleton that lacks one of them), the share of images per fifth of the crowding index, the
        share of people without any labelled joint.
    """
    keypoints, boxes = _arrays(annotations)
    images, rows = people_of(annotations)
    image_heights = np.empty(len(boxes))
    for image, members in zip(images, rows, strict=True):
        image_heights[members] = image["height"]
    indices = [
        min(image["crowdIndex"], 1.0)
        if "crowdIndex" in image
        else crowd_index(boxes[members], keypoints[members])
        for image, members in zip(images, rows, strict=True)
    ]
    counted = BODY_JOINTS if _has_body(skeleton) else skeleton.joints
    body = keypoints[:, [skeleton.joints.index(joint) for joint in counted], 2]
    crowding = np.bincount(crowd_bin(np.array(indices)), minlength=CROWD_BINS) / len(images)
    return _flat(
        people=np.array([len(members) for members in rows]),
        heights=boxes[:, 3] / image_heights,
        crowding=crowding,
        labelled=(body > 0).sum(1),
        visible=(body == 2).sum(1),
        unlabelled=float((keypoints[..., 2] == 0).all(1).mean()),
    )


def target(
    skeleton: Skeleton = CROWDPOSE,
    min_height: float = 0.0,
    max_people: int = 30,
    max_crowd_index: float = 1.0,
) -> dict[str, float]:
    """CrowdPose val's own statistics, under a scene generator's filters, with `describe`'s keys.

    People below `min_height` and then images beyond the two maxima are left out of CrowdPose val. About half
    of its images never use the flag "visible"; COCO's annotators always did, so for COCO's skeleton the joint
    counts are those of the other half. The filters of images act on heights and joint counts through the
    number of people only.

    Raises:
        InputError: no statistics are stored for this `min_height`.
    """
    layout = layout_prior(min_height)
    images = allowed_layouts(layout, max_people, max_crowd_index)
    counts = np.arange(1, len(images) + 1)
    people = np.repeat(counts, np.rint(images.sum(1)).astype(int))
    group = people_bin(counts)
    share = np.bincount(group, images.sum(1) * counts, minlength=len(PEOPLE_BINS))
    share = share / share.sum()
    kinds = ("visible_flags",) if skeleton.name == "coco" else ("visible_flags", "no_visible_flags")
    tables = [
        np.array([layout[kind][field] for kind in kinds], float).sum(0) for field in ("labelled", "visible")
    ]
    labelled, visible = (share @ _normalised(table) for table in tables)
    none = np.array([layout[kind]["unlabelled"] for kind in kinds], float).sum(0)
    return _flat(
        people=people,
        heights=_mixture(np.array(layout["heights"]), share),
        crowding=_rebinned(images.sum(0)),
        labelled=_values(labelled),
        visible=_values(visible),
        unlabelled=float(share @ (none / np.maximum(tables[0].sum(1), 1))),
    )


def compare(
    annotation_file: Path,
    skeleton: Skeleton,
    min_height: float = 0.0,
    max_people: int = 30,
    max_crowd_index: float = 1.0,
) -> dict[str, float]:
    """`describe` beside `target`: ``<stat>``, ``<stat>_target`` and ``<stat>_difference``.

    The difference is relative to the target; a target below one person, one joint, or 2 % is replaced by that
    number in the denominator, so that an empty bin stays a number. A skeleton that lacks one of the 12 body
    joints has no target: its joints cannot be counted beside CrowdPose's.
    """
    numbers = describe(read(annotation_file, skeleton).content(), skeleton)
    if not _has_body(skeleton):
        return {name: round(value, 4) for name, value in numbers.items()}
    wanted = target(skeleton, min_height, max_people, max_crowd_index)
    rows = {}
    for name, value in numbers.items():
        unit = 1.0 if name.startswith(("people", "labelled", "visible")) else 0.02
        rows[name] = round(value, 4)
        rows[f"{name}_target"] = round(wanted[name], 4)
        rows[f"{name}_difference"] = round((value - wanted[name]) / max(wanted[name], unit), 4)
    return rows


def allowed_layouts(layout: dict, max_people: int, max_crowd_index: float) -> np.ndarray:
    """Images per number of people (rows, from 1) and crowding bin, after the two maxima: float [N, bins].

    Raises:
        InputError: the maxima leave no image.
    """
    images = np.array(layout["images"], float)
    images[max_people:] = 0
    edges = np.arange(images.shape[1]) / images.shape[1]
    kept = np.clip((max_crowd_index - edges) * images.shape[1], 0, 1)  # the share of a bin below the maximum
    images *= np.where(edges == 0, np.maximum(kept, 1e-9), kept)
    if images.sum() < 1:
        raise InputError("max_people and max_crowd_index leave no scene to draw: raise them.")
    return images


def _arrays(annotations: dict) -> tuple[np.ndarray, np.ndarray]:
    people = annotations["annotations"]
    if not people:
        raise InputError("The annotations hold no person: statistics need at least one.")
    keypoints = np.array([person["keypoints"] for person in people], float).reshape(len(people), -1, 3)
    return keypoints, np.array([person["bbox"] for person in people], float)


def _has_body(skeleton: Skeleton) -> bool:
    return set(BODY_JOINTS) <= set(skeleton.joints)


def _normalised(table: np.ndarray) -> np.ndarray:
    return table / np.maximum(table.sum(1, keepdims=True), 1)


def _values(histogram: np.ndarray) -> np.ndarray:
    """Values whose frequencies are the histogram's, to a ten-thousandth."""
    return np.repeat(np.arange(len(histogram)), np.rint(histogram * 10_000).astype(int))


def _mixture(quantiles: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Values drawn evenly from rows of quantiles, each row as often as its share."""
    counts = np.rint(share * 10_000).astype(int)
    return np.concatenate(
        [
            np.interp((np.arange(n) + 0.5) / max(n, 1), HEIGHT_LEVELS, row)
            for n, row in zip(counts, quantiles, strict=True)
        ]
    )


def _rebinned(crowding: np.ndarray) -> np.ndarray:
    return crowding / crowding.sum()


def _flat(
    *,
    people: np.ndarray,
    heights: np.ndarray,
    crowding: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    unlabelled: float,
) -> dict[str, float]:
    rows = {f"people_q{q:02d}": float(np.percentile(people, q)) for q in QUANTILES}
    rows |= {f"height_q{q:02d}": float(np.percentile(heights, q)) for q in QUANTILES}
    fifths = crowding.reshape(5, -1).sum(1)
    rows |= {f"crowd_index_{low / 5:.1f}_to_{(low + 1) / 5:.1f}": float(x) for low, x in enumerate(fifths)}
    for name, counts in (("labelled", labelled), ("visible", visible)):
        rows[f"{name}_mean"] = float(np.mean(counts))
        rows |= {f"{name}_q{q:02d}": float(np.percentile(counts, q)) for q in QUANTILES}
    return rows | {"unlabelled_share": unlabelled}
