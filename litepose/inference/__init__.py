"""From images to people: resizing, flip and scale test, grouping."""

from litepose.inference.maps import forward_test
from litepose.inference.prediction import Prepared, predict, prepare
from litepose.inference.resizing import Resizing

__all__ = ["Prepared", "Resizing", "forward_test", "predict", "prepare"]
