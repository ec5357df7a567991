"""Networks as files that run without this package: written only if they compute what PyTorch computes."""

from litepose.export.metadata import described
from litepose.export.writing import FORMATS, TARGETS, Options, export, input_shape

__all__ = ["FORMATS", "TARGETS", "Options", "described", "export", "input_shape"]
