"""What is closed when it is done with."""

from types import TracebackType
from typing import Self


class Closable:
    """A context manager whose end is `close`, also after an error or Ctrl-C."""

    def close(self) -> None:
        """Let go of what is held; twice is no mistake."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
