"""Even light: paper that is white all over a page, whatever the lamp or the phone made of it."""

import cv2
import numpy as np
import numpy.typing as npt

from mutoscope.drawings.scans import Pixels

_LOOK = 768  # pixels of the long side of the copy from which light is read
_WIDEST = 1 / 22  # of the long side: a patch of ink that is wider hides the paper beneath it
_DARKEST = 16  # a level below which no paper lies, however dim the light
_NARROW = 3.0  # standard deviations of the paper's noise that become white with it


def even_light(pixels: Pixels) -> Pixels:
    """A page with white paper, (H, W) or (H, W, 3) as it came.

    The light is the brightness of the paper, a grey closing of a small copy that is wider than the
    ink's lines, blurred; every pixel is divided by it, each channel for itself, so that a coloured
    cast goes too. Grey levels between paper and ink stay.
    """
    light = light_of(pixels)
    height, width = pixels.shape[:2]
    even = np.empty_like(pixels)
    planes = [(pixels, light, even)]
    if pixels.ndim == 3:
        planes = [(pixels[..., c], light[..., c], even[..., c]) for c in range(3)]
    for plane, its_light, out in planes:
        full = cv2.resize(its_light, (width, height), interpolation=cv2.INTER_CUBIC)
        out[:] = np.clip(_divided(np.ascontiguousarray(plane), np.asarray(full)), 0, 255)
    return even


def light_of(pixels: Pixels) -> Pixels:
    """How bright the paper is all over a page, a small copy of (h, w) or (h, w, 3)."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _LOOK / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    small = cv2.medianBlur(small, 3)  # closing takes the brightest: not that of a speck
    wide = max(3, round(max(size) * _WIDEST) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(closed, (0, 0), wide / 4, borderType=cv2.BORDER_REPLICATE)
    return np.maximum(np.asarray(blurred, np.uint8), _DARKEST)


def _divided(plane: Pixels, light: Pixels) -> Pixels:
    """One channel over its light, so that the paper with its noise is white."""
    ratio = cv2.divide(plane, light, scale=200)  # 200: room above for what is brighter
    counts = np.bincount(ratio.ravel()[:: max(1, ratio.size // 1_000_000)], minlength=256)
    white = _white(counts.astype(np.float64))
    levels = np.clip(np.rint(np.arange(256) * 255 / white), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.asarray(ratio), levels), np.uint8)


def _white(counts: npt.NDArray[np.float64]) -> float:
    """The level that is to be white: the paper's commonest, less its noise."""
    smooth = np.convolve(counts, np.ones(3) / 3, "same")
    mode = 140 + int(np.argmax(smooth[140:]))
    # Ink makes the distribution skew below its peak; above it there is noise alone.
    above = counts[mode : mode + 40]
    spread = float(np.sqrt((above * np.arange(len(above)) ** 2).sum() / max(1.0, above.sum())))
    return max(120.0, mode - _NARROW * spread)
