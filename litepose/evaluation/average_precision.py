"""OKS average precision with the evaluators of COCO and CrowdPose."""

import contextlib
import io
import json
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from faster_coco_eval import COCO as CrowdDataset
from faster_coco_eval import COCOeval_faster
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from litepose.core.errors import InputError
from litepose.core.skeletons import Skeleton
from litepose.datasets.ground_truth import PERSON, GroundTruth
from litepose.datasets.reading import read
from litepose.datasets.rules import BOX_AREA, nobody

COCO_METRICS = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75")
CROWDPOSE_METRICS = ("AP", "AP50", "AP75", "AR", "AR50", "AR75", "AP_easy", "AP_medium", "AP_hard")
CROWDPOSE_AREA = BOX_AREA  # of a person, as a share of the box
EASY_BELOW, MEDIUM_BELOW = 0.2, 0.8  # crowdIndex of an image, as CrowdPose's evaluator splits


def evaluate(
    annotation_file: Path,
    detections: list[dict],
    skeleton: Skeleton,
    image_ids: Collection[int] | None = None,
    evaluator: str = "faster-coco-eval",
) -> dict[str, float]:
    """Average precision and recall of detections, at most 20 per image.

    CrowdPose is evaluated as by its own tools: areas are 0.53 x box area, and the images are split by
    crowdIndex into easy (< 0.2), medium (< 0.8) and hard; COCO and all other skeletons by pycocotools.

    Args:
        annotation_file: ground truth in COCO's or CrowdPose's format.
        detections: COCO results: image_id, category_id, keypoints [3J], score. May be empty.
        skeleton: the joints and their OKS constants.
        image_ids: images to evaluate; default: all of the file. Detections in others do not count.
        evaluator: of CrowdPose: ``faster-coco-eval`` or ``crowdposetools``, which give the same numbers.

    Returns:
        Fractions 0 to 1; ``COCO_METRICS`` or ``CROWDPOSE_METRICS`` by the skeleton's name. 0 where nothing
        was detected, and where none of the chosen images has anybody to detect.

    Raises:
        InputError: the annotation file is missing, breaks a rule (see ``datasets.reading``), labels nobody at
            all, or lacks an image that has detections; a detection is not as it must be; the evaluator is
            unknown or not installed.
    """
    content, results = truth_and_results(annotation_file, detections, skeleton, image_ids)
    crowdpose = skeleton.name == "crowdpose"
    names = CROWDPOSE_METRICS if crowdpose else COCO_METRICS
    if evaluator not in CROWDPOSE_EVALUATORS:
        known = " or ".join(CROWDPOSE_EVALUATORS)
        raise InputError(f"The evaluator {evaluator!r} of CrowdPose is unknown: use {known}.")
    if not results or not any(_counts(person) for person in content["annotations"]):
        return dict.fromkeys(names, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):
        values = (CROWDPOSE_EVALUATORS[evaluator] if crowdpose else _coco)(content, results, skeleton)
    return {name: max(float(value), 0.0) for name, value in zip(names, values, strict=True)}


def truth_and_results(
    annotation_file: Path,
    detections: list[dict],
    skeleton: Skeleton,
    image_ids: Collection[int] | None = None,
) -> tuple[dict[str, Any], list[dict]]:
    """An annotation file's content and the detections as the evaluators need them, of some images.

    Both are copies, people with ids from 1: the evaluators write into what they are given, and 0 is their
    "not matched".

    Args, Raises: as :func:`evaluate`.
    """
    truth = read(annotation_file, skeleton)
    if not truth.counted().any():
        raise InputError(f"{annotation_file}: {nobody(truth)}; there is nothing to judge.")
    results = _results(truth, detections, skeleton)
    chosen = truth.image_ids if image_ids is None else [truth.image_id(image) for image in image_ids]
    known = set(truth.image_ids.tolist()).intersection(chosen)
    return truth.content(known), [result for result in results if result["image_id"] in known]


def _counts(person: dict) -> bool:
    return not person["iscrowd"] and person["num_keypoints"] > 0


