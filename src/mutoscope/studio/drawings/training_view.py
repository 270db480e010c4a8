"""A training as the studio shows it: its samples through time, its curves, and its speed.

Everything is read from the training's folder and its job, so it goes on where the server does.
"""

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutoscope.studio.queue.jobs import Job

# As on the curves that a training draws itself; see `mutoscope.train_gan.curves`.
PANELS = (
    ("Losses", ("judge", "draw", "penalty", "path")),
    ("The judge, and augmentation", ("sure", "augment")),
    ("Distance from the drawings", ("ink", "width", "direction", "log kernel", "distance")),
)
MOST_BYTES = 32 * 2**20  # of a log, from its end
POINTS = 600  # of a curve
WINDOW = 60.0  # seconds over which the speed is measured
_DASHES = ("solid", "dashed", "dotted", [8, 3, 2, 3], [2, 6])
_COLOURS = ("#e8c07a", "#9ec5ff", "#7fd1ae", "#f2a0b5", "#c9b6ff")
_INK, _FAINT = "#b4b4bc", "#3a3a40"
_TITLE = {"color": "#ececee", "fontSize": 14, "fontWeight": 500}


@dataclass(frozen=True)
class Sample:
    """A sheet of samples, and after how many images it was drawn."""

    images: int
    path: Path


def samples_of(folder: Path) -> list[Sample]:
    """The sheets of a training, the oldest first."""
    found = [
        Sample(int(path.stem), path)
        for path in (folder / "samples").glob("*.png")
        if path.stem.isascii() and path.stem.isdecimal() and len(path.stem) < 16
    ]
    return sorted(found, key=lambda one: one.images)


def read_log(folder: Path) -> list[Mapping[str, Any]]:
    """The lines of a training's log; torn ones are passed over."""
    try:
        with (folder / "log.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - MOST_BYTES))
            lines = file.read(MOST_BYTES).splitlines()
    except OSError:
        return []
    found: list[Mapping[str, Any]] = []
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and _value(record, "images") is not None:
            found.append(record)
    return found


def series_of(records: Sequence[Mapping[str, Any]], label: str) -> list[tuple[float, float]]:
    """One value of the log over the images, where it is there, thinned to what can be seen."""
    found = []
    for record in records:
        images, value = _value(record, "images"), _value(record, label)
        if images is not None and value is not None:
            found.append((images, value))
    step = -(-len(found) // POINTS) or 1
    # The last is always there: it is what one looks at.
    return found[::-1][::step][::-1]


def chart_of(records: Sequence[Mapping[str, Any]], title: str, labels: Sequence[str]) -> Any:
    """Options of a chart for ECharts; None where the log has nothing for it."""
    series = []
    for index, label in enumerate(labels):
        points = series_of(records, label)
        if points:
            series.append({
                "name": label, "type": "line", "showSymbol": len(points) == 1,
                "data": [list(point) for point in points], "color": _COLOURS[index],
                "lineStyle": {"width": 2, "type": _DASHES[index]},
            })  # fmt: skip
    if not series:
        return None
    axis = {
        "axisLabel": {"color": _INK, "hideOverlap": True},
        "splitLine": {"lineStyle": {"color": _FAINT}},
        "nameTextStyle": {"color": _INK},
    }  # fmt: skip
    return {
        "animation": False, "backgroundColor": "transparent", "aria": {"enabled": True},
        "title": {"text": title, "left": 0, "textStyle": _TITLE},
        "legend": {"type": "scroll", "top": 32, "left": 0, "textStyle": {"color": _INK}},
        "grid": {"left": 8, "right": 24, "top": 70, "bottom": 26, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "value", "name": "images", "max": "dataMax", "nameLocation": "middle",
                  "nameGap": 28, **axis},
        "yAxis": {"type": "value", "scale": True, **axis}, "series": series,
    }  # fmt: skip


def job_of(jobs: Sequence[Job], training: str) -> Job | None:
    """The newest job that trains in a folder of that name."""
    for job in sorted(jobs, key=lambda one: -one.added):
        if job.command[:1] == ("train",) and training in (job.run, output_of(job.command)):
            return job
    return None


def output_of(command: Sequence[str]) -> str | None:
    """The folder that a command trains in, as it says."""
    for at, word in enumerate(command[:-1]):
        if word in ("-o", "--output"):
            return command[at + 1]
    return command[1] if len(command) > 1 else None


class Speed:
    """How many images a second, over the last `WINDOW` seconds of what it was told."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def see(self, now: float, images: float) -> float | None:
        """Be told how many there are at a moment; None while that says too little."""
        if self._seen and images < self._seen[-1][1]:
            self._seen.clear()  # it was begun anew
        self._seen.append((now, images))
        while len(self._seen) > 2 and now - self._seen[1][0] > WINDOW:
            self._seen.popleft()
        first = self._seen[0]
        if now - first[0] < 2 or images == first[1]:
            return None
        return (images - first[1]) / (now - first[0])


def _value(record: Mapping[str, Any], label: str) -> float | None:
    """A value of a line; the kernel distance falls by powers of ten."""
    name = label.removeprefix("log ")
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return math.log10(1 + max(0.0, value)) if name != label else float(value)
