"""The table of starts: from the start of the command to the end of its first step.

The command runs as a user's does, in a process of its own; only the optimiser's step is told to
say when it is done. Weights lie on the disk, and in the system's cache after a first start that is
not counted.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import turns
from table import Case, Orders, Setup, Table, seconds
from turns import Figures, Order, Turn

# Run before the command: it hears of each step, and notes when the first ended.
HEARING = """
import sys, time, pathlib
from mutoscope.process import prepare
prepare()
from mutoscope import descent
place, took = pathlib.Path(sys.argv.pop(1)), descent.Stride.step
def step(self, *given, **more):
    took(self, *given, **more)
    if not place.exists():
        place.write_text(f"{time.time()} {time.process_time()}")
descent.Stride.step = step
from mutoscope.__main__ import main
sys.exit(main())
"""
TOLD = """\
Seconds from the start of `mutoscope image` to the end of its first step, with networks that lie in
files already: Python and PyTorch start, settings are checked, networks are read, CLIP's precision
is chosen by trial where that is asked for, and one step is taken. By the clock, and of the
processor."""
HEADS = ("perceptor", "size", "threads", "seconds", "CPU seconds")


def cases(setup: Setup) -> list[Case]:
    """The command at its defaults, and with CLIP; with few threads, and with a core for each."""
    if setup.quick:
        return [case(setup, "tiny", 32, setup.threads)]
    threads = dict.fromkeys((setup.threads, os.cpu_count() or 1))
    return [case(setup, name, 256, n) for name in ("labels", "ViT-B/32") for n in threads]


def case(setup: Setup, perceptor: str, size: int, threads: int) -> Case:
    """One line of the table."""

    def orders(files: dict[str, str]) -> Orders:
        words = [
            "a red fox", f"perceptors=[{files.get(perceptor, perceptor)}]", f"width={size}",
            f"height={size}", "steps_per_scene=2", f"device={setup.device}", *setup.overrides,
        ]  # fmt: skip
        return [
            ("beginning.py", {**setup.common, "threads": threads, "words": words,
                              "times": 1 if setup.quick else 5})
        ]  # fmt: skip

    needs = () if perceptor in ("labels", "tiny") else (perceptor,)
    return Case((perceptor, f"{size}²", str(threads)), orders, needs)


def measure(order: Order, turn: Turn) -> Figures:
    """Start it several times; medians."""
    turn()
    found = [once(order) for _ in range(order["times"] + 1)][1:]
    wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
    return {"seconds": wall, "cpu_seconds": cpu}


def once(order: Order) -> tuple[float, float]:
    """Seconds of the clock and of the processor for one start."""
    env = {**os.environ, "OMP_NUM_THREADS": str(order["threads"])}
    with tempfile.TemporaryDirectory(dir=order["folder"]) as folder:
        command = [sys.executable, "-c", HEARING, f"{folder}/heard", "image", *order["words"]]
        start = time.time()
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        try:
            with open(f"{folder}/heard", encoding="utf-8") as file:  # noqa: PTH123
                ended, cpu = map(float, file.read().split())
        except FileNotFoundError:
            raise turns.Failed(done.stderr[-2000:]) from None
    return ended - start, cpu


def cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    (found,) = figures
    return [seconds(found["seconds"]), seconds(found["cpu_seconds"])]


TABLE = Table(
    "start", "From the command to the first step", TOLD, HEADS, cases, cells,
    "under 3 s with networks in the cache.", devices=("cpu", "cuda"),
)  # fmt: skip

if __name__ == "__main__":
    turns.play(measure)
