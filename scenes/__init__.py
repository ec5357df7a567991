"""Drawn scenes of articulated people whose statistics are CrowdPose's, and drawn objects of ten classes."""

from scenes.files import write
from scenes.layout import SceneSettings
from scenes.objects import write_classification

__all__ = ["SceneSettings", "write", "write_classification"]
