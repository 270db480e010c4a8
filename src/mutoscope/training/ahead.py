"""The pictures of the next step, made while a step is trained on."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

from mutoscope.closable import Closable


class Ahead(Closable):
    """The pictures of every step; those of the next are made on a thread that ends with this.

    Args:
        make: from a step's number to its pictures, the same for the same number.
        name: of the thread.
    """

    def __init__(self, make: Callable[[int], Tensor], name: str) -> None:
        self._make = make
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._next: tuple[int, Future[Tensor]] | None = None

    def __call__(self, step: int) -> Tensor:
        """The pictures of ``step``."""
        ready = self._next[1] if self._next and self._next[0] == step else self._begin(step)
        self._next = (step + 1, self._begin(step + 1))
        return ready.result()

    def close(self) -> None:
        """End the thread; what it has not begun is left."""
        self._thread.shutdown(cancel_futures=True)

    def _begin(self, step: int) -> Future[Tensor]:
        return self._thread.submit(self._make, step)
