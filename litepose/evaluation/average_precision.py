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
from litepose.datasets.annotations import read_json

COCO_METRICS = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75")
CROWDPOSE_METRICS = ("AP", "AP50", "AP75", "AR", "AR50", "AR75", "AP_easy", "AP_medium", "AP_hard")
CROWDPOSE_AREA = 0.53  # of a person, as a share of the box
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
        was detected, and where there is nothing to detect.

    Raises:
        InputError: the annotation file is missing, malformed, lacks crowdIndex (CrowdPose) or an image that
            has detections; the evaluator is unknown or not installed.
    """
    content, results = truth_and_results(annotation_file, detections, skeleton, image_ids)
    crowdpose = skeleton.name == "crowdpose"
    names = CROWDPOSE_METRICS if crowdpose else COCO_METRICS
    if evaluator not in CROWDPOSE_EVALUATORS:
        known = " or ".join(CROWDPOSE_EVALUATORS)
        raise InputError(f"The evaluator {evaluator!r} of CrowdPose is unknown: use {known}.")
    if not results:
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
    content = read_json(annotation_file)
    known = {image["id"] for image in content["images"]}
    for detection in detections:
        if detection["image_id"] not in known:
            raise InputError(
                f"{annotation_file}: the detections' image {detection['image_id']} is not in the file; "
                "give the annotations of the images that were predicted."
            )
    if image_ids is not None:
        chosen = set(image_ids)
        content = _restricted(content, chosen)
        detections = [detection for detection in detections if detection["image_id"] in chosen]
    if skeleton.name == "crowdpose" and any("crowdIndex" not in image for image in content["images"]):
        raise InputError(f"{annotation_file}: an image has no 'crowdIndex'; CrowdPose's evaluation needs it.")
    people = [_completed(person, number) for number, person in enumerate(content["annotations"], 1)]
    return {**content, "annotations": people}, [dict(detection) for detection in detections]


def _restricted(content: dict, image_ids: set[int]) -> dict:
    return {
        **content,
        "images": [image for image in content["images"] if image["id"] in image_ids],
        "annotations": [person for person in content["annotations"] if person["image_id"] in image_ids],
    }


def _completed(person: dict, number: int) -> dict:
    """An annotation with an id, and with the fields of COCO's that other data sets' files may lack."""
    return {
        "area": CROWDPOSE_AREA * person["bbox"][2] * person["bbox"][3],
        "iscrowd": 0,
        "num_keypoints": sum(flag > 0 for flag in person["keypoints"][2::3]),
        **person,
        "id": number,
    }


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
