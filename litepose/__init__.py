"""Lite Pose: models, data, training, search and measurements of the CVPR 2022 paper.

The public face, five lines of it::

    import litepose

    estimator = litepose.load("weights.pt")
    people = estimator("image.jpg")
    picture = litepose.draw("image.jpg", people, estimator.skeleton)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litepose.core.errors import InputError
    from litepose.core.skeletons import COCO, CROWDPOSE, Skeleton
    from litepose.inference.estimator import Estimator, Frame, People, draw, load

__version__ = "0.1.0"
__all__ = [
    "COCO",
    "CROWDPOSE",
    "Estimator",
    "Frame",
    "InputError",
    "People",
    "Skeleton",
    "__version__",
    "draw",
    "load",
]
# Where each name lives: imported when it is first asked for, because PyTorch takes seconds.
_HOMES = {
    "COCO": "litepose.core.skeletons",
    "CROWDPOSE": "litepose.core.skeletons",
    "Estimator": "litepose.inference.estimator",
    "Frame": "litepose.inference.estimator",
    "InputError": "litepose.core.errors",
    "People": "litepose.inference.estimator",
    "Skeleton": "litepose.core.skeletons",
    "draw": "litepose.inference.estimator",
    "load": "litepose.inference.estimator",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