def _results(truth: GroundTruth, detections: list[dict], skeleton: Skeleton) -> list[dict]:
    """Copies of the detections, checked, with the ids of images and category that the truth has."""
    known, numbers = set(truth.image_ids.tolist()), 3 * skeleton.num_joints
    results = []
    for number, detection in enumerate(detections):
        try:
            image, keypoints = truth.image_id(detection["image_id"]), detection["keypoints"]
            finite = len(keypoints) == numbers and np.isfinite([detection["score"], *keypoints]).all()
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"Detection {number} cannot be read ({error}): give image_id, keypoints and score as numbers."
            ) from None
        if not finite:
            raise InputError(
                f"Detection {number} has a score and {len(keypoints)} keypoints that are not all numbers: "
                f"give {numbers}, x, y and score of {skeleton.num_joints} joints."
            )
        if image not in known:
            raise InputError(
                f"{truth.file}: the detections' image {detection['image_id']} is not in the file; give the "
                "annotations of the images that were predicted."
            )
        results.append(detection | {"image_id": image, "category_id": PERSON})
    return results


def ground_truth(content: Any) -> COCO:
    """An annotation file's content as pycocotools holds it."""
    truth = COCO()
    truth.dataset = content
    truth.createIndex()
    return truth


def _coco(content: dict, results: list[dict], skeleton: Skeleton) -> list[float]:
    truth = ground_truth(content)
    evaluator = COCOeval(truth, truth.loadRes(results), "keypoints")
    evaluator.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator.stats[:8].tolist()


def _faster_coco_eval(content: dict, results: list[dict], skeleton: Skeleton) -> list[float]:
    truth = CrowdDataset(content)
    evaluator = COCOeval_faster(
        truth,
        truth.loadRes(results),
        "keypoints_crowd",
        kpt_oks_sigmas=list(skeleton.sigmas),
        use_area=False,
    )
    images = {image["id"]: image["crowdIndex"] for image in content["images"]}
    precision, recall = _curves(evaluator, list(images))
    thresholds = list(np.rint(evaluator.params.iouThrs * 100).astype(int))
    at50, at75 = thresholds.index(50), thresholds.index(75)
    splits = (
        [image for image, crowd in images.items() if low <= crowd < high]
        for low, high in ((-np.inf, EASY_BELOW), (EASY_BELOW, MEDIUM_BELOW), (MEDIUM_BELOW, np.inf))
    )
    return [
        *(precision.mean(), precision[at50].mean(), precision[at75].mean()),
        *(recall.mean(), recall[at50], recall[at75]),
        *(_curves(evaluator, split)[0].mean() if split else 0.0 for split in splits),
    ]


def _curves(evaluator: COCOeval_faster, image_ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Precision [OKS thresholds, recall levels] and largest recall [OKS thresholds] on some images."""
    evaluator.params.imgIds = image_ids
    evaluator.evaluate()
    evaluator.accumulate()
    return evaluator.eval["precision"][:, :, 0, 0, 0], evaluator.eval["recall"][:, 0, 0, 0]


def _crowdposetools(content: dict, results: list[dict], skeleton: Skeleton) -> list[float]:
    """CrowdPose's own tools: they know its joints' constants, read files, and round the splits' APs."""
    try:
        from crowdposetools.coco import COCO as CrowdPose
        from crowdposetools.cocoeval import COCOeval as CrowdPoseEval
    except ImportError as error:
        raise InputError(
            f"crowdposetools cannot be imported ({error}): install it from CrowdPose's repository, or "
            "use the evaluator faster-coco-eval, which gives the same numbers."
        ) from None
    with tempfile.TemporaryDirectory() as directory, _numpy_float():
        truth_file, results_file = Path(directory) / "truth.json", Path(directory) / "results.json"
        truth_file.write_text(json.dumps(content))
        results_file.write_text(json.dumps(results))
        truth = CrowdPose(str(truth_file))
        evaluator = CrowdPoseEval(truth, truth.loadRes(str(results_file)), "keypoints")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return list(evaluator.stats)


@contextlib.contextmanager
def _numpy_float() -> Iterator[None]:
    """Give NumPy the name ``float`` back, which it dropped in 1.24 and crowdposetools uses."""
    names = vars(np)
    missing = "float" not in names
    names.setdefault("float", float)
    try:
        yield
    finally:
        if missing:
            del names["float"]


CROWDPOSE_EVALUATORS = {"faster-coco-eval": _faster_coco_eval, "crowdposetools": _crowdposetools}


def percent(scores: dict[str, float]) -> dict[str, float]:
    """Scores from 0..1 as percentages of two digits."""
    return {name: round(100 * score, 2) for name, score in scores.items()}
