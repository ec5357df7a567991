"""What the paper and its authors published of their networks, and on which images."""

import csv
from importlib.resources import files
from typing import NamedTuple


class Tested(NamedTuple):
    """The images that published scores were measured on: data set, layout, split, and how many they are."""

    title: str
    layout: str
    split: str
    images: int


# By the skeleton's name
TESTED = {
    "crowdpose": Tested("CrowdPose", "crowdpose", "test", 8000),
    "coco": Tested("COCO 2017", "coco", "val", 5000),
}


class Published(NamedTuple):
    """Scores in percent by name, and where they are printed."""

    scores: dict[str, float]
    source: str


def find(name: str, skeleton: str) -> Published | None:
    """What was published of a network of the zoo with the joints of a skeleton; None for most."""
    with files("litepose.cli").joinpath("published.csv").open() as file:
        for row in csv.DictReader(file):
            if (row["name"], row["joints"]) == (name, skeleton):
                scores = {score: float(row[score]) for score in ("AP", "AP50", "AP75") if row[score]}
                return Published(scores, row["source"])
    return None
