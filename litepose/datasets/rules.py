"""Rules that annotations keep, for all entries at once, and what is allowed but looks wrong.

A rule is data: a field, where it is broken, and what is expected instead. Three kinds differ in what follows:
single entries that break a rule are refused together; a file whose entries as a whole follow another
convention than COCO's is refused; what is legal but looks wrong becomes a warning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets.faults import Faults, counted
from litepose.datasets.ground_truth import GroundTruth
from litepose.datasets.schema import short

BOX_AREA = 0.53  # of a person, as a share of the box: CrowdPose's rule
FAR = 1e6  # px; no image is so large
EDGE = 1.0  # px that a joint may lie beyond its image
SOME = 10  # people from which on a file as a whole says something about itself
MOST = 0.5  # share of a file's entries from which on the file as a whole is meant
CLEARLY = 0.3  # gain in IoU from which on a single box is taken for one in another convention
FEW = 0.02  # share of people up to which annotators' slips are not worth a warning


@dataclass(frozen=True)
class Rule:
    """What a field of every person must be.

    Attributes:
        field: of the annotation.
        expected: words for it.
        broken: bool [P], or [P, N] for each number of a list.
    """

    field: str
    expected: str
    broken: Callable[[GroundTruth], Any]


def _flags(truth: GroundTruth) -> np.ndarray:
    """bool [P, 3J]: visibilities that are none of COCO's."""
    broken: np.ndarray = np.zeros(truth.keypoints.shape, bool)
    flags = truth.keypoints[..., 2]
    broken[..., 2] = (flags != 0) & (flags != 1) & (flags != 2)
    return broken.reshape(len(broken), 3 * truth.keypoints.shape[1])


def _far(numbers: np.ndarray) -> np.ndarray:
    """bool [P, N]: no pixel of any image; NaN is none either."""
    near = (numbers < FAR) & (numbers > -FAR)
    return ~near.reshape(len(near), np.prod(near.shape[1:], dtype=int))


RULES = (
    Rule("keypoints", "pixels of the image", lambda truth: _far(truth.keypoints)),
    Rule("keypoints", "a visibility: 0 not labelled, 1 hidden, 2 visible", _flags),
    Rule("bbox", "pixels of the image", lambda truth: _far(truth.boxes)),
    Rule(
        "bbox",
        "left, top, width and height, the last two not negative",
        lambda truth: truth.boxes[:, 2:].min(1) < 0,
    ),
    Rule(
        "bbox",
        "a width and a height above 0, because this person has labelled joints",
        lambda truth: truth.counted() & (truth.boxes[:, 2:].min(1) == 0),
    ),
    Rule(
        "area",
        "a number of pixels, or no area: it is then taken from the box",
        lambda truth: (truth.areas < 0) | (truth.areas > FAR**2),
    ),
)


def check(truth: GroundTruth, faults: Faults) -> None:
    """Note every person that breaks a rule."""
    values = {
        "keypoints": truth.keypoints.reshape(len(truth.image), 3 * truth.keypoints.shape[1]),
        "bbox": truth.boxes,
        "area": truth.areas,
    }
    for rule in RULES:
        broken: np.ndarray = rule.broken(truth)
        each = np.any(broken, axis=1) if broken.ndim == 2 else broken

        def sentence(row: int, rule: Rule = rule, broken: np.ndarray = broken) -> str:
            place, value = f"annotations[{truth.entries[row]}].{rule.field}", values[rule.field][row]
            if broken.ndim == 2:
                number = int(np.flatnonzero(broken[row])[0])
                place, value = f"{place}[{number}]", value[number]
            return f"{place} is {short(_plain(value.tolist()))}; expected {rule.expected}"

        faults.add_where(rule.field + rule.expected, each, truth.entries, sentence)


