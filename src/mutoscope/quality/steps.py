"""What changes from one picture of a film to the next, and how much of that is no motion.

The two pictures are compared as they are, which gives the *step*, and once the older one has been
carried along the optical flow between them, which leaves the *flicker*: what changed without having
moved. Both are root mean squares over pixels and colours, in per cent of the way from black to
white.

The flow is that of the film's own pictures, and so it could explain flicker away as motion. It
does so very little, since it is smoothed before it is used: noise laid over moving pictures is
measured within 7 % (within 10 % where it is as fine as the pixels, which carrying blurs), and in a
painted film, whose camera move is known, 2 % is lost. What would hide more is to trust nothing but
the places where flow forward and backward agree to the pixel, for they disagree just where a film
boils: half of it is then left out. So the two are compared after smoothing, which leaves out what
is really hidden in one of the pictures, what lies beyond its edge, and the borders between things
that move differently.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

from mutoscope.motion.flow import Dis
from mutoscope.quality.sight import Raster, as_picture

_SMOOTH = 4.0  # pixels, the standard deviation of what smooths the flow
_MISSED = (0.01, 1.0)  # squared pixels by which there and back again may miss, relative and not
_STEEP = 0.01  # squared pixels a pixel: where motions of different things meet
_LEAST_SEEN = 0.05  # of the picture, to judge only what is seen in both

_Field = npt.NDArray[np.float32]  # (h, w, 2), x then y, in pixels
_Where = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Step:
    """The change from the picture before, in per cent of the way from black to white.

    Attributes:
        change: Between the two as they are.
        flicker: What is left of it where the older one is carried along with what moves.
        back: Between this picture and the last but one; ``inf`` where there is none.
    """

    change: float
    flicker: float
    back: float = float("inf")


def step_between(old: Raster, new: Raster, *, before: Raster | None = None) -> Step:
    """Compare two pictures (h, w, 3), and ``new`` with the one ``before`` the older of them."""
    change = apart(old, new)
    back = float("inf") if before is None else apart(before, new)
    return Step(change, flicker(old, new) if change else 0.0, back)


def apart(one: Raster, two: Raster) -> float:
    """How different two pictures are, root mean square in per cent."""
    return 100 * float(cv2.norm(one, two, cv2.NORM_L2)) / math.sqrt(one.size)


def flicker(old: Raster, new: Raster) -> float:
    """What changed from ``old`` to ``new``, (h, w, 3), without having moved, in per cent."""
    first, second = as_picture(old), as_picture(new)
    # The way forth only tells what is hidden: a rougher one, in a quarter of the time, does.
    back, forth = _field(Dis("medium")(second, first)), _field(Dis("fast")(first, second))
    carried, inside = _read(old, back)
    seen = inside & _met(back, forth)
    if seen.mean() < _LEAST_SEEN:
        seen = inside if inside.mean() >= _LEAST_SEEN else np.ones_like(inside)
    off = _squared(new - carried) / new.shape[-1]
    return 100 * float(np.sqrt(off[seen].mean()))


def _field(found: Tensor) -> _Field:
    """A flow (1, 2, h, w), smoothed, (h, w, 2)."""
    field = np.ascontiguousarray(found[0].permute(1, 2, 0).numpy())
    return np.asarray(cv2.GaussianBlur(field, (0, 0), _SMOOTH), np.float32)


def _met(back: _Field, forth: _Field) -> _Where:
    """Where the way back and forth ends near where it began, away from borders of motions."""
    returned, inside = _read(forth, back)
    missed = _squared(back + returned)
    lengths = _squared(back) + _squared(returned)
    across = cv2.Sobel(back, cv2.CV_32F, 1, 0, ksize=1) / 2
    down = cv2.Sobel(back, cv2.CV_32F, 0, 1, ksize=1) / 2
    steep = _squared(np.asarray(across, np.float32)) + _squared(np.asarray(down, np.float32))
    met: _Where = inside & (missed <= _MISSED[0] * lengths + _MISSED[1]) & (steep <= _STEEP)
    return met


def _squared(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Their squared lengths, (h, w, c) to (h, w)."""
    return np.asarray(np.einsum("hwc,hwc->hw", vectors, vectors), np.float32)


def _read(raster: Raster, by: _Field) -> tuple[Raster, _Where]:
    """``raster`` (h, w, c) read at ``p + by(p)``, bicubically, and where that lies on it."""
    height, width = by.shape[:2]
    x = by[..., 0] + np.arange(width, dtype=np.float32)
    y = by[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    inside: _Where = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    read = cv2.remap(raster, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(read, np.float32), inside
