"""The process beside the server that has torch, as the server sees it: begun when it is needed.

See `mutoscope.studio.drawings.pad_worker` for what can be asked of it. It ends when nobody has
asked anything for a while, when it takes too long, and with the server, however that ends.
"""

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from mutoscope import fence
from mutoscope.errors import RunError, SettingsError
from mutoscope.report import VARIABLE
from mutoscope.studio.place import Place
from mutoscope.studio.queue.worker import environment

log = logging.getLogger("mutoscope")

IDLE = 180.0  # seconds
PATIENCE = 120.0  # seconds: a large folder of scans is looked at, a large generator read
_MODULE = "mutoscope.studio.drawings.pad_worker"


class Aide:
    """Asks the process, one request at a time, whoever asks. All of its threads are daemons."""

    def __init__(self, place: Place, *, idle: float = IDLE, patience: float = PATIENCE) -> None:
        self._place = place
        self._idle = idle
        self._patience = patience
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._ending: threading.Timer | None = None

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            SettingsError: the process says why there is none.
            RunError: it has died, or takes too long.
        """
        with self._turn:
            self._rest(None)
            process = self._started()
            try:
                line = self._exchanged(process, json.dumps(request).encode() + b"\n")
                answer = json.loads(line)
            except (OSError, ValueError) as error:
                self._end()
                raise RunError(
                    "the picture could not be drawn: its process has died; perhaps there was not "
                    "enough memory"
                ) from error
            except queue.Empty as error:
                self._end()
                raise RunError(
                    f"this took more than {self._patience:g} s, and was ended"
                ) from error
            self._rest(self._idle)
        if "error" in answer:
            raise SettingsError(str(answer["error"]))
        ok: dict[str, Any] = answer["ok"]
        return ok

    def close(self) -> None:
        """End the process, if there is one."""
        with self._turn:
            self._rest(None)
            self._end()

    def _exchanged(self, process: "subprocess.Popen[bytes]", line: bytes) -> bytes:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        process.stdin.write(line)
        process.stdin.flush()
        return self._answers.get(timeout=self._patience)

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        # Without -P a file torch.py that lies in the place would be taken for torch.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", _MODULE], cwd=self._place.root,
            env=_environment(self._place), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is the server's
        )  # fmt: skip
        self._process, self._answers = process, queue.SimpleQueue()
        threading.Thread(target=_listen, args=(process, self._answers), daemon=True).start()
        return process

    def _rest(self, seconds: float | None) -> None:
        """Let the process end in so many seconds; None takes that back."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if seconds is not None:
            self._ending = threading.Timer(seconds, self.close)
            self._ending.daemon = True
            self._ending.start()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _listen(process: "subprocess.Popen[bytes]", answers: "queue.SimpleQueue[bytes]") -> None:
    """Hand on what a process answers; at its end an empty line, which is no answer."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    with contextlib.suppress(OSError, ValueError):  # closed under our hands
        for line in process.stdout:
            answers.put(line)
    answers.put(b"")


def _environment(place: Place) -> dict[str, str]:
    """That of a job, without a place to tell how it goes."""
    given = environment(place.root, place.own / "none", os.environ)
    given.pop(VARIABLE)
    given[fence.VARIABLE] = str(place.root)
    return given
