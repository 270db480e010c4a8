"""Large pictures piece by piece: tiles that see beyond their edges, so that no seam is left."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """A tile along one side: what it makes, ``start`` to ``stop``, and what it must see for it."""

    start: int
    stop: int
    seen_from: int
    seen_to: int


def spans(length: int, tile: int, overlap: int) -> list[Span]:
    """Tiles of about one size, at most ``tile``, that together make ``length`` pixels.

    Each sees ``overlap`` pixels more on either side, as far as there are any: at the edge of the
    picture a tile ends where the picture ends, as it would untiled.
    """
    count = math.ceil(length / tile)
    edges = [round(number * length / count) for number in range(count + 1)]
    return [
        Span(start, stop, max(0, start - overlap), min(length, stop + overlap))
        for start, stop in itertools.pairwise(edges)
    ]


def grid(size: tuple[int, int], tile: int, overlap: int) -> Iterator[tuple[Span, Span]]:
    """The tiles of a picture of ``size`` (width, height), row by row: down, then across."""
    for down in spans(size[1], tile, overlap):
        for across in spans(size[0], tile, overlap):
            yield down, across


def tiled(
    image: Tensor,
    enlarge: Callable[[Tensor], Tensor],
    factor: int,
    *,
    tile: int,
    overlap: int,
    told: Callable[[int, int], None] | None = None,
) -> Tensor:
    """A picture enlarged tile by tile, (1, 3, H, W) to (1, 3, factor·H, factor·W).

    Args:
        image: The picture.
        enlarge: Enlarges what a tile sees, by ``factor``.
        factor: A whole number.
        tile: The side of a tile, in pixels of the picture; 0 for the whole picture in one.
        overlap: How far beyond its sides a tile sees.
        told: Told how many of how many tiles are done, after each.
    """
    height, width = image.shape[-2:]
    if not tile or (height <= tile and width <= tile):
        return enlarge(image)
    result = torch.empty(1, 3, height * factor, width * factor)
    places = list(grid((width, height), tile, overlap))
    for number, (down, across) in enumerate(places, 1):
        seen = image[..., down.seen_from : down.seen_to, across.seen_from : across.seen_to]
        made = enlarge(seen)
        top, left = (
            (down.start - down.seen_from) * factor,
            (across.start - across.seen_from) * factor,
        )
        high, wide = (down.stop - down.start) * factor, (across.stop - across.start) * factor
        result[
            ...,
            down.start * factor : down.stop * factor,
            across.start * factor : across.stop * factor,
        ] = made[..., top : top + high, left : left + wide]
        if told is not None:
            told(number, len(places))
    return result


def tile_for(memory: int, overlap: int, *, budget: int) -> int:
    """The side of the largest tile whose work takes no more than ``budget`` bytes.

    ``memory`` is what a pixel takes that a tile sees. A tile is never smaller than its overlap,
    or most of the work would be thrown away.
    """
    return max(math.isqrt(budget // memory) - 2 * overlap, overlap, 32)
