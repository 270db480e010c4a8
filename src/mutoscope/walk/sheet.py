"""A contact sheet of numbered samples, by which the keys of a walk are chosen."""

from importlib.metadata import version
from pathlib import Path

import torch

from mutoscope.atomic import reason, write_bytes
from mutoscope.errors import MediaError, SettingsError
from mutoscope.sheet import Sheet
from mutoscope.walk.keys import MAX_NUMBER, samples
from mutoscope.walk.render import Renderer

MAX_SAMPLES = 1024


def write_sheet(
    path: Path,
    renderer: Renderer,
    *,
    count: int = 64,
    first: int = 0,
    truncation: float = 0.7,
    overwrite: bool = False,
) -> None:
    """Write a sheet of the samples ``first``, ``first`` + 1, … as a PNG, each with its number.

    Raises:
        SettingsError: the numbers are out of range.
        MediaError: it exists or can't be written.
    """
    if not 1 <= count <= MAX_SAMPLES:
        raise SettingsError(f"--count: {count}; a sheet holds 1 to {MAX_SAMPLES} samples")
    if not 0 <= first <= MAX_NUMBER - MAX_SAMPLES:
        raise SettingsError(f"--first: {first}; samples are numbered from 0")
    if path.suffix.lower() != ".png":
        raise MediaError(f"{path}: a sheet is a PNG; give a name that ends with .png")
    if path.exists() and not overwrite:
        raise MediaError(f"{path}: exists already; choose another name, or add --overwrite")
    if not path.parent.is_dir():
        raise MediaError(f"{path}: can't be written: there is no folder {path.parent}")
    numbers = tuple(range(first, first + count))
    side = renderer.size
    name = renderer.path.parent.resolve().name
    title = f"{name}: samples {numbers[0]} to {numbers[-1]}, truncation {truncation:g}"
    sheet = Sheet([[str(number) for number in numbers]], (side, side), title=title)
    vectors = samples(numbers, renderer.generator.shape.z).vectors

    def points(start: int, stop: int) -> tuple[torch.Tensor, torch.Tensor]:
        return vectors[start:stop], torch.full((stop - start,), truncation)

    for place, picture in enumerate(renderer.frames(count, points, "z")(0)):
        sheet.put(place, picture)
    told = {"generator": renderer.digest, "first": first, "count": count, "truncation": truncation}
    recipe = {
        "program": "mutoscope",
        "version": version("mutoscope"),
        "settings": {},
        "samples": told,
        "generator": renderer.lineage,
    }
    try:
        write_bytes(path, sheet.png(recipe))
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {reason(error)}") from error
