"""What a picture or film says about itself, whatever its kind: the recipe, or others' fields."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from mutoscope.atomic import reason
from mutoscope.errors import MediaError
from mutoscope.provenance import exif, film, gif, jpeg, png, webp, xmp
from mutoscope.provenance.recipe import looks_ours, parse_recipe
from mutoscope.provenance.said import MAX_TEXT, Said

log = logging.getLogger("mutoscope")

CARRIERS = "PNG, JPEG, WebP, GIF, MP4, MOV, WebM or MKV"


def read_recipe(path: str | Path) -> dict[str, Any] | None:
    """The recipe that a picture or film carries, or ``None`` if it carries none.

    Our own place counts first, then the Exif user comment, then XMP: something that handles
    pictures often keeps one and drops another. Only headers and metadata are read; no pixel is
    decoded.

    Raises:
        MediaError: There is no such file, it is of another kind, or its recipe is damaged.
    """
    return recipe_in(said_by(path), str(path))


def recipe_in(said: Said, place: str) -> dict[str, Any] | None:
    """The recipe in what a picture says.

    Raises:
        MediaError: It is damaged.
    """
    text = said.recipe
    if text is None and looks_ours(said.comment):
        text = said.comment
    if text is None:
        text = xmp.xmp_recipe(said.xmp, place)
    return None if text is None else parse_recipe(text, place)


def read_fields(path: str | Path) -> dict[str, str]:
    """What a picture or film says in words, by field: text chunks, Exif, XMP or tags.

    Each is as some program left it, cut to 65,536 characters; the recipe is not among them.

    Raises:
        MediaError: There is no such file, or it is of another kind.
    """
    said = said_by(path)
    fields = dict(said.texts)
    told = exif.exif_texts(said.exif)
    if said.xmp is not None:
        try:
            told |= xmp.xmp_fields(said.xmp, str(path))
        except MediaError as error:
            log.info("%s", error)
        told.pop("recipe", None)
    for name, text in told.items():
        # The same words often stand in several places.
        if text not in fields.values() and not looks_ours(text):
            fields.setdefault(name, text)
    return {name: text[:MAX_TEXT] for name, text in fields.items() if text.strip()}


def said_by(path: str | Path) -> Said:
    """What a picture or film says, as it lies in the file.

    Raises:
        MediaError: As in `read_recipe`.
    """
    path = Path(path)
    with opened(path) as file:
        kind = kind_of(head := file.read(16))
        if kind is not None:
            said = kind.read(file, str(path))
            assert isinstance(said, Said)  # noqa: S101 - the table is ours
            return said
        if film.is_film(head):
            return film.read(path)
    raise MediaError(f"{path}: is not a {CARRIERS} file, and only these carry recipes")


def kind_of(head: bytes) -> ModuleType | None:
    """Who knows pictures that begin so, or None."""
    if head.startswith(png.SIGNATURE):
        return png
    if head.startswith(jpeg.SIGNATURE):
        return jpeg
    if head.startswith(gif.SIGNATURES):
        return gif
    return webp if head[8:12] == b"WEBP" else None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read.

    Raises:
        MediaError: There is none, or it can't be read.
    """
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise MediaError(f"{path}: {what}; a recipe is read from a {CARRIERS} file")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {reason(error)}") from error
