"""Values sent along vectors to where they arrive, and what fills the places that nothing reaches.

Sending on ("forward splatting") leaves each value, by bilinear weights, to the four pixels around
its place of arrival. Where several arrive, their weights decide; what is reached by nothing is
filled from around it, coarse to fine (pull and push: Gortler, Grzeszczuk, Szeliski, Cohen 1996).
"""

import cv2
import numpy as np
import numpy.typing as npt

Raster = npt.NDArray[np.float32]  # (h, w) or (h, w, c)

_ENOUGH = 0.3  # of a pixel's weight, with which it needs nothing from around it
_COARSEST = 4  # pixels, the shortest side that is still halved
_NOTHING = 1e-6


def send(values: Raster, by: Raster, weight: Raster) -> tuple[Raster, Raster]:
    """What arrives of ``values`` (h, w, c) sent by ``by`` (h, w, 2), with ``weight`` (h, w).

    Returns:
        The weighted sums (h, w, c), and the weights' sums (h, w).
    """
    height, width = by.shape[:2]
    x, y = places(by)
    left, top = np.floor(x), np.floor(y)
    right, below = x - left, y - top  # shares of the pixels to the right and below
    # A border of one pixel takes what arrives just outside; what goes farther is lost.
    wide, high = width + 2, height + 2
    near = (left >= -1) & (left < width) & (top >= -1) & (top < height)
    start = np.where(near, (top + 1) * wide + left + 1, 0).astype(np.int64)
    weighted = weight * near
    channels = [weighted, *(weighted * values[..., c] for c in range(values.shape[2]))]
    sums = np.zeros((len(channels), high * wide))
    for step, share in (
        (0, (1 - right) * (1 - below)),
        (1, right * (1 - below)),
        (wide, (1 - right) * below),
        (wide + 1, right * below),
    ):
        index = (start + step).ravel()
        for total, channel in zip(sums, channels, strict=True):
            total += np.bincount(index, (channel * share).ravel(), high * wide)
    inner = sums.reshape(-1, high, wide)[:, 1:-1, 1:-1].astype(np.float32)
    return np.ascontiguousarray(np.moveaxis(inner[1:], 0, -1)), inner[0]


def filled(sums: Raster, weight: Raster) -> Raster:
    """What `send` returned as means (h, w, c), gaps filled from around them."""
    means = sums / np.maximum(weight, _NOTHING)[..., None]
    if min(weight.shape) <= _COARSEST:
        total = max(float(weight.sum()), _NOTHING)
        coarse = np.broadcast_to(sums.sum((0, 1)) / total, means.shape)
    else:
        # A pixel counts as one at most, however much arrived there.
        share = np.minimum(weight, 1)
        half = (weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2
        smaller = _channels(
            cv2.resize(means * share[..., None], half, interpolation=cv2.INTER_AREA)
        )
        fewer = np.asarray(cv2.resize(share, half, interpolation=cv2.INTER_AREA), np.float32)
        below = filled(smaller, fewer)
        size = weight.shape[1], weight.shape[0]
        coarse = _channels(cv2.resize(below, size, interpolation=cv2.INTER_LINEAR))
    known = np.minimum(weight / _ENOUGH, 1)[..., None]
    return np.asarray(known * means + (1 - known) * coarse, np.float32)


def read(raster: Raster, by: Raster) -> Raster:
    """``raster`` (h, w, c) read at ``p + by(p)``, bicubically; its edges go on beyond it."""
    x, y = places(by)
    found = cv2.remap(raster, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def inside(by: Raster) -> npt.NDArray[np.bool_]:
    """Where ``p + by(p)`` lies on the raster, (h, w)."""
    height, width = by.shape[:2]
    x, y = places(by)
    lies: npt.NDArray[np.bool_] = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return lies


def places(by: Raster) -> tuple[Raster, Raster]:
    """``p + by(p)`` for each pixel ``p``: x and y, (h, w) each."""
    height, width = by.shape[:2]
    x = by[..., 0] + np.arange(width, dtype=np.float32)
    y = by[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _channels(raster: object) -> Raster:
    """What OpenCV answers, (h, w, c) also for one channel."""
    found = np.asarray(raster, np.float32)
    return found if found.ndim == 3 else found[..., None]
