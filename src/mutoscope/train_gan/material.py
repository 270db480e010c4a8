"""The drawings that a generator learns from, as numbered tiles: tile k is the same one for ever.

A folder holds scans, from which tiles are cut while they are wanted (`drawings.tiles`), anywhere or
where specimens were picked; or tiles that are ready, as files or in shards, which come in a new
order each time all have been shown.
"""

import hashlib
import logging
import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from mutoscope.drawings.cache import PageCache, dpi_of
from mutoscope.drawings.inked import Inked
from mutoscope.drawings.margins import NAME as MARGINS
from mutoscope.drawings.scans import Page, Pixels, pages_of, read_page
from mutoscope.drawings.shards import ENDINGS, decoded, find_shards, read_at, skim_shard
from mutoscope.drawings.sheets import AUTO, common_dpi, lay_out, page_names
from mutoscope.drawings.specimens import NAME, Specimen, places_on, read_specimens
from mutoscope.drawings.tiles import Blobs, Places, Tiles, Turned
from mutoscope.errors import MediaError
from mutoscope.paint import rng_for
from mutoscope.train_gan.recipe import Settings
from mutoscope.train_gan.team import ALONE, Team
from mutoscope.training.ahead import Ahead
from mutoscope.training.files import SUFFIXES, find_pictures, fingerprint

log = logging.getLogger("mutoscope")

LARGEST_TILE = 1024
LOOKED_AT = 64  # files whose headers say what a folder holds
CACHE_BYTES = 2**30
REFERENCE = 2**40  # the tiles from here on are compared with; no training gets so far
_USUAL_DPI, _USUAL_SIZE = 300.0, 512
_LEAST_DPI = 10.0

Picked = dict[str, tuple[str, list[Specimen]]]


class Material(Protocol):
    """Tiles by number."""

    def batch(self, first: int, count: int) -> Tensor:
        """The tiles from ``first`` on: (count, channels, size, size) in [0, 1]."""
        ...


@dataclass(frozen=True)
class Found:
    """What a folder holds: ``kind`` is one of the key ``data``, ``mark`` says which they are."""

    folder: Path
    kind: str
    paths: Sequence[Path]
    mark: str


def look_for(folder: Path, kind: str, *, besides: Path | None = None) -> Found:
    """Find the drawings in ``folder``: ``kind`` is as ``data``, or auto for what it looks like.

    Tiles may lie in folders inside it, but for ``besides``.

    Raises:
        MediaError: there are none.
    """
    if kind == "shards" or (kind == "auto" and _are_shards(folder)):
        return _shards_in(folder)
    paths = find_pictures(folder, besides=besides)
    if kind == "auto":
        kind = "tiles" if _are_tiles(paths) else "scans"
        if kind == "scans" and (folder / NAME).is_file():
            count = sum(len(rows) for _, rows in read_specimens(folder / NAME).values())
            kind = "specimens" if count else "scans"
            log.info(
                "%s: has %d specimens, %s", folder / NAME, count,
                "from which tiles are made; data=scans cuts anywhere" if count else "and is unused",
            )  # fmt: skip
    if kind not in ("scans", "specimens"):
        return Found(folder, kind, paths, fingerprint(folder, paths))
    paths = list(dict.fromkeys(page.path for page in pages_of(folder)))
    mark = fingerprint(folder, paths)
    where = folder / (NAME if kind == "specimens" else MARGINS)
    if kind == "specimens":
        read_specimens(where)
    if where.is_file():
        mark = hashlib.blake2b(mark.encode() + where.read_bytes(), digest_size=8).hexdigest()
    return Found(folder, kind, paths, mark)


def _are_shards(folder: Path) -> bool:
    """Whether a folder holds shards and no pictures beside them."""
    try:
        names = [path.suffix.lower() for path in folder.iterdir()]
    except OSError:
        return False
    return not any(name in SUFFIXES for name in names) and any(
        name in ENDINGS.values() for name in names
    )


def _shards_in(folder: Path) -> Found:
    paths = find_shards(folder) if folder.is_dir() else []
    if not paths:
        allowed = " and ".join(ENDINGS.values())
        raise MediaError(f"{folder}: there is no shard in it; allowed are {allowed}")
    return Found(folder, "shards", paths, fingerprint(folder, paths))


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


class Cut:
    """Tiles cut from pages while they are wanted.

    Args:
        places: where.
        settings: size and seed.
    """

    def __init__(self, places: Places, settings: Settings) -> None:
        self._tiles = Tiles(places, settings.size, seed=settings.seed, workers=1)

    def batch(self, first: int, count: int) -> Tensor:
        """As in `Material`."""
        return self._tiles.batch(range(first, first + count))


def anywhere(folder: Path, settings: Settings, *, cache: PageCache | None = None) -> Places:
    """Places all over the pages in a folder, of which not too many are blank.

    They lie within the margins that the folder's ``adj_xy.json`` says, or else around the ink.

    Raises:
        MediaError: there is no page with ink on it and room for a tile.
    """
    pages = pages_of(folder)
    dpi = settings.dpi or usual_dpi(common_dpi(pages), settings.size)
    kept = folder / MARGINS
    sheets = lay_out(
        pages, cache or PageCache(), channels=settings.channels, dpi=dpi,
        margins=kept if kept.is_file() else AUTO,
    )  # fmt: skip
    turn, mirror = settings.turn == "yes", settings.mirror == "yes"
    return Inked(
        Blobs(sheets, settings.size, turn=turn, mirror=mirror), blank=settings.blank
    )  # fmt: skip


