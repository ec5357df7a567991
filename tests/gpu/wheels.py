"""Wheels of what a machine with a GPU may lack, fetched where there is a network."""

import subprocess
import sys
from pathlib import Path

# Versions are those of requirements.txt
PACKAGES = ("pycocotools", "faster-coco-eval", "msgspec", "psutil")
PYTHON = "3.12"
PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 24, 17)), "manylinux2014_x86_64")
MOST = 60 * 10**6  # bytes


def fetch(folder: Path, python: str = PYTHON) -> None:
    """Fill a folder; what is there already stays.

    Raises:
        SystemExit: pip cannot fetch a package, or the folder is too large.
    """
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [argument for platform in PLATFORMS for argument in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", python, "--implementation", "cp", *platforms]
    done = subprocess.run([*command, "--dest", str(folder), *pinned()])
    if done.returncode:
        raise SystemExit(f"error: pip cannot fetch {', '.join(pinned())} for Python {python}")
    print(f"{folder}: {size(folder) / 1e6:.1f} MB: make gpu PACKAGES={folder}")


def pinned() -> list[str]:
    """The packages with the versions that the project pins."""
    lines = (Path(__file__).parents[2] / "requirements.txt").read_text().split()
    return [line for line in lines if line.partition("==")[0] in PACKAGES]


def size(folder: Path) -> int:
    """Bytes of the wheels.

    Raises:
        SystemExit: they are more than may be carried.
    """
    found = sum(file.stat().st_size for file in folder.glob("*.whl"))
    if found > MOST:
        raise SystemExit(f"error: {folder} has {found / 1e6:.0f} MB of wheels, more than {MOST / 1e6:.0f}")
    return found
