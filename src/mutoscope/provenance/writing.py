"""Putting recipes and fields into finished pictures, without touching a pixel."""

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mutoscope import atomic
from mutoscope.errors import MediaError
from mutoscope.provenance import exif, jpeg, png, webp
from mutoscope.provenance.labels import Labels, labels_of
from mutoscope.provenance.reading import kind_of, opened, recipe_in, said_by
from mutoscope.provenance.recipe import packed, recipe_text
from mutoscope.provenance.said import Said, compose, composed
from mutoscope.provenance.xmp import xmp_packet

log = logging.getLogger("mutoscope")

_WRITERS = {png: "PNG", jpeg: "JPEG", webp: "WebP"}
# Beyond this a recipe is compressed in XMP, which is there for others; below, it can be read.
_XMP_PLAIN, _XMP_ROOM = 8_192, 48_000


def stamped(data: bytes, recipe: Mapping[str, Any], place: str = "picture") -> bytes:
    """A picture's file with its recipe and what viewers show of it; equal input, equal bytes.

    In PNG the recipe is a text chunk, in JPEG and WebP the Exif user comment; XMP in all three
    has it too. Title, description and program lie where viewers of each kind look for them.

    Args:
        data: A PNG, JPEG or WebP.
        recipe: What `read_recipe` is to find.
        place: The file's name, for messages.

    Raises:
        MediaError: It is damaged or of another kind, or that is no recipe.
    """
    kind = kind_of(data[:16])
    if kind not in _WRITERS:
        raise _no_writer(place)
    if kind is png:
        said = said_in_png(recipe)
    else:
        said = _said_in_exif(recipe, jpeg.ROOM if kind is jpeg else webp.ROOM, place)
    return composed(data, kind.edited(io.BytesIO(data), said, place))


def said_in_png(recipe: Mapping[str, Any]) -> Said:
    """What a PNG says for a recipe; `mutoscope.provenance.png.chunks` has it as bytes."""
    text, labels = recipe_text(recipe), labels_of(recipe)
    texts = {
        "Title": labels.title,
        "Description": labels.description,
        "Software": labels.software,
        "Comment": labels.comment,
    }
    return Said(
        recipe=text,
        texts={keyword: text for keyword, text in texts.items() if text},
        xmp=_packet(labels, text),
    )


def tags_of(recipe: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a film with this recipe: its comment, and title and description for players."""
    text, labels = recipe_text(recipe), labels_of(recipe)
    tags = {"title": labels.title, "description": labels.description}
    return {"comment": text} | {key: text for key, text in tags.items() if text}


def _said_in_exif(recipe: Mapping[str, Any], room: int, place: str) -> Said:
    """What a JPEG or WebP says for a recipe that may take so many bytes."""
    text, labels = recipe_text(recipe), labels_of(recipe)
    values = {exif.SOFTWARE: labels.software.encode()}
    if labels.description:
        # The standard wants ASCII; what reads it takes UTF-8, as the Metadata Working Group says.
        values[exif.DESCRIPTION] = labels.description.encode()
    if (told := packed(text, plain=room, room=room)) is not None:
        values[exif.USER_COMMENT] = exif.user_comment(told)
    else:
        log.warning(
            "%s: its recipe of %d bytes does not fit into this kind of file, even compressed (%d), "
            "and is left out; PNG and WebP have room",
            place, len(text), room,
        )  # fmt: skip
    return Said(exif=values, xmp=_packet(labels, text))


def _packet(labels: Labels, text: str) -> bytes:
    return xmp_packet(labels, packed(text, plain=_XMP_PLAIN, room=_XMP_ROOM))


def copy_metadata(source: str | Path, target: str | Path) -> bool:
    """Have a picture say of itself what another does, as after enlarging it elsewhere.

    A recipe of ours goes over with all that viewers show of it. Without one, the fields of other
    programs go over as they are: text chunks, the texts in Exif (not the camera's place and
    figures), XMP. In the target they take the place of what it said in the same places; its
    pixels, colour profile and which way up it is stay, byte for byte. It is replaced when it is
    complete, or not at all. Which kind of picture it is, its contents say, not its name.

    Args:
        source: Any picture or film that may carry a recipe.
        target: A PNG, JPEG or WebP, still or animated.

    Returns:
        Whether there was anything to copy.

    Raises:
        MediaError: One of them can't be read, is damaged or of another kind, or what is said does
            not fit into the target.
    """
    target = Path(target)
    said = said_by(source)
    recipe = recipe_in(said, str(source))
    with opened(target) as file:
        kind = kind_of(file.read(16))
        if kind not in _WRITERS:
            raise _no_writer(str(target))
        if recipe is None:
            said = _foreign(said, in_png=kind is png)
        elif kind is png:
            said = said_in_png(recipe)
        else:
            said = _said_in_exif(recipe, jpeg.ROOM if kind is jpeg else webp.ROOM, str(target))
        if not said:
            return False
        pieces = list(kind.edited(file, said, str(target)))
        try:
            with atomic.replacing(target) as sink:
                compose(file, pieces, sink)
        except OSError as error:
            raise MediaError(f"{target}: can't be written: {atomic.reason(error)}") from error
    return True


def _foreign(said: Said, *, in_png: bool) -> Said:
    """What another program said, for a PNG or for the other kinds, which have Exif and no texts."""
    values = {tag: value for tag, value in said.exif.items() if tag in exif.NAMES}
    if in_png:
        return Said(texts=png.texts_for(said.texts), exif=values, xmp=said.xmp)
    if said.texts:
        listed = ", ".join(f"{key}: {text}" for key, text in said.texts.items())
        values.setdefault(exif.USER_COMMENT, exif.user_comment(listed))
        for tag, keyword in ((exif.DESCRIPTION, "Description"), (exif.SOFTWARE, "Software")):
            if text := said.texts.get(keyword, "").replace("\0", ""):
                values.setdefault(tag, text.encode(errors="replace"))
    return Said(exif=values, xmp=said.xmp)


def _no_writer(place: str) -> MediaError:
    return MediaError(
        f"{place}: is not a {', '.join(list(_WRITERS.values())[:-1])} or WebP file, and only into "
        "these a recipe is put"
    )
