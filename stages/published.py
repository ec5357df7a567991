"""Write the published architectures as a search writes what it finds (appendix), at the profile's scale.

``finetune.runs`` and ``transfer.runs`` can then name them: ``s-published`` stands beside ``s``. 0.5 LitePose,
``half``, has the resolution of the kernels that it is compared with.
"""

import dataclasses

from litepose import models
from litepose.models.litepose import ARCHITECTURES
from stages.lib.common.parameters import Values
from stages.lib.common.results import write_json
from stages.lib.common.running import run_stage
from stages.lib.training.found import FOUND

PAPER_RESOLUTION = 512  # px; the largest of the paper's spaces
MULTIPLE = 16  # px; the networks' largest stride


def main(values: Values) -> None:
    """Write ``data/search/<size>-published.json`` for the four sizes, and ``data/search/half.json``."""
    largest = max(max(space["resolutions"]) for space in values["supernet"]["runs"].values())
    for size in ("xs", "s", "m", "l"):
        scaled = models.published_input_size(f"litepose-{size}") * largest / PAPER_RESOLUTION
        write(f"{size}-published", size, int(scaled / MULTIPLE + 0.5) * MULTIPLE)
    write("half", "half", values["kernels"]["resolution"])


def write(name: str, size: str, resolution: int) -> None:
    """Write a published architecture at a resolution."""
    content = {**dataclasses.asdict(ARCHITECTURES[size]), "resolution": resolution}
    write_json(FOUND / f"{name}.json", content)


if __name__ == "__main__":
    run_stage(main)
