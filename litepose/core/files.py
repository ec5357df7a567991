"""Files that appear whole or not at all."""

from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Write to a temporary name beside the file, then rename; its directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`, UTF-8."""
    write_bytes(path, text.encode())
