"""What one picture of a film looks like as a whole: its colours, its contrast, how much is black.

Colours are judged in OKLab (Björn Ottosson 2020, "A perceptual color space for image processing"),
in which equal distances look about equally large: lightness from 0 to 1, and two axes, green to red
and blue to yellow. Two hundredths can be told apart side by side.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Raster = npt.NDArray[np.float32]
"""A picture as numbers, (h, w, 3), sRGB in [0, 1]."""

LONGEST = 256
"""The longer side, in pixels, of the pictures that are measured; larger ones are averaged down."""

_SHORTEST = 32  # optical flow needs as much
_COLOURS = 96  # the longer side in which colours are averaged: they are no finer than that
_DARK, _BRIGHT = 8 / 255, 247 / 255
_WHOLE = 0.99  # of the picture, to call it black or white
_FLAT = 0.012  # three levels of 255: what is left of a single colour after a film's compression

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)


@dataclass(frozen=True)
class Sight:
    """One picture in a few numbers.

    Attributes:
        lightness: Mean OKLab lightness, 0 to 1.
        red: Mean of OKLab's a: below 0 is green, above is red.
        yellow: Mean of OKLab's b: below 0 is blue, above is yellow.
        contrast: Standard deviation of the lightness.
        colourfulness: Mean distance of the colours from grey, OKLab's chroma.
        black: Share of the picture that is as good as black, 0 to 1.
        white: Share that is as good as white.
        spread: The largest standard deviation of red, green and blue: 0 for a single colour.
    """

    lightness: float
    red: float
    yellow: float
    contrast: float
    colourfulness: float
    black: float
    white: float
    spread: float

    @property
    def blank(self) -> str:
        """``black``, ``white`` or ``one colour``, where it is nothing else; ``""`` for pictures."""
        if self.black >= _WHOLE:
            return "black"
        if self.white >= _WHOLE:
            return "white"
        return "one colour" if self.spread < _FLAT else ""

    def apart(self, other: "Sight") -> float:
        """How far the mean colours of two pictures are apart, in hundredths of OKLab."""
        return 100 * float(
            np.hypot(
                np.hypot(self.lightness - other.lightness, self.red - other.red),
                self.yellow - other.yellow,
            )
        )


def shrunk(image: Tensor) -> Raster:
    """A picture (1, 3, H, W) at the size in which it is measured, (h, w, 3)."""
    pixels = np.ascontiguousarray(image.detach()[0].permute(1, 2, 0).float().cpu().numpy())
    return np.asarray(_fitted(pixels, working_size(pixels.shape[1], pixels.shape[0])), np.float32)


def working_size(width: int, height: int) -> tuple[int, int]:
    """The size (width, height) in which pictures of a size are measured."""
    scale = min(1.0, LONGEST / max(width, height))
    return max(_SHORTEST, round(width * scale)), max(_SHORTEST, round(height * scale))


def as_picture(raster: Raster) -> Tensor:
    """A raster (h, w, 3) as a picture (1, 3, h, w)."""
    return torch.from_numpy(np.ascontiguousarray(raster.transpose(2, 0, 1)[None]))


def sight(raster: Raster) -> Sight:
    """What a picture (h, w, 3) looks like as a whole."""
    height, width = raster.shape[:2]
    scale = min(1.0, _COLOURS / max(width, height))
    small = _fitted(raster, (max(1, round(width * scale)), max(1, round(height * scale))))
    lab = oklab(small)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    return Sight(
        lightness=float(lab[..., 0].mean()),
        red=float(lab[..., 1].mean()),
        yellow=float(lab[..., 2].mean()),
        contrast=float(lab[..., 0].std()),
        colourfulness=float(chroma.mean()),
        black=float((small.max(-1) <= _DARK).mean()),
        white=float((small.min(-1) >= _BRIGHT).mean()),
        spread=float(cv2.meanStdDev(raster)[1].max()),
    )


def oklab(pixels: Raster) -> Raster:
    """Colours in OKLab, from sRGB in [0, 1]: (…, 3) to (…, 3)."""
    clamped = np.clip(pixels, 0, 1)
    linear = np.where(clamped <= 0.04045, clamped / 12.92, ((clamped + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear.astype(np.float32) @ _TO_CONES.T)
    return np.asarray(cones @ _TO_LAB.T, np.float32)


def srgb(lab: npt.NDArray[np.floating]) -> Raster:
    """Colours in sRGB, clamped to [0, 1], from OKLab: undoes `oklab`."""
    cones = (lab @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(cones @ np.linalg.inv(_TO_CONES).T, 0, 1)
    curved = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(curved, np.float32)


def _fitted(pixels: Raster, size: tuple[int, int]) -> Raster:
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    shrinks = size[0] <= pixels.shape[1] and size[1] <= pixels.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.float32)
