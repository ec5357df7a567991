"""Check and measure everything on a GPU: python -m gpu [run | wheels | table] ..."""

import argparse
import signal
import sys
from pathlib import Path

import torch

from gpu import wheels
from gpu.parts import PARTS
from gpu.run import run
from gpu.sizes import ALL
from litepose.core.files import write_text

RESULTS = Path("metrics/gpu.json")
DRY = Path("data/gpu/dry.json")  # of a processor: not what the documents show


def parser() -> argparse.ArgumentParser:
    """Its arguments."""
    whole = argparse.ArgumentParser(prog="python -m gpu", description=__doc__)
    commands = whole.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run the parts that have not passed yet")
    running.add_argument("--device", default="cuda", help="cuda, or cpu for a dry run")
    running.add_argument("--sizes", choices=ALL, help="full on a GPU, tiny on a processor")
    running.add_argument("--parts", type=part_numbers, default=list(PARTS), help="such as 1,2,3")
    running.add_argument("--minutes", type=float, default=30, help="for all parts together")
    running.add_argument("--file", type=Path, help=f"of the results: {RESULTS}, on a processor {DRY}")
    running.add_argument("--packages", type=Path, help="folder of wheels, see the command wheels")
    running.add_argument("--again", action="store_true", help="repeat parts that have passed")
    fetching = commands.add_parser("wheels", help="prepare a folder of wheels of what a machine may lack")
    fetching.add_argument("folder", type=Path)
    showing = commands.add_parser("table", help="write the results as a table for the documents")
    showing.add_argument("--file", type=Path, default=RESULTS)
    return whole


def part_numbers(text: str) -> list[int]:
    """Numbers of parts, separated by commas."""
    numbers = [int(number) for number in text.split(",") if number]
    if unknown := set(numbers) - set(PARTS):
        raise argparse.ArgumentTypeError(f"there is no part {min(unknown)}: use {', '.join(map(str, PARTS))}")
    return numbers


def write_table(file: Path) -> None:
    """Write the results as Markdown beside their file, which need not exist."""
    from report import gpu  # needs pandas, without which the results are written all the same

    write_text(file.with_suffix(".md"), gpu.markdown(file))
    print(file.with_suffix(".md"))


def main(arguments: list[str]) -> int:
    """Run a command; 1 where something failed."""
    chosen = parser().parse_args(arguments)
    if chosen.command == "wheels":
        wheels.fetch(chosen.folder)
        return 0
    if chosen.command == "table":
        write_table(chosen.file)
        return 0
    # Asked to end, it ends its part too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    device = torch.device(chosen.device)
    gpu = device.type == "cuda"
    file = chosen.file or (RESULTS if gpu else DRY)
    sizes = ALL[chosen.sizes or ("full" if gpu else "tiny")]
    passed = run(file, device, sizes, chosen.parts, chosen.minutes, chosen.again, chosen.packages)
    if file == RESULTS:
        write_table(file)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
