"""All that is on the map of a generator, found one after the other."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mutoscope.atlas.directions import Strip, draw_strips, find_directions
from mutoscope.atlas.drawn import TILES, open_drawings, small
from mutoscope.atlas.layout import grid_for, lay_out
from mutoscope.atlas.likeness import Likeness, Told
from mutoscope.atlas.nearest import Finder, Match
from mutoscope.atlas.thin import Thin, find_thin
from mutoscope.errors import SettingsError
from mutoscope.train_gan.quality import Embed
from mutoscope.walk.bookmarks import Bookmark, read_bookmarks
from mutoscope.walk.directions import Directions
from mutoscope.walk.keys import MAX_NUMBER, sample
from mutoscope.walk.places import Map
from mutoscope.walk.render import Renderer

log = logging.getLogger("mutoscope")

MOST = 1024
MOST_TILES = 16_384
SHOWN = 256  # the largest side of a picture on the map

Stage = Callable[[str], Told]
"""Says what is being done, and gives what is told how far it is."""


@dataclass(frozen=True)
class Survey:
    """What is wanted of a map.

    Attributes:
        count: samples on it, 4 to `MOST`.
        first: the number of the first.
        truncation: how far w is from its mean, as in walks.
        drawings: their folder, where the training doesn't say it or they have moved.
        tiles: how many of them samples are compared with, at most.
    """

    count: int = 256
    first: int = 0
    truncation: float = 0.7
    drawings: Path | None = None
    tiles: int = TILES

    def __post_init__(self) -> None:
        if not 4 <= self.count <= MOST:
            raise SettingsError(f"--count: {self.count}; a map has 4 to {MOST} samples")
        if not 0 <= self.first <= MAX_NUMBER - MOST:
            raise SettingsError(f"--first: {self.first}; samples are numbered from 0")
        if not 16 <= self.tiles <= MOST_TILES:
            raise SettingsError(f"--tiles: {self.tiles}; allowed are 16 to {MOST_TILES}")
        if not 0 <= self.truncation <= 2:
            raise SettingsError(f"--truncation: {self.truncation:g}; allowed are 0 to 2")


@dataclass(frozen=True, eq=False)
class Atlas:
    """The map of a generator.

    Attributes:
        name: the training's folder.
        generator: the digest of its file.
        truncation: of all pictures here.
        numbers: the samples.
        pictures: (n, c, s, s), bytes.
        cells: (column, row) of each sample, in ``grid`` = (columns, rows).
        grid: columns and rows.
        strips: directions, those that change most first.
        bookmarks: name, what was written, and picture (c, s, s) of each, or None where it was set
            for another generator.
        thin: which lie where drawings are thin, where drawings are.
        matches: for each sample what it is most like, where drawings are.
    """

    name: str
    generator: str
    truncation: float
    numbers: Sequence[int]
    pictures: Tensor
    cells: Sequence[tuple[int, int]]
    grid: tuple[int, int]
    strips: Sequence[Strip]
    bookmarks: Sequence[tuple[str, str, Tensor | None]]
    thin: Thin | None
    matches: Sequence[Match] | None


def survey(
    renderer: Renderer, wanted: Survey, embed: Embed | None, *, stage: Stage
) -> tuple[Atlas, Directions]:
    """Draw the map of a generator.

    Args:
        renderer: it.
        wanted: what is to be on the map.
        embed: the network that judges likeness, where it is there.
        stage: is told what is being done.

    Raises:
        MediaError: bookmarks are damaged, or drawings that were named can't be read.
    """
    numbers = range(wanted.first, wanted.first + wanted.count)
    folder = renderer.path.parent
    kept = read_bookmarks(folder)  # what is damaged is said before anything is drawn
    pictures = draw_samples(renderer, numbers, wanted.truncation, progress=stage("samples"))
    directions = find_directions(renderer)
    strips = draw_strips(
        renderer, directions, truncation=wanted.truncation, progress=stage("directions")
    )
    drawings = open_drawings(
        folder, renderer.generator.shape, wanted.drawings, count=wanted.tiles,
        progress=stage("drawings"),
    )  # fmt: skip
    base = pictures if drawings is None else drawings.pictures
    likeness = Likeness(base, embed, progress=stage("looking at them"))
    features = likeness(pictures)
    cells = lay_out(features, progress=stage("layout"))
    thin, matches = None, None
    if drawings is not None:
        thin = find_thin(likeness.features, features)
        if thin is None:
            log.warning("the drawings are too few to tell where they are thin")
        matches = Finder(drawings, likeness).nearest(pictures, progress=stage("nearest drawings"))
    atlas = Atlas(
        folder.resolve().name, renderer.digest, wanted.truncation, numbers, pictures, cells,
        grid_for(wanted.count), strips, _shown(Map(renderer, kept, directions), kept,
        wanted.truncation), thin, matches,
    )  # fmt: skip
    return atlas, directions


def open_finder(
    renderer: Renderer, wanted: Survey, embed: Embed | None, *, stage: Stage
) -> Finder | None:
    """What finds drawings that pictures are like; None, said once, where they are gone.

    Raises:
        MediaError: they lie in a folder that was named, and can't be read.
    """
    drawings = open_drawings(
        renderer.path.parent, renderer.generator.shape, wanted.drawings, count=wanted.tiles,
        progress=stage("drawings"),
    )  # fmt: skip
    if drawings is None:
        return None
    return Finder(drawings, Likeness(drawings.pictures, embed, progress=stage("looking at them")))


def draw_samples(
    renderer: Renderer, numbers: Sequence[int], truncation: float, *, progress: Told
) -> Tensor:
    """Samples as bytes, (n, c, s, s), no side longer than `SHOWN`."""
    parts = []
    for first in range(0, len(numbers), renderer.batch):
        some = numbers[first : first + renderer.batch]
        z = torch.stack([sample(number, renderer.generator.shape.z) for number in some])
        images = renderer.images(z, "z", torch.full((len(some),), truncation))
        parts.append(small(images.cpu(), SHOWN))
        progress(first + len(some), len(numbers))
    return torch.cat(parts)


def draw_place(renderer: Renderer, w: Tensor, truncation: float) -> Tensor:
    """The picture of one w (w,), bytes, (c, s, s)."""
    images = renderer.images(w[None], "w", torch.tensor([truncation]))
    return small(images.cpu(), SHOWN)[0]


def _shown(
    places: Map, kept: Mapping[str, Bookmark], truncation: float
) -> list[tuple[str, str, Tensor | None]]:
    """Each bookmark with its picture, where it is one of this generator's."""
    found: list[tuple[str, str, Tensor | None]] = []
    for name, bookmark in kept.items():
        picture = None
        try:
            picture = draw_place(places.renderer, places.find(name), truncation)
        except SettingsError as error:
            log.warning("%s", error)
        found.append((name, bookmark.latent, picture))
    return found
