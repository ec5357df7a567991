import sys

from litepose.core import files

sys.modules[__name__] = files
