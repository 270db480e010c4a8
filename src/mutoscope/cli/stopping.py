"""How a command that works long is stopped: by Ctrl-C, once in order and twice at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from mutoscope.cli import tell

STOPPED = 130  # the exit code of what Ctrl-C ended


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C end the run after the step in hand; the second ends it at once."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        tell("stopping after this step (once more to stop at once)")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
