"""Check params.yaml: one sentence about its first slip, before DVC looks for stages and files.

Usage: python -m tools.check
"""

import sys

from litepose.core.errors import InputError
from stages.lib.common.parameters import params


def main() -> None:
    """Say what is wrong, if anything is."""
    try:
        params()
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
