"""Whose annotations count: those of the one category of people with keypoints, whatever its id."""

from collections.abc import Callable

from litepose.core.skeletons import Skeleton
from litepose.datasets.faults import Faults
from litepose.datasets.schema import Category


def person_category(categories: list[Category], skeleton: Skeleton, faults: Faults) -> Category:
    """The category of people: the only one, or the one that has keypoints, or is named person.

    Raises:
        InputError: there is none or more than one, or its joints are not the skeleton's.
    """
    signs: tuple[Callable[[Category], bool], ...] = (
        lambda category: bool(category.keypoints),
        lambda category: tuple(category.keypoints or ()) == skeleton.joints,
        lambda category: category.name.lower() == "person",
    )
    chosen = categories
    for sign in signs:
        if len(chosen) > 1:
            chosen = [category for category in chosen if sign(category)] or chosen
    if len(chosen) != 1:
        names = ", ".join(repr(category.name) for category in chosen[:5])
        faults.add(
            "categories",
            0,
            f"{len(chosen)} categories may be that of people ({names}); expected one that has keypoints "
            "or is named person",
        )
        faults.refuse()
    (person,) = chosen
    number = categories.index(person)
    if person.keypoints and tuple(person.keypoints) != skeleton.joints:
        faults.add(
            "joints",
            number,
            f"categories[{number}].keypoints lists {len(person.keypoints)} joints that are not the "
            f"{skeleton.num_joints} of {skeleton.name} in its order; choose the skeleton of this data set",
        )
        faults.refuse()
    return person
