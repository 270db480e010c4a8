"""What is written while the next steps are made: one thread, one piece of work after the other."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, Self, TypeVar

log = logging.getLogger("mutoscope")

T = TypeVar("T")


class Scribe(Generic[T]):
    """A thread that does what it is handed, in order; a context manager that waits for it.

    It holds one piece of work at a time: whoever comes with the next waits until that is done, so
    what is in memory stays bounded and nothing is ever written out of order. What went wrong is
    raised to the owner, once, by whatever is called next; nothing that was handed over later has
    been begun by then.

    Compression, encoding and waiting for the disk leave the interpreter to others, so on a machine
    with a second core, or while a GPU computes, they cost the steps next to nothing.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mutoscope-scribe")
        self._work: Future[T] | None = None

    def hand(self, work: Callable[[], T]) -> list[T]:
        """Hand over ``work``; gives what the piece before came to, if that was not taken yet.

        Raises:
            Exception: what the piece before ended in; ``work`` is not begun.
        """
        before = self.rest()
        self._work = self._pool.submit(work)
        return before

    def ready(self, patience: float = 0.0) -> list[T]:
        """What its work came to, if that is done, or will be within ``patience`` seconds.

        Raises:
            Exception: what it ended in.
        """
        if self._work is not None:
            wait([self._work], timeout=patience)
        return self.rest() if self._work is not None and self._work.done() else []

    def rest(self) -> list[T]:
        """What its work came to, once that is done; nothing where all was taken already.

        Raises:
            Exception: what it ended in.
        """
        if self._work is None:
            return []
        wait([self._work])  # an interrupt here leaves the work to the next who asks
        work, self._work = self._work, None
        return [work.result()]

    def wait(self) -> None:
        """Wait until its work is done; what that came to is left for whoever takes it.

        Raises:
            Exception: what it ended in.
        """
        if self._work is not None:
            wait([self._work])
            self.check()

    def check(self) -> None:
        """Raise what its work ended in, if it has failed; never waits.

        Raises:
            Exception: that.
        """
        if self._work is not None and self._work.done() and self._work.exception() is not None:
            self.rest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        interrupted: KeyboardInterrupt | None = None
        while self._work is not None and not self._work.done():
            # Files may be half written, and whoever comes after us closes them: no way past this.
            try:
                wait([self._work])
            except KeyboardInterrupt as asked:
                interrupted = asked
        self._pool.shutdown()
        try:
            self.rest()
        except Exception as second:
            if error is None:
                raise
            # What ended the block is what the user must hear of first.
            log.warning("%s", second)
        if interrupted is not None and error is None:
            raise interrupted


class Watchful:
    """How long may be waited for a scribe: a small part of the time since this was asked last."""

    PART = 0.02

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def patience(self) -> float:
        """That, in seconds."""
        now = time.perf_counter()
        before, self._last = self._last, now
        return self.PART * (now - before)
