"""Mutations of values and bytes, drawn by a seed; LITEPOSE_FUZZ asks for that many times as many."""

import copy
import os


def count(default):
    """How many mutations a test makes."""
    return default * int(os.environ.get("LITEPOSE_FUZZ", "1"))


def places(values, at=()):
    """Paths of all values in nested dictionaries and lists, the sections included."""
    inside = (
        values.items() if isinstance(values, dict) else enumerate(values if isinstance(values, list) else ())
    )
    return [at] * bool(at) + [place for key, value in inside for place in places(value, (*at, key))]


def within(values, path):
    """What lies at a path."""
    for key in path:
        values = values[key]
    return values


def replaced(values, path, value):
    """A copy with another value at a path."""
    result = copy.deepcopy(values)
    within(result, path[:-1])[path[-1]] = value
    return result


def without(values, path):
    """A copy without what lies at a path."""
    result = copy.deepcopy(values)
    del within(result, path[:-1])[path[-1]]
    return result


def damaged(content, rng):
    """Bytes with a few overwritten, left out, or put in."""
    result = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        place, length = int(rng.integers(len(result))), int(rng.integers(1, 9))
        kind = rng.integers(4)
        if kind == 0:
            result[place] = int(rng.integers(256))
        elif kind == 1:
            del result[place : place + length]
        elif kind == 2:
            result[place:place] = rng.bytes(length)
        else:
            del result[place:]
        if not result:
            break
    return bytes(result)
