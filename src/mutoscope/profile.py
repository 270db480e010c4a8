"""Where the time of a run goes: each part of a step and of a move, as a table and as a trace.

`profiled` gives the same parts of a run with a clock around each, put in only where one is asked
for: `paint.animate` and the parts themselves know nothing of it. What autograd does on its way back
is told apart by the gradients that arrive on the way: at the cutouts, at the picture, at the
canvas. On a GPU the clock shows when work was handed over, not when it was done.
"""

import functools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from mutoscope import atomic
from mutoscope.build import Parts
from mutoscope.canvas.base import Canvas
from mutoscope.cutouts import Cutouts, Cuts
from mutoscope.descent import Descent, Stride
from mutoscope.errors import RunError
from mutoscope.look import Look, Term
from mutoscope.motion.base import Remembering, Warp, memory_of
from mutoscope.paint import Frame, Losses, Motion, State, Watch, animate
from mutoscope.perceptors.base import Perceptor
from mutoscope.run import Run
from mutoscope.run.layout import PROFILE, TRACE
from mutoscope.schedule import Shot

P = ParamSpec("P")
T = TypeVar("T")

LEAST = 50e-6  # seconds; less lies between two terms, where nothing goes back
MOST = 100_000  # stretches that a trace holds: some thousands of steps, some ten megabytes

DRAW, CUT, JUDGE, FOLLOW = "draw the canvas", "cut", "judge", "follow the gradient"
BACK_TERMS, BACK_CUT, BACK_DRAW = "back through terms", "back through cutouts", "back to the canvas"
MOVE = "move the picture"
REST = "all else"
WRITING = {
    "keep": "save a frame", "keep_smoothed": "save a frame", "pause": "save the state",
    "preview": "save the preview", "draw_losses": "plot the losses",
}  # fmt: skip
"""The methods of a run that write, and what they are called here."""


@dataclass
class Spent:
    """What one part took in all: how often, seconds of the clock, and of the processors."""

    times: int = 0
    wall: float = 0.0
    cpu: float = 0.0

    def add(self, wall: float, cpu: float) -> None:
        """Once more."""
        self.times, self.wall, self.cpu = self.times + 1, self.wall + wall, self.cpu + cpu


@dataclass
class _Open:
    """A stretch that has not ended: when it began, and what those within it have taken so far."""

    wall: float
    cpu: float
    inner: list[float] = field(default_factory=lambda: [0.0, 0.0])


