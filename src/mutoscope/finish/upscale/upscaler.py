"""Pictures made larger: a model, the tiles it is run on, and the size that is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mutoscope.errors import SettingsError
from mutoscope.finish.upscale.engines import Engine, NcnnEngine, SpandrelEngine
from mutoscope.finish.upscale.faces import Restore, load_faces
from mutoscope.finish.upscale.models import FOR_PICTURES, Embedded, model_of
from mutoscope.finish.upscale.tiles import tile_for, tiled
from mutoscope.images import resize

MEMORY = 2_500_000_000
"""About how many bytes the work on a tile may take, where its size is left to us."""

MAX_SCALE = 8.0
SMALLEST_TILE = 16


@dataclass(frozen=True)
class Upscaler:
    """Enlarges pictures.

    Attributes:
        engine: the model.
        scale: by how much; what its own factor gives is resampled to that.
        tile: the side of a tile in pixels of the input, 0 for none, None for what memory allows.
        faces: what restores faces afterwards.
        faces_name: what that is called.
    """

    engine: Engine
    scale: float
    tile: int | None = None
    faces: Restore | None = None
    faces_name: str | None = None

    def __call__(self, image: Tensor, told: Callable[[int, int], None] | None = None) -> Tensor:
        """A picture enlarged, (1, 3, H, W) to (1, 3, scale·H, scale·W), both in [0, 1].

        ``told`` is told how many of how many tiles are done.
        """
        engine = self.engine
        tile = self.tile
        if tile is None:
            pixels = image.shape[-1] * image.shape[-2]
            fits = pixels * engine.memory <= MEMORY
            tile = 0 if fits else tile_for(engine.memory, engine.overlap, budget=MEMORY)
        made = tiled(image, engine, engine.factor, tile=tile, overlap=engine.overlap, told=told)
        made = resize(made.clamp(0, 1), self.size((image.shape[-1], image.shape[-2])))
        return made if self.faces is None else self.faces(made)

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """What becomes of a picture of a size, (width, height) both."""
        return max(1, round(size[0] * self.scale)), max(1, round(size[1] * self.scale))

    @property
    def key(self) -> dict[str, Any]:
        """What the result depends on, beside the picture."""
        told: dict[str, Any] = {"model": self.engine.name, "scale": self.scale}
        return told if self.faces is None else {**told, "faces": self.faces_name or "default"}


def load_upscaler(
    model: str | Path = FOR_PICTURES,
    *,
    scale: float | None = None,
    tile: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    faces: str | bool = False,
) -> Upscaler:
    """An upscaler, ready.

    Args:
        model: an embedded model, a name that another program has for one, or the path of a
            checkpoint.
        scale: by how much, 1 to 8; by default 4, or the factor of the checkpoint.
        tile: the side of a tile in pixels of the input; 0 for none; by default what memory allows.
        device: ``auto``, ``cpu`` or ``vulkan``; a checkpoint takes torch's own device for ``auto``.
        threads: of an embedded model on the CPU; by default as many as torch uses.
        faces: restore faces: the name of a plug-in, or True for the only one there is.

    Raises:
        SettingsError: the model is not known, or a value is out of range.
        ExtraError: a package is missing.
        WeightsError: a checkpoint can't be read.
    """
    if scale is not None and not 1 <= scale <= MAX_SCALE:
        raise SettingsError(f"scale: {scale:g}; allowed are 1 to {MAX_SCALE:g}")
    if tile and tile < SMALLEST_TILE:
        raise SettingsError(
            f"tile: {tile} pixels; allowed are 0 (no tiles) and {SMALLEST_TILE} or more"
        )
    restore = load_faces(faces if isinstance(faces, str) else None) if faces else None
    wanted = model_of(model)
    engine: Engine
    if isinstance(wanted, Embedded):
        scale = 4.0 if scale is None else scale
        engine = NcnnEngine(wanted, wanted.factor(scale), device=device, threads=threads)
    else:
        engine = SpandrelEngine(wanted, _device(device))
    return Upscaler(
        engine,
        float(engine.factor if scale is None else scale),
        tile,
        restore,
        faces if isinstance(faces, str) else None,
    )


def _device(name: str) -> torch.device:
    """Where a checkpoint runs."""
    if name == "vulkan":
        raise SettingsError("device: a checkpoint can't run through Vulkan; take auto or cpu")
    if name == "auto" and torch.accelerator.is_available():
        return torch.accelerator.current_accelerator() or torch.device("cpu")
    return torch.device("cpu")
