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

from litepose.latency.machine import BOARDS
from litepose.latency.runtimes import Runtime, Unavailable
from litepose.latency.tvm.runtime import compiled
from litepose.latency.tvm.tuning import Timer

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


def target(board: str) -> tvm.target.Target:
    """What networks for a board are compiled for."""
    return tvm.target.Target(BOARDS[board]["target"])


def remote_timer(board: str) -> Timer:
    """Time schedules on a board."""
    session = _session(board)
    # A library that is loaded must not be written over.
    files = (f"kernel{number}.so" for number in itertools.count())

    def time_of(module: tvm.IRModule, shapes: list[tuple[int, ...]]) -> float:
        library = _upload(session, tvm.compile(module, target(board)), board, next(files))
        arguments = [tvm.runtime.tensor(np.ones(shape, "float32"), session.cpu()) for shape in shapes]
        evaluate = library.time_evaluator("main", session.cpu(), number=1, repeat=5)
        return 1e6 * min(evaluate(*arguments).results)

    return time_of


def _session(board: str) -> rpc.RPCSession:
    return _tracker().request(board, session_timeout=_SESSION_SECONDS)


def _upload(
    session: rpc.RPCSession, compiled: tvm.runtime.Executable, board: str, file: str
) -> tvm.runtime.Module:
    """Link what was compiled for a board, put it there under a name, and load it there."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / file
        compiled.export_library(str(library), fcompile=cc.cross_compiler(BOARDS[board]["compiler"]))
        session.upload(str(library))
    return session.load_module(file)


def _tracker() -> rpc.client.TrackerSession:
    return rpc.connect_tracker(os.environ[_HOST], int(os.environ[_PORT]))


class BoardRuntime(Runtime):
    """TVM on a board; a run's time is the board's own, without the network between."""

    def prepare(self, model: nn.Module, image: Tensor) -> None:
        """See `Runtime.prepare`."""
        if reason := missing(self.device):
            raise Unavailable(reason)
        executable = compiled(model, image, target(self.device), self.device)
        self._session = _session(self.device)
        self._library = _upload(self._session, executable, self.device, "network.so")
        self._image = image.numpy()

    def load(self) -> None:
        """See `Runtime.load`."""
        self._machine = relax.VirtualMachine(self._library, self._session.cpu())
        self._machine.set_input("main", tvm.runtime.tensor(self._image, self._session.cpu()))
        self._evaluate = self._machine.time_evaluator("invoke_stateful", self._session.cpu(), number=1)

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
