"""What is upscaled: a picture, a folder of pictures, or a film with its sound."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mutoscope.atomic import is_part, reason, sweep_parts
from mutoscope.errors import MediaError, MutoscopeError
from mutoscope.finish.origin import refuse_picture
from mutoscope.finish.produce import Hands, produce
from mutoscope.finish.upscale.layers import read_layers, write_layers
from mutoscope.finish.upscale.upscaler import Upscaler
from mutoscope.frames.codecs import codec_of
from mutoscope.frames.folder import picture_paths
from mutoscope.lock import NAME as LOCK
from mutoscope.lock import FolderLock
from mutoscope.provenance import read_recipe
from mutoscope.run.material import Clip

log = logging.getLogger("mutoscope")

JOURNAL = ".upscaled.jsonl"
"""What a folder of results says of how they were made, and of what: a line each."""

Told = Callable[[int, int | None], None]
"""Told how many of how many (if that is known) pictures, or tiles of one, are done."""


def upscale_picture(
    source: Path,
    out: Path,
    upscaler: Upscaler,
    *,
    overwrite: bool = False,
    told: Told | None = None,
) -> None:
    """Write a picture enlarged, its transparency kept, its recipe with a note of this.

    Raises:
        MediaError: the picture can't be read, or the result can't be written or is there.
        RunError: there is not enough memory for a tile.
    """
    refuse_picture(out, overwrite=overwrite)
    if not out.parent.is_dir():
        raise MediaError(f"{out}: can't be written: there is no folder {out.parent}")
    layers = read_layers(source)
    made = layers.enlarged(lambda image: upscaler(image, told))
    write_layers(made, out, recipe=_recipe(source, upscaler))


def upscale_folder(
    source: Path,
    out: Path,
    upscaler: Upscaler,
    *,
    overwrite: bool = False,
    told: Told | None = None,
) -> int:
    """Write each picture of a folder enlarged, under its own name; how many were written.

    Stopped, the same call goes on: pictures that are there, of the same model and scale, and made
    of what the source still is, stay. A picture that can't be read is named, and the others are
    made all the same.

    Raises:
        MediaError: there is no picture, some could not be read, the result can't be written, or
            its folder is the source or holds other things.
        RunError: another process writes there, or there is not enough memory for a tile.
    """
    paths = picture_paths(source)
    if out.exists() and out.samefile(source):
        raise MediaError(f"{out}: holds the pictures themselves; choose another folder")
    with _results(out, {path.name for path in paths}, upscaler, overwrite) as results:
        failed, written = [], 0
        for number, path in enumerate(paths, 1):
            if not results.has(path):
                try:
                    target = out / path.name
                    upscale_picture(path, target, upscaler, overwrite=True)
                except MediaError as error:
                    log.warning("%s; it is left out", error)
                    failed.append(path.name)
                else:
                    results.add(path)
                    written += 1
            if told is not None:
                told(number, len(paths))
    if failed:
        raise MediaError(
            f"{source}: {len(failed)} of {len(paths)} pictures could not be upscaled "
            f"({', '.join(failed[:5])}{' …' if len(failed) > 5 else ''}); the others lie in {out}"
        )
    return written


def upscale_film(
    source: Path,
    out: Path,
    upscaler: Upscaler,
    *,
    overwrite: bool = False,
    told: Told | None = None,
    hands: Hands | None = None,
) -> None:
    """Write a film enlarged, at its own rate, with its sound and recipe.

    No more of it is held than a picture. Stopped, the same call goes on (`produce`). A picture
    that is the same as the one before is not worked on again. ``hands`` are as in `produce`.

    Raises:
        MediaError: the film can't be read, or the result can't be written or is there.
        RunError: another process makes it, or there is not enough memory for a tile.
    """
    if out.exists() and source.exists() and out.samefile(source):
        raise MediaError(f"{out}: is the film itself; choose another name")
    clip = Clip(source)
    rate = rate_of(clip)
    total = clip.length(rate)
    sound = clip.extras.sound
    if sound is not None and codec_of(out).sound is None:
        log.warning("%s: this kind of film has no sound; that of %s is left out", out, source)
        sound = None

    produce(
        out,
        enlarged_frames(clip, upscaler),
        key={"upscaled": upscaler.key, "source": [str(source.resolve()), *_identity(source)]},
        rate=rate,
        total=total,
        sound=sound,
        recipe=_recipe(source, upscaler),
        overwrite=overwrite,
        progress=None if told is None else lambda done: told(done, total),
        hands=hands,
    )


def rate_of(clip: Clip) -> Fraction:
    """The rate of a film, that of one without any being 25 pictures a second."""
    return clip.rate or Fraction(25)


def enlarged_frames(clip: Clip, upscaler: Upscaler) -> Callable[[int], Iterator[Tensor]]:
    """The pictures of a film, enlarged, from whichever number on; damaged ones are left out."""

    def frames(start: int) -> Iterator[Tensor]:
        before: tuple[Tensor, Tensor] | None = None
        for picture in clip.pictures(rate_of(clip), start):
            if picture is None:
                continue
            if before is None or not torch.equal(before[0], picture):
                before = picture, upscaler(picture)
            yield before[1]

    return frames


@dataclass
class _Results:
    """The folder that results go into, and what is known of those that are there."""

    folder: Path
    made: dict[str, list[int]]

    def has(self, source: Path) -> bool:
        """Whether the result of a picture is there, and made of what it is now."""
        same = self.made.get(source.name) == _identity(source)
        return same and (self.folder / source.name).is_file()

    def add(self, source: Path) -> None:
        """Note that the result of a picture is there."""
        line = json.dumps({"name": source.name, "of": _identity(source)})
        with (self.folder / JOURNAL).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


@contextlib.contextmanager
def _results(
    folder: Path, names: set[str], upscaler: Upscaler, overwrite: bool
) -> Iterator[_Results]:
    """The folder of results, made if need be, and ours alone; refused if it holds other things."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(folder)
        try:
            sweep_parts(folder)
            key = json.dumps(upscaler.key, sort_keys=True)
            made = _read_journal(folder / JOURNAL, key)
            if made is None:
                _refuse_others(folder, names, overwrite)
                (folder / JOURNAL).write_text(f"{key}\n", encoding="utf-8")
            yield _Results(folder, made or {})
        finally:
            lock.release()
            (folder / LOCK).unlink(missing_ok=True)
    except OSError as error:
        raise MediaError(f"{folder}: can't be written: {reason(error)}") from error


