"""A sweep's jobs, done by a crew: the table, the page and the sheet grow with each that ends."""

import os
import time
from collections.abc import Iterator

import torch

from mutoscope.build.parts import choose_device
from mutoscope.crew.task import Crew, CrewWatch, Outcome, Task
from mutoscope.memory import free_memory
from mutoscope.settings import Settings
from mutoscope.sweep.folder import SheetFolder
from mutoscope.sweep.page import write_page, write_thumb
from mutoscope.sweep.results import Results, tell_missing

_FREE = 0.8  # of the memory that is free
_SHARE = 0.03  # of the time that drawing the sheet and writing the page may take meanwhile


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fitting_workers(jobs: int, settings: Settings, memory: int, *, threads: int = 1) -> int:
    """How many workers there are unless it is said: enough for all processors, on a GPU one.

    ``jobs``: how many there are to do; ``memory``: what one needs, in bytes; ``threads``: how many
    each has at least.
    """
    device = choose_device(settings.device)
    if device.type != "cpu":
        return 1
    free = free_memory(torch.device("cpu"))
    most = cores() // threads
    if free is not None:
        most = min(most, int(_FREE * free / max(1, memory)))
    return max(1, min(jobs, most))


def make_swept(sheet: SheetFolder, crew: Crew, *, watch: CrewWatch) -> Iterator[Outcome]:
    """Do what is left of a sweep: yield the outcome of each job when it is in the table.

    Raises:
        MutoscopeError: no worker can be had, or the table can't be written.
    """
    tell_missing()
    results = Results(sheet)
    jobs = sheet.sweep.jobs
    numbers = {job.name: index for index, job in enumerate(jobs)}
    # Before all else: a worker whose caller was killed may yet finish what it has in hand.
    left = sheet.left()
    for index in range(len(jobs)):
        write_thumb(sheet, index)
    show = _Seldom(sheet, results)
    results.write()
    show(at_once=True)
    tasks = [
        Task(
            jobs[index].name,
            "run",
            sheet.folder / jobs[index].name,
            {"settings": jobs[index].settings.to_dict()},
        )
        for index in left
    ]
    try:
        for outcome in crew.work(tasks, watch=watch):
            index = numbers[outcome.task.name]
            results.take(index, outcome)
            write_thumb(sheet, index)
            sheet.put(index)
            results.write()
            show()
            yield outcome
    finally:
        for index in range(len(jobs)):
            results.look(index)
        results.write()
        show(at_once=True)


class _Seldom:
    """Draws the sheet and writes the page, as often as costs next to nothing."""

    def __init__(self, sheet: SheetFolder, results: Results) -> None:
        self._sheet, self._results = sheet, results
        self._due = 0.0

    def __call__(self, *, at_once: bool = False) -> None:
        began = time.monotonic()
        if at_once or began >= self._due:
            self._sheet.draw()
            write_page(self._sheet, self._results.rows)
            now = time.monotonic()
            self._due = now + (now - began) / _SHARE
