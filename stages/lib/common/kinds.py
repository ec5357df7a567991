"""What a parameter may be: checks for voluptuous whose messages say, in words, what was expected."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from voluptuous import All, ExactSequence, Invalid, Length, Match, Optional, Range

Kind = Callable[[Any], Any]
LARGEST = 10**9  # of whole numbers; what is larger is a slip, and some of it would not fit the memory


class Misnamed(Invalid):
    """A key of a section whose keys are names is none of those that are possible."""


def named(kind: Kind) -> Optional:
    """Any number of keys of a kind."""

    def check(key: Any) -> Any:
        try:
            return kind(key)
        except Invalid as error:
            raise Misnamed(error.msg) from None

    return Optional(check)


def _plain(*kinds: type) -> Kind:
    """Values of these types alone: Python takes true for a whole number."""

    def check(value: Any) -> Any:
        if type(value) not in kinds:
            raise Invalid("expected another type")
        return value

    return check


def _multiple_of(unit: int, rest: int = 0) -> Kind:
    def check(value: int) -> int:
        if value % unit != rest:
            raise Invalid(f"expected a multiple of {unit}")
        return value

    return check


def _different(values: list) -> list:
    if any(value in values[:position] for position, value in enumerate(values)):
        raise Invalid("expected different ones")
    return values


def whole(least: int = 0, most: int = LARGEST) -> Kind:
    """Whole numbers of a range."""
    words = f"a whole number of at least {least}" if most == LARGEST else f"a whole number, {least} to {most}"
    return All(_plain(int), Range(least, most), msg=f"expected {words}")


def side(unit: int) -> Kind:
    """Sides of a square network input in px."""
    words = f"a multiple of {unit}, {unit} to 4096 px"
    return All(_plain(int), Range(unit, 4096), _multiple_of(unit), msg=f"expected {words}")


def odd(most: int) -> Kind:
    """Odd whole numbers."""
    return All(_plain(int), Range(1, most), _multiple_of(2, rest=1), msg=f"expected odd, 1 to {most}")


def number(least: float = 0, most: float = 1e9) -> Kind:
    """Numbers of a range."""
    words = f"a number of at least {least}" if most == 1e9 else f"a number, {least} to {most}"
    return All(_plain(int, float), Range(least, most), msg=f"expected {words}")


def positive(most: float = 1e9) -> Kind:
    """Numbers above zero."""
    words = "a number above 0" if most == 1e9 else f"a number above 0, at most {most}"
    return All(_plain(int, float), Range(0, most, min_included=False), msg=f"expected {words}")


def truth(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Invalid("expected true or false")
    return value


def text(pattern: str, words: str) -> Kind:
    """Text of a form."""
    return All(_plain(str), Match(re.compile(rf"(?:{pattern})\Z")), msg=f"expected {words}")


def one_of(names: Collection[str]) -> Kind:
    """One of some names."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or value not in names:
            raise Invalid(f"expected one of {', '.join(names)}")
        return value

    return check


def different(kind: Kind, words: str, least: int = 0) -> Kind:
    """Lists whose entries are of a kind and differ."""
    return All(_plain(list), [kind], Length(min=least), _different, msg=f"expected {words}")


def several(kind: Kind, words: str, least: int = 0) -> Kind:
    """Lists whose entries are of a kind."""
    return All(_plain(list), [kind], Length(min=least), msg=f"expected {words}")


def some_of(names: Sequence[str], least: int = 0) -> Kind:
    """Lists of different names out of some."""
    words = f"{'one or more' if least else 'some'} of {', '.join(names)}, each once, in a list"
    return different(one_of(names), words, least)


def rising(kind: Kind, words: str) -> Kind:
    """Pairs of a lower and an upper bound."""

    def check(pair: list) -> list:
        if pair[0] > pair[1]:
            raise Invalid("expected the lower one first")
        return pair

    return All(_plain(list), ExactSequence([kind, kind]), check, msg=f"expected {words}")
