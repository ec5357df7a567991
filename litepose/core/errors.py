"""Exceptions whose one sentence is all that a person needs to read."""


class InputError(Exception):
    """Bad input, told in one sentence: which file and field, what was expected, what to do."""


class WriteError(InputError):
    """A file that cannot be written, most often because its disk is full."""


class DivergedError(Exception):
    """A loss that is not finite, told in one sentence: which run, epoch, batch and images."""