class Clock:
    """Stretches of time by the name of what was done in them, each without those within it.

    Those of another thread than the one that made the clock are counted apart: they take place
    beside the steps.
    """

    def __init__(self) -> None:
        self.own: dict[str, Spent] = {}
        self.beside: dict[str, Spent] = {}
        self.steps = 0
        self._home = threading.get_ident()
        self._stack: dict[int, list[_Open]] = {}
        self._waiting: tuple[str, float, float] | None = None
        self._events: list[dict[str, Any]] = []
        self._start, self._start_cpu = time.perf_counter(), time.process_time()
        self._end, self._end_cpu = self._start, self._start_cpu
        self._step = self._start

    @contextmanager
    def stretch(self, name: str) -> Iterator[None]:
        """Count the time of the block under ``name``."""
        self.settle()
        thread = threading.get_ident()
        stack = self._stack.setdefault(thread, [])
        stack.append(_Open(time.perf_counter(), self._cpu(thread)))
        try:
            yield
        finally:
            opened = stack.pop()
            self._count(name, opened.wall, opened.cpu, opened.inner)

    def timed(self, name: str, function: Callable[P, T]) -> Callable[P, T]:
        """``function``, counted under ``name``."""

        @functools.wraps(function)
        def counted(*args: P.args, **kwargs: P.kwargs) -> T:
            with self.stretch(name):
                return function(*args, **kwargs)

        return counted

    def wait(self, name: str) -> None:
        """What is done from now on, until the next stretch, is counted under ``name``."""
        self.settle()
        self._waiting = name, time.perf_counter(), self._cpu(self._home)

    def settle(self, name: str | None = None) -> None:
        """That has ended; ``name``: what it has turned out to be."""
        if self._waiting is not None and threading.get_ident() == self._home:
            (waited, wall, cpu), self._waiting = self._waiting, None
            if time.perf_counter() - wall >= LEAST:
                self._count(name or waited, wall, cpu, [0.0, 0.0])

    def forget(self) -> None:
        """What was waited for did not happen."""
        self._waiting = None

    def step(self, done: int) -> None:
        """A step has ended, the ``done``-th."""
        self.settle()
        self._end, self._end_cpu = time.perf_counter(), time.process_time()
        self.steps += 1
        self._note(f"step {done}", self._step, self._end, "steps")
        self._step = self._end

    def table(self) -> str:
        """What each part took, the longest first, as text."""
        if not self.steps:
            return "no step was made"
        wall, cpu = self._end - self._start, self._end_cpu - self._start_cpu
        counted = sum(spent.wall for spent in self.own.values())
        counted_cpu = sum(spent.cpu for spent in self.own.values())
        rest = Spent(self.steps, max(0.0, wall - counted), max(0.0, cpu - counted_cpu))
        rows: list[tuple[str, ...]] = []
        rows.append(("", "times", "seconds", "of the clock", "a step", "CPU a step"))
        for name, spent in sorted(self.own.items(), key=lambda item: -item[1].wall):
            rows.append(self._row(name, spent, wall))
        rows.append(self._row(REST, rest, wall))
        for name, spent in self.beside.items():
            rows.append(self._row(f"{name} (beside the steps)", spent, wall))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [f"where the time went: {self.steps} steps in {wall:.2f} s ({cpu:.2f} s of CPU)"]
        for name, *cells in rows:
            numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
            lines.append("  ".join([name.ljust(widths[0]), *numbers]))
        return "\n".join(lines)

    def trace(self) -> str:
        """The stretches as JSON of the Trace Event Format, for Perfetto and chrome://tracing."""
        names = sorted({str(event["tid"]) for event in self._events})
        told = [
            {"name": "thread_name", "ph": "M", "pid": 1, "tid": i, "args": {"name": name}}
            for i, name in enumerate(names)
        ]
        numbers = {name: i for i, name in enumerate(names)}
        events = [{**event, "tid": numbers[event["tid"]]} for event in self._events]
        return json.dumps({"traceEvents": told + events, "displayTimeUnit": "ms"})

    def _row(self, name: str, spent: Spent, wall: float) -> tuple[str, ...]:
        share = f"{100 * spent.wall / wall:.1f} %"
        each = f"{1000 * spent.wall / self.steps:.2f} ms"
        cpu = f"{1000 * spent.cpu / self.steps:.2f} ms"
        return name, str(spent.times), f"{spent.wall:.3f}", share, each, cpu

    def _cpu(self, thread: int) -> float:
        # In the thread of the steps, those that torch keeps for its sums count as well.
        return time.process_time() if thread == self._home else time.thread_time()

    def _count(self, name: str, wall: float, cpu: float, inner: Sequence[float]) -> None:
        thread, now = threading.get_ident(), time.perf_counter()
        took = now - wall, self._cpu(thread) - cpu
        if stack := self._stack.get(thread):
            outer = stack[-1].inner
            outer[0], outer[1] = outer[0] + took[0], outer[1] + took[1]
        home = thread == self._home
        if home:
            self._end, self._end_cpu = now, time.process_time()
        spent = (self.own if home else self.beside).setdefault(name, Spent())
        spent.add(took[0] - inner[0], took[1] - inner[1])
        self._note(name, wall, now, "parts" if home else "beside")

    def _note(self, name: str, start: float, end: float, thread: str) -> None:
        if len(self._events) < MOST:
            self._events.append({
                "name": name, "ph": "X", "pid": 1, "tid": thread,
                "ts": 1e6 * (start - self._start), "dur": 1e6 * (end - start),
            })  # fmt: skip


@dataclass(frozen=True)
class Profiled(Parts):
    """The parts of a run, with a clock around each while they paint."""

    clock: Clock

    def animate(
        self,
        *,
        resume: State | None = None,
        watch: Watch | None = None,
        kept: Callable[[int], Tensor | None] | None = None,
        lends: bool = False,
    ) -> Iterator[Frame]:
        """See `Parts.animate`."""
        clock, heard = self.clock, watch or Watch()

        def step(done: int, losses: Losses) -> None:
            clock.step(done)
            heard.step(done, losses)

        with clocked(clock, self.canvas, self.perceptors):
            yield from animate(
                self.canvas, self.schedule, asking(clock, self.ask),
                ClockedCutouts(**vars(self.cutouts), clock=clock),
                motion=None if self.motion is None else moving(clock, self.motion),
                hold=None if self.hold is None else asking(clock, self.hold),
                sizes=self.sizes, descent=ClockedDescent(**vars(self.descent), clock=clock),
                seed=self.settings.seed, resume=resume, kept=kept, lends=lends,
                watch=Watch(step=step, stopped=heard.stopped),
            )  # fmt: skip


def profiled(parts: Parts) -> Profiled:
    """``parts`` that tell where their time goes."""
    return Profiled(**vars(parts), clock=Clock())


