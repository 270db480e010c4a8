"""Reading a raster between its pixels and beyond its edges.

Four ways beyond the edges, for a raster of ``n`` pixels along an axis:

========  ==========================================================================
wrap      the raster repeats with a period of exactly ``n``; its ends are neighbours
mirror    it is reflected about the centres of its edge pixels (``2 1 0 1 2``), so
          that no edge pixel stands twice, which would show as a thick line
smear     the edge pixels go on for ever
black     zero, with a transition of one pixel; nearest sampling has none
========  ==========================================================================

Three ways between the pixels: nearest, bilinear, and bicubic, which is Catmull and Rom's cubic
convolution (Keys 1981, a = −0.5). PyTorch's own bicubic (a = −0.75) sharpens a little each time:
a hundred shifts of a third of a pixel leave a photograph at 11 dB, these leave it at 24.
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

Sampling = Literal["nearest", "bilinear", "bicubic"]
Infill = Literal["mirror", "wrap", "black", "smear"]
SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
INFILLS: tuple[Infill, ...] = get_args(Infill)

# Pixels that are added on each side, so that every tap of a cubic kernel finds its neighbour.
_MARGIN = 2

# Pixels that are read at once: so few that what is between two operations stays in the cache.
_BAND = 32_768

# A point this far below the middle between two pixels counts as in the middle: at a shift of half
# a pixel, rounding errors must not decide column by column.
_TIE = 1e-6


def resample(raster: Tensor, points: Tensor, sampling: Sampling, infill: Infill) -> Tensor:
    """Read ``raster`` at ``points``: (1, C, h, w) and (2, H, W) to (1, C, H, W).

    ``points`` are x and y as fractions of the raster's width and height, 0 and 1 being its outer
    edges, so that pixel ``i`` of ``n`` has its centre at ``(i + 0.5) / n``. They are best given in
    double precision. Bicubic values may leave the range of the raster's own.
    """
    height, width = raster.shape[-2:]
    sides = points.new_tensor([width, height])[:, None, None]
    places = points * sides - 0.5  # (2, H, W), counted in pixels from the first one's centre
    if sampling == "nearest":
        read = _nearest(raster, places, infill)
    else:
        folded = torch.stack(
            [fold(p, n, infill) for p, n in zip(places, (width, height), strict=True)]
        )
        padded = _pad(raster, infill)
        weigh = _catmull_rom if sampling == "bicubic" else _linear
        bands = torch.split(folded, max(1, _BAND // folded.shape[2]), dim=1)
        read = torch.cat([_separable(padded, band, weigh) for band in bands], dim=2)
    if infill == "black":
        read = read * _coverage(places, (width, height), hard=sampling == "nearest").to(read)
    return read


def _neighbour(index: Tensor, n: int, infill: Infill) -> Tensor:
    """The pixel in ``0 … n − 1`` that stands at the whole-numbered place ``index``."""
    if infill == "wrap":
        return index.remainder(n)
    if infill == "mirror":
        period = max(2 * (n - 1), 1)
        index = index.remainder(period)
        return torch.minimum(index, period - index).clamp(0, n - 1)
    return index.clamp(0, n - 1)


def fold(place: Tensor, n: int, infill: Infill) -> Tensor:
    """The place in ``[0, n]`` at which the same is read as at ``place``."""
    if infill == "wrap":
        return place.remainder(n)
    if infill == "mirror":
        return (n - 1) - (place.remainder(max(2 * (n - 1), 1)) - (n - 1)).abs()
    return place.clamp(0, n - 1)


def _pad(raster: Tensor, infill: Infill) -> Tensor:
    """The raster with a margin of what lies beyond its edges."""
    height, width = raster.shape[-2:]
    rows, columns = (
        _neighbour(torch.arange(-_MARGIN, n + _MARGIN, device=raster.device), n, infill)
        for n in (height, width)
    )
    return raster.index_select(2, rows).index_select(3, columns)


def _coverage(places: Tensor, size: tuple[int, int], *, hard: bool) -> Tensor:
    """How much of each place lies on the raster, (2, H, W) to (H, W)."""
    n = places.new_tensor(size)[:, None, None]
    if hard:
        nearest = (places + 0.5 + _TIE).floor()
        return ((nearest >= 0) & (nearest < n)).all(dim=0)
    return torch.minimum(places + 1, n - places).clamp(0, 1).prod(dim=0)


def _nearest(raster: Tensor, places: Tensor, infill: Infill) -> Tensor:
    """Each place's nearest pixel, bit for bit; of two, the one to the right or below."""
    height, width = raster.shape[-2:]
    columns, rows = (places + 0.5 + _TIE).floor().long().to(raster.device)
    flat = _neighbour(rows, height, infill) * width + _neighbour(columns, width, infill)
    return raster.flatten(2)[..., flat]


Tap = tuple[Tensor | float, Tensor]
"""Where to read, counted from the pixel before the place, and the weight of what is read."""


def _linear(t: Tensor) -> list[Tap]:
    """Bilinear interpolation is one bilinear tap, at the place itself."""
    return [(t, torch.ones_like(t))]


def _catmull_rom(t: Tensor) -> list[Tap]:
    """The cubic's four taps as three bilinear ones.

    The two in the middle have weights of one sign, so that a bilinear read at the right place
    between them is their sum (Sigg & Hadwiger, GPU Gems 2, chapter 20).
    """
    before = ((-0.5 * t + 1.0) * t - 0.5) * t
    right = ((-1.5 * t + 2.0) * t + 0.5) * t
    after = (0.5 * t - 0.5) * t * t
    middle = 1.0 - before - after
    return [(-1.0, before), (right / middle, middle), (2.0, after)]


def _separable(padded: Tensor, places: Tensor, weigh: Callable[[Tensor], list[Tap]]) -> Tensor:
    """Sum of bilinear reads of ``padded`` around ``places`` (2, H, W), kernel times kernel."""
    pixel = places.floor()
    t = (places - pixel).to(padded)  # split in double precision, small enough for single
    columns = _taps(pixel[0].to(padded), weigh(t[0]), padded.shape[-1])
    rows = _taps(pixel[1].to(padded), weigh(t[1]), padded.shape[-2])
    total = padded.new_zeros(1, padded.shape[1], *places.shape[1:])
    grid = padded.new_empty(1, *places.shape[1:], 2)
    for y, weight_y in rows:
        grid[..., 1] = y
        for x, weight_x in columns:
            grid[..., 0] = x
            read = grid_sample(padded, grid, padding_mode="border", align_corners=False)
            total.addcmul_(read, weight_x * weight_y)
    return total


def _taps(pixel: Tensor, taps: list[Tap], n: int) -> list[Tap]:
    """Taps along one axis of the padded raster, ``n`` long, in grid_sample's coordinates.

    They run from −1 at the left edge of the first pixel to 1 at the right edge of the last.
    """
    start = pixel + (_MARGIN + 0.5)
    return [((start + offset) * (2.0 / n) - 1.0, weight) for offset, weight in taps]