def _plain(value: float | list) -> int | float | list:
    """Numbers as a file has them: whole ones without a point."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return int(value) if value == np.trunc(value) else value


# ---------------------------------------------------------------------- a file as a whole


def _inside(truth: GroundTruth) -> np.ndarray:
    """bool [P, J]: joints inside their image; all, where its size is not known."""
    x, y = truth.keypoints[..., 0], truth.keypoints[..., 1]
    sizes = np.where(truth.sizes > 0, truth.sizes, FAR)[truth.image]
    width, height = sizes[:, :1], sizes[:, 1:]
    return (x >= -EDGE) & (y >= -EDGE) & (x <= width + EDGE) & (y <= height + EDGE)


def _between_0_and_1(numbers: np.ndarray) -> bool:
    """Whether all are fractions of an image, or a little beyond it: whole numbers can be pixels as well."""
    return bool((np.abs(numbers - 0.5) < 1).all() and (numbers % 1 > 0).any())


def _normalised_joints(truth: GroundTruth) -> str | None:
    labelled = truth.keypoints[truth.keypoints[..., 2] > 0, :2]
    if not _between_0_and_1(labelled):
        return None
    return "all labelled keypoints are about 0 to 1; multiply them by their images' width and height"


def _normalised_boxes(truth: GroundTruth) -> str | None:
    if not _between_0_and_1(truth.boxes):
        return None
    return "all boxes are about 0 to 1; multiply them by their images' width and height"


def _outside(truth: GroundTruth) -> str | None:
    labelled = truth.keypoints[..., 2] > 0
    outside = labelled & ~_inside(truth)
    share = outside.sum() / max(labelled.sum(), 1)
    if share <= MOST:
        return None
    row, joint = np.argwhere(outside)[0]
    x, y, _ = truth.keypoints[row, joint]
    width, height = truth.sizes[truth.image[row]]
    return (
        f"{100 * share:.0f} % of the labelled keypoints lie outside their images, first that at "
        f"({x:g}, {y:g}) of annotations[{truth.entries[row]}] in an image of {width}x{height} pixels; "
        "expected pixels from the left and from the top of the image that 'images' describes"
    )


def _joints_extent(truth: GroundTruth, rows: np.ndarray) -> np.ndarray:
    """float [rows, 4]: left, top, right, bottom of the labelled joints."""
    keypoints = truth.keypoints[rows]
    places = np.where(keypoints[..., 2:] > 0, keypoints[..., :2], np.nan)
    return np.concatenate([np.nanmin(places, 1), np.nanmax(places, 1)], 1)


def _overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union [N] of boxes [N, 4] as two corners; 0 where corners are exchanged."""
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    shared = np.maximum(high - low, 0).prod(1)
    areas = [np.maximum(box[:, 2:] - box[:, :2], 0).prod(1) for box in (first, second)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)


def _as_corners(truth: GroundTruth) -> tuple[np.ndarray, np.ndarray]:
    """Rows of people with joints, and how much better their boxes hold these as two corners: IoU's gain."""
    rows = np.flatnonzero(truth.counted() & ((truth.keypoints[..., 2] > 0).sum(1) >= 3))
    joints, boxes = _joints_extent(truth, rows), truth.boxes[rows]
    sized = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    return rows, _overlap(boxes, joints) - _overlap(sized, joints)


def _corners(truth: GroundTruth) -> str | None:
    _, gain = _as_corners(truth)
    if not len(gain) or gain.mean() <= 0.1:
        return None
    return (
        f"the boxes of {int((gain > 0).sum())} of {len(gain)} annotations hold their keypoints only as two "
        "corners (left, top, right, bottom); write left, top, width and height"
    )


CONVENTIONS = (_normalised_joints, _normalised_boxes, _outside, _corners)


def refuse_other_conventions(truth: GroundTruth) -> None:
    """Refuse a file whose people as a whole are written in another convention than COCO's.

    Raises:
        InputError: naming it.
    """
    for convention in CONVENTIONS:
        if found := convention(truth):
            raise InputError(f"{truth.file}: {found}.")


# ---------------------------------------------------------------------- allowed, but it looks wrong


@dataclass(frozen=True)
class Suspicion:
    """What people are allowed to be, but hardly are.

    Attributes:
        words: for them.
        holds: bool [P].
        above: share of all people up to which nothing is said.
    """

    words: str
    holds: Callable[[GroundTruth], np.ndarray]
    above: float = 0.0


def _mostly(joints: np.ndarray, truth: GroundTruth) -> np.ndarray:
    """bool [P]: more than half of a person's labelled joints are among ``joints`` [P, J]."""
    labelled = truth.keypoints[..., 2] > 0
    return truth.counted() & ((joints & labelled).sum(1) > MOST * labelled.sum(1))


def _outside_box(truth: GroundTruth) -> np.ndarray:
    """bool [P, J]: joints further outside their box than a tenth of its size and 5 px."""
    low, size = truth.boxes[:, None, :2], truth.boxes[:, None, 2:]
    margin = 0.1 * size + 5
    places = truth.keypoints[..., :2]
    return ((places < low - margin) | (places > low + size + margin)).any(-1)


def _one_pixel(truth: GroundTruth) -> np.ndarray:
    rows = np.flatnonzero(truth.counted() & ((truth.keypoints[..., 2] > 0).sum(1) >= 2))
    extent = _joints_extent(truth, rows)
    found = np.zeros(len(truth.image), bool)
    found[rows] = (extent[:, 2:] - extent[:, :2] < 1).all(1)
    return found


def _far_outside(truth: GroundTruth) -> np.ndarray:
    """bool [P]: somebody has a joint further outside the image than the image is large."""
    sizes = np.where(truth.sizes > 0, truth.sizes, FAR)[truth.image][:, None]
    places = truth.keypoints[..., :2]
    far = ((places < -sizes) | (places > 2 * sizes)).any(-1) & (truth.keypoints[..., 2] > 0)
    return truth.counted() & far.any(1)


