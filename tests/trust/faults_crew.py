"""How works are killed, and workers of a crew that fork from what has imported everything."""

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

import torch


def kill_all(worker):
    """It, and the processes that it has begun, or what is left of them."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):  # it may not even have made its group
            kill(worker, signal.SIGKILL)


def kill_alone(worker):
    """It alone: those that it has begun find out by themselves."""
    os.kill(worker, signal.SIGKILL)


def kill_hands(worker):
    """Only those that it has begun: it sees to others."""
    for task in Path(f"/proc/{worker}/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)


def fork_hands(telling):
    """Let crews of this process fork their workers, which tell their phases by ``telling``, too."""
    module = sys.modules["mutoscope.crew.processes"]

    def begin(_command, *, stdin, stdout, stderr, env):
        assert stdin == stdout == subprocess.PIPE
        return _Forked(stderr, int(env["OMP_NUM_THREADS"]), telling)

    module.subprocess = SimpleNamespace(
        Popen=begin, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
    )


class _Forked:
    """What a crew needs of ``subprocess.Popen``, for a worker that is a fork."""

    def __init__(self, stderr, threads, telling):
        down, up = os.pipe(), os.pipe()
        self.code = None
        self.pid = os.fork()
        if self.pid == 0:
            _work(down[0], up[1], stderr.fileno(), threads, telling)
        os.close(down[0])
        os.close(up[1])
        self.stdin, self.stdout = os.fdopen(down[1], "wb"), os.fdopen(up[0], "rb")
        self._ending = threading.Lock()

    def wait(self, timeout=None):
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._ending:
                if self.code is None:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                    self.code = os.waitstatus_to_exitcode(status) if pid else None
            if self.code is not None:
                return self.code
            if until is not None and time.monotonic() >= until:
                raise subprocess.TimeoutExpired("worker", timeout)
            time.sleep(0.002)

    def kill(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)


def _work(orders, news, errors, threads, telling):
    """Be a worker, as ``python -m mutoscope.crew.worker`` is one, to its end."""
    code = 70
    try:
        # As a new process has it: of what was open nothing is, such as the ends of other pipes.
        for number, given in enumerate((orders, news, errors)):
            os.dup2(given, number)
        os.closerange(3, telling)
        os.closerange(telling + 1, 4096)
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        logging.getLogger("mutoscope").handlers.clear()
        torch.set_num_threads(threads)
        sys.modules["mutoscope.crew.worker"].main()
        code = 0
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        os._exit(code)
