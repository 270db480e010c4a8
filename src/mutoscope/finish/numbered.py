"""Folders of pictures that take long to make, picture by picture, so that no stop costs much."""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope.atomic import is_part, reason, sweep_parts, sync_upward, write_text
from mutoscope.errors import MediaError
from mutoscope.images import save_image
from mutoscope.lock import NAME as LOCK
from mutoscope.lock import FolderLock

NOTE = ".mutoscope.json"
"""The file in a folder of pictures that says what they are made of."""

_NUMBER = re.compile(r"([0-9]+)(?=[^0-9]*$)")
_MANY = 5  # numbers that a notice names


def produce_pictures(
    out: Path,
    frames: Callable[[int], Iterator[Tensor]],
    names: Sequence[str],
    *,
    key: Mapping[str, Any],
    recipe: Callable[[int], Mapping[str, Any] | None] = lambda _: None,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write pictures into a folder, going on where an earlier call was stopped.

    Each is whole or not there. A hidden note in the folder says what they are made of, so that the
    same call knows those that are there already; nothing else in the folder is touched.

    Args:
        out: The folder; it is made if need be, in one that exists.
        frames: ``frames(start)`` yields the pictures from number ``start`` on, counted from 0,
            each (1, 3, H, W); a picture must not depend on where it was started.
        names: What the files are to be called, with the endings of pictures.
        key: What the pictures depend on, as JSON.
        recipe: What picture ``n``, counted from 0, is to say about its making.
        overwrite: Whether the folder may hold other files; those of these names are replaced.
        progress: Told how many pictures are done, at the beginning and after each.

    Raises:
        MediaError: The folder holds other files, or can't be written.
        RunError: Another process is writing to it.
    """
    text = json.dumps({"key": dict(key), "version": version("mutoscope")}, sort_keys=True)
    try:
        goes_on = _note_in(out) == text
        if not goes_on and not overwrite:
            _refuse_others(out)
        out.mkdir(exist_ok=True)
        sync_upward(out, levels=1)
        lock = FolderLock(out)
        try:
            sweep_parts(out)
            if not goes_on:
                # Else they would be taken for those that were made already.
                for name in names:
                    (out / name).unlink(missing_ok=True)
                write_text(out / NOTE, text)
            _fill(out, frames, names, recipe=recipe, progress=progress)
        finally:
            lock.release()
            (out / LOCK).unlink(missing_ok=True)
    except OSError as error:
        raise MediaError(f"{out}: can't be written: {reason(error)}") from error


def missing_numbers(paths: Sequence[Path]) -> str:
    """Which numbers are missing in the names of numbered pictures, in words; "" for none.

    Pictures of which only every second or tenth has been kept lack none. Names without a number,
    or of several series, tell nothing.
    """
    numbers = []
    series = set()
    for path in paths:
        if not (match := _NUMBER.search(path.stem)):
            return ""
        numbers.append(int(match[1]))
        series.add((path.stem[: match.start()], path.stem[match.end() :]))
    steps = [after - before for before, after in itertools.pairwise(sorted(numbers))]
    if len(series) != 1 or not steps or min(steps) < 1:
        return ""
    usual = min(steps)
    there = set(numbers)
    missing = [n for n in range(min(numbers), max(numbers), usual) if n not in there]
    if any(step % usual for step in steps) or len(missing) >= len(numbers):
        return ""
    named = ", ".join(str(number) for number in missing[:_MANY])
    more = len(missing) - _MANY
    return named + (f" and {more} more" if more > 0 else "")


def _note_in(out: Path) -> str | None:
    """What the note in a folder says, if there is one."""
    note = out / NOTE
    return note.read_text(encoding="utf-8", errors="replace") if note.is_file() else None


def _refuse_others(out: Path) -> None:
    """Refuse a folder in which something lies that is not of this work."""
    if out.exists() and not out.is_dir():
        raise MediaError(f"{out}: is a file; pictures go into a folder, so give it another name")
    there = sorted(
        path.name
        for path in (out.iterdir() if out.is_dir() else ())
        if not is_part(path) and path.name != LOCK
    )
    if there:
        what = "pictures of another work" if NOTE in there else f"{there[0]} and so on"
        if len(there) == 1 and NOTE not in there:
            what = there[0]
        raise MediaError(
            f"{out}: is not empty ({what}); choose another folder, or replace the pictures of the "
            "same names by --overwrite"
        )


def _fill(
    out: Path,
    frames: Callable[[int], Iterator[Tensor]],
    names: Sequence[str],
    *,
    recipe: Callable[[int], Mapping[str, Any] | None],
    progress: Callable[[int], None] | None,
) -> None:
    """Write the pictures that are not there."""
    start = next((n for n, name in enumerate(names) if not (out / name).exists()), len(names))
    if progress is not None:
        progress(start)
    if start == len(names):
        return
    for number, picture in enumerate(frames(start), start):
        path = out / names[number]
        if not path.exists():
            save_image(picture, path, recipe=recipe(number))
        if progress is not None:
            progress(number + 1)
