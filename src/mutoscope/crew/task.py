"""What a crew is given, and what comes back: values, and the shape of a crew. No torch here.

A task's folder is all that it leaves, and all that it needs to be gone on with: whoever loses a
worker gives the folder, as it is, to the next one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

MOST_TRIES = 3
"""How often a task is begun whose worker is lost under it, before it counts as failed."""


@dataclass(frozen=True)
class Task:
    """One piece of work.

    ``name``: unique in its crew; ``kind``: what a worker does with it, one of
    `mutoscope.crew.kinds.KINDS`; ``folder``: on the caller's machine, where its inputs lie before
    it begins, and its checkpoints and results come to lie; ``order``: all else that the worker must
    know, as JSON can hold it.
    """

    name: str
    kind: str
    folder: Path
    order: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    ``error``: why it failed, in one line, None where it is done; ``tries``: how often it was begun;
    ``seconds``: for how long a worker was at it, all tries together.
    """

    task: Task
    error: str | None
    tries: int
    seconds: float


@dataclass(frozen=True)
class News:
    """How far a task is: ``done`` of ``total`` (steps, or pictures), and its newest ``losses``.

    ``worker`` is the number of the one that is at it, from 1; ``tries`` the try that it is.
    """

    done: int
    total: int
    losses: Mapping[str, float] = field(default_factory=dict)
    worker: int = 1
    tries: int = 1


@dataclass
class CrewWatch:
    """What the caller hears while a crew works, and how it asks for the end.

    ``news`` is called some times a second at most for each task in hand, from the thread that
    iterates; ``stopped`` is asked several times a second: True lets every worker keep what it has
    and end, after which the iteration is over. A task that was stopped so has no outcome.
    """

    news: Callable[[Task, News], None] = field(default=lambda _task, _news: None)
    stopped: Callable[[], bool] = field(default=lambda: False)


class Crew(Protocol):
    """Those who do tasks."""

    def work(self, tasks: Sequence[Task], *, watch: CrewWatch) -> Iterator[Outcome]:
        """Do all tasks: yield the outcome of each as it ends.

        A task that fails stops none of the others. One whose worker is lost is begun again by
        another, from what its folder holds, `MOST_TRIES` times in all.

        Raises:
            MutoscopeError: no worker can be had. What the folders hold stands.
        """
