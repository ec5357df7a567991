"""The model zoo: every system of the paper's Tables 1 to 3, by name."""

from litepose.models.official import load_official
from litepose.models.zoo import create, names, published_input_size, published_num_joints

__all__ = ["create", "load_official", "names", "published_input_size", "published_num_joints"]
