"""Write the published architectures as a search writes what it finds (appendix), at the profile's scale.

``finetune.runs`` and ``transfer.runs`` can then name them: ``s-published`` stands beside ``s``.
"""

import dataclasses
from pathlib import Path

from litepose import models
from litepose.models.litepose import ARCHITECTURES
from stages.common import params, run_stage, write_json

PAPER_RESOLUTION = 512  # px; the largest of the paper's spaces
MULTIPLE = 16  # px; the networks' largest stride


def main() -> None:
    """Write `data/search/<size>-published.json` for the four sizes."""
    largest = max(max(space["resolutions"]) for space in params()["supernet"]["runs"].values())
    for size in ("xs", "s", "m", "l"):
        scaled = models.published_input_size(f"litepose-{size}") * largest / PAPER_RESOLUTION
        resolution = int(scaled / MULTIPLE + 0.5) * MULTIPLE
        found = {**dataclasses.asdict(ARCHITECTURES[size]), "resolution": resolution}
        write_json(Path("data/search") / f"{size}-published.json", found)


if __name__ == "__main__":
    run_stage(main)
