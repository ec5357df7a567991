"""Drawn scenes of articulated people whose statistics are CrowdPose's, and drawn objects of ten classes."""

from litepose.datasets.synthetic.files import write
from litepose.datasets.synthetic.layout import SceneSettings
from litepose.datasets.synthetic.objects import write_classification

__all__ = ["SceneSettings", "write", "write_classification"]