@contextmanager
def keeping_profile(parts: Profiled, run: Run) -> Iterator[Path]:
    """Count what ``run`` writes, too; at the end keep table and trace in it, however it ends.

    Gives the path at which the trace comes to lie.

    Raises:
        RunError: they can't be written.
    """
    trace = run.folder / TRACE
    try:
        for name, called in WRITING.items():
            setattr(run, name, parts.clock.timed(called, getattr(run, name)))
        yield trace
    finally:
        for name in WRITING:
            vars(run).pop(name, None)
        try:
            atomic.write_text(run.folder / PROFILE, parts.clock.table() + "\n")
            atomic.write_text(trace, parts.clock.trace())
        except OSError as error:
            raise RunError(f"{trace}: can't be written: {atomic.reason(error)}") from error


@contextmanager
def clocked(clock: Clock, canvas: Canvas, perceptors: Sequence[Perceptor]) -> Iterator[None]:
    """Put the clock into the networks, and take it out again."""
    opened: list[Any] = []

    def before(_canvas: torch.nn.Module, _args: object) -> None:
        opened.append(clock.stretch(DRAW))
        opened[-1].__enter__()

    def after(_canvas: torch.nn.Module, _args: object, drawn: Tensor) -> None:
        opened.pop().__exit__(None, None, None)
        if drawn.requires_grad:
            drawn.register_hook(arrived)  # type: ignore[no-untyped-call]

    def arrived(_gradient: Tensor) -> None:
        clock.wait(BACK_DRAW)

    hooks = [canvas.register_forward_pre_hook(before), canvas.register_forward_hook(after)]
    methods = [(canvas, name, MOVE) for name in ("move", "encode", "grow")]
    methods += [(perceptor, "see", f"see with {perceptor.name}") for perceptor in perceptors]  # type: ignore[misc]
    try:
        for part, name, called in methods:
            part.__dict__[name] = clock.timed(called, getattr(part, name))
        yield
    finally:
        clock.forget()
        for hook in hooks:
            hook.remove()
        for part, name, _ in methods:
            part.__dict__.pop(name, None)


def asking(clock: Clock, ask: Callable[..., Sequence[Term]]) -> Callable[..., Sequence[Term]]:
    """``ask`` or ``hold``, whose terms are counted."""

    def asked(*args: Any) -> Sequence[Term]:
        with clock.stretch("make the terms"):
            terms = ask(*args)
        return [ClockedTerm(term, clock) for term in terms]

    return asked


class ClockedTerm:
    """A term that is counted; behind the last one the way back begins."""

    def __init__(self, term: Term, clock: Clock) -> None:
        self.name, self.cuts = term.name, term.cuts
        self._term, self._clock = term, clock

    def __call__(self, look: Look) -> Tensor:
        """See `Term`."""
        with self._clock.stretch(JUDGE):
            loss = self._term(look)
        self._clock.wait(BACK_TERMS)
        return loss


@dataclass(frozen=True, kw_only=True)
class ClockedCutouts(Cutouts):
    """Cutouts that are counted, whose gradients tell how far the way back has come."""

    clock: Clock

    def draw(self, rng: torch.Generator, image_size: tuple[int, int], side: int) -> Cuts:
        """See `Cutouts.draw`."""
        with self.clock.stretch(CUT):
            cuts = super().draw(rng, image_size, side)
        crop, clock = cuts.crop, self.clock

        def counted(image: Tensor, part: slice = slice(None)) -> Tensor:
            with clock.stretch(CUT):
                batch = crop(image, part)
            if batch.requires_grad:
                batch.register_hook(arrived)  # type: ignore[no-untyped-call]
            return batch

        def arrived(_gradient: Tensor) -> None:
            clock.settle("back through perceptors")
            clock.wait(BACK_CUT)

        cuts.__dict__["crop"] = counted
        return cuts


@dataclass(frozen=True, kw_only=True)
class ClockedDescent(Descent):
    """A descent whose steps are counted."""

    clock: Clock

    def start(self, canvas: Canvas) -> Stride:
        """See `Descent.start`."""
        stride, clock = super().start(canvas), self.clock
        follow = clock.timed(FOLLOW, stride.step)

        def step(losses: Mapping[str, Tensor]) -> None:
            follow(losses)

        vars(stride)["step"] = step
        return stride


def moving(clock: Clock, motion: Motion) -> Motion:
    """``motion``, counted; it remembers what it did."""
    memory = memory_of(motion)
    return ClockedMotion(motion, clock) if memory is None else ClockedMemory(motion, memory, clock)


class ClockedMotion:
    """A motion that is counted."""

    def __init__(self, motion: Motion, clock: Clock) -> None:
        self._motion, self._clock = motion, clock

    def __call__(self, image: Tensor, shot: Shot, /) -> Warp:
        """See `Motion`."""
        with self._clock.stretch(MOVE):
            return self._motion(image, shot)


class ClockedMemory(ClockedMotion):
    """One that remembers."""

    def __init__(self, motion: Motion, memory: Remembering, clock: Clock) -> None:
        super().__init__(motion, clock)
        self.tensors, self.recall = memory.tensors, memory.recall
