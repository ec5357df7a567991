"""The skeletons under their public name."""

from litepose.core.skeletons import COCO, CROWDPOSE, SKELETONS, Skeleton, find, from_fields, load

__all__ = ["COCO", "CROWDPOSE", "SKELETONS", "Skeleton", "find", "from_fields", "load"]
