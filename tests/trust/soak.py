"""Long runs, watched: what memory, open files, time a step and the folder come to.

    python tests/trust/soak.py                     all kinds, a line for each
    python tests/trust/soak.py film --frames 2000  one of them

A run in the size of toys takes all the steps that a great one does, and keeps as many frames: what
grows with their number is seen here, where little else is in memory.
"""

import argparse
import contextlib
import gc
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image

from mutoscope.build import build
from mutoscope.frames import FilmSink
from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.paint import Watch
from mutoscope.perform import perform, start_run
from mutoscope.settings import load_settings
from mutoscope.train_gan import open_folder
from mutoscope.train_gan import perform as teach
from mutoscope.walk import Route, load_renderer
from mutoscope.walk.film import Filming, walk_to_film

TOY = {
    "scenes": "a fox",
    "perceptors": "tiny",
    "width": 16,
    "height": 16,
    "cutouts": 2,
    "gradient_accumulation_steps": 1,
    "seed": 7,
    "file_namespace": "soak",
}
MEMORY = 1.02  # at the end, of that at a tenth of the way
PACE = 0.98  # steps a second near the end, of those of a run that has just begun

Look = Callable[[int], None]
"""Called by what is watched, with how much of it is done."""


# ── what a process holds ──


@dataclass(frozen=True)
class Sample:
    """What this process held when ``done`` was done: bytes of memory, and open files."""

    done: int
    memory: int
    files: int


@dataclass
class Course:
    """The samples of a run of ``whole`` pieces of work: ``looks`` of them, compared from ``since``.

    An encoder of films opens its file some forty frames late, so that is no less in a short one.
    """

    whole: int
    looks: int = 20
    since: float = 0.1
    samples: list[Sample] = field(default_factory=list)

    def __call__(self, done: int) -> None:
        """Look at this process, when it is time for that."""
        if done >= (len(self.samples) + 1) * self.whole / self.looks:
            before = self.samples[-1].files if self.samples else 0
            self.samples.append(Sample(done, memory(), open_files(before)))

    @property
    def early(self) -> Sample:
        """That from which on they are compared, at a tenth of the way."""
        return next(one for one in self.samples if one.done >= self.since * self.whole)

    @property
    def growth(self) -> float:
        """The memory at the end, as a multiple of the early one."""
        return self.samples[-1].memory / self.early.memory

    @property
    def files(self) -> list[int]:
        """How many files were open from there on: each number that was seen."""
        return sorted({one.files for one in self.samples if one.done >= self.early.done})

    def refuse(self) -> None:
        """Refuse a course on which something grew.

        Raises:
            AssertionError: memory or open files did.
        """
        seen = [sample.memory for sample in self.samples]
        assert self.growth <= MEMORY, f"memory grew ×{self.growth:.4f}: {seen}"
        # A film that was followed to its end is closed there: one less is no leak.
        assert self.files[-1] <= self.early.files, f"open files, numbers seen: {self.files}"

    def __str__(self) -> str:
        early, late = self.early.memory / 2**20, self.samples[-1].memory / 2**20
        return f"memory {early:.1f} → {late:.1f} MiB (×{self.growth:.4f}), open files {self.files}"


