"""The drawings that a generator learned from, as tiles of which one knows where they lie."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from mutoscope.atlas.likeness import LARGEST, Told
from mutoscope.atomic import reason
from mutoscope.drawings.tiles import Origin, Tiles
from mutoscope.errors import MediaError, RunError
from mutoscope.gan import Shape
from mutoscope.train_gan.folder import read_recipe
from mutoscope.train_gan.material import (
    Found,
    anywhere,
    look_for,
    read_tile,
    ready_shards,
    where_picked,
)
from mutoscope.train_gan.recipe import Settings
from mutoscope.training.folder import is_training

log = logging.getLogger("mutoscope")

TILES = 4096
_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Drawings:
    """Tiles, small and as bytes, and where each is from.

    Attributes:
        pictures: (n, c, s, s), bytes, s at most `LARGEST`.
        tiles: what they were cut from, where they were: tile k is ``pictures[k]``.
        files: the files that they are, where they lay ready.
        turned: whether they may lie at any angle on their page.
    """

    pictures: Tensor
    tiles: Tiles | None = None
    files: Sequence[Path] = ()
    turned: bool = False

    def where(self, index: int) -> str:
        """Where a tile is from, in words."""
        if self.tiles is not None:
            return told_origin(self.tiles, self.tiles.origin(index))
        return self.files[index].name if self.files else f"tile {index}"


def told_origin(tiles: Tiles, origin: Origin) -> str:
    """A place in words: ``page 03.png at 1200, 840``, the middle of it in the scan's pixels."""
    path = next((s.path for s in tiles.places.sheets if s.digest == origin.digest), None)
    # A file of several pages has its page's number in the name.
    file = path.name if path is not None and origin.page in (path.stem, path.name) else origin.page
    turned = f", turned by {origin.angle:.0f}°" if round(origin.angle) % 360 else ""
    return f"page {file} at {origin.x:.0f}, {origin.y:.0f}{turned}" + (
        ", mirrored" if origin.mirror else ""
    )


def open_drawings(
    run: Path, shape: Shape, folder: Path | None = None, *, count: int = TILES,
    progress: Told | None = None,
) -> Drawings | None:  # fmt: skip
    """The tiles that the generator in a training's folder was shown; None, said once, if gone.

    Args:
        run: the training's folder.
        shape: the generator's.
        folder: where the drawings lie now; by default where the training found them.
        count: how many tiles, at most.
        progress: told how many are there.

    Raises:
        MediaError: they lie in ``folder``, which was named, and can't be read.
    """
    try:
        found, settings = _found(run, shape, folder)
        return _load(found, settings, count, progress)
    except (MediaError, RunError) as error:
        if folder is not None:
            raise
        log.warning("the map is drawn without the drawings: %s", error)
        return None
    except OSError as error:
        raise MediaError(f"{folder or run}: can't be read: {reason(error)}") from error


def _found(run: Path, shape: Shape, folder: Path | None) -> tuple[Found, Settings]:
    if not is_training(run):
        if folder is None:
            raise MediaError(
                f"{run}: has no settings.json that tells where they lie; name their folder by "
                "--drawings"
            )
        settings = replace(Settings(), size=shape.size, channels=shape.channels)
        return look_for(folder, settings.data), settings
    recipe = read_recipe(run)
    if (recipe.settings.size, recipe.settings.channels) != (shape.size, shape.channels):
        raise RunError(f"{run}: its settings are of another generator than lies in it")
    found = look_for(folder or Path(recipe.pictures), recipe.settings.data, besides=run)
    if found.mark != recipe.fingerprint:
        log.warning(
            "%s: holds other files than when the training began; what is nearest is looked for "
            "among those that are there now", found.folder,
        )  # fmt: skip
    return found, recipe.settings


def _load(found: Found, settings: Settings, count: int, progress: Told | None) -> Drawings:
    if found.kind == "tiles":
        files = found.paths[:: -(-len(found.paths) // count)]
        rows = (torch.from_numpy(read_tile(path, settings).copy())[None] for path in files)
        return Drawings(_stacked(rows, len(files), progress), files=files)
    if found.kind == "shards":
        shards = ready_shards(found.paths, settings)
        count = min(count, shards.count)  # beyond that the same ones come again
        return Drawings(_stacked(_batches(shards.batch, count), count, progress))
    picked = found.kind == "specimens"
    places = (where_picked if picked else anywhere)(found.folder, settings)
    tiles = Tiles(places, settings.size, seed=settings.seed, workers=1)

    def cut(first: int, some: int) -> Tensor:
        return tiles.batch(range(first, first + some))

    pictures = _stacked(_batches(cut, count), count, progress)
    return Drawings(pictures, tiles, turned=picked or settings.turn == "yes")


def _batches(make: Callable[[int, int], Tensor], count: int) -> Iterator[Tensor]:
    for first in range(0, count, _AT_ONCE):
        yield make(first, min(_AT_ONCE, count - first))


def _stacked(batches: Iterable[Tensor], count: int, progress: Told | None) -> Tensor:
    parts, done = [], 0
    for batch in batches:
        parts.append(small(batch))
        done += len(batch)
        if progress is not None:
            progress(done, count)
    return torch.cat(parts)


def small(pictures: Tensor, side: int = LARGEST) -> Tensor:
    """Pictures (n, c, s, s) as bytes, none with a longer side than ``side``."""
    if pictures.dtype != torch.uint8:
        pictures = pictures.clamp(0, 1).mul(255).round().byte()
    if pictures.shape[-1] <= side:
        return pictures
    return interpolate(pictures.float(), (side, side), mode="area").round().byte()
