"""The parts, one process after the other, each with a time limit; the results file grows part by part."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from gpu import absent
from gpu.device import ROOT
from gpu.parts import PARTS
from gpu.record import FAILED, LATE, PASSED, state_of
from gpu.sizes import Sizes
from litepose.core.files import write_text

GRACE = 20  # seconds that a part may take beyond its time, to end its last item
WORK = ROOT / "data/gpu"  # pictures and states of trainings, on a GPU
LEAST = 30  # seconds for which no further part is begun
ENDING = 5  # seconds from the request to end to the kill


def run(
    file: Path,
    device: torch.device,
    sizes: Sizes,
    numbers: Sequence[int],
    minutes: float,
    again: bool = False,
    packages: Path | None = None,
) -> bool:
    """Run the parts that have not passed yet.

    Args:
        file: of the results; those of another device or size are begun anew.
        device: to check and measure.
        sizes: of everything.
        numbers: of the parts.
        minutes: for all of them together; what does not fit is left for another call.
        again: whether parts are repeated that have passed.
        packages: folder of wheels of packages that this machine may lack.

    Returns:
        Whether nothing failed.
    """
    until = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="litepose-gpu-") as temporary:
        folder = Path(temporary)
        environment = paths(folder, packages)
        machine = description(device, environment)
        results = earlier(file, machine, sizes)
        for number in numbers:
            part, known = PARTS[number], results["parts"].get(str(number), {})
            if known.get("state") == PASSED and not again:
                print(f"{number}. {part.title}: passed before")
                continue
            # Parts are sized for a GPU: a busy processor takes the time that it needs.
            most = 60 * part.minutes if device.type == "cuda" else 60 * minutes
            seconds = min(most, until - time.monotonic() - GRACE)
            if seconds < LEAST - GRACE:
                print(f"{number}. {part.title}: no time is left: call again with PARTS={number}")
                continue
            print(f"{number}. {part.title}, {seconds / 60:.1f} minutes at most", flush=True)
            items = {} if again else known.get("items", {})
            results["parts"][str(number)] = run_part(
                number, device, sizes, items, seconds, folder, environment
            )
            write_text(file, json.dumps(results, indent=1) + "\n")
        write_text(file, json.dumps(results, indent=1) + "\n")
    print(f"Results: {file}")
    return all(part["state"] != FAILED for part in results["parts"].values())


def earlier(file: Path, machine: dict[str, Any], sizes: Sizes) -> dict[str, Any]:
    """The results of earlier calls on this device in this size, or the beginning of new ones."""
    results = json.loads(file.read_text()) if file.is_file() else {}
    same = [results.get("machine", {}).get(key) == machine.get(key) for key in ("device", "gpu")]
    if not all(same) or results.get("sizes") != sizes.name:
        results = {"parts": {}}
    return {"machine": machine, "sizes": sizes.name, "parts": results["parts"]}


def paths(folder: Path, packages: Path | None) -> dict[str, str]:
    """Environment in which parts find the project, packages from wheels, stand-ins for what is missing."""
    found = [str(ROOT), str(ROOT / "tests")]
    if packages:
        unpack(packages, folder / "packages")
        found.append(str(folder / "packages"))
    before = os.environ.get("PYTHONPATH")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*found, *([before] if before else [])])}
    names = subprocess.run(
        [sys.executable, "-c", "from gpu import absent; print(*absent.missing())"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    absent.write(folder / "absent", names)
    environment["PYTHONPATH"] += os.pathsep + str(folder / "absent")
    return environment


def unpack(wheels: Path, target: Path) -> None:
    """Install a folder of wheels where parts find them; what does not fit this machine is named."""
    for wheel in sorted(wheels.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target"]
        done = subprocess.run([*command, str(target), str(wheel)], capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["pip failed"]
            print(f"{wheel.name} is not installed: {lines[-1]}")


def description(device: torch.device, environment: dict[str, str]) -> dict[str, Any]:
    """The machine as parts see it, read in another process: this one takes no memory of the device."""
    command = [sys.executable, "-m", "gpu.device", str(device)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"error: the device {device} cannot be used: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def run_part(
    number: int,
    device: torch.device,
    sizes: Sizes,
    items: dict[str, Any],
    seconds: float,
    folder: Path,
    environment: dict[str, str],
) -> dict[str, Any]:
    """A part's state, items, seconds, and why it ended where it did not end by itself."""
    file, log = folder / f"{number}.json", folder / f"{number}.log"
    write_text(file, json.dumps(items))
    work = WORK if device.type == "cuda" else folder / "work"
    arguments = [str(number), str(device), sizes.name, str(file), f"{seconds:.1f}", str(work)]
    started = time.monotonic()
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "gpu.part", *arguments],
            env=environment,
            cwd=ROOT,
            stderr=errors,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds + GRACE)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            end(process)
    found = json.loads(file.read_text())
    state, title = state_of(found), PARTS[number].title
    part = {"title": title, "state": state, "seconds": round(time.monotonic() - started, 1), "items": found}
    if code is None:
        part |= {"state": FAILED if part["state"] == FAILED else LATE, "why": "its time was over"}
    elif code:
        part |= {"state": FAILED, "why": f"ended with {code}: {last_line(log)}"}
    if part["state"] == FAILED:
        print(log.read_text()[-4000:], file=sys.stderr)
    print(f"  {part['state']} in {part['seconds']:.0f} s {part.get('why', '')}", flush=True)
    return part


def end(process: subprocess.Popen) -> None:
    """End a part with all processes that it started."""
    for sign, seconds in ((signal.SIGTERM, ENDING), (signal.SIGKILL, ENDING)):
        try:
            os.killpg(process.pid, sign)
            process.wait(seconds)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def last_line(log: Path) -> str:
    """What a process said last."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
