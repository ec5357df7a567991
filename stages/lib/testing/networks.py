"""The weights of a run that the pipeline trained."""

from pathlib import Path

from litepose.core.errors import InputError

MODELS = Path("data/models")


def files(name: str) -> dict[int, Path]:
    """Files of weights of a run, ``<stage>/<run>``, by the seeds that it was trained with.

    Raises:
        InputError: there are none.
    """
    found = sorted((int(path.stem), path) for path in (MODELS / name).glob("*.pt"))
    if not found:
        raise InputError(f"{MODELS / name} holds no weights: run dvc repro or dvc pull")
    return dict(found)
