"""The exceptions under their public name."""

from litepose.core.errors import DivergedError, InputError

__all__ = ["DivergedError", "InputError"]
