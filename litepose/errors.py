"""The one exception for input that a person can mend."""


class InputError(Exception):
    """Bad input, told in one sentence: which file and field, what was expected, what to do."""
