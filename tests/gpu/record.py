"""What a part measured: items by name, written to its file after each; a resumed part keeps what passed."""

import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from litepose.core.errors import InputError
from litepose.core.files import write_text
from litepose.runtimes.interface import Unavailable

PASSED, FAILED, NOT_RUN, LATE = "passed", "failed", "not run", "out of time"
# Packages of this project: one of their modules that is missing is a fault, not a poorer machine
OWN = ("litepose", "scenes", "report", "stages", "tools", "support", "gpu")


class Within(NamedTuple):
    """A number that must not be above a limit."""

    value: float
    limit: float


class NotRun(Exception):
    """Something cannot be measured here; the message says why."""


class Late(Exception):
    """The time was over in the midst of an item; the message says where another call goes on."""


Numbers = dict[str, float | str | Within]


class Record:
    """The items of a part.

    Args:
        file: where they are written; what an earlier run of the part wrote there is kept where it passed.
        seconds: that the part may take from now on; what would begin later is left out by name.
        work: folder whose files outlast the process, for what is gone on with.
    """

    def __init__(self, file: Path, seconds: float, work: Path) -> None:
        self.file, self.until, self.work = file, time.monotonic() + seconds, work
        earlier = json.loads(file.read_text()) if file.is_file() else {}
        self.items: dict[str, dict[str, Any]] = {
            name: item for name, item in earlier.items() if item["state"] == PASSED
        }

    @property
    def left(self) -> float:
        """Seconds until the part has to end."""
        return self.until - time.monotonic()

    def measure(self, name: str, function: Callable[[], Numbers], seconds: float = 0) -> dict[str, Any]:
        """Run a function for its numbers, unless they are there or the time is over.

        Args:
            name: of the item.
            function: gives numbers; what it raises is written down, and the part goes on.
            seconds: that it will take at least.

        Returns:
            The numbers by name; none where there are none.
        """
        if name not in self.items:
            if self.left >= seconds:
                self._write(name, {"state": LATE, "why": "its process ended in the midst of it"})
                item = _measured(function)
            else:
                item = {"state": LATE}
            self._write(name, item)
            print(f"  {name}: {_line(item)}", flush=True)
        return self.items[name].get("numbers", {})

    def _write(self, name: str, item: dict[str, Any]) -> None:
        self.items[name] = item
        write_text(self.file, json.dumps(self.items, indent=1))


def _measured(function: Callable[[], Numbers]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        given = function()
    except (NotRun, Unavailable) as reason:
        return {"state": NOT_RUN, "why": str(reason)}
    except Late as reason:
        return {"state": LATE, "why": str(reason)}
    except torch.OutOfMemoryError:
        return {"state": NOT_RUN, "why": "out of the device's memory"}
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in OWN:
            return _failed(error)
        return {"state": NOT_RUN, "why": f"{error.name} is not installed"}
    except InputError as error:
        absent = "is not installed" in str(error)
        return {"state": NOT_RUN, "why": str(error)} if absent else _failed(error)
    except Exception as error:
        return _failed(error)
    limits = {name: value for name, value in given.items() if isinstance(value, Within)}
    # A number that is not a number is above every limit.
    above = [name for name, (value, limit) in limits.items() if not value <= limit]
    item: dict[str, Any] = {"state": FAILED if above else PASSED}
    if above:
        item["why"] = "; ".join(f"{name} is not at most {limits[name].limit:.3g}" for name in above)
    item["numbers"] = {name: value.value if name in limits else value for name, value in given.items()}
    item["limits"] = {name: limit for name, (_, limit) in limits.items()}
    return item | {"seconds": round(time.perf_counter() - started, 2)}


def _failed(error: BaseException) -> dict[str, Any]:
    traceback.print_exc(file=sys.stderr)
    lines = [line for line in str(error).splitlines() if line.strip()]
    return {"state": FAILED, "why": f"{type(error).__name__}: {lines[0] if lines else ''}"}


def _line(item: dict[str, Any]) -> str:
    numbers = (
        f"{name} {value:.4g}" if isinstance(value, float | int) else f"{name} {value}"
        for name, value in item.get("numbers", {}).items()
    )
    return ", ".join([item["state"], *numbers]) + (f" ({item['why']})" if "why" in item else "")


def state_of(items: dict[str, dict[str, Any]]) -> str:
    """The state of a part: failed if an item is, then late, then passed if one is."""
    states = {item["state"] for item in items.values()}
    return next((state for state in (FAILED, LATE, PASSED) if state in states), NOT_RUN)
