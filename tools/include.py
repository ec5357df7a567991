"""Put the tables of the last run into the documents that show them, between their markers.

Usage: python -m tools.include
"""

import re
from pathlib import Path

from litepose.core.files import write_text

DOCUMENTS = (Path("README.md"), *sorted(Path("docs").glob("*.md")))
_SHOWN = re.compile(r"<!-- (metrics/\S+\.md) -->\n.*?\n<!-- end -->", flags=re.DOTALL)


def main() -> None:
    """Rewrite the documents that differ, and name them."""
    for path in DOCUMENTS:
        before = path.read_text(encoding="utf-8")
        after = included(before)
        if after != before:
            write_text(path, after)
            print(path)


def included(text: str) -> str:
    """A document with each file between its markers as it is now."""
    return _SHOWN.sub(_block, text)


def _block(found: re.Match[str]) -> str:
    table = Path(found[1]).read_text(encoding="utf-8").strip()
    return f"<!-- {found[1]} -->\n{table}\n<!-- end -->"


if __name__ == "__main__":
    main()
