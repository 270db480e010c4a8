"""The options by which a film's pictures are shared out, and who then makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mutoscope.crew.task import Crew

ON = click.option(
    "--on", metavar="ADDRESS", help="Work on a Ray cluster: ray://HOST:PORT, or ray for this one's."
)
_WORKERS = click.option(
    "--workers", type=click.IntRange(1, 4096),
    help="Share the pictures of a film out among so many processes.",
)  # fmt: skip
_THREADS = click.option("--threads", type=click.IntRange(1, 256), help="Threads of each of those.")


def sharing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options ``--workers``, ``--threads`` and ``--on``."""
    return _WORKERS(_THREADS(ON(command)))


@contextmanager
def engaged(on: str | None, workers: int | None, threads: int | None) -> Iterator[Crew | None]:
    """The crew that is asked for, None where none is; let go of in the end.

    Raises:
        MutoscopeError: it can't be had.
    """
    if on is None and workers is None:
        if threads is not None:
            raise click.UsageError("--threads means nothing without --workers or --on")
        yield None
        return
    from mutoscope.closable import Closable
    from mutoscope.crew.choosing import crew_of

    crew = crew_of(on, workers, threads)
    try:
        yield crew
    finally:
        if isinstance(crew, Closable):
            crew.close()
