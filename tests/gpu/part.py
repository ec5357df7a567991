"""One part in a process of its own.

Usage: python -m gpu.part NUMBER DEVICE SIZES FILE SECONDS WORK
"""

import importlib
import logging
import os
import sys
from pathlib import Path

import cv2
import torch

from gpu.parts import PARTS
from gpu.record import Record
from gpu.sizes import ALL


def main(number: str, device: str, sizes: str, file: str, seconds: str, work: str) -> None:
    """Measure a part's items into a file."""
    logging.basicConfig(level=logging.WARNING)
    cv2.setNumThreads(1)  # as in a training: its threads would compete with PyTorch's
    # Matrix products on a GPU give the same numbers in every run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    part = importlib.import_module(f"gpu.parts.{PARTS[int(number)].module}")
    part.run(Record(Path(file), float(seconds), Path(work)), torch.device(device), ALL[sizes])


if __name__ == "__main__":
    main(*sys.argv[1:])
