"""Files of numbers that a stage writes, and digests of what decides them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from litepose.core import distributed
from litepose.core.files import write_text


def write_json(path: Path, content: dict[str, Any], digits: int = 4) -> None:
    """Write a JSON file whole or not at all, by the first process; floats are rounded to that many digits."""
    if distributed.rank():
        return
    write_text(path, json.dumps(_rounded(content, digits), indent=2) + "\n")


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, dict):
        return {key: _rounded(item, digits) for key, item in value.items()}
    return [_rounded(item, digits) for item in value] if isinstance(value, list | tuple) else value


def digest(*parts: Any) -> str:
    """Digest of values (as JSON) and of files and directories of code (given as paths)."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            files = sorted(part.rglob("*.py")) if part.is_dir() else [part]
            for file in files:
                state.update(str(file).encode() + file.read_bytes())
        else:
            state.update(json.dumps(part, sort_keys=True).encode())
    return state.hexdigest()
