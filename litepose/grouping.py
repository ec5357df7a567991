"""The grouping function under its earlier name."""

from litepose.inference.grouping import group

__all__ = ["group"]