def where_picked(folder: Path, settings: Settings, *, cache: PageCache | None = None) -> Places:
    """The specimens of a folder's pages, each in its eight turns.

    Raises:
        MediaError: none is picked on a page that is here.
    """
    pages, picked = pages_of(folder), read_specimens(folder / NAME)
    dpi = settings.dpi or _dpi_of_smallest(pages, picked, settings.size)
    # Pages without ink stay, where somebody picked something nonetheless; so does what touches
    # their edges.
    sheets = lay_out(
        pages, cache or PageCache(), channels=settings.channels, dpi=dpi, margins="0px",
        keep_blank=True,
    )  # fmt: skip
    places = places_on(sheets, picked)
    if not places:
        raise MediaError(
            f"{folder / NAME}: no specimen is picked on the pages that are here; pick some, or say "
            "data=scans to have tiles cut anywhere"
        )
    return Turned(sheets, places)


def _dpi_of_smallest(pages: Sequence[Page], picked: Picked, size: int) -> float:
    """The resolution at which the smallest specimen fills a tile; that of the pages at most."""
    own = common_dpi(pages)
    inches = [
        row.side / dpi_of(page)
        for name, page in zip(page_names(pages), pages, strict=True)
        for row in picked.get(name, ("", []))[1]
    ]
    return max(_LEAST_DPI, min(own, size / min(inches))) if inches else own


class Ready:
    """Tiles that lie ready, shuffled anew each time all were shown.

    Args:
        read: from a tile's number to its bytes, (channels, size, size).
        count: how many there are.
        seed: another one, another order.
        cache_bytes: how much memory those may take that were read.
    """

    def __init__(
        self, read: Callable[[int], Pixels], count: int, *, seed: int,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:  # fmt: skip
        self._read, self.count, self.seed = read, count, seed
        self._room = cache_bytes
        self._copies: dict[int, Pixels] = {}
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))

    def batch(self, first: int, count: int) -> Tensor:
        """As in `Material`."""
        tiles = np.stack([self._tile(self._which(k)) for k in range(first, first + count)])
        return torch.from_numpy(tiles).float().div_(255)

    def _which(self, k: int) -> int:
        """Which tile is the ``k``-th to be shown."""
        turn, place = divmod(k, self.count)
        if turn != self._order[0]:
            rng = rng_for(self.seed, f"order/{turn}")
            self._order = turn, torch.randperm(self.count, generator=rng)
        return int(self._order[1][place])

    def _tile(self, index: int) -> Pixels:
        """One tile as bytes, (channels, size, size)."""
        if index not in self._copies:
            tile = self._read(index)
            if tile.nbytes > self._room:
                return tile
            self._room -= tile.nbytes
            self._copies[index] = tile
        return self._copies[index]


def ready_files(
    paths: Sequence[Path], settings: Settings, *, cache_bytes: int = CACHE_BYTES
) -> Ready:
    """The tiles in files of their own."""
    return Ready(
        lambda index: read_tile(paths[index], settings), len(paths), seed=settings.seed,
        cache_bytes=cache_bytes,
    )  # fmt: skip


def ready_shards(
    paths: Sequence[Path], settings: Settings, *, cache_bytes: int = CACHE_BYTES
) -> Ready:
    """The tiles in shards, mixed over all of them; only where they begin is kept in memory.

    A tile's checksum is compared each time it is read from the disk.

    Raises:
        MediaError: a shard is damaged between its tiles, or there is no tile.
    """
    offsets = [array("q", skim_shard(path)) for path in paths]
    ends = list(accumulate(map(len, offsets)))
    if not ends[-1]:
        raise MediaError(f"{paths[0].parent}: there is no tile in its {len(paths)} shards")

    def read(index: int) -> Pixels:
        shard = bisect_right(ends, index)
        path, offset = paths[shard], offsets[shard][index - ends[shard]]
        pixels = decoded(path, read_at(path, offset))
        return fitted(pixels, settings, place=f"{path}: the tile at byte {offset}")

    return Ready(read, ends[-1], seed=settings.seed, cache_bytes=cache_bytes)


def read_tile(path: Path, settings: Settings) -> Pixels:
    """A file that is a tile, in the size that is wanted: (channels, size, size).

    Raises:
        MediaError: it can't be read, or is no square.
    """
    page = read_page(path)[0]
    _check_square(page.size, place=str(path))
    return fitted(page.pixels(channels=settings.channels), settings, place=str(path))


def fitted(pixels: Pixels, settings: Settings, *, place: str) -> Pixels:
    """A tile, (s, s) or (s, s, 3), as it is wanted: (channels, size, size).

    Raises:
        MediaError: it is no square.
    """
    height, width = pixels.shape[:2]
    _check_square((width, height), place=place)
    grey, side = settings.channels == 1, settings.size
    if grey and pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]
    elif not grey and pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if width != side:
        how = cv2.INTER_AREA if width > side else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, (side, side), interpolation=how)  # type: ignore[assignment]
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _check_square(size: tuple[int, int], *, place: str) -> None:
    if size[0] != size[1]:
        raise MediaError(
            f"{place}: is {size[0]} × {size[1]}, and tiles are square; take it away, or "
            "say data=scans to have tiles cut from pictures"
        )


def open_material(found: Found, settings: Settings) -> Material:
    """The tiles of what was found.

    Raises:
        MediaError: none can be made.
    """
    if found.kind == "scans":
        return Cut(anywhere(found.folder, settings), settings)
    if found.kind == "specimens":
        return Cut(where_picked(found.folder, settings), settings)
    return (ready_shards if found.kind == "shards" else ready_files)(found.paths, settings)


def ahead_of(material: Material, batch: int, *, team: Team = ALONE) -> Ahead:
    """The drawings of every step, (batch, channels, size, size) in [0, 1], the next made ahead.

    Of a team each process has its share of them.
    """
    share = batch // team.size
    return Ahead(lambda step: material.batch(step * batch + team.rank * share, share), "drawings")
