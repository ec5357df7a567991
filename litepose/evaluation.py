"""OKS average precision with the evaluators of COCO and CrowdPose."""

import contextlib
import io
from collections.abc import Collection
from pathlib import Path

import numpy as np
from faster_coco_eval import COCO as CrowdDataset
from faster_coco_eval import COCOeval_faster
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from litepose.datasets.annotations import read_json
from litepose.errors import InputError
from litepose.skeletons import Skeleton

COCO_METRICS = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75")
CROWDPOSE_METRICS = ("AP", "AP50", "AP75", "AR", "AR50", "AR75", "AP_easy", "AP_medium", "AP_hard")
EASY_BELOW, MEDIUM_BELOW = 0.2, 0.8  # crowdIndex of an image, as CrowdPose's evaluator splits


def evaluate(
    annotation_file: Path,
    detections: list[dict],
    skeleton: Skeleton,
    image_ids: Collection[int] | None = None,
) -> dict[str, float]:
    """Average precision and recall of detections, at most 20 per image.

    COCO is judged by pycocotools. CrowdPose is judged as by its own tools: areas are 0.53 x box area, and the
    images are split by crowdIndex into easy (< 0.2), medium (< 0.8) and hard.

    Args:
        annotation_file: ground truth in COCO's or CrowdPose's format.
        detections: COCO results: image_id, category_id, keypoints [3J], score. May be empty.
        skeleton: the joints and their OKS constants.
        image_ids: images to judge; default: all of the file.

    Returns:
        Fractions 0 to 1; ``COCO_METRICS`` or ``CROWDPOSE_METRICS`` by the skeleton's name. 0 where nothing
        was detected, and where there is nothing to detect.

    Raises:
        InputError: the annotation file is missing, malformed, or lacks crowdIndex (CrowdPose).
    """
    content = read_json(annotation_file)
    if image_ids is not None:
        content = _restricted(content, set(image_ids))
    crowdpose = skeleton.name == "crowdpose"
    names = CROWDPOSE_METRICS if crowdpose else COCO_METRICS
    if crowdpose and any("crowdIndex" not in image for image in content["images"]):
        raise InputError(f"{annotation_file}: an image has no 'crowdIndex'; CrowdPose's evaluation needs it.")
    if not detections:
        return dict.fromkeys(names, 0.0)
    # The evaluators write into what they are given, print, and take the id 0 for "not matched".
    results = [dict(detection) for detection in detections]
    content["annotations"] = [
        {**person, "id": number} for number, person in enumerate(content["annotations"], 1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        values = (_crowdpose if crowdpose else _coco)(content, results, skeleton)
    return {name: max(float(value), 0.0) for name, value in zip(names, values, strict=True)}


def _restricted(content: dict, image_ids: set[int]) -> dict:
    return {
        **content,
        "images": [image for image in content["images"] if image["id"] in image_ids],
        "annotations": [person for person in content["annotations"] if person["image_id"] in image_ids],
    }


def _coco(content: dict, results: list[dict], skeleton: Skeleton) -> list[float]:
    truth = COCO()
    truth.dataset = content
    truth.createIndex()
    evaluator = COCOeval(truth, truth.loadRes(results), "keypoints")
    evaluator.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator.stats[:8].tolist()


def _crowdpose(content: dict, results: list[dict], skeleton: Skeleton) -> list[float]:
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
