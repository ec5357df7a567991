"""What several tests share: places, small data sets, plain re-implementations, scripts to run."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data"
SUPPORT = ROOT / "tests/support"
