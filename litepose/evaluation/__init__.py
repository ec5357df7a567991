"""OKS average precision as COCO and CrowdPose compute it, its bootstrap interval, and chance."""

from litepose.evaluation.average_precision import (
    COCO_METRICS,
    CROWDPOSE_AREA,
    CROWDPOSE_EVALUATORS,
    CROWDPOSE_METRICS,
    evaluate,
)

__all__ = ["COCO_METRICS", "CROWDPOSE_AREA", "CROWDPOSE_EVALUATORS", "CROWDPOSE_METRICS", "evaluate"]
