import sys

from litepose.core import distributed

sys.modules[__name__] = distributed
