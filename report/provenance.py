"""What a run's numbers come from: code, packages, parameters, and how its trainings went."""

import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata

_PACKAGES = ("torch", "numpy", "scipy", "opencv-python-headless", "pycocotools", "faster-coco-eval", "dvc")


def markdown(seed: int, seeds: Sequence[int], parameters: str) -> str:
    """Sections of the report's page.

    Args:
        seed: of drawn data, pre-training, supernets and searches.
        seeds: of the trainings that the tables compare.
        parameters: the parameter file's text.
    """
    versions = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return f"""\
## Training curves

![Training loss of every run, by stage](../plots/curves/training_loss.png)

*Mean loss of each epoch.*

![AP of every run on the monitored images, by stage](../plots/curves/training_ap.png)

*AP on the monitored images of the validation split, after each epoch that measured it.*

## What it was made with

- Code: {_commit()}.
- Seed: {seed} of drawn data, pre-training, supernets and searches; {", ".join(map(str, seeds))} of the \
trainings that the tables compare.
- Python {platform.python_version()} on {platform.system()} {platform.machine()} made this page; \
{versions}.

## Parameters

```yaml
{parameters.rstrip()}
```
"""


def _commit() -> str:
    """The commit on whose tree the report ran: the page itself can only be in a later one."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git(
            "status", "--porcelain", "--untracked-files=no", "--", "*.py", "dvc.yaml", "params.yaml"
        )
    except (OSError, subprocess.CalledProcessError):
        return "commit unknown (git is missing, or reads no repository here)"
    return f"commit `{commit[:12]}`{', with changes that were not committed' if changed else ''}"


def _git(*arguments: str) -> str:
    finished = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return finished.stdout.strip()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
