"""One process of a node, for tests: adds up the numbers of all processes. node.py DIRECTORY"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist

from litepose.core import distributed

if __name__ == "__main__":
    distributed.join(torch.device("cpu"))
    total = torch.tensor([10.0 ** distributed.rank()])
    dist.all_reduce(total)
    (Path(sys.argv[1]) / str(distributed.rank())).write_text(f"{int(total)} of {distributed.processes()}")
    distributed.leave()
