"""Small specimens set out in rows, none like another: beetles, medusas, leaves, shells, cells."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mutoscope.drawings.pen import Nib, Paper, Points

_FINE = Nib(0.0105, pressure=0.15, wobble=0.002, taper=0.05, pool=0.1)
_PLAIN = Nib(0.0165, pressure=0.2, wobble=0.0025, pool=0.2)


@dataclass(frozen=True)
class _Place:
    """Where a creature is drawn: its own coordinates reach from -1 to 1, up is -y."""

    paper: Paper
    rng: np.random.Generator
    centre: tuple[float, float]
    radius: float
    turn: float

    def at(self, points: Points) -> Points:
        c, s = math.cos(self.turn), math.sin(self.turn)
        spun = points @ np.array([[c, s], [-s, c]])
        return np.asarray(self.centre + self.radius * spun)

    def line(self, points: Points, nib: Nib = _PLAIN, *, closed: bool = False) -> None:
        self.paper.stroke(self.at(points), nib, closed=closed)

    def both(self, points: Points, nib: Nib = _PLAIN, *, closed: bool = False) -> None:
        """A line and its mirror image, each by a hand that never does the same twice."""
        for side in (1.0, -1.0):
            self.line(points * [side, 1.0], nib, closed=closed)

    def dot(self, x: float, y: float, radius: float) -> None:
        self.paper.dot(self.at(np.array([[x, y]]))[0], max(0.007, radius * self.radius))

    def clear(self, outline: Points) -> None:
        self.paper.clear(self.at(outline))


def draw(paper: Paper, rng: np.random.Generator) -> None:
    """Rows of specimens, each kind in its own size and with its own bearing."""
    width, height = paper.size
    columns = int(rng.integers(3, 6))
    side = (width - 0.7) / columns
    rows = max(1, int((height - 0.7) / side))
    down = (height - 0.7) / rows
    for row in range(rows):
        for column in range(columns):
            kind = _KINDS[int(rng.integers(len(_KINDS)))]
            x = 0.35 + side * (column + 0.5) + rng.normal(0, 0.02) * side
            y = 0.35 + down * (row + 0.5) + rng.normal(0, 0.02) * down
            radius = 0.5 * min(side, down) * rng.uniform(0.66, 0.84)
            kind(_Place(paper, rng, (x, y), radius, rng.normal(0, 0.14)))


def _ellipse(
    x: float, y: float, a: float, b: float, *, part: tuple[float, float] = (0.0, 2 * math.pi)
) -> Points:
    turn = np.linspace(part[0], part[1], 60)
    return np.stack([x + a * np.cos(turn), y + b * np.sin(turn)], 1)


def _bend(points: list[tuple[float, float]]) -> Points:
    """A smooth line through two to four points, (40, 2): a Bézier curve of them."""
    t = np.linspace(0, 1, 40)[:, None]
    order = len(points) - 1
    parts = [
        math.comb(order, k) * t**k * (1 - t) ** (order - k) * np.array(point)
        for k, point in enumerate(points)
    ]
    return np.asarray(sum(parts))


def _beetle(place: _Place) -> None:
    rng = place.rng
    wide, long = rng.uniform(0.34, 0.5), rng.uniform(0.5, 0.62)
    for number in range(3):
        y = -0.2 + 0.3 * number
        knee = y - 0.22 + 0.2 * number
        out = rng.uniform(0.72, 0.88)
        place.both(_bend([(wide * 0.85, y), (out, knee - 0.1), (out + 0.02, knee + 0.25)]))
    horn = rng.uniform(0.2, 0.5)
    place.both(_bend([(0.08, -0.66), (0.25, -1.0), (horn, -0.82)]), _FINE)
    body = _ellipse(0, 0.15, wide, long)
    place.clear(body)
    place.line(body, closed=True)
    head = _ellipse(0, -long + 0.02, wide * 0.52, 0.2)
    place.clear(head)
    place.line(head, closed=True)
    place.line(_bend([(0, -0.3), (rng.normal(0, 0.02), 0.2), (0, long + 0.14)]))
    place.both(_bend([(0.02, -0.28), (wide * 0.6, -0.3), (wide * 0.93, -0.08)]))
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(3, 7))):
            x, y = rng.uniform(0.25, 0.75) * wide, rng.uniform(-0.1, 0.45)
            place.dot(x, y, 0.045)
            place.dot(-x, y, 0.045)
    else:
        for share in np.arange(0.25, 0.9, rng.uniform(0.15, 0.25)):
            place.both(_bend([(share * wide, -0.15), (share * wide * 1.1, 0.2),
                              (share * wide * 0.6, 0.55)]), _FINE)  # fmt: skip
    place.dot(0.1, -long, 0.04)
    place.dot(-0.1, -long, 0.04)


def _medusa(place: _Place) -> None:
    rng = place.rng
    wide, high = rng.uniform(0.55, 0.75), rng.uniform(0.5, 0.75)
    for x in np.linspace(-0.8, 0.8, int(rng.integers(5, 10))) * wide:
        sway = rng.normal(0, 0.22)
        end = rng.uniform(0.55, 1.0)
        place.line(
            _bend([(x, 0), (x + sway, 0.35), (x - sway, 0.65), (x + sway * 0.6, end)]), _FINE
        )
    bell = _ellipse(0, 0, wide, high, part=(math.pi, 2 * math.pi))
    place.line(bell)
    count = int(rng.integers(5, 9))
    edge = np.linspace(-wide, wide, count * 12)
    place.line(
        np.stack([edge, 0.05 * np.abs(np.sin(np.linspace(0, count * math.pi, len(edge))))], 1)
    )
    for share in np.linspace(-0.7, 0.7, int(rng.integers(3, 6))):
        foot, top = share * wide, share * wide * 0.35
        place.line(_bend([(foot, -0.04), (foot, -0.3 * high), (top, -0.78 * high)]), _FINE)
    place.line(_ellipse(0, -0.42 * high, 0.3 * wide, 0.12), _FINE, closed=True)


def _leaf(place: _Place) -> None:
    rng = place.rng
    wide = rng.uniform(0.35, 0.62)
    lean = rng.normal(0, 0.12)
    side = _bend([(0, 0.6), (wide * 1.5, 0.25), (wide, -0.65), (lean, -0.98)])
    place.both(side)
    place.line(_bend([(0.05, 1.0), (0, 0.6), (lean * 0.5, 0), (lean, -0.9)]))
    count = int(rng.integers(5, 10))
    for share in np.linspace(0.12, 0.82, count):
        index = int(share * 39)
        x, y = side[index]
        start = min(y + 0.26, 0.6)
        place.both(_bend([(0, start), (x * 0.5, (start + y) / 2 - 0.02), (x * 0.93, y)]), _FINE)


def _shell(place: _Place) -> None:
    rng = place.rng
    turns = rng.uniform(2.2, 3.4)
    turn = np.linspace(0.6, turns * 2 * math.pi, 260)
    growth = math.log(0.95 / 0.07) / turn[-1]
    reach = 0.07 * np.exp(growth * turn)
    squeeze = np.array([1.0, rng.uniform(0.8, 1.0)])
    spiral = reach[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1) * squeeze
    place.line(spiral)
    # Ribs from each whorl to the one within.
    whorl = round(2 * math.pi / (turn[1] - turn[0]))
    for index in range(whorl, len(turn), int(rng.integers(4, 8))):
        outer, inner = spiral[index], spiral[index - whorl]
        aside = 0.12 * np.array([-(outer - inner)[1], (outer - inner)[0]])
        middle = (outer + inner) / 2 + aside
        place.line(_bend([tuple(outer), tuple(middle), tuple(inner)]), _FINE)
    place.line(_bend([tuple(spiral[-1]), tuple((spiral[-1] + spiral[-whorl]) / 2 * 1.15),
                      tuple(spiral[-whorl])]))  # fmt: skip


def _cell(place: _Place) -> None:
    rng = place.rng
    fold = int(rng.integers(5, 13))
    spike = rng.uniform(0.08, 0.3)
    turn = np.linspace(0, 2 * math.pi, 240, endpoint=False)
    reach = 0.68 + spike * np.abs(np.cos(fold * turn / 2)) ** rng.uniform(0.7, 5)
    place.line(reach[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1), closed=True)
    inner = rng.uniform(0.25, 0.45)
    place.line(_ellipse(0, 0, inner, inner), closed=True)
    for number in range(fold):
        a = 2 * math.pi * (number + 0.5) / fold
        way = np.array([math.cos(a), math.sin(a)])
        place.line(np.stack([way * (inner + 0.03), way * 0.64]), _FINE)
        b = a + math.pi / fold
        place.dot(0.54 * math.cos(b), 0.54 * math.sin(b), rng.uniform(0.03, 0.07))
    for _ in range(int(rng.integers(4, 14))):
        a, r = rng.uniform(0, 2 * math.pi), inner * 0.8 * math.sqrt(rng.random())
        place.dot(r * math.cos(a), r * math.sin(a), 0.025)


_KINDS: tuple[Callable[[_Place], None], ...] = (_beetle, _medusa, _leaf, _shell, _cell)