def _read_journal(path: Path, key: str) -> dict[str, list[int]] | None:
    """What was made with the settings ``key``; None if there is nothing of that kind."""
    if not path.is_file():
        return None
    first, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    if first != key:
        return None
    made = {}
    for line in lines:
        # The last line may have been cut off: its picture is made again.
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            noted = json.loads(line)
            made[str(noted["name"])] = list(noted["of"])
    return made


def _refuse_others(folder: Path, names: set[str], overwrite: bool) -> None:
    """Refuse a folder with anything in it that is not ours to replace."""
    there = {path.name for path in folder.iterdir() if not is_part(path)} - {LOCK, JOURNAL}
    if there - names:
        raise MediaError(
            f"{folder}: holds other files ({sorted(there - names)[0]}); give a folder that is "
            "empty or not there yet"
        )
    if there and not overwrite:
        raise MediaError(
            f"{folder}: holds pictures that were made otherwise; give another folder, or add "
            "--overwrite"
        )


def _identity(path: Path) -> list[int]:
    """What tells whether a file is still the same: its size and when it was changed."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _recipe(source: Path, upscaler: Upscaler) -> Mapping[str, Any] | None:
    """The recipe of a file with a note that it was upscaled, after those of earlier times."""
    try:
        recipe = read_recipe(source)
    except MutoscopeError as error:
        log.info("%s", error)
        return None
    if recipe is None:
        return None
    earlier = recipe.get("upscaled")
    return {**recipe, "upscaled": [*(earlier if isinstance(earlier, list) else []), upscaler.key]}
