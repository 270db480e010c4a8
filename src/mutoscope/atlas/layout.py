"""Samples on a grid, so that those that are alike lie beside each other and none over another.

First they are spread on a plane by t-SNE (van der Maaten & Hinton, *Visualizing Data using t-SNE*,
JMLR 9, 2008), all pairs of them, begun from their principal components; then each is given a cell
so that all together move as little as may be (a linear assignment).
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from mutoscope.atlas.likeness import Floats, Told, squared_distances

Doubles = npt.NDArray[np.float64]

_STEPS, _EARLY = 400, 100  # of the descent, and those in which likes are drawn together harder
_DRAWN = 4.0
_NEIGHBOURS = 12.0  # the perplexity: about how many count as near
_HALVINGS = 40
_SHAPE = 1.4  # width by height
_TINY = 1e-12
_BEGIN = 1e-2  # spread of the plane at first
_OUTLIERS = 1.0  # per cent on each side that the plane's rim is not measured by


def lay_out(features: Floats, *, progress: Told | None = None) -> list[tuple[int, int]]:
    """The cell of each sample, (column, row): all different, in a grid a little wider than high.

    Args:
        features: (n, d), as `Likeness` makes them.
        progress: told how far it is.
    """
    count = len(features)
    columns, rows = grid_for(count)
    plane = spread_out(features, progress=progress)
    cells = np.array([(x, y) for y in range(rows) for x in range(columns)], dtype=float)
    low, high = np.percentile(plane, [_OUTLIERS, 100 - _OUTLIERS], axis=0)
    placed = np.clip((plane - low) / np.maximum(high - low, _TINY), 0, 1)
    wanted = placed * [columns - 1, rows - 1]
    cost = np.square(wanted[:, None] - cells[None]).sum(axis=2)  # (n, cells)
    taken = linear_sum_assignment(cost)[1]
    return [(int(cell) % columns, int(cell) // columns) for cell in taken]


def grid_for(count: int) -> tuple[int, int]:
    """Columns and rows of the grid for so many samples."""
    columns = math.ceil(math.sqrt(count * _SHAPE))
    return columns, math.ceil(count / columns)


def spread_out(features: Floats, *, progress: Told | None = None) -> Doubles:
    """Samples on a plane by t-SNE, (n, d) to (n, 2); the same ones always lie the same way."""
    count = len(features)
    plane = _principal(features)
    if count < 4:  # so few have no neighbourhoods
        return plane
    near = _nearness(squared_distances(features, features).astype(float))
    speed = np.zeros_like(plane)
    gains = np.ones_like(plane)
    rate = max(count / _DRAWN / 4, 1.0)
    for step in range(_STEPS):
        early = step < _EARLY
        kernel = 1 / (1 + squared_distances64(plane))
        np.fill_diagonal(kernel, 0)
        pull = ((_DRAWN if early else 1.0) * near - kernel / kernel.sum()) * kernel
        slope = 4 * (pull.sum(axis=1)[:, None] * plane - pull @ plane)
        # A coordinate that keeps its way goes faster, one that swings slower (Jacobs 1988).
        gains = np.maximum(np.where((slope > 0) == (speed > 0), gains * 0.8, gains + 0.2), 0.01)
        speed = (0.5 if early else 0.8) * speed - rate * gains * slope
        plane = plane + speed
        plane -= plane.mean(axis=0)
        if progress is not None:
            progress(step + 1, _STEPS)
    return plane


def squared_distances64(plane: Doubles) -> Doubles:
    """The squared distances of places on a plane, (n, 2) to (n, n)."""
    found: Doubles = np.square(plane[:, None] - plane[None]).sum(axis=2)
    return found


def _principal(features: Floats) -> Doubles:
    """The first two principal components, small, each with its sign settled."""
    centred = features.astype(float) - features.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(features), 2))
    found = min(2, len(sizes))
    plane[:, :found] = left[:, :found] * sizes[:found]
    signs = np.sign(plane[np.abs(plane).argmax(axis=0), range(2)])
    scaled: Doubles = plane * np.where(signs == 0, 1, signs) / max(float(plane.std()), _TINY)
    return scaled * _BEGIN


def _nearness(distances: Doubles) -> Doubles:
    """How near each pair is, all together 1: Gaussians as wide as each one's surroundings.

    The widths are found by halving, so that each has as many near ones as the perplexity says.
    """
    count = len(distances)
    perplexity = min(_NEIGHBOURS, (count - 1) / 3)
    others = distances + np.diag(np.full(count, np.inf))
    others = others - others.min(axis=1, keepdims=True)
    low, high = np.full(count, 1e-9), np.full(count, 1e9)
    for _ in range(_HALVINGS):
        width = np.sqrt(low * high)
        shares = np.exp(-others * width[:, None])
        shares /= shares.sum(axis=1, keepdims=True)
        entropy = -(shares * np.log(np.maximum(shares, _TINY))).sum(axis=1)
        wide = entropy > math.log(perplexity)
        low, high = np.where(wide, width, low), np.where(wide, high, width)
    near: Doubles = (shares + shares.T) / (2 * count)
    return np.maximum(near, _TINY)
