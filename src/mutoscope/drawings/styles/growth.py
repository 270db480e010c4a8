"""Things that branch and keep out of each other's way: corals, weeds, rivers."""

import math
from dataclasses import dataclass, field

import numpy as np

from mutoscope.drawings.pen import Nib, Paper

_STEP = 0.03
_CELL = 0.05
_EDGE = 0.4  # inches that stay white around
_PARTING = 14  # steps until branches of one fork are strangers
_MOST = 3000  # branches of a page


@dataclass
class _Branch:
    """A branch while it grows: its points so far, where it is headed, how thick it began."""

    points: list[tuple[float, float]]
    heading: float
    width: float
    curl: float
    left: int
    rank: int
    number: int
    light: float  # how strongly it turns upward, in radians per inch
    kin: tuple[int, ...] = ()  # branches that are not in its way while they part from it
    since: int = 0
    trail: list[tuple[int, int]] = field(default_factory=list)


def draw(paper: Paper, rng: np.random.Generator) -> None:
    """One to three plants from the foot of the page, or one from its middle in all directions."""
    width, height = paper.size
    growing: list[_Branch] = []
    if rng.random() < 0.35:
        count = int(rng.integers(6, 11))
        for turn in np.arange(count) * 2 * math.pi / count + rng.normal(0, 0.15, count):
            middle = (width / 2 + 0.25 * math.cos(turn), height / 2 + 0.25 * math.sin(turn))
            growing.append(_stem(rng, middle, float(turn), 0.045, len(growing), 0.0))
    else:
        count = int(rng.integers(3, 6))
        for number in range(count):
            x = width * (number + 0.5 + rng.uniform(-0.2, 0.2)) / count
            up = -math.pi / 2 + rng.normal(0, 0.15)
            growing.append(
                _stem(rng, (x, height - 0.45), up, rng.uniform(0.05, 0.075), number, 0.55)
            )
    grown = _grow(rng, growing, paper.size)
    for branch in grown:
        _ink(paper, rng, branch)


def _stem(
    rng: np.random.Generator,
    at: tuple[float, float],
    heading: float,
    width: float,
    number: int,
    light: float,
) -> _Branch:
    return _Branch(
        [at], heading, width, rng.normal(0, 0.2), int(rng.uniform(300, 400)), 0, number, light
    )  # fmt: skip


def _grow(
    rng: np.random.Generator, growing: list[_Branch], size: tuple[float, float]
) -> list[_Branch]:
    """All branches when there is no more room, in the order in which they stopped."""
    taken: dict[tuple[int, int], int] = {}
    grown: list[_Branch] = []
    born = len(growing)
    while growing and born < _MOST:
        branch = growing.pop(int(rng.integers(min(len(growing), 12))))
        for _ in range(10):  # some steps at a time, so that all grow together
            if not _advance(rng, branch, taken, size):
                grown.append(branch)
                break
            branch.since += 1
            if branch.since > 7 and rng.random() < 0.16 and branch.rank < 9:
                shoot = _shoot(rng, branch, born)
                growing.append(shoot)
                branch.since, branch.kin = 0, (*branch.kin[-1:], born)
                born += 1
        else:
            growing.append(branch)
    return [*grown, *growing]


def _advance(
    rng: np.random.Generator,
    branch: _Branch,
    taken: dict[tuple[int, int], int],
    size: tuple[float, float],
) -> bool:
    """Grow by a step, a little aside if that is blocked; False where there is no room any more."""
    x, y = branch.points[-1]
    branch.curl += rng.normal(0, 0.35) - 0.12 * branch.curl
    # Up is where the light is; what grows from the middle of the page has none to seek.
    light = branch.light * math.sin(-math.pi / 2 - branch.heading)
    branch.heading += (branch.curl * 2.2 + light) * _STEP
    side = 1 if rng.random() < 0.5 else -1
    for aside in (0.0, 0.5 * side, -0.5 * side):
        heading = branch.heading + aside
        point = (x + math.cos(heading) * _STEP, y + math.sin(heading) * _STEP)
        cell = (int(point[0] / _CELL), int(point[1] / _CELL))
        if _is_free(branch, cell, point, taken, size):
            break
    else:
        return False
    branch.heading = heading
    if cell not in branch.trail[-3:]:
        branch.trail.append(cell)
        taken[cell] = branch.number
    branch.points.append(point)
    branch.left -= 1
    return branch.left > 0


def _is_free(
    branch: _Branch,
    cell: tuple[int, int],
    point: tuple[float, float],
    taken: dict[tuple[int, int], int],
    size: tuple[float, float],
) -> bool:
    """Whether a branch may go on to a point: on the page, and no other beside it."""
    if not all(_EDGE < at < side - _EDGE for at, side in zip(point, size, strict=True)):
        return False
    recent = branch.trail[-5:]
    young = branch.since < _PARTING
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            near = (cell[0] + i, cell[1] + j)
            other = taken.get(near)
            if other is None or near in recent or (young and other in branch.kin):
                continue
            return False
    return True


def _shoot(rng: np.random.Generator, branch: _Branch, number: int) -> _Branch:
    """A side branch from the tip; parent and shoot turn away from each other."""
    side = 1 if rng.random() < 0.5 else -1
    heading = branch.heading + side * rng.uniform(0.5, 1.0)
    branch.heading -= side * rng.uniform(0.0, 0.25)
    left = int(branch.left * rng.uniform(0.5, 0.95))
    thickness = _thickness(branch, len(branch.points) - 1)
    return _Branch(
        [branch.points[-1]], heading, max(0.011, thickness * 0.8), -side * 0.3, left,
        branch.rank + 1, number, branch.light, (branch.number, *branch.kin[-1:]),
    )  # fmt: skip


def _thickness(branch: _Branch, index: int) -> float:
    """Of a branch at one of its points: it thins as it goes on."""
    return float(max(0.010, branch.width * math.exp(-index * _STEP / 3.5)))


def _ink(paper: Paper, rng: np.random.Generator, branch: _Branch) -> None:
    """Draw a branch in pieces of falling width, and a bud at its end."""
    points = np.array(branch.points)
    if len(points) < 4:
        return
    piece = 12
    for first in range(0, len(points) - 1, piece):
        part = points[first : first + piece + 2]
        paper.stroke(part, Nib(_thickness(branch, first), pressure=0.06, wobble=0.0025, pool=0.0))
    if branch.rank >= 2 and rng.random() < 0.5:
        paper.dot(points[-1], rng.uniform(0.016, 0.034))
