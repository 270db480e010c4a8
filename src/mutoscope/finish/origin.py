"""What finished work is made from: its recipe, and what tells whether the files are the same."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mutoscope.atomic import reason
from mutoscope.errors import MediaError
from mutoscope.provenance import read_recipe

Counted = Callable[[int, int], None]
"""Told how many pictures of how many are done."""

WRITTEN = (".png", ".jpg", ".jpeg", ".webp")


def recipe_in(path: Path) -> Mapping[str, Any] | None:
    """What a picture says about its making, if it says so in a way that is understood."""
    try:
        return read_recipe(path)
    except MediaError:
        return None


def digest_of(paths: Sequence[Path]) -> str:
    """What changes when one of the files does, by their names, sizes and times.

    Raises:
        MediaError: one can't be looked at.
    """
    try:
        facts = [(path.name, (stat := path.stat()).st_size, stat.st_mtime_ns) for path in paths]
    except OSError as error:
        raise MediaError(f"{error.filename}: can't be read: {reason(error)}") from error
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def refuse_picture(out: Path, *, overwrite: bool) -> None:
    """Refuse a place where a finished picture can't be written, before any work.

    Raises:
        MediaError: its ending is none of `WRITTEN`, it is a folder, or it is there already.
    """
    if out.suffix.lower() not in WRITTEN:
        raise MediaError(
            f"{out}: pictures are not written as {out.suffix or 'files without ending'!r}; "
            f"allowed are {', '.join(WRITTEN)}"
        )
    if out.is_dir():
        raise MediaError(f"{out}: is a folder; give the picture a name of its own")
    if out.exists() and not overwrite:
        raise MediaError(f"{out}: exists already; choose another name, or add --overwrite")
