"""Which test images are shown."""

from litepose.datasets.annotations import ImageRecord


def choose(images: list[ImageRecord], count: int) -> list[ImageRecord]:
    """A split's first images of two or more people; where there are too few, of one.

    A person counts when half of the joints are labelled.
    """
    people = [count_people(record) for record in images]
    ranked = sorted(range(len(images)), key=lambda index: -min(people[index], 2))
    return [images[index] for index in ranked[:count]]


def count_people(record: ImageRecord) -> int:
    """People of whom half of the joints are labelled."""
    labelled = (record.keypoints[..., 2] > 0).mean(1)
    return int(((labelled >= 0.5) & ~record.iscrowd).sum())