def memory() -> int:
    """The bytes of memory that this process has in use, the shared ones included."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files(at_most: int = 0) -> int:
    """How many files, pipes and sockets this process has open, but for those just being written.

    What another thread writes is closed soon: it is waited for until no more than ``at_most`` are
    open, a second at most.
    """
    least, until = sys.maxsize, time.monotonic() + (1 if at_most else 0.05)
    while least > at_most and time.monotonic() < until:
        least = min(least, sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1)  # that lists them
        time.sleep(0.01)
    return least


# ── what is watched ──


def film(frames: int, *, each: int = 5, **changes: Any) -> dict[str, Any]:
    """The settings of a film of so many frames, of ``each`` steps."""
    moving = {
        "steps_per_scene": frames * each,
        "animation_mode": "2D",
        "pre_animation_steps": each,
        "steps_per_frame": each,
        "save_every": each,
        "zoom_x_2d": 1,
    }
    return TOY | moving | changes


def paint(settings: dict[str, Any], out: Path, look: Look) -> Path:
    """Paint a run into a folder, looking after each frame that is kept; says where it lies."""
    parts = build(load_settings(settings, base=out))
    with start_run(parts, out) as run:
        for kept in perform(parts, run):
            look(kept.frame.steps)
    return run.folder


def paint_in_memory(settings: dict[str, Any], out: Path, look: Look) -> None:
    """Paint a still that is kept nowhere, looking after each step."""
    parts = build(load_settings(settings | {"save_every": 0}, base=out))
    for _ in parts.animate(watch=Watch(step=lambda done, _losses: look(done))):
        pass


def shot(frames: int, folder: Path) -> Path:
    """A film to follow, of a bar that goes to and fro."""
    path = folder / "shot.mp4"
    with FilmSink(path, 12) as sink:
        for number in range(frames):
            picture = torch.full((1, 3, 32, 32), 0.1)
            left = abs(number % 40 - 20)
            picture[..., left : left + 8] = 0.9
            sink.write(picture)
    return path


def walk(frames: int, out: Path, look: Look) -> None:
    """Write a walk of 16 segments through a small generator as a film of 32 × 32."""
    rng = torch.Generator().manual_seed(0)
    shape = Shape(size=32, channels=1, z=16, w=16, cbase=256, cmax=16, mapping_layers=2)
    generator = Generator(shape, rng)
    for _ in range(50):
        generator.track(generator.map(torch.randn(16, 16, generator=rng)))
    write_generator(out / "generator.safetensors", generator)
    renderer = load_renderer(out / "generator.safetensors", torch.device("cpu"))
    route = Route(segments=16, frames=frames // 16)
    walk_to_film(
        out / "walk.mp4", route, renderer, Filming(), progress=lambda done, _total: look(done)
    )


def train(images: int, out: Path, look: Look) -> Path:
    """Train a small generator on so many images, looking after each tick; says where."""
    tiles = out / "tiles"
    tiles.mkdir()
    for index in range(12):
        pixels = np.full((40, 40), 255, np.uint8)
        pixels[:, 2 + 3 * index : 5 + 3 * index] = 10
        Image.fromarray(pixels).save(tiles / f"{index}.png")
    small = {"z": 8, "w": 8, "cbase": 64, "cmax": 4, "batch": 4, "images": images, "tick": 40,
             "compared": 8}  # fmt: skip
    with open_folder(tiles, out / "trained", "smoke", small) as opened:
        for saved in teach(opened, torch.device("cpu"), drawings=tiles):
            look(saved.tick.kept.steps * 4)
    return out / "trained"


# ── how fast it is ──


class Race:
    """Steps of an old run and of one that has just begun, a few of each in turn.

    The other run is a process of its own, so that nothing which grows in this one slows it down.
    Both are timed by their own processor seconds, in turns so short that what else the machine does
    falls on both alike.

    Args:
        settings: of the run; the young one has the same.
        since: the step from which on turns are taken.
        each: steps a turn.
        turns: how many.
    """

    def __init__(self, settings: dict[str, Any], *, since: int, each: int, turns: int) -> None:
        self.old: list[float] = []
        self.young: list[float] = []
        self._due = itertools.chain((since + turn * each for turn in range(turns + 1)), [None])
        self._next = next(self._due)
        self._begun = 0.0
        command = [sys.executable, __file__, "young", "--each", str(each)]
        self._other = subprocess.Popen(
            [*command, "--settings", json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self, done: int) -> None:
        """Take a turn, when it is time for that."""
        if self._next is None or done < self._next:
            return
        if self._begun:
            self.old.append(time.process_time() - self._begun)
        told = self._turn()  # the first is for what is slow in it the first time
        if self._begun:
            self.young.append(told)
        self._next = next(self._due)
        self._begun = time.process_time()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Do something that doesn't count."""
        before = time.process_time()
        yield
        self._begun += (time.process_time() - before) if self._begun else 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._other.kill()
        self._other.communicate()

    @property
    def pace(self) -> float:
        """The steps a second of the old run, as a multiple of the young one's."""
        pairs = zip(self.old, self.young, strict=True)
        return statistics.median(young / old for old, young in pairs)

    def _turn(self) -> float:
        assert self._other.stdin is not None
        assert self._other.stdout is not None
        self._other.stdin.write("go\n")
        self._other.stdin.flush()
        return float(self._other.stdout.readline())


