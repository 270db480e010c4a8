"""The drawings that a generator learns from, as numbered tiles: tile k is the same one for ever.

A folder holds scans, from which tiles are cut while they are wanted (`drawings.tiles`), or tiles
that are ready, which come in a new order each time all have been shown.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import cv2
import numpy as np
import torch
from torch import Tensor

from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.scans import Pixels, pages_of, read_page
from mutoscope.drawings.sheets import common_dpi, lay_out
from mutoscope.drawings.tiles import Blobs, Places, Tiles
from mutoscope.errors import MediaError
from mutoscope.paint import rng_for
from mutoscope.train_gan.recipe import Settings
from mutoscope.training.ahead import Ahead
from mutoscope.training.files import find_pictures, fingerprint

log = logging.getLogger("mutoscope")

LARGEST_TILE = 1024
LOOKED_AT = 64  # files whose headers say what a folder holds
CACHE_BYTES = 2**30
REFERENCE = 2**40  # the tiles from here on are compared with; no training gets so far
_USUAL_DPI, _USUAL_SIZE = 300.0, 512


class Material(Protocol):
    """Tiles by number."""

    def batch(self, first: int, count: int) -> Tensor:
        """The tiles from ``first`` on: (count, channels, size, size) in [0, 1]."""
        ...


@dataclass(frozen=True)
class Found:
    """What a folder holds: ``kind`` is scans or tiles, ``mark`` says which they are."""

    folder: Path
    kind: str
    paths: Sequence[Path]
    mark: str


def look_for(folder: Path, kind: str, *, besides: Path | None = None) -> Found:
    """Find the drawings in ``folder``: ``kind`` is scans, tiles, or auto for what it looks like.

    Tiles may lie in folders inside it, but for ``besides``.

    Raises:
        MediaError: there are none.
    """
    paths = find_pictures(folder, besides=besides)
    if kind == "auto":
        kind = "tiles" if _are_tiles(paths) else "scans"
    if kind == "scans":
        paths = list(dict.fromkeys(page.path for page in pages_of(folder)))
    return Found(folder, kind, paths, fingerprint(folder, paths))


def _are_tiles(paths: Sequence[Path]) -> bool:
    """Whether pictures are all square, small and alike, as far as some of them show."""
    some = paths[:: max(1, len(paths) // LOOKED_AT)]
    sizes = set()
    for path in some:
        try:
            sizes.add(read_page(path)[0].size)
        except MediaError:
            continue
    width, height = next(iter(sizes)) if len(sizes) == 1 else (0, 1)
    return len(paths) > 1 and width == height <= LARGEST_TILE


def usual_dpi(own: float, size: int) -> float:
    """The resolution at which pictures of a size are cut where nobody says: ``own`` at most.

    512 pixels show 43 mm at 300 dpi. Smaller ones show less paper, but not in proportion, or
    nothing would be on them: half the side, 0.7 of the resolution.
    """
    return min(own, _USUAL_DPI * math.sqrt(size / _USUAL_SIZE))


class Scans:
    """Tiles cut from pages while they are wanted. A context manager."""

    def __init__(self, folder: Path, settings: Settings, *, cache: PageCache | None = None) -> None:
        pages = pages_of(folder)
        size = settings.size
        self.dpi = settings.dpi or usual_dpi(common_dpi(pages), size)
        sheets = lay_out(pages, cache or PageCache(), channels=settings.channels, dpi=self.dpi)
        places = Blobs(sheets, size, turn=settings.turn == "yes", mirror=settings.mirror == "yes")
        self._tiles = Tiles(cast(Places, places), size, seed=settings.seed, workers=1)

    def batch(self, first: int, count: int) -> Tensor:
        """As in `Material`."""
        return self._tiles.batch(range(first, first + count))


class Ready:
    """Tiles that lie ready in files, shuffled anew each time all were shown.

    Args:
        paths: the files.
        settings: size, channels and seed.
        cache_bytes: how much memory those may take that were read.
    """

    def __init__(
        self, paths: Sequence[Path], settings: Settings, *, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self.paths, self.settings = paths, settings
        self._room = cache_bytes
        self._copies: dict[int, Pixels] = {}
        self._order: tuple[int, list[int]] = (-1, [])

    def batch(self, first: int, count: int) -> Tensor:
        """As in `Material`."""
        tiles = np.stack([self._tile(self._which(k)) for k in range(first, first + count)])
        return torch.from_numpy(tiles).float().div_(255)

    def _which(self, k: int) -> int:
        """Which file tile ``k`` is."""
        turn, place = divmod(k, len(self.paths))
        if turn != self._order[0]:
            rng = rng_for(self.settings.seed, f"order/{turn}")
            self._order = turn, torch.randperm(len(self.paths), generator=rng).tolist()
        return self._order[1][place]

    def _tile(self, index: int) -> Pixels:
        """One file as bytes, (channels, size, size)."""
        if index not in self._copies:
            tile = read_tile(self.paths[index], self.settings)
            if tile.nbytes > self._room:
                return tile
            self._room -= tile.nbytes
            self._copies[index] = tile
        return self._copies[index]


def read_tile(path: Path, settings: Settings) -> Pixels:
    """A file that is a tile, in the size that is wanted: (channels, size, size).

    Raises:
        MediaError: it can't be read, or is no square.
    """
    page = read_page(path)[0]
    if page.size[0] != page.size[1]:
        raise MediaError(
            f"{path}: is {page.size[0]} × {page.size[1]}, and tiles are square; take it away, or "
            "say data=scans to have tiles cut from the pictures"
        )
    pixels, side = page.pixels(channels=settings.channels), settings.size
    if page.size[0] != side:
        how = cv2.INTER_AREA if page.size[0] > side else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, (side, side), interpolation=how)  # type: ignore[assignment]
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def open_material(found: Found, settings: Settings) -> Material:
    """The tiles of what was found.

    Raises:
        MediaError: none can be made.
    """
    if found.kind == "scans":
        return Scans(found.folder, settings)
    return Ready(found.paths, settings)


def ahead_of(material: Material, batch: int) -> Ahead:
    """The drawings of every step, (batch, channels, size, size) in [0, 1], the next made ahead."""
    return Ahead(lambda step: material.batch(step * batch, batch), "drawings")
