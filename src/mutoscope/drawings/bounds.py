"""Where a page's ink begins and ends, and how a page lies: its margins, its angle, its corners."""

import math

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from mutoscope.drawings.light import light_of
from mutoscope.drawings.scans import Pixels

Corners = npt.NDArray[np.float64]
"""The corners of a sheet, (4, 2) in pixels: upper left, upper right, lower right, lower left."""
Floats = npt.NDArray[np.float64]

MOST_SKEW = 15.0
"""The largest angle that is looked for, in degrees."""

_FINE = 3600  # pixels of the long side of the copy in which ink is bounded
_COARSE = 1200  # of that from which the angle is read
_ROUGH = 800  # of that in which a sheet of paper is sought
_INKED = 0.72  # of its paper's brightness: what is darker is ink
_SPECK = 1 / 600  # of the long side: what is smaller both ways is dust
_RIM = 0.03  # of a side: what lies at an edge and reaches no farther in is the scanner's
_APART = 1.7  # degrees from the best angle within which others are its neighbours
_CLEAR = 1.4  # by how much the best angle must surpass all others, or it is none
_FULL = 0.985  # of a rectangle, from which the ink's hull is one
_SOFT = 2.5  # pixels over which sums are smoothed: single strokes have angles of their own


def grey_of(pixels: Pixels) -> Pixels:
    """The luma of a page, (H, W)."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def ink_box(pixels: Pixels) -> tuple[int, int, int, int] | None:
    """The box around all ink: left, top, right and bottom in pixels, or None where there is none.

    Ink is what is darker than the paper around it, so uneven light does no harm. Dust is passed
    over, and so are shadows that lie along the page's edges.
    """
    ink, scale = _ink(grey_of(pixels), _FINE)
    height, width = ink.shape
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if count < 2:
        return None
    left, top, wide, high = (stats[1:, k].astype(np.int64) for k in range(4))
    right, bottom = left + wide, top + high
    kept = np.maximum(wide, high) >= max(3.0, max(width, height) * _SPECK)
    rim_x, rim_y = max(1.0, width * _RIM), max(1.0, height * _RIM)
    kept &= ~((left == 0) & (right <= rim_x)) & ~((right == width) & (left >= width - rim_x))
    kept &= ~((top == 0) & (bottom <= rim_y)) & ~((bottom == height) & (top >= height - rim_y))
    if not kept.any():
        return None
    edges = (left[kept].min(), top[kept].min(), right[kept].max(), bottom[kept].max())
    most = pixels.shape[1], pixels.shape[0]
    box = [min(round(float(edge) / scale), most[k % 2]) for k, edge in enumerate(edges)]
    return box[0], box[1], box[2], box[3]


def ink_share(pixels: Pixels) -> float:
    """How much of a page is ink, 0 to 1."""
    ink, _ = _ink(grey_of(pixels), _COARSE)
    return float(ink.mean())


def skew_of(pixels: Pixels) -> float | None:
    """By how many degrees a drawing is turned clockwise, or None where nothing says so.

    Ruled lines, frames and lines of writing have one angle at which the sums of their ink, along it
    and across it, begin and end most sharply. Where none stands out but the ink fills a rectangle,
    that lies as the drawing does. Angles up to `MOST_SKEW` are looked for, to 0.05 degrees. A
    drawing without such lines, whatever it is of, has no angle of its own.
    """
    ink, _ = _ink(grey_of(pixels), _COARSE)
    rows, columns = np.nonzero(ink)
    if len(rows) < 500:
        return None
    every = max(1, len(rows) // 250_000)
    points = np.stack([columns, rows], 1)[::every].astype(np.float64)
    points -= np.array(ink.shape[::-1]) / 2
    coarse = np.arange(-MOST_SKEW, MOST_SKEW + 0.01, 0.5)
    scores = np.array([_sharpness(points, angle) for angle in coarse])
    best = int(np.argmax(scores))
    elsewhere = scores[abs(coarse - coarse[best]) > _APART]
    if scores[best] < _CLEAR * elsewhere.max() or best in (0, len(coarse) - 1):
        return _rectangle(points)
    fine = coarse[best] + np.arange(-0.6, 0.61, 0.05)
    sharp = np.array([_sharpness(points, angle) for angle in fine])
    return round(float(fine[int(np.argmax(sharp))]), 2)


def sheet_corners(pixels: Pixels) -> Corners | None:
    """The corners of a sheet of paper on a darker ground, or None where there is none to be seen.

    A sheet is the largest bright region with four straight sides; each side is a line fitted to
    its points, so that a fold or a finger at one place does little.
    """
    grey = grey_of(pixels)
    height, width = grey.shape
    scale = min(1.0, _ROUGH / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.GaussianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    # Ink is closed first: a sheet that is drawn full to its edge is as bright as an empty one.
    wide = max(3, round(max(size) / 40) | 1)
    padded = cv2.copyMakeBorder(small, wide, wide, wide, wide, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(
        padded, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    )[wide:-wide, wide:-wide]
    _, bright = cv2.threshold(np.asarray(closed), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    outline = max(contours, key=cv2.contourArea)
    area = cv2.contourArea(outline)
    whole = size[0] * size[1]
    if not 0.2 * whole < area < 0.97 * whole:
        return None
    mask = np.zeros(closed.shape, np.uint8)
    cv2.drawContours(mask, [outline], -1, 1, cv2.FILLED)
    if float(closed[mask > 0].mean()) - float(closed[mask == 0].mean()) < 25:
        return None  # paper on paper
    hull = cv2.convexHull(outline)
    rough = cv2.approxPolyDP(hull, 0.02 * cv2.arcLength(hull, True), True)[:, 0].astype(np.float64)
    if len(rough) != 4 or abs(cv2.contourArea(rough.astype(np.float32)) / area - 1) > 0.06:
        return None
    corners = _refined(_ordered(rough), outline[:, 0].astype(np.float64))
    return None if corners is None else (corners + 0.5) / scale - 0.5


# ── what these look at ──


def _ink(grey: Pixels, longest: int) -> tuple[Pixels, float]:
    """Where a page is darker than its paper, (h, w) of 0 and 1, and by how much it was shrunk."""
    height, width = grey.shape
    scale = min(1.0, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = grey if scale == 1 else cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    light = cv2.resize(light_of(np.asarray(small)), size, interpolation=cv2.INTER_LINEAR)
    dark = cv2.compare(small, cv2.convertScaleAbs(light, alpha=_INKED), cv2.CMP_LT)
    return np.asarray(dark, np.uint8) // 255, size[0] / width


def _sharpness(points: Floats, degrees: float) -> float:
    """How sharply sums of ink along a direction and across it change from line to line."""
    turn = math.radians(degrees)
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    total = 0.0
    for axis in axes:
        along = points @ axis
        low = math.floor(along.min())
        place = along - low
        first = place.astype(np.int64)
        part = place - first  # each point is shared by two lines, or the grid would tell
        sums = np.bincount(first, 1 - part, int(first.max()) + 2)
        sums += np.bincount(first + 1, part, int(first.max()) + 2)
        total += float((gaussian_filter1d(sums, _SOFT, order=1) ** 2).sum())
    return total


def _rectangle(points: Floats) -> float | None:
    """The angle of the rectangle that the points fill, in degrees; None if they fill none."""
    hull = cv2.convexHull(points.astype(np.float32))
    _, (width, height), angle = cv2.minAreaRect(hull)
    angle = (angle + 45) % 90 - 45  # which of its sides is called the width is chance
    if cv2.contourArea(hull) < _FULL * width * height or abs(angle) > MOST_SKEW:
        return None
    return round(float(angle), 2)


def _ordered(corners: Floats) -> Floats:
    """Four corners clockwise from the upper left one, (4, 2)."""
    middle = corners.mean(0)
    around = np.arctan2(*(corners - middle).T[::-1])
    corners = corners[np.argsort(around)]  # y points down, so this is clockwise
    first = int(np.argmin(corners.sum(1)))
    return np.roll(corners, -first, axis=0)


def _refined(corners: Floats, outline: Floats) -> Floats | None:
    """Corners at which the lines through the points of neighbouring sides meet."""
    lines = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        span = end - start
        length = float(np.hypot(*span))
        if length < 20:
            return None
        ahead = span / length
        from_start = outline - start
        along, aside = from_start @ ahead, from_start @ np.array([-ahead[1], ahead[0]])
        near = (along > 0.08 * length) & (along < 0.92 * length) & (abs(aside) < 0.03 * length)
        if near.sum() < 0.3 * length:
            return None
        fitted = cv2.fitLine(outline[near].astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01)
        line = np.asarray(fitted, np.float64).ravel()
        # An outline runs through the middles of the outermost pixels, half a pixel inside.
        line[2:] += 0.5 * np.array([ahead[1], -ahead[0]])
        lines.append(line)
    met = [_meet(lines[k - 1], lines[k]) for k in range(4)]
    return np.array(met) if all(point is not None for point in met) else None


def _meet(one: Floats, other: Floats) -> Floats | None:
    """Where two lines (direction, point) meet."""
    across = one[0] * other[1] - one[1] * other[0]
    if abs(across) < 0.2:
        return None
    apart = other[2:] - one[2:]
    along = (apart[0] * other[1] - apart[1] * other[0]) / across
    return np.asarray(one[2:] + along * one[:2])
