"""Files that appear whole or not at all, and what is told of those that cannot be written."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from litepose.core.errors import WriteError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say which file cannot be written.

    Raises:
        WriteError: it could not.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "make room for it" if full else "make its place writable"
        reason = error.strerror or error
        raise WriteError(f"{path} cannot be written ({reason}): {remedy}, then repeat") from error


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write to a temporary name beside the file, then rename; its directory is made.

    Raises:
        WriteError: the file cannot be written; an earlier one stays.
    """
    temporary = path.with_name(f".{path.name}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`, UTF-8."""
    write_bytes(path, text.encode())
