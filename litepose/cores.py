import sys

from litepose.core import cores

sys.modules[__name__] = cores
