"""Two programs that take turns: a step of one, a step of the other, each in its own process.

Whatever else the machine does then strikes both, and the peak of memory of each is its own. A
contestant is a function of an order (a JSON object) and of ``turn``, which it calls before each
lap and which returns when the lap may begin. It returns its figures, a JSON object.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
Order = Mapping[str, Any]
Figures = dict[str, Any]
Turn = Callable[[], None]
_READY = "ready"


class Failed(Exception):  # noqa: N818 - it names what became of a contestant
    """A contestant ended early; the text is what it said last."""


@dataclass(frozen=True)
class Lap:
    """Seconds of the clock, and of the processors that were busy for it."""

    wall: float
    cpu: float

    def __add__(self, other: "Lap") -> "Lap":
        return Lap(self.wall + other.wall, self.cpu + other.cpu)


class Clock:
    """Tells laps; on a GPU it waits for the device first, and what counts is the clock."""

    def __init__(self, device: str) -> None:
        self.device = device

    def now(self) -> Lap:
        """The present, with all work done that was asked for."""
        if self.device != "cpu":
            import torch

            torch.cuda.synchronize()
        wall = time.perf_counter()
        return Lap(wall, time.process_time() if self.device == "cpu" else wall)

    def since(self, start: Lap) -> Lap:
        """How long ago ``start`` was."""
        now = self.now()
        return Lap(now.wall - start.wall, now.cpu - start.cpu)


def side_by_side(orders: Sequence[tuple[str, Order]]) -> list[Figures]:
    """The figures of each contestant, a script of this folder with its order.

    Raises:
        Failed: one of them did.
    """
    with tempfile.TemporaryDirectory(prefix="mutoscope-benchmark-") as folder:
        players = []
        try:
            for number, (script, order) in enumerate(orders):
                players.append(_Player(script, order, Path(folder) / f"{number}.txt"))
                players[-1].hear()  # one loads after the other
            while any(player.figures is None for player in players):
                for player in players:
                    player.lap()
        finally:
            for player in players:
                player.end()
    return [player.figures or {} for player in players]


class _Player:
    """A contestant's process; it waits where its next lap begins."""

    def __init__(self, script: str, order: Order, errors: Path) -> None:
        self.errors, self.figures = errors, None
        command = [sys.executable, str(HERE / script), json.dumps(order)]
        with errors.open("wb") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True
            )

    figures: Figures | None

    def lap(self) -> None:
        """Let it run to the beginning of its next lap, or to the end."""
        if self.figures is None:
            self.pipe(self.process.stdin).write("\n")
            self.pipe(self.process.stdin).flush()
            self.hear()

    def hear(self) -> None:
        """Wait until it says that it is ready for a lap, or what it found."""
        for line in self.pipe(self.process.stdout):
            if line.strip() == _READY:
                return
            if line.startswith("{"):
                self.figures = json.loads(line)
                return
        self.process.wait()
        raise Failed(self.errors.read_text(encoding="utf-8", errors="replace").strip()[-2000:])

    def end(self) -> None:
        """End the process, if it has not ended."""
        if self.figures is None:
            self.process.kill()
        self.process.communicate()

    @staticmethod
    def pipe(end: IO[str] | None) -> IO[str]:
        """An end that is there."""
        assert end is not None
        return end


def play(contestant: Callable[[Order, Turn], Figures]) -> None:
    """What a contestant's script does when it is called: laps when told to, then its figures."""

    def turn() -> None:
        print(_READY, flush=True)
        if not sys.stdin.readline():
            raise SystemExit("whoever asked is gone")

    print(json.dumps(contestant(json.loads(sys.argv[1]), turn)), flush=True)
