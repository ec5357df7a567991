"""Networks as files that run without this package: written only if they compute what PyTorch computes."""

from litepose.export.writing import FORMATS, MULTIPLE, TARGETS, Options, export

__all__ = ["FORMATS", "MULTIPLE", "TARGETS", "Options", "export"]
