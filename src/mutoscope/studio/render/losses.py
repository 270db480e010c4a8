"""Losses as a small plot: read from a run's log as it grows, drawn as SVG."""

import html
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

MOST_POINTS = 400
MOST_LINES = 5
_CHUNK = 4 << 20  # bytes that are read at once; a longer log is caught up with over several looks
_NOT_LOSSES = frozenset({"step", "frame", "t"})
_COLOURS = ("#e8c07a", "#9ec5ff", "#8fd3a8", "#f0a3a3", "#c9b2f0")


class Losses:
    """The losses in a log, thinned to `MOST_POINTS`; `look` reads what was added since."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._forget()

    def look(self) -> bool:
        """Read what is new; says whether anything was."""
        try:
            with self._log.open("rb") as file:
                length = file.seek(0, 2)
                if length < self._read:  # the run was rewound
                    self._forget()
                file.seek(self._read)
                data = file.read(_CHUNK)
        except OSError:
            return False
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self._take(line)
        return bool(whole)

    def series(self) -> Mapping[str, Sequence[tuple[float, float]]]:
        """(step, loss) by name: the sum first, then the largest."""
        size = {name: points[-1][1] for name, points in self._points.items() if points}
        names = sorted(size, key=lambda name: (name != "total", -abs(size[name])))
        return {name: tuple(self._points[name]) for name in names[:MOST_LINES]}

    def _forget(self) -> None:
        self._read = self._count = 0
        self._stride = 1
        self._points: dict[str, list[tuple[float, float]]] = {}

    def _take(self, line: bytes) -> None:
        self._count += 1
        if (self._count - 1) % self._stride:
            return
        try:
            values = json.loads(line)
            step = float(values.get("step", self._count))
        except (ValueError, AttributeError, TypeError, RecursionError):
            return
        for name, value in values.items():
            if name in _NOT_LOSSES or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if math.isfinite(value) and (name in self._points or len(self._points) < 64):
                self._points.setdefault(name, []).append((step, float(value)))
        if any(len(points) > MOST_POINTS for points in self._points.values()):
            self._stride *= 2
            self._points = {name: points[::2] for name, points in self._points.items()}


def drawn(series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """The plot as SVG that fills its width, with a key below; empty where there is no line yet."""
    lines = {name: points for name, points in series.items() if len(points) > 1}
    if not lines:
        return ""
    steps = [step for points in lines.values() for step, _ in points]
    values = [value for points in lines.values() for _, value in points]
    left, right, low, high = min(steps), max(steps), min(values), max(values)
    wide, tall = (right - left) or 1.0, (high - low) or 1.0
    parts = []
    # The sum is drawn last, over the others.
    for colour, points in reversed(list(zip(_COLOURS, lines.values(), strict=False))):
        path = " ".join(
            f"{100 * (step - left) / wide:.2f},{39 - 38 * (value - low) / tall:.2f}"
            for step, value in points
        )
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6" '
            'vector-effect="non-scaling-stroke" stroke-linejoin="round"/>'
        )
    key = "".join(
        f'<li><i style="background:{colour}"></i>{html.escape(name[:40])} '
        f"<b>{points[-1][1]:.4g}</b></li>"
        for colour, (name, points) in zip(_COLOURS, lines.items(), strict=False)
    )
    told = html.escape(f"Losses from step {left:.0f} to {right:.0f}", quote=True)
    return (
        f'<svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label="{told}">'
        f'{"".join(parts)}</svg><ul class="loss-key">{key}</ul>'
    )
