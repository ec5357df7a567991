"""People in an image with a network that `litepose export --format tvm` compiled for this device.

Needs TVM's runtime (pip install apache-tvm), NumPy, SciPy and OpenCV, and find_people_onnx.py beside it,
whose decoding it uses; neither PyTorch nor this project:

    python find_people_tvm.py network.so photo.jpg people.jpg
"""

import json
from pathlib import Path

import tvm
from find_people_onnx import main
from tvm import relax


def load(path):
    """A function that runs the network, and what the file beside it says about it."""
    about = json.loads(Path(f"{path}.json").read_text())
    device = tvm.cuda() if '"cuda"' in about["compiled_for"] else tvm.cpu()
    machine = relax.VirtualMachine(tvm.runtime.load_module(path), device)

    def run(pixels):
        return [output.numpy() for output in machine["main"](tvm.runtime.tensor(pixels, device))]

    return run, about


if __name__ == "__main__":
    main(load)