def _box_as_corners(truth: GroundTruth) -> np.ndarray:
    rows, gain = _as_corners(truth)
    found = np.zeros(len(truth.image), bool)
    found[rows] = gain > CLEARLY
    return found


def _positions_without_label(truth: GroundTruth) -> np.ndarray:
    """bool [P]: places with visibility 0; negative ones are another way to write that there is none."""
    return ((truth.keypoints[..., 2] == 0) & (truth.keypoints[..., :2] > 0).any(-1)).any(1)


def _box_outside(truth: GroundTruth) -> np.ndarray:
    sizes = np.where(truth.sizes > 0, truth.sizes, FAR)[truth.image]
    low, high = truth.boxes[:, :2], truth.boxes[:, :2] + truth.boxes[:, 2:]
    seen = np.maximum(np.minimum(high, sizes) - np.maximum(low, 0), 0).prod(1)
    return truth.counted() & (seen < MOST * truth.boxes[:, 2:].prod(1))


def _odd_area(truth: GroundTruth) -> np.ndarray:
    box = truth.boxes[:, 2:].prod(1)
    return truth.counted() & ((truth.areas > 1.5 * box) | (truth.areas < 0.01 * box))


def _twice(truth: GroundTruth) -> np.ndarray:
    rows = np.flatnonzero(truth.counted())
    people = zip(truth.image[rows].tolist(), truth.keypoints[rows], strict=True)
    keys = np.array([hash((image, person.tobytes())) for image, person in people], np.int64)
    found = np.zeros(len(truth.image), bool)
    found[rows] = True
    found[rows[np.unique(keys, return_index=True)[1]]] = False  # the first of them
    return found


SUSPICIONS = (
    Suspicion(
        "have most of their labelled keypoints outside the image",
        lambda truth: _mostly(~_inside(truth), truth),
    ),
    Suspicion(
        "have most of their labelled keypoints outside their own box: do both count from the same corner, "
        "in the same size of the image?",
        lambda truth: _mostly(_outside_box(truth), truth),
        FEW,
    ),
    Suspicion("have a labelled keypoint further outside the image than the image is large", _far_outside),
    Suspicion("have all their labelled keypoints in one pixel", _one_pixel),
    Suspicion(
        "have a box that holds their keypoints far better as two corners than as left, top, width and height",
        _box_as_corners,
        FEW,
    ),
    Suspicion(
        "give positions of keypoints with visibility 0, which count as not labelled: COCO marks hidden ones "
        "with 1 and visible ones with 2",
        _positions_without_label,
        FEW,
    ),
    Suspicion("have a box that lies mostly outside the image", _box_outside),
    Suspicion("are there twice, with the same keypoints in the same image", _twice),
)
AREA = Suspicion(
    "have an area that does not fit their box, and COCO's metric divides distances by it", _odd_area, FEW
)


def suspicions(truth: GroundTruth, skeleton: Skeleton) -> list[str]:
    """A sentence for everything that is allowed but looks wrong."""
    said = []
    rules = SUSPICIONS if skeleton.name == "crowdpose" else (*SUSPICIONS, AREA)
    for suspicion in rules:
        rows = np.flatnonzero(suspicion.holds(truth))
        if len(rows) > suspicion.above * len(truth.image):
            entries = truth.entries[rows].tolist()
            said.append(f"{len(rows)} of {len(truth.image)} annotations {suspicion.words}{counted(entries)}")
    if not truth.counted().any():
        said.append(nobody(truth))
    if _first_quarter(truth):
        said.append(
            "all labelled keypoints lie in the left and upper half of their images: are they percentages, or "
            "of smaller images?"
        )
    if skeleton.name == "crowdpose" and np.median(np.nan_to_num(truth.crowd_index)) > 1:
        said.append("most images have a crowdIndex above 1, all of which count as hard: is it in percent?")
    names = [name for name in truth.file_names if name is not None]
    if len(set(names)) < len(names):
        said.append(f"{len(names) - len(set(names))} entries of 'images' name an image file that others name")
    return said


def _first_quarter(truth: GroundTruth) -> bool:
    """Whether nobody reaches the right or the lower half of an image, which chance gives some people."""
    sizes = truth.sizes[truth.image][:, None]
    labelled = truth.keypoints[truth.counted()]
    beyond = (labelled[..., :2] > sizes[truth.counted()] / 2).any(-1) & (labelled[..., 2] > 0)
    return len(labelled) >= SOME and (sizes > 0).all() and not beyond.any()


def nobody(truth: GroundTruth) -> str:
    """Why there is nobody to be learnt or found."""
    if (truth.keypoints[..., :2][truth.keypoints[..., 2] == 0] != 0).any():
        return (
            "no keypoint is labelled, although positions are given: set their visibility, 1 for hidden and "
            "2 for visible ones"
        )
    if truth.iscrowd.any() and (truth.keypoints[..., 2] > 0).any():
        return "all people are marked as crowds: iscrowd is 0 for a person"
    return "no keypoint of anybody is labelled"