def run_young(settings: dict[str, Any], each: int) -> None:
    """Be the young one: take a turn whenever a line comes in, and say how long it took."""
    begun = 0.0

    def look(done: int) -> None:
        nonlocal begun
        if done % each == 0:
            print(time.process_time() - begun, flush=True)
            if not sys.stdin.readline():
                raise SystemExit
            begun = time.process_time()

    with tempfile.TemporaryDirectory() as folder:
        paint(settings, Path(folder), look)


# ── what comes of it ──


def lines_and_states(run: Path) -> tuple[int, int]:
    """How many lines a run's log has, and how many states it holds."""
    lines = (run / "log.jsonl").read_bytes().count(b"\n")
    return lines, len(list((run / "state").iterdir()))


def soak_film(frames: int, out: Path, **changes: Any) -> str:
    """A film of five steps a frame."""
    settings, course = film(frames, **changes), Course(5 * frames)
    begun = time.process_time()
    with Race(settings, since=4 * frames, each=50, turns=max(1, frames // 50 - 1)) as race:

        def look(done: int) -> None:
            with race.aside():
                course(done)
            race(done)

        run = paint(settings, out, look)
    course.refuse()
    lines, states = lines_and_states(run)
    assert lines == 5 * frames
    told = f"{course}, {lines} lines, {states} states, pace ×{race.pace:.4f} of a young run's"
    assert race.pace >= PACE, told
    return f"{told}, {(time.process_time() - begun) / lines * 1000:.1f} ms a step"


def soak_still(steps: int, out: Path) -> str:
    """A still kept in memory, all of whose steps are one frame."""
    course = Course(steps)
    paint_in_memory(TOY | {"steps_per_scene": steps}, out, course)
    course.refuse()
    return str(course)


def soak_restyled(frames: int, out: Path) -> str:
    """A film of the same length, restyled two steps a frame."""
    shot(frames, out)
    settings = film(frames, each=2, animation_mode="Video Source", video_path="shot.mp4")
    course = Course(2 * frames)
    paint(settings, out, course)
    course.refuse()
    return str(course)


def soak_walk(frames: int, out: Path) -> str:
    """A walk through a generator of 32²."""
    course = Course(frames)
    walk(frames, out, course)
    course.refuse()
    return str(course)


def soak_training(images: int, out: Path) -> str:
    """A training, batches of four."""
    course = Course(images)
    folder = train(images, out, course)
    course.refuse()
    return f"{course}, {len(list(folder.glob('checkpoints/*')))} checkpoints"


def main() -> None:
    """Soak what the command line names, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "kinds", nargs="*", default=["film", "still", "restyled", "walk", "training"]
    )
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--each", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--settings", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.kinds == ["young"]:
        run_young(given.settings, given.each)
        return
    kinds: dict[str, Callable[[Path], str]] = {
        "film": lambda out: soak_film(given.frames, out),
        "still": lambda out: soak_still(5 * given.frames, out),
        "restyled": lambda out: soak_restyled(given.frames // 4, out),
        "walk": lambda out: soak_walk(given.frames // 16 * 16 + 304, out),
        "training": lambda out: soak_training(2 * given.frames, out),
    }
    for kind in given.kinds:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{kind}: {kinds[kind](Path(folder))}", flush=True)


if __name__ == "__main__":
    main()
