"""`dvc repro` in lanes: stages that do not need each other run beside each other, and share the cores.

Usage: python -m tools.lanes [LANES]

Two threads of one small network wait for each other at every layer; two networks do not. By default there
are as many lanes as cores, and one on a GPU. A stage that is marked `meta: {alone: true}` in dvc.yaml has
the machine to itself. DVC runs every stage, and has the last word: `dvc repro` does what is then left.
"""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import chain
from typing import Any

from tqdm import tqdm

from litepose.core.cores import cores
from litepose.core.errors import InputError
from stages.lib.common.parameters import Values, params

MOST = 8  # lanes: more would hold too many networks in memory
Graph = dict[str, set[str]]  # stages by name: those whose outputs they need


def main() -> None:
    """Bring everything up to date."""
    wanted = asked(sys.argv[1]) if sys.argv[1:] else 0
    if not (changed := status()):
        print("Everything is up to date.")
        return
    lanes = wanted or default_lanes(params())
    if lanes == 1:
        sys.exit(subprocess.run(["dvc", "repro"]).returncode)
    needs, alone = pipeline()
    if failed := run(stale(needs, changed), needs, alone, lanes):
        sys.exit(f"error: {' and '.join(failed)} failed: see above; make repro goes on from there")
    # Without a line for each stage that did not change.
    sys.exit(subprocess.run(["dvc", "repro"], stdout=subprocess.DEVNULL).returncode)


def asked(lanes: str) -> int:
    """The number that somebody wrote."""
    if not re.fullmatch("[1-9][0-9]?", lanes):
        sys.exit(f"error: LANES is {lanes!r}: give how many stages run at a time, 1 to 99")
    return int(lanes)


def default_lanes(values: Values) -> int:
    """As many as cores; one where a GPU, or several processes, are shared by each training already."""
    from stages.lib.common.running import device  # with PyTorch: seconds, where there may be nothing to do

    compute = values["compute"]
    if device(values["device"]).type != "cpu" or compute["processes"] * compute["nodes"] > 1:
        return 1
    return min(cores(), MOST)


def status() -> set[str]:
    """Names of the changed stages; where DVC cannot tell, it says why, and this process ends."""
    done = subprocess.run(["dvc", "status", "--json"], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return set(json.loads(done.stdout))


def pipeline() -> tuple[Graph, set[str]]:
    """The stages in the order of dvc.yaml, and the names of those that are marked as alone."""
    from dvc.repo import Repo  # a second, where there may be nothing to do

    with Repo() as repo:
        graph = repo.index.graph
        needs = {
            stage.addressing: {needed.addressing for needed in graph.successors(stage)}
            for stage in repo.index.stages
        }
        return needs, {stage.addressing for stage in graph if (stage.meta or {}).get("alone")}


def stale(needs: Graph, changed: set[str]) -> list[str]:
    """Changed stages and all that need them, those first on which the longest chain of others waits."""
    waiting = {name: {other for other in needs if name in needs[other]} for name in needs}

    def longest(name: str) -> int:
        return 1 + max(map(longest, waiting[name]), default=0)

    found, reached = set(), changed & set(needs)
    while reached:
        found |= reached
        reached = set().union(*(waiting[name] for name in reached)) - found
    return sorted((name for name in needs if name in found), key=longest, reverse=True)


def closing(name: str, left: list[str], running: set[str], needs: Graph, alone: set[str]) -> list[str]:
    """What closes a stage, such as its test: it lacks only this one, and only the last of all waits for it.

    One start of DVC, which takes seconds, does for the stage and them. Nothing where others wait for the
    stage, and nothing that runs alone.
    """
    unfinished = running | set(left) | {name}
    awaited = set().union(*needs.values())
    waiting = [other for other in left if name in needs[other]]
    if name in alone or any(other in needs[later] for other in waiting for later in awaited):
        return []
    return [other for other in waiting if other not in alone and needs[other] & unfinished == {name}]


def run(names: list[str], needs: Graph, alone: set[str], lanes: int) -> list[str]:
    """Run stages, each as soon as what it needs is there; after a failure no other starts.

    Args:
        names: stages, the most urgent first.
        needs: what each waits for.
        alone: stages that run when no other does, after all that can run.
        lanes: how many run at a time.

    Returns:
        The stages that failed.
    """
    left = list(names)
    failed: list[str] = []
    running: dict[Future[str], list[str]] = {}
    progress = tqdm(total=len(names), desc="stages", unit="stage", disable=None)
    with ThreadPoolExecutor(lanes) as executor:
        while running or (left and not failed):
            busy, free = set(chain(*running.values())), lanes - len(running)
            for name in startable(left, busy, needs, alone, free) if not failed else []:
                left.remove(name)
                threads = cores() if name in alone else max(1, cores() // lanes)
                together = [name, *closing(name, left, busy, needs, alone)]
                left = [other for other in left if other not in together]
                busy |= {*together}
                running[executor.submit(reproduce, together, threads)] = together
            progress.set_postfix_str(", ".join(names[0] for names in running.values()))
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                together = running.pop(done)
                failed += filter(None, [done.result()])
                progress.update(len(together))
    progress.close()
    return failed


def startable(left: list[str], running: set[str], needs: Graph, alone: set[str], free: int) -> list[str]:
    """The stages to start beside those that run, in so many free lanes."""
    if running & alone:
        return []
    unfinished = running | set(left)
    ready = [name for name in left if not needs[name] & unfinished]
    beside = [name for name in ready if name not in alone]
    return beside[:free] if beside or running else ready[:1]


def reproduce(names: list[str], threads: int) -> str:
    """Have DVC run a stage, and then those that close it, and show their lines under their names.

    Returns:
        The stage that failed, if one did.
    """
    command = ["dvc", "--wait-for-lock", "repro", "--single-item", *names]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    name, shown = names[0], True
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdout
        for line in process.stdout:
            if started := re.match("Running stage '(.+)':", line):
                name, shown = started[1], True
            # DVC's advice to commit and to push, after each stage.
            shown = shown and not line.startswith(("Updating lock file", "Use `dvc push`"))
            if shown and line.strip():
                tqdm.write(f"{name}: {line.rstrip()}", file=sys.stderr)
    return name if process.returncode else ""


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: make repro goes on from there")
