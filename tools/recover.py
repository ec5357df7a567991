"""Bring back a dvc.lock that a kill tore while DVC wrote it: as it was before the last stage.

Usage: python -m tools.recover
"""

import sys

from stages.lib.common.lockfile import COPY, LOCK, copy, is_whole


def main() -> None:
    """Leave a whole file as it is, and take the copy in place of a torn one."""
    if not LOCK.is_file() or is_whole(LOCK):
        return
    if not COPY.is_file():
        sys.exit(f"error: {LOCK} is no lock file of DVC's, and there is no copy of it: git checkout {LOCK}")
    copy(COPY, LOCK)
    print(f"{LOCK} was torn: it is again as it was before the last stage, which is repeated", file=sys.stderr)


if __name__ == "__main__":
    main()
