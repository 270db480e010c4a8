"""Stones on a shore, shaded by hatching: one layer where light falls askew, three in the dark."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from mutoscope.drawings.pen import Nib, Paper, Points, clouds
from mutoscope.drawings.styles.contours import blob

_CELLS = 40  # of the maps of light, per inch
_LAYERS = (0.28, 0.50, 0.70)  # how dark it must be for each further layer
_LIGHT = (-0.55, -0.62, 0.56)  # where it comes from: x, y (down), toward the eye

Map = npt.NDArray[np.float64]


def draw(paper: Paper, rng: np.random.Generator) -> None:
    """Stones from back to front, each before the ones behind it and with its shadow."""
    rough = clouds(rng, paper.size, 0.35, cells=_CELLS)
    spacing = rng.uniform(0.036, 0.05)
    for outline in _stones(rng, paper.size):
        angle = rng.normal(-0.9, 0.25)
        _cast(paper, rng, outline, spacing)
        paper.clear(outline)
        tone, mask = shade(outline, rough)
        for layer, least in enumerate(_LAYERS):
            turn = angle + (0.0, 0.9, 1.75)[layer] + rng.normal(0, 0.06)
            hatch(paper, rng, tone, mask, least=least, angle=turn, spacing=spacing)
        paper.stroke(outline, Nib(rng.uniform(0.018, 0.028), pressure=0.3), closed=True)


def _stones(rng: np.random.Generator, size: tuple[float, float]) -> list[Points]:
    """Outlines, the farther ones (higher on the page) first and smaller."""
    width, height = size
    stones = []
    for depth in np.sort(rng.uniform(0, 1, int(rng.integers(10, 20)))):
        radius = min(size) * rng.uniform(0.06, 0.14) * (0.7 + 0.9 * depth)
        x = rng.uniform(radius + 0.4, width - radius - 0.4)
        y = 0.4 + radius + depth * (height - 0.9 - 2 * radius)
        outline = blob(rng, (0.0, 0.0), radius, uneven=0.08)
        outline = outline * [rng.uniform(1.0, 1.25), rng.uniform(0.6, 0.95)]
        turn = rng.normal(0, 0.3)
        spin = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        low, high = np.array([0.3, 0.3]), np.array([width - 0.3, height - 0.3])
        stones.append(np.clip(outline @ spin + [x, y], low, high))
    return stones


def shade(outline: Points, rough: Map) -> tuple[Map, npt.NDArray[np.bool_]]:
    """How dark each cell of a rounded shape is, 0 to 1, and which cells belong to it."""
    inside = np.zeros(rough.shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(outline * _CELLS).astype(np.int32)], 255)
    far = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    most = max(float(far.max()), 1.0)
    rise = most * np.sqrt(np.clip(1 - (1 - far / most) ** 2, 0, 1)).astype(np.float32)
    rise = cv2.GaussianBlur(rise, (0, 0), max(1.0, most / 6))
    down, right = np.gradient(rise.astype(np.float64))
    normal = np.stack([-right, -down, np.ones_like(right)])
    normal /= np.linalg.norm(normal, axis=0)
    light = np.tensordot(np.array(_LIGHT), normal, axes=1)
    return np.clip(0.92 - light + 0.09 * rough, 0, 1), inside > 0


def hatch(
    paper: Paper,
    rng: np.random.Generator,
    tone: Map,
    mask: npt.NDArray[np.bool_],
    *,
    least: float,
    angle: float,
    spacing: float,
) -> None:
    """Draw parallel strokes, slightly bowed, wherever a shape is dark enough.

    Args:
        paper: Where.
        rng: The hand.
        tone: How dark it is to be, (rows, columns) of `_CELLS` per inch.
        mask: Where the shape is.
        least: From which tone on it is hatched.
        angle: Of the strokes, in radians.
        spacing: From stroke to stroke, in inches.
    """
    dark = mask & (tone > least)
    rows, columns = np.nonzero(dark)
    if len(rows) == 0:
        return
    along = np.array([math.cos(angle), math.sin(angle)])
    aside = np.array([-along[1], along[0]])
    cells = np.stack([columns, rows], 1) / _CELLS
    middle = cells.mean(0)
    ahead, beside = (cells - middle) @ along, (cells - middle) @ aside
    t = np.arange(ahead.min() - 0.02, ahead.max() + 0.02, 0.012)
    bow = rng.uniform(0.03, 0.10) / max(0.3, float(np.ptp(ahead)))
    place = float(beside.min())
    while place < beside.max():
        line = middle + t[:, None] * along + (place + bow * t**2)[:, None] * aside
        found = np.rint(line * _CELLS).astype(int)
        x = np.clip(found[:, 0], 0, dark.shape[1] - 1)
        y = np.clip(found[:, 1], 0, dark.shape[0] - 1)
        nib = Nib(0.0125 * float(np.exp(rng.normal(0, 0.12))), wobble=0.003, taper=0.1, pool=0.05)
        for first, last in _runs(dark[y, x]):
            # A hand neither begins nor ends a stroke just where the shade does.
            first = max(0, first + int(rng.normal(0, 2)))
            last = min(len(t), last + int(rng.normal(0, 3)))
            if last - first > 5:
                paper.stroke(line[first:last], nib)
        place += spacing * float(np.exp(rng.normal(0, 0.14)))


def _cast(paper: Paper, rng: np.random.Generator, outline: Points, spacing: float) -> None:
    """The shadow on the ground: level strokes that reach out to the lower right."""
    low, high = outline.min(0), outline.max(0)
    wide = high[0] - low[0]
    height = high[1] - low[1]
    y = float(high[1] - 0.30 * height)
    while y < high[1] + 0.10 * height:
        share = (y - (high[1] - 0.30 * height)) / (0.40 * height)
        reach = math.sin(math.pi * min(1.0, 0.15 + 0.85 * share))
        start = low[0] + 0.5 * wide
        end = min(high[0] + 0.30 * wide * reach * rng.uniform(0.75, 1.1), paper.size[0] - 0.3)
        if y < paper.size[1] - 0.3 and end > start:
            paper.stroke(
                np.array([[start, y], [end, y + rng.normal(0, 0.01)]]),
                Nib(0.013, wobble=0.004, taper=0.2, pool=0.0),
            )
        y += spacing * 0.85 * float(np.exp(rng.normal(0, 0.15)))


def _runs(wanted: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and past-the-last place of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
