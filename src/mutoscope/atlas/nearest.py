"""From which drawing is this? The tile most like a picture, and the place on its page.

Tiles that look alike are found by `Likeness`; around each of the best, the picture is laid on the
page wherever it fits best there, by normalised correlation of what is slightly blurred, since a
line beside a line would count for nothing. One picture may also be laid on all pages, everywhere.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from mutoscope.atlas.drawn import Drawings, small, told_origin
from mutoscope.atlas.likeness import Floats, Likeness, Told, squared_distances
from mutoscope.drawings.cutting import Place
from mutoscope.drawings.grid import Pixels
from mutoscope.drawings.sheets import Sheet
from mutoscope.drawings.tiles import Origin, Tiles, cut_from, origin_of

_CANDIDATES = 8  # tiles around which it is looked for
_WIDER = 1.5  # the part of the page that is searched, in sides of the tile
_BLUR = 1 / 40  # of a side
_COARSE, _COARSER = 48, 32  # pixels of a side, where whole pages are searched; with turns
_ANGLES = 24  # of those
_KEPT = 12  # of the places found there
_FLAT = 1e-3  # spread of a part of a page on which nothing is
_FAINT = 0.02  # of a picture; what there is on it is noise, which fits anywhere


@dataclass(frozen=True, eq=False)
class Match:
    """The place most like a picture.

    Attributes:
        where: in words.
        likeness: the correlation with what is there, at most 1.
        crop: what is there, (c, s, s), bytes.
        origin: the place, where it is on a page.
    """

    where: str
    likeness: float
    crop: Tensor
    origin: Origin | None


class Finder:
    """Finds the drawings that pictures are like.

    Args:
        drawings: the tiles.
        likeness: made with their pictures.
    """

    def __init__(self, drawings: Drawings, likeness: Likeness) -> None:
        self.drawings, self.likeness = drawings, likeness

    def nearest(self, pictures: Tensor, *, progress: Told | None = None) -> list[Match]:
        """The match of each of ``pictures``, (n, c, s, s), bytes or in [0, 1]."""
        features = self.likeness(pictures)
        matches = []
        for place, (row, picture) in enumerate(zip(features, small(pictures), strict=True)):
            matches.append(self._match(row, picture))
            if progress is not None:
                progress(place + 1, len(pictures))
        return matches

    def anywhere(self, picture: Tensor, *, progress: Told | None = None) -> Match:
        """The match of one picture, (c, s, s), on all of the pages, not only on the tiles."""
        best = self.nearest(picture[None])[0]
        tiles = self.drawings.tiles
        wanted = grey(small(picture[None])[0])
        if tiles is None or wanted.std() < _FAINT:
            return best
        found: list[tuple[float, Place]] = []
        sheets = tiles.places.sheets
        for number, sheet in enumerate(sheets):
            found += search_page(sheet, number, wanted, tiles.size, turn=self.drawings.turned)
            if progress is not None:
                progress(number + 1, len(sheets))
        first = sorted(found, key=lambda one: -one[0])[:_KEPT]
        refined = [self._refined(tiles, place, wanted) for _, place in first]
        return max([best, *refined], key=lambda match: match.likeness)

    def _match(self, features: Floats, picture: Tensor) -> Match:
        far = squared_distances(features[None], self.likeness.features)[0]
        near = np.argsort(far, kind="stable")[:_CANDIDATES]
        wanted, tiles = grey(picture), self.drawings.tiles
        if tiles is None or wanted.std() < _FAINT:
            return self._as_it_is(int(near[0]), wanted)
        matches = [self._refined(tiles, tiles.place(int(one)), wanted) for one in near]
        return max(matches, key=lambda match: match.likeness)

    def _as_it_is(self, index: int, wanted: Floats) -> Match:
        crop = self.drawings.pictures[index]
        tiles = self.drawings.tiles
        origin = None if tiles is None else tiles.origin(index)
        likeness = correlation(blurred(wanted), blurred(grey(crop)))
        return Match(self.drawings.where(index), likeness, crop, origin)

    def _refined(self, tiles: Tiles, place: Place, wanted: Floats) -> Match:
        sheets = tiles.places.sheets
        likeness, found = refine(sheets, place, wanted)
        origin = origin_of(sheets[found.page], found)
        crop = torch.from_numpy(np.atleast_3d(cut_from(sheets, found, len(wanted))))
        return Match(told_origin(tiles, origin), likeness, crop.permute(2, 0, 1), origin)


def refine(sheets: Sequence[Sheet], place: Place, wanted: Floats) -> tuple[float, Place]:
    """Where near a place a picture (s, s) fits best: its correlation there, and the place."""
    size = len(wanted)
    wide = size + 2 * round(size * (_WIDER - 1) / 2)
    window = cut_from(sheets, replace(place, side=place.side * wide / size), wide)
    fit = _fits(_blur(_grey(window), size), _blur(wanted, size))
    row, column = np.unravel_index(int(fit.argmax()), fit.shape)
    away = (wide - size) / 2
    turn = turning(place.angle, mirror=place.mirror) * (place.side / size)
    x, y = turn @ np.array([column - away, row - away])
    best = replace(place, x=place.x + float(x), y=place.y + float(y))
    return float(fit[row, column]), best


def search_page(
    sheet: Sheet, number: int, wanted: Floats, side: int, *, turn: bool
) -> Iterator[tuple[float, Place]]:
    """Where on a whole page a picture fits best, for each angle; roughly, to be refined.

    Args:
        sheet: the page.
        number: which of the sheets it is.
        wanted: (s, s).
        side: the length of the picture's side on the page.
        turn: whether it may lie at any angle and be mirrored.
    """
    coarse = min(_COARSER if turn else _COARSE, len(wanted))
    scale = coarse / side
    height, width = (max(1, round(length * scale)) for length in sheet.pixels.shape[:2])
    if min(height, width) < coarse:
        return
    page = _blur(_shrunk(_grey(np.asarray(sheet.pixels)), (width, height)), coarse)
    picture = _shrunk(wanted, (coarse, coarse))
    for angle in np.arange(_ANGLES) * 360 / _ANGLES if turn else [0.0]:
        for mirror in (False, True):
            upright = _upright(picture, float(angle), mirror=mirror)
            inside = _blur(upright, coarse)
            if inside.std() < _FLAT:
                continue
            fit = _fits(page, inside)
            row, column = np.unravel_index(int(fit.argmax()), fit.shape)
            x, y = (column + len(inside) / 2) / scale, (row + len(inside) / 2) / scale
            yield float(fit[row, column]), Place(number, x, y, side, float(angle), mirror)


def turning(angle: float, *, mirror: bool) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """From a tile's directions to the page's, as `cut` turns and mirrors."""
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    across = -1.0 if mirror else 1.0
    return np.array([[across * cosine, -sine], [across * sine, cosine]])


def correlation(ours: Floats, theirs: Floats) -> float:
    """The correlation of two pictures of one size; 0 where one of them is flat."""
    a, b = ours - ours.mean(), theirs - theirs.mean()
    length = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / length if length > _FLAT else 0.0


def grey(picture: Tensor) -> Floats:
    """A picture (c, s, s), bytes or in [0, 1], as its lights (s, s) in [0, 1]."""
    values = picture.float() / 255 if picture.dtype == torch.uint8 else picture.float()
    return np.ascontiguousarray(values.mean(dim=0).cpu().numpy(), np.float32)


def blurred(picture: Floats) -> Floats:
    """A picture (s, s), slightly blurred."""
    return _blur(picture, len(picture))


def _blur(picture: Floats, side: int) -> Floats:
    sigma = max(side * _BLUR, 0.5)
    found: Floats = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
    return found


def _grey(pixels: Pixels) -> Floats:
    lights: Floats = np.asarray(pixels, np.float32) / np.float32(255)
    return lights if lights.ndim == 2 else np.asarray(lights.mean(axis=2), np.float32)


def _shrunk(picture: Floats, size: tuple[int, int]) -> Floats:
    found: Floats = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
    return found


def _fits(page: Floats, picture: Floats) -> Floats:
    """How well a picture fits at each place; what is flat fits nowhere."""
    found = cv2.matchTemplate(page, picture, cv2.TM_CCOEFF_NORMED)
    # Where a page is empty, rounding makes anything of 0 / 0.
    fits: Floats = np.array(found, np.float32)
    fits[~(np.isfinite(fits) & (np.abs(fits) <= 1 + _FLAT))] = 0
    return fits


def _upright(picture: Floats, angle: float, *, mirror: bool) -> Floats:
    """What is seen of a picture when its page lies upright: all of it, or its middle, if turned."""
    side = len(picture)
    inner = side if angle % 90 == 0 else math.floor(side / math.sqrt(2))
    back = np.linalg.inv(turning(angle, mirror=mirror))
    matrix = np.zeros((2, 3))
    matrix[:, :2] = back
    matrix[:, 2] = (side - 1) / 2 - back @ np.full(2, (inner - 1) / 2)
    found: Floats = np.asarray(
        cv2.warpAffine(
            picture, matrix, (inner, inner), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )  # fmt: skip
    return found
