"""Threads that loop over and under themselves, as of wool that a cat has had."""

import math
from dataclasses import replace

import numpy as np

from mutoscope.drawings.pen import Nib, Paper, Points, drift

_STEP = 0.025  # inches of a walk
_EDGE = 0.4  # inches that stay white around
_PIECE = 0.7  # inches that are laid down at once, over what lies there


def draw(paper: Paper, rng: np.random.Generator) -> None:
    """Some knots of different size and thread, and a loose thread between them."""
    count = int(rng.integers(2, 5))
    places = _places(rng, paper.size, count)
    for number, (x, y, radius) in enumerate(places):
        length = rng.uniform(34, 52) * radius**1.3
        loops = rng.uniform(2.2, 4.5) / radius
        nib = Nib(rng.uniform(0.014, 0.034), pressure=0.22, wobble=0.003)
        path = within(wander(rng, (x, y), radius, length=length, bend=loops), paper.size)
        # The thread leads on to the next knot.
        end = np.array(places[(number + 1) % len(places)][:2])
        if number + 1 < len(places):
            path = np.concatenate([path, _leap(rng, path[-1], end)])
        lay(paper, path, nib, over=rng.uniform(2.4, 3.4))


def wander(
    rng: np.random.Generator,
    centre: tuple[float, float],
    radius: float,
    *,
    length: float,
    bend: float,
) -> Points:
    """A walk whose curvature drifts, (n, 2), that turns back toward its centre when it is far off.

    Args:
        rng: Where it comes from.
        centre: About which it goes, in inches.
        radius: How far off it goes, in inches.
        length: Of the line, in inches.
        bend: Its usual curvature, in radians per inch.
    """
    count = int(length / _STEP)
    curve = bend * (0.7 + drift(rng, count, 1.2, step=_STEP)) + 0.5 * bend * drift(
        rng, count, 0.3, step=_STEP
    )
    x, y = centre
    heading = rng.uniform(0, 2 * math.pi)
    points = np.empty((count, 2))
    for index in range(count):
        points[index] = x, y
        dx, dy = centre[0] - x, centre[1] - y
        far = math.hypot(dx, dy) / radius
        turn = curve[index]
        if far > 0.55:
            # Toward the centre, on the shorter way round.
            side = math.sin(math.atan2(dy, dx) - heading)
            turn += 7 / radius * (far - 0.55) * side
        heading += turn * _STEP
        x += math.cos(heading) * _STEP
        y += math.sin(heading) * _STEP
    return points


def within(path: Points, size: tuple[float, float]) -> Points:
    """A path moved, and made smaller if it must be, so that it stays off the page's edge."""
    low, high = path.min(0), path.max(0)
    room = np.asarray(size) - 2 * _EDGE
    scale = min(1.0, float((room / np.maximum(high - low, 1e-9)).min()))
    middle = (low + high) / 2
    half = scale * (high - low) / 2
    inside = np.clip(middle, _EDGE + half, np.asarray(size) - _EDGE - half)
    return np.asarray(inside + scale * (path - middle))


def lay(paper: Paper, path: Points, nib: Nib, *, over: float) -> None:
    """Lay a thread down piece by piece, each with a gap beside it where it crosses what is there.

    Args:
        paper: Where.
        path: The thread, with points `_STEP` apart.
        nib: The pen.
        over: How wide the gap is, in widths of the line.
    """
    piece = int(_PIECE / _STEP)
    skip = max(2, round(nib.width * over / _STEP))
    inner = replace(nib, pool=0.0)  # the pen isn't lifted between pieces
    for first in range(0, len(path) - 1, piece):
        part = path[first : first + piece + 2]
        # The gap begins behind the end of the piece before, which would be cut off otherwise.
        paper.gap(part[skip:], nib.width * over)
        paper.stroke(part, inner)


def _places(
    rng: np.random.Generator, size: tuple[float, float], count: int
) -> list[tuple[float, float, float]]:
    """Centres and radii of knots that overlap little and stay on the page."""
    short = min(size)
    found: list[tuple[float, float, float]] = []
    for _ in range(400):
        radius = short * rng.uniform(0.17, 0.36) / (1 + 0.25 * len(found))
        edge = radius * 1.05 + 0.04 * short
        x, y = rng.uniform(edge, size[0] - edge), rng.uniform(edge, size[1] - edge)
        if all(math.hypot(x - a, y - b) > 0.85 * (radius + r) for a, b, r in found):
            found.append((x, y, radius))
        if len(found) == count:
            break
    return found


def _leap(rng: np.random.Generator, start: Points, end: Points) -> Points:
    """A slack thread from one point to another, (n, 2)."""
    span = float(np.hypot(*(end - start)))
    count = max(3, int(span / _STEP))
    t = np.linspace(0, 1, count)[1:, None]
    aside = np.array([-(end - start)[1], (end - start)[0]])
    bow = rng.uniform(-0.25, 0.25) * np.sin(np.pi * t) + 0.06 * np.sin(3 * np.pi * t)
    return np.asarray(start + t * (end - start) + bow * aside)
