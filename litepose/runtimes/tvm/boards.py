"""Boards: networks cross-compiled here, and run and timed on a device that TVM's RPC tracker knows."""

import itertools
import os
import shutil
import socket
import tempfile
from pathlib import Path

import numpy as np
import torch
import tvm
from torch import Tensor, nn
from tvm import relax, rpc
from tvm.support import cc

from litepose.runtimes.devices import BOARDS
from litepose.runtimes.interface import Runtime, Unavailable
from litepose.runtimes.tvm import gpu
from litepose.runtimes.tvm.runtime import compiled
from litepose.runtimes.tvm.targets import target_of
from litepose.runtimes.tvm.tuning import Timer

# TVM's own names of the tracker's address
_HOST, _PORT = "TVM_TRACKER_HOST", "TVM_TRACKER_PORT"
_SESSION_SECONDS = 600


def missing(board: str) -> str:
    """Why a board cannot be measured now, in a sentence; empty where it can."""
    compiler = BOARDS[board]["compiler"]
    if not os.environ.get(_HOST) or not os.environ.get(_PORT):
        return f"{board}: {_HOST} and {_PORT} do not say where TVM's RPC tracker is."
    if not shutil.which(compiler):
        return f"{board}: the compiler {compiler} is not installed."
    address = os.environ[_HOST], int(os.environ[_PORT])
    try:
        # TVM itself would try again for a minute.
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return f"{board}: no RPC tracker answers at {':'.join(map(str, address))}."
    queue = _tracker().summary()["queue_info"]
    if not queue.get(board, {}).get("free"):
        return f"{board}: no RPC server with this key is free at the tracker."
    return ""


def remote_timer(board: str, target: tvm.target.Target) -> Timer:
    """Time schedules, compiled for a board's target, on the board."""
    session = _session(board)
    # A library that is loaded must not be written over.
    files = (f"kernel{number}.so" for number in itertools.count())

    def time_of(module: tvm.IRModule, shapes: list[tuple[int, ...]]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            path = linked(tvm.compile(module, target), board, Path(folder) / next(files))
            library = _loaded(session, path)
        arguments = [tvm.runtime.tensor(np.ones(shape, "float32"), session.cpu()) for shape in shapes]
        evaluate = library.time_evaluator("main", session.cpu(), number=1, repeat=5)
        return 1e6 * min(evaluate(*arguments).results)

    return time_of


def _session(board: str) -> rpc.RPCSession:
    return _tracker().request(board, session_timeout=_SESSION_SECONDS)


def linked(executable: tvm.runtime.Executable, board: str, path: Path) -> Path:
    """Write what was compiled for a board as a library, at a path that is returned.

    Raises:
        Unavailable: the board's compiler is not installed.
    """
    compiler = BOARDS[board]["compiler"]
    if not shutil.which(compiler):
        raise Unavailable(f"{board}: the compiler {compiler} is not installed.")
    executable.export_library(str(path), fcompile=cc.cross_compiler(compiler))
    return path


def _loaded(session: rpc.RPCSession, path: Path) -> tvm.runtime.Module:
    """A library, on the board."""
    session.upload(str(path))
    return session.load_module(path.name)


def _tracker() -> rpc.client.TrackerSession:
    return rpc.connect_tracker(os.environ[_HOST], int(os.environ[_PORT]))


class BoardRuntime(Runtime):
    """TVM on a board; a run's time is the board's own, without the network between.

    The board is taken for as long as the network is loaded: its server has one user at a time.
    """

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        self._target = target_of(self.device, self.threads)
        executable = compiled(model, image, self._target, self.tuned)
        self._folder = tempfile.TemporaryDirectory()
        self.file = linked(executable, self.device, Path(self._folder.name) / "network.so")
        self._image = image.numpy()

    def load(self) -> None:
        """See `Runtime.load`."""
        session = _session(self.device)
        place = session.cuda() if gpu.is_gpu(self._target) else session.cpu()
        self._machine = relax.VirtualMachine(_loaded(session, self.file), place)
        self._machine.set_input("main", tvm.runtime.tensor(self._image, place))
        self._evaluate = self._machine.time_evaluator("invoke_stateful", place, number=1)

    def run_once(self) -> float:
        """See `Runtime.run_once`."""
        return float(self._evaluate("main").mean)

    def output(self) -> list[Tensor]:
        """See `Runtime.output`."""
        outputs = self._machine.get_outputs("main")
        parts = [outputs] if isinstance(outputs, tvm.runtime.Tensor) else list(outputs)
        return [torch.from_numpy(part.numpy()) for part in parts]

    def unload(self) -> None:
        """See `Runtime.unload`."""
        del self._evaluate, self._machine
