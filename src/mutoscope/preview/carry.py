"""A picture carried over many frames without wearing out.

Each pixel keeps the place of the original that it shows. A move resamples these places, and the
picture is read from the original once: after a thousand moves it is as sharp as after one. Where
places jump from one pixel to the next, as at the seam of a picture that wraps, the nearest is taken
instead of what lies between.

Lines are carried along as well, so that motion is seen where the picture has nothing to show it by.
They come anew every few seconds, in two layers of which one rises while the other sinks, and so
never wear out either (Max & Becker 1995; Neyret 2003, "Advected Textures").
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from mutoscope.images import luma, resize
from mutoscope.motion.base import Warp, pixel_grid
from mutoscope.motion.resample import Infill, fold
from mutoscope.motion.space import SpaceWarp
from mutoscope.motion.video import FilmWarp

Size = tuple[int, int]

_BEYOND = -9.0  # the place of a pixel that shows nothing
_JUMP = 0.02  # of the picture's side: neighbours that differ by more are of two places
_LINES = 8  # lines along the longer side
_PERIOD = 3.0  # seconds after which lines come anew
_FADES = 0.35  # seconds in which what was revealed sinks to 1/e
_TINT = (1.0, 0.45, 0.1)


class Carried:
    """A picture, the lines over it, and what has come into view, all carried by the same warps.

    Args:
        picture: the original, (1, 3, h, w).
        rate: frames per second.
    """

    def __init__(self, picture: Tensor, *, rate: float) -> None:
        self.rate = rate
        self.size: Size = (picture.shape[-1], picture.shape[-2])
        self._start = pixel_grid(self.size).float()[None]  # (1, 2, h, w)
        self._lattice = lattice(self.size)
        self._way = torch.zeros_like(self._start)
        self._original = resize(picture.detach().float().cpu(), self.size)
        self._frame = 0
        self._places = self._start.repeat(1, 3, 1, 1)  # of the picture and two layers of lines
        self._fresh = torch.zeros(1, 1, *self._start.shape[2:])

    @torch.no_grad()
    def move(self, warp: Warp) -> None:
        """Go where ``warp`` leads."""
        self._frame += 1
        self._fresh *= math.exp(-1 / (_FADES * self.rate))
        self._way = torch.zeros_like(self._start)
        if not warp.still:
            self._follow(warp)
        if warp.anew is not None:
            # The lines go on, and show how the film moves.
            self._original = resize(warp.anew.detach().float().cpu(), self.size)
            self._places[:, :2] = self._start
        for layer in (0, 1):
            if self._age(layer) == 0:
                self._places[:, 2 + 2 * layer : 4 + 2 * layer] = self._start

    def _follow(self, warp: Warp) -> None:
        points = warp.sources(self.size)
        self._way = self._start - points[None].float()
        kept = torch.cat([self._places, self._fresh], 1)
        infill: Infill = "smear" if warp.infill == "black" else warp.infill
        if warp.sampling == "nearest":
            moved = read(kept, folded_back(points, infill, whole=True), "nearest")
        else:
            moved = read(kept, folded_back(points, infill), "bilinear")
            beside = folded_back(points + self._dither(points), infill, whole=True)
            near = read(kept, beside, "nearest")
            least = max(_JUMP, 4 / min(self.size))
            for first in (0, 2, 4):  # each has seams of its own
                one, other = moved[:, first : first + 2], near[:, first : first + 2]
                apart = (one - other).abs().amax(1, keepdim=True)
                moved[:, first : first + 2] = torch.where(apart > least, other, one)
        if warp.infill == "black":
            outside = ((points < 0) | (points > 1)).any(0)
            moved[:, :6] = torch.where(outside, _BEYOND, moved[:, :6])
        self._places = moved[:, :6]
        self._fresh = torch.maximum(moved[:, 6:], revealed(warp, points))

    def _dither(self, points: Tensor) -> Tensor:
        """Less than half a pixel, another in each frame, so that nearest places err to no side.

        A seam that goes half a pixel a frame would else go a whole one, or none.
        """
        width, height = self.size
        x, y = ((self._frame * step) % 1 - 0.5 for step in (0.7548776662, 0.5698402910))
        return points.new_tensor([x / width, y / height])[:, None, None]

    def mean_shift(self, size: Size) -> float:
        """How far the last move went on average, in pixels of a picture of ``size``."""
        way = self._way * self._way.new_tensor(size)[:, None, None]
        return float(torch.hypot(way[:, 0], way[:, 1]).mean())

    def picture(self) -> Tensor:
        """What of the original is in view, (1, 3, h, w)."""
        return self._read(self._original, self._places[:, :2])

    def drawn(self) -> Tensor:
        """The picture with its lines, and with a tint where something new has come into view."""
        picture = self.picture()
        lines = torch.zeros_like(self._fresh)
        for layer in (0, 1):
            places = self._places[:, 2 + 2 * layer : 4 + 2 * layer]
            lines += self._weight(layer) * self._read(self._lattice, places)
        towards = (luma(picture) < 0.55).float()
        picture = picture + 0.45 * lines * (towards - picture)
        tint = picture.new_tensor(_TINT)[:, None, None]
        return picture + 0.55 * self._fresh * (tint - picture)

    def _age(self, layer: int) -> int:
        period = max(2, round(_PERIOD * self.rate))
        return (self._frame + layer * (period // 2)) % period

    def _weight(self, layer: int) -> float:
        """How strong a layer of lines is: nothing when it comes anew; both together always 1."""
        first = math.sin(math.pi * self._age(0) / max(2, round(_PERIOD * self.rate))) ** 2
        return first if layer == 0 else 1 - first

    @staticmethod
    def _read(raster: Tensor, places: Tensor) -> Tensor:
        return read(raster, places, "bilinear") * (places[:, :1] > _BEYOND / 2)


def folded_back(points: Tensor, infill: Infill, *, whole: bool = False) -> Tensor:
    """The places within the picture at which the same is read as at ``points``: (1, 2, h, w).

    ``whole``: those of the nearest pixels; of two, the one to the right or below.
    """
    places = []
    for point, n in zip(points, (points.shape[2], points.shape[1]), strict=True):
        place = point * n - 0.5
        # The last pixel's other neighbour is the first: rounded before it is folded.
        place = (place + 0.5 + 1e-6).floor() if whole else place
        places.append((fold(place, n, infill) + 0.5) / n)
    return torch.stack(places)[None].float()


def read(raster: Tensor, places: Tensor, mode: str) -> Tensor:
    """``raster`` (1, C, h, w) at ``places`` (1, 2, H, W), fractions of its sides: (1, C, H, W)."""
    grid = (2 * places - 1).permute(0, 2, 3, 1)
    return grid_sample(raster, grid, mode=mode, padding_mode="border", align_corners=False)


def revealed(warp: Warp, points: Tensor) -> Tensor:
    """Where ``warp`` brings into view what the picture before didn't show: (1, 1, h, w) in [0, 1].

    Beyond the edges, behind near things, and where a film shows what it did not before. ``points``
    are its sources at the size that is asked for.
    """
    size = (points.shape[1], points.shape[2])
    outside = ((points < 0) | (points > 1)).any(0).float()[None, None]
    if isinstance(warp, SpaceWarp):
        known = warp.revealed.float()
    elif isinstance(warp, FilmWarp):
        known = 1 - warp.reliable.float().cpu()
    else:
        return outside
    return torch.maximum(outside, interpolate(known, size, mode="area"))


def lattice(size: Size) -> Tensor:
    """Lines in squares, centred, (1, 1, h, w) in [0, 1]."""
    width, height = size
    spacing = max(size) / _LINES
    thick = max(1.0, max(size) / 400)
    rows = []
    for n in (height, width):
        place = torch.arange(n) + 0.5 - n / 2
        off = (place / spacing - (place / spacing).round()).abs() * spacing
        rows.append((thick / 2 + 0.5 - off).clamp(0, 1))
    return torch.maximum(rows[0][:, None], rows[1][None])[None, None]
