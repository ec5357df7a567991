"""The results as Markdown, which the documents include."""

from pathlib import Path

from litepose.core.files import write_text
from report import gpu as rendered


def write(file: Path) -> None:
    """Write the table beside the results file, which need not exist."""
    write_text(file.with_suffix(".md"), rendered.markdown(file))
    print(file.with_suffix(".md"))
