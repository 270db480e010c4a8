"""Several processes of one training: starting them, and ending them together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

LOOK_SECONDS, GRACE_SECONDS = 0.1, 5.0


def start_together(count: int, arguments: Sequence[str]) -> int:
    """Run this program ``count`` times at once, as a team; returns the exit code.

    The processes find one another through the environment, as those of ``accelerate launch`` do.
    Ctrl-C reaches the first, which tells the others. When one fails, the others are ended.
    """
    port = _free_port()
    members = [_start(rank, count, port, arguments) for rank in range(count)]

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if members[0].poll() is None:
            members[0].send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while all(member.poll() in (None, 0) for member in members):
            if all(member.poll() == 0 for member in members):
                return 0
            time.sleep(LOOK_SECONDS)
        ends = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < ends and any(member.poll() is None for member in members):
            time.sleep(LOOK_SECONDS)
        codes = [member.poll() for member in members]
        return next(abs(code) for code in codes if code)
    finally:
        for member in members:
            if member.poll() is None:
                member.kill()
            member.wait()
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(rank: int, count: int, port: int, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    named = {
        "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count,
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
    }  # fmt: skip
    # A session of its own, so that Ctrl-C in a terminal comes here and not to all of them at once.
    return subprocess.Popen(  # noqa: S603 - this very program, and no shell
        [sys.executable, "-m", "mutoscope", *arguments],
        env=os.environ | {name: str(value) for name, value in named.items()},
        start_new_session=True,
    )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
