"""Strokes that run side by side along a current, around stones: hair, water, ploughed fields."""

import math

import numpy as np
import numpy.typing as npt

from mutoscope.drawings.pen import Nib, Paper, Points, clouds

_CELLS = 30  # of the current's map, per inch
_STEP = 0.03
_FINEST = 0.02  # inches: the cells in which lines are looked up

Field = npt.NDArray[np.float64]


def draw(paper: Paper, rng: np.random.Generator) -> None:
    """A current over the whole page, its strokes now dense and now wide apart."""
    angle = _current(rng, paper.size)
    tone = clouds(rng, paper.size, 1.6, cells=_CELLS)
    room = np.clip(0.062 + 0.028 * tone, 0.032, 0.13)
    heavy = rng.uniform(0.014, 0.022)
    for line in streamlines(rng, angle, room, paper.size):
        width = heavy * float(np.exp(rng.normal(0, 0.25)))
        paper.stroke(line, Nib(width, pressure=0.25, wobble=0.004, taper=0.35, pool=0.0))


def streamlines(
    rng: np.random.Generator, angle: Field, room: Field, size: tuple[float, float]
) -> list[Points]:
    """Lines along a field of directions that keep a distance, each (n, 2).

    Seeds are tried at random until few of them find room (after Jobard and Lefer, 1997).

    Args:
        rng: Where the seeds come from.
        angle: Directions in radians, (rows, columns).
        room: How far lines keep from each other, in inches, of the same shape.
        size: Of the page, in inches.
    """
    width, height = size
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    lines = []
    for _ in range(int(70 * width * height)):
        start = (rng.uniform(0.4, width - 0.4), rng.uniform(0.4, height - 0.4))
        if not _free(taken, start, _at(room, start)):
            continue
        longest = int(rng.uniform(0.5, 3.2) / _STEP)
        back = _follow(angle, room, taken, start, -1, longest, size)
        ahead = _follow(angle, room, taken, start, 1, longest, size)
        line = [*back[::-1], start, *ahead]
        if len(line) * _STEP < 0.16:
            continue
        for point in line:
            taken.setdefault(_cell(point), []).append(point)
        lines.append(np.array(line))
    return lines


def _current(rng: np.random.Generator, size: tuple[float, float]) -> Field:
    """Directions all over the page: a drift, slow noise, and some eddies."""
    noise = clouds(rng, size, 2.6, cells=_CELLS)
    fine = clouds(rng, size, 0.8, cells=_CELLS)
    angle = rng.uniform(0, math.pi) + 0.8 * noise + 0.12 * fine
    u, v = np.cos(angle), np.sin(angle)
    rows, columns = angle.shape
    ys, xs = np.mgrid[0:rows, 0:columns] / _CELLS
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.uniform(0.15, 0.85) * size[0], rng.uniform(0.15, 0.85) * size[1]
        reach = rng.uniform(0.09, 0.2) * min(size)
        dx, dy = xs - x, ys - y
        pull = 1.6 * np.exp(-(dx**2 + dy**2) / (2 * reach**2))
        side = 1 if rng.random() < 0.5 else -1
        far = np.hypot(dx, dy) + 1e-6
        u, v = u - side * pull * dy / far, v + side * pull * dx / far
    return np.asarray(np.arctan2(v, u))


def _follow(
    angle: Field,
    room: Field,
    taken: dict[tuple[int, int], list[tuple[float, float]]],
    start: tuple[float, float],
    way: int,
    longest: int,
    size: tuple[float, float],
) -> list[tuple[float, float]]:
    """The points after a start, until the page ends or another line is near."""
    x, y = start
    points = []
    for _ in range(longest):
        heading = _at(angle, (x, y))
        # Midpoint rule: a plain step would spiral out of every eddy.
        half = way * _STEP / 2
        heading = _at(angle, (x + half * math.cos(heading), y + half * math.sin(heading)))
        x += 2 * half * math.cos(heading)
        y += 2 * half * math.sin(heading)
        if not (0.35 < x < size[0] - 0.35 and 0.35 < y < size[1] - 0.35):
            break
        if not _free(taken, (x, y), 0.62 * _at(room, (x, y))):
            break
        points.append((x, y))
    return points


def _at(values: Field, point: tuple[float, float]) -> float:
    rows, columns = values.shape
    row = min(max(int(point[1] * _CELLS), 0), rows - 1)
    column = min(max(int(point[0] * _CELLS), 0), columns - 1)
    return float(values[row, column])


def _cell(point: tuple[float, float]) -> tuple[int, int]:
    return int(point[0] / _FINEST / 4), int(point[1] / _FINEST / 4)


def _free(
    taken: dict[tuple[int, int], list[tuple[float, float]]],
    point: tuple[float, float],
    distance: float,
) -> bool:
    """Whether no line runs within a distance of a point."""
    column, row = _cell(point)
    reach = int(distance / _FINEST / 4) + 1
    limit = distance * distance
    for i in range(column - reach, column + reach + 1):
        for j in range(row - reach, row + reach + 1):
            for x, y in taken.get((i, j), ()):
                if (x - point[0]) ** 2 + (y - point[1]) ** 2 < limit:
                    return False
    return True
