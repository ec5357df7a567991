"""What is compiled for an AArch64 board computes there, run by qemu, what PyTorch computes here."""

import shutil
import subprocess
import sys
import zipfile
from importlib import metadata

import numpy as np
import pytest
import torch
import tvm_ffi

from litepose.models.litepose import ARCHITECTURES, LitePose
from litepose.runtimes.interface import as_list, check_output
from litepose.runtimes.tvm import boards
from litepose.runtimes.tvm.runtime import compiled
from litepose.runtimes.tvm.targets import target_of
from support import SUPPORT
from support.every_operator import EveryOperator

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
SYSROOT = "/usr/aarch64-linux-gnu"
WHEELS = ("apache-tvm", "apache-tvm-ffi")


@pytest.fixture(scope="module")
def runtime(request):
    """A folder with TVM's runtime for AArch64, of the installed version, kept between runs of the tests."""
    for tool, package in ((COMPILER, "g++-aarch64-linux-gnu"), (EMULATOR, "qemu-user")):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed: it is in Debian's package {package}")
    versions = [f"{wheel}=={metadata.version(wheel)}" for wheel in WHEELS]
    folder = request.config.cache.mkdir("-".join(["aarch64", *versions]).replace("=", ""))
    libraries = folder / "libraries"
    if not libraries.is_dir():
        download(versions, folder)
        for wheel in folder.glob("*.whl"):
            unpack(wheel, folder / "unfinished")
        (folder / "unfinished").rename(libraries)
    return libraries


def download(versions, folder):
    platform = ("--platform", "manylinux_2_28_aarch64", "--python-version", "3.11", "--only-binary", ":all:")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *platform, "--dest", folder]
    told = subprocess.run([*command, *versions], capture_output=True, text=True)
    if told.returncode:
        pytest.skip(f"TVM's wheels for AArch64 cannot be downloaded: {told.stderr.strip().splitlines()[-1]}")


def unpack(wheel, folder):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in ("libtvm_runtime.so", "libtvm_ffi.so"):
            for member in [member for member in archive.namelist() if member.endswith(f"/{name}")]:
                (folder / name).write_bytes(archive.read(member))
    wheel.unlink()


@pytest.fixture(scope="module")
def runner(runtime, tmp_path_factory):
    program = tmp_path_factory.mktemp("aarch64") / "runner"
    source = SUPPORT / "aarch64_runner.cpp"
    libraries = (f"-L{runtime}", f"-Wl,-rpath,{runtime}", "-ltvm_runtime", "-ltvm_ffi")
    headers = tvm_ffi.libinfo.find_include_path()
    command = [COMPILER, "-std=c++17", source, "-I", headers, "-Wl,--no-as-needed", *libraries, "-o", program]
    subprocess.run(command, check=True)
    return program


def outputs(runner, library, image, shapes, folder):
    """Of a library that is run by the emulator."""
    image.numpy().tofile(folder / "image")
    files = (library, folder / "image", folder / "outputs")
    subprocess.run([EMULATOR, "-L", SYSROOT, runner, *files, *map(str, image.shape[2:])], check=True)
    values = torch.from_numpy(np.fromfile(folder / "outputs", np.float32))
    sizes = [int(np.prod(shape)) for shape in shapes]
    return [part.reshape(shape) for part, shape in zip(values.split(sizes), shapes, strict=True)]


def lite_pose_xs():
    return LitePose(ARCHITECTURES["xs"], 14)


@torch.no_grad()
@pytest.mark.parametrize("network", [EveryOperator, lite_pose_xs])
def test_a_raspberry_pi_computes_what_pytorch_computes(network, runner, tmp_path):
    torch.manual_seed(0)
    model = network().eval()
    image = torch.randn(1, 3, 64, 96)
    expected = as_list(model(image))
    executable = compiled(model, image, target_of("pi4", threads=1))
    library = boards.linked(executable, "pi4", tmp_path / "network.so")
    found = outputs(runner, library, image, [tensor.shape for tensor in expected], tmp_path)
    check_output("network", found, expected)
