"""How much of two machines a cluster of two gets done, next to plain processes.

    python benchmarks/crew.py                            24 jobs of `tiny`, some minutes
    python benchmarks/crew.py --steps 200 --jobs 6 perceptors=labels width=256 height=256

The same jobs are done by one process, by two processes, and by a Ray cluster of two nodes of one
CPU each, which is begun on this machine for it; one thread everywhere, in turns, `--rounds` times.
Speed is steps a second while all workers are at it: from when each has told of its first step until
there are fewer jobs left than workers. `of ideal` is a crew's speed through that of two processes
which share nothing, `of one` through twice that of one. CPU is what all processes of a crew used
for a step, the driver and Ray's own included, as a multiple of that of one process; it tells more
than the clock where something else runs on the machine.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from mutoscope.crew.processes import Processes
from mutoscope.crew.ray import RayCluster
from mutoscope.crew.task import Crew, CrewWatch, News, Task
from mutoscope.settings import load_settings

BASE = {
    "scenes": "a fox", "perceptors": ["tiny"], "width": 128, "height": 128, "cutouts": 16,
    "backups": 1,
}  # fmt: skip
TICKS = os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a line for each crew."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--jobs", type=int, default=24)
    parser.add_argument("--steps", type=int, default=300, help="of each job")
    parser.add_argument("--save", type=int, default=50, help="steps from checkpoint to checkpoint")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    settings = {**BASE, "steps_per_scene": options.steps, "save_every": options.save,
                "steps_per_frame": options.save}  # fmt: skip
    found: dict[str, list[Speed]] = {"one": [], "two": [], "ray": []}
    with cluster() as nodes:
        for turn in range(options.rounds):
            for name in found:
                with tempfile.TemporaryDirectory() as folder:
                    jobs = options.jobs // 2 if name == "one" else options.jobs
                    tasks = [
                        Task(f"job-{n}", "run", Path(folder) / f"job-{n}", {
                            "settings": load_settings(
                                {**settings, "seed": n}, options.overrides, quiet=True
                            ).to_dict()
                        })
                        for n in range(jobs)
                    ]  # fmt: skip
                    found[name].append(speed(name, tasks, nodes))
            print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
    report(found)


@dataclass(frozen=True)
class Speed:
    """Steps a second while all are at it, CPU seconds a step, and seconds until the first step."""

    steps: float
    cpu: float
    start: float


@dataclass
class Window:
    """The time during which all workers are at it, and how far all were at its two ends."""

    workers: int
    left: int
    done: dict[str, int] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    ends: list[tuple[float, int, float]] = field(default_factory=list)

    def mark(self, cpu: float) -> None:
        """Note where things are now."""
        self.ends.append((time.monotonic(), sum(self.done.values()), cpu))


def speed(name: str, tasks: list[Task], nodes: "Nodes") -> Speed:
    """Let a crew do the tasks."""
    workers = 1 if name == "one" else 2
    crew: Crew = RayCluster(nodes.address) if name == "ray" else Processes(workers, 1)
    window = Window(workers, len(tasks))
    roots = {os.getpid(), *(nodes.processes() if name == "ray" else ())}

    def hear(task: Task, news: News) -> None:
        window.done[task.name] = max(window.done.get(task.name, 0), news.done)
        window.seen.add(news.worker)
        if len(window.seen) == workers and not window.ends:
            window.mark(cpu_of(roots))

    began = time.monotonic()
    for outcome in crew.work(tasks, watch=CrewWatch(news=hear)):
        if outcome.error is not None:
            raise SystemExit(f"{outcome.task.name}: {outcome.error}")
        window.left -= 1
        if window.left == workers - 1:
            window.mark(cpu_of(roots))
    if isinstance(crew, RayCluster):
        crew.close()
    (first, before, spent), (last, after, all_spent) = window.ends[0], window.ends[-1]
    steps = after - before
    return Speed(steps / (last - first), (all_spent - spent) / steps, first - began)


def report(found: dict[str, list[Speed]]) -> None:
    """Print what was measured: medians over the rounds, with the least and the most."""
    print(f"{'crew':<6}{'steps/s':>10}{'of ideal':>22}{'of one':>10}{'CPU':>8}{'start, s':>10}")
    for name, speeds in found.items():
        ideal = sorted(s.steps / two.steps for s, two in zip(speeds, found["two"], strict=True))
        twice = [s.steps / (2 * one.steps) for s, one in zip(speeds, found["one"], strict=True)]
        cpu = [s.cpu / one.cpu for s, one in zip(speeds, found["one"], strict=True)]
        spread = f"{median(ideal):.1%} ({ideal[0]:.0%}–{ideal[-1]:.0%})"
        print(
            f"{name:<6}{median(s.steps for s in speeds):>10.1f}{spread:>22}{median(twice):>10.1%}"
            f"{median(cpu):>8.3f}{median(s.start for s in speeds):>10.1f}"
        )


# ── two nodes on this machine ──


class Nodes:
    """Two nodes, and the folder in which all of their processes work."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._port, self._door = free_port(), free_port()

    def begin(self) -> None:
        """Begin the head, and then the other."""
        self._start("--head", f"--port={self._port}", f"--ray-client-server-port={self._door}",
                    f"--temp-dir={self._folder}", "--include-dashboard=false")  # fmt: skip
        self._start(f"--address=127.0.0.1:{self._port}")

    @property
    def address(self) -> str:
        """Where to reach it."""
        return f"ray://127.0.0.1:{self._door}"

    def processes(self) -> list[int]:
        """Its processes, but for those that they begin."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                if self._folder in words or ("/ray/" in words and f":{self._port}" in words):
                    found.append(int(entry.name))
        return [number for number in found if number != os.getpid()]

    def end(self) -> None:
        """End them all."""
        for _ in range(3):
            for number in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.2)

    def _start(self, *options: str) -> None:
        command = [str(Path(sys.executable).with_name("ray")), "start", "--num-cpus=1", *options]
        environment = {
            **os.environ,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "disabled",
        }
        ran = subprocess.run(command, env=environment, capture_output=True, text=True)
        if ran.returncode:
            raise SystemExit(f"ray start: {ran.stdout}{ran.stderr}")


@contextlib.contextmanager
def cluster() -> Iterator[Nodes]:
    """Two nodes of one CPU each, for a while."""
    with tempfile.TemporaryDirectory(prefix="rt", ignore_cleanup_errors=True) as folder:
        nodes = Nodes(folder)
        try:
            nodes.begin()
            yield nodes
        finally:
            nodes.end()


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port: int = door.getsockname()[1]
        return port


def cpu_of(roots: set[int]) -> float:
    """The CPU seconds of processes, and of all that they have begun and that lives."""
    parents, spent = {}, {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
            spent[int(entry.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    family, grown = set(roots), -1
    while grown != len(family):
        grown = len(family)
        family |= {number for number, parent in parents.items() if parent in family}
    return sum(spent.get(number, 0.0) for number in family)


if __name__ == "__main__":
    main()
