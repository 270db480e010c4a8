"""Pebbles lined from within, ring by ring, as wood and maps are."""

import math

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from mutoscope.drawings.pen import Nib, Paper, Points, clouds

_CELLS = 60  # of the maps from which lines are taken, per inch

Map = npt.NDArray[np.float64]


def draw(paper: Paper, rng: np.random.Generator) -> None:
    """A page packed with shapes of several sizes, each ringed inside and outlined more heavily."""
    warp = clouds(rng, paper.size, 0.9, cells=_CELLS)
    for x, y, radius in packed(rng, paper.size):
        outline = blob(rng, (x, y), radius)
        nib = Nib(rng.uniform(0.010, 0.016), pressure=0.2, wobble=0.003, taper=0.05, pool=0.1)
        spacing = rng.uniform(0.045, 0.085)
        height = _depth(outline, warp, wave=rng.uniform(0.02, 0.12))
        _rings(paper, rng, height, spacing, nib)
        paper.stroke(outline, Nib(rng.uniform(0.020, 0.030), pressure=0.25), closed=True)


def packed(rng: np.random.Generator, size: tuple[float, float]) -> list[tuple[float, float, float]]:
    """Circles that don't overlap, large ones first: centres and radii in inches."""
    short = min(size)
    found: list[tuple[float, float, float]] = []
    for radius in np.geomspace(rng.uniform(0.2, 0.27), 0.028, 18) * short:
        for _ in range(70):
            edge = radius * 1.12 + 0.03 * short
            x, y = rng.uniform(edge, size[0] - edge), rng.uniform(edge, size[1] - edge)
            if all(math.hypot(x - a, y - b) > 1.16 * (radius + r) for a, b, r in found):
                found.append((x, y, float(radius)))
    return found


def blob(
    rng: np.random.Generator, centre: tuple[float, float], radius: float, *, uneven: float = 0.11
) -> Points:
    """A closed outline that is no circle, (180, 2)."""
    turn = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    reach = np.ones_like(turn)
    for wave in range(2, 7):
        amount = uneven / (wave - 0.5) * rng.standard_normal()
        reach += amount * np.cos(wave * turn + rng.uniform(0, 2 * np.pi))
    reach = radius * reach / max(1.0, reach.max() / 1.12)
    around = reach[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    return np.asarray(np.asarray(centre) + around)


def _depth(outline: Points, warp: Map, *, wave: float) -> Map:
    """How deep inside a shape each cell lies, in inches and bent by noise; negative outside."""
    mask = np.zeros(warp.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * _CELLS).astype(np.int32)], 255)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5) / _CELLS
    # The noise grows with depth, so that the first rings follow the outline.
    return np.where(mask > 0, depth + wave * warp * np.minimum(1, depth * 3), -1.0)


def _rings(paper: Paper, rng: np.random.Generator, height: Map, spacing: float, nib: Nib) -> None:
    """Lines of equal height, with the pen lifted now and then."""
    level = spacing * rng.uniform(0.6, 1.0)
    while level < height.max():
        over = (height > level).astype(np.uint8)
        for found in cv2.findContours(over, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]:
            ring = found[:, 0].astype(np.float64) / _CELLS
            if len(ring) < 14:
                continue
            ring = gaussian_filter1d(ring, min(5.0, len(ring) / 8), axis=0, mode="wrap")
            _ink(paper, rng, ring, nib)
        level += spacing * rng.uniform(0.75, 1.3)


def _ink(paper: Paper, rng: np.random.Generator, ring: Points, nib: Nib) -> None:
    """Draw a ring in one to several strokes, from a beginning of its own."""
    ring = np.roll(ring, int(rng.integers(len(ring))), axis=0)
    at = 0
    while at < len(ring):
        length = int(rng.uniform(0.8, 3.5) * _CELLS)
        part = ring[at : at + length]
        if len(part) > 4:
            paper.stroke(part, nib)
        at += length + int(rng.uniform(-0.03, 0.08) * _CELLS)
