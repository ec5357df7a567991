"""Kill the smoke profile at random moments; its results must be those of an undisturbed run.

Usage: python tests/survival.py [KILLS=20] [SEED=0]

Run by hand: it takes about two smoke runs and half a minute per kill. Needs git, and this Python's packages.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
LONGEST = 30.0  # seconds from the start of a repetition to a kill
# Outputs with times in them, or that follow from some; metrics files are compared without their times
VOLATILE = ("latency", "claims", "plots/", "metrics/")
LOG = "training.json"  # how a training went, with its seconds
# Entries of metrics files that are times, or come from measured ones
TIMES = {"seconds", "cost_us", "evaluation_ms"}


def clone(directory: Path) -> Path:
    """The project's files as they stand, with the smoke profile and nothing run."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("metrics/", "plots/")):
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, directory / name)
    (directory / "dvc.lock").unlink(missing_ok=True)
    shutil.copy(directory / "profiles/smoke.yaml", directory / "params.yaml")
    author = ("-c", "user.name=survival", "-c", "user.email=survival@localhost")
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [*author, "commit", "--quiet", "--message", "Start"],
    ):
        subprocess.run(["git", *command], cwd=directory, check=True)
    return directory


def start(directory: Path) -> subprocess.Popen:
    """What `make repro` runs, in a process group of its own."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    log = (directory / "repro.log").open("a")
    return subprocess.Popen(
        ["sh", "-c", "python -m tools.recover && exec python -m dvc repro"],
        cwd=directory,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def finish(directory: Path) -> None:
    """Run the pipeline to its end.

    Raises:
        SystemExit: it fails.
    """
    if start(directory).wait():
        sys.exit(f"dvc repro failed: {directory}/repro.log ends with\n" + tail(directory))


def tail(directory: Path) -> str:
    """The last lines of the log."""
    return "\n".join((directory / "repro.log").read_text(errors="replace").splitlines()[-15:])


def disturb(directory: Path, kills: int, chance: random.Random) -> int:
    """Start the pipeline and kill its whole process group, again and again; how often it was killed.

    Raises:
        SystemExit: a repetition fails of itself.
    """
    for done in range(kills):
        process = start(directory)
        try:
            if process.wait(timeout=chance.uniform(0, LONGEST)):
                sys.exit(
                    f"dvc repro failed after {done} kills: {directory}/repro.log ends with\n{tail(directory)}"
                )
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print(f"kill {done + 1}: {last_stage(directory)}", flush=True)
        else:
            return done
    return kills


def last_stage(directory: Path) -> str:
    """The stage that the log names last."""
    named = [line for line in tail(directory).splitlines() if "stage '" in line]
    return named[-1] if named else "between stages"


def digests(directory: Path) -> dict[str, str]:
    """MD5 of every file of the outputs whose bytes follow from the parameters, by path."""
    stages = yaml.safe_load((directory / "dvc.lock").read_text())["stages"]
    outs = (directory / out["path"] for stage in stages.values() for out in stage.get("outs", ()))
    files = (file for out in outs for file in ([out] if out.is_file() else sorted(out.rglob("*"))))
    return {
        name: hashlib.md5(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
        and not any(part in (name := file.relative_to(directory).as_posix()) for part in (*VOLATILE, LOG))
    }


def scores(directory: Path) -> dict[str, dict]:
    """Every metrics file, and how every training went, without times, by path."""
    files = sorted([*(directory / "metrics").rglob("*.json"), *(directory / "data/curves").rglob(LOG)])
    return {
        str(file.relative_to(directory)): without_times(yaml.safe_load(file.read_text()))
        for file in files
        if not any(part in str(file) for part in VOLATILE[:2])
    }


def without_times(values: dict) -> dict:
    """A metrics file's entries that are no times."""
    return {name: value for name, value in values.items() if name not in TIMES}


def differences(first: dict, second: dict) -> list[str]:
    """Names whose values differ, or that only one has."""
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def main() -> None:
    """Compare an undisturbed run with a killed one; keep both directories where they differ."""
    kills, seed = (int(value) for value in (*sys.argv[1:3], *("20", "0")[len(sys.argv) - 1 :]))
    place = Path(tempfile.mkdtemp(prefix="litepose-survival-"))
    whole, killed = clone(place / "whole"), clone(place / "killed")
    started = time.monotonic()
    finish(whole)
    print(f"undisturbed: {time.monotonic() - started:.0f} s", flush=True)
    done = disturb(killed, kills, random.Random(seed))
    finish(killed)
    different = differences(digests(whole), digests(killed)) + differences(scores(whole), scores(killed))
    print(f"{done} kills, {len(digests(whole))} outputs and {len(scores(whole))} metrics files compared")
    if different:
        sys.exit(f"different, see {place}: {', '.join(different)}")
    shutil.rmtree(place)
    print("all equal")


if __name__ == "__main__":
    main()
