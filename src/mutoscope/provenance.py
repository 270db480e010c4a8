"""The recipe inside a picture or film: what made it, and how to make it again.

A recipe is a small JSON object: ``program``, ``version``, ``settings`` (only the keys that differ
from their defaults), and for a frame its ``frame`` and ``step``. It lies in a PNG as an iTXt
chunk under the keyword ``mutoscope``, in JPEG and WebP as the Exif user comment, in GIF as a
comment, in MP4, MOV, WebM and MKV as the comment tag. Files come from strangers, so a recipe is
untrusted until it has been parsed: its size is bounded before and after decompression, and it is
JSON and nothing else.
"""

import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mutoscope.atomic import reason
from mutoscope.errors import MediaError

log = logging.getLogger("mutoscope")

KEYWORD = "mutoscope"
MAX_BYTES = 262_144
"""The largest recipe that is read or written, in bytes of UTF-8."""

_EXIF_FOLDER = 0x8769
_USER_COMMENT = 0x9286
_EXIF_ASCII = b"ASCII\x00\x00\x00"
_EXIF_ROOM = 60_000  # an Exif block must fit into one JPEG segment of 65,535 bytes
_MAX_CHUNKS = 2_000_000  # an animated PNG of 8 GB in chunks of 4 KiB
_MAX_BLOCKS = 8_000_000  # a GIF of 2 GB in blocks of 255 bytes
_CARRIERS = "PNG, JPEG, WebP, GIF, MP4, MOV, WebM or MKV"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EBML_SIGNATURE = b"\x1a\x45\xdf\xa3"


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """A recipe as JSON: pure ASCII, keys sorted, so that equal recipes are equal bytes.

    Raises:
        MediaError: It is no recipe, not expressible as JSON, or larger than `MAX_BYTES`.
    """
    try:
        text = json.dumps(recipe, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise MediaError(
            f"recipe: can't be written as JSON ({error}); "
            "allowed are text, finite numbers, booleans, lists and mappings"
        ) from error
    parse_recipe(text, "recipe")
    return text


def parse_recipe(text: str, place: str) -> dict[str, Any]:
    """The recipe in `text`, checked for size and shape.

    Args:
        text: JSON from wherever.
        place: The file's name, for messages.

    Raises:
        MediaError: It is too large, not JSON, or not a recipe of this program.
    """
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise MediaError(
            f"{place}: its recipe is larger than {MAX_BYTES} bytes and is not read; "
            "the picture itself may be fine"
        )
    try:
        recipe = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MediaError(
            f"{place}: its recipe is damaged ({error}); the picture itself may be fine"
        ) from error
    if (
        not isinstance(recipe, dict)
        or recipe.get("program") != KEYWORD
        or not isinstance(recipe.get("version"), str)
        or not isinstance(recipe.get("settings"), dict)
    ):
        raise MediaError(
            f"{place}: what stands in its recipe's place is not a recipe of Mutoscope "
            "(an object with program, version and settings); the picture itself may be fine"
        )
    return recipe


def read_recipe(path: str | Path) -> dict[str, Any] | None:
    """The recipe that a picture or film carries, or ``None`` if it carries none.

    Only headers and metadata are read; no pixel is decoded.

    Raises:
        MediaError: There is no such file, it is of another kind, or its recipe is damaged.
    """
    path = Path(path)
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise MediaError(f"{path}: {what}; a recipe is read from a {_CARRIERS} file")
        with path.open("rb") as file:
            head = file.read(16)
            file.seek(0)
            if head.startswith(_PNG_SIGNATURE):
                text = _from_png(file, str(path))
            elif head.startswith(b"\xff\xd8\xff") or head[8:12] == b"WEBP":
                text = _from_exif(file, str(path))
            elif head.startswith((b"GIF87a", b"GIF89a")):
                text = _from_gif(file, str(path))
            elif head[4:8] == b"ftyp" or head.startswith(_EBML_SIGNATURE):
                text = _from_film(path)
            else:
                raise MediaError(f"{path}: is not a {_CARRIERS} file, and only these carry recipes")
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {reason(error)}") from error
    return None if text is None else parse_recipe(text, str(path))


def exif_with(recipe: Mapping[str, Any], place: str, *, room: int = _EXIF_ROOM) -> bytes:
    """The Exif block of a JPEG or WebP with `recipe` as its user comment, or empty bytes.

    A recipe that does not fit (65,535 bytes in JPEG) is left out with a notice, because the
    picture is worth more than its recipe.
    """
    from PIL import Image

    text = recipe_text(recipe).encode("ascii")
    if len(text) > room:
        log.warning(
            "%s: its recipe of %d bytes does not fit into Exif (%d) and is left out; PNG has room",
            place, len(text), room,
        )  # fmt: skip
        return b""
    exif = Image.Exif()
    exif.get_ifd(_EXIF_FOLDER)[_USER_COMMENT] = _EXIF_ASCII + text
    return exif.tobytes()


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _from_png(file: BinaryIO, place: str) -> str | None:
    """The text under our keyword in a PNG's chunks; the pixels between them are skipped."""
    file.seek(len(_PNG_SIGNATURE))
    for _ in range(_MAX_CHUNKS):
        if len(head := file.read(8)) < 8:
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND":
            break
        if kind not in (b"tEXt", b"zTXt", b"iTXt"):
            file.seek(length + 4, 1)  # the data and its checksum
            continue
        # Our own chunk is never longer than the limit and a few words of header. Of a longer
        # one the start tells whether it claims to be ours.
        data = file.read(min(length, MAX_BYTES + 256))
        file.seek(length - len(data) + 4, 1)
        keyword, _, body = data.partition(b"\0")
        if keyword != KEYWORD.encode("ascii"):
            continue
        if length > MAX_BYTES + 256:
            raise MediaError(f"{place}: its recipe is larger than {MAX_BYTES} bytes, not read")
        return _png_text(kind, body, place)
    return None


def _png_text(kind: bytes, body: bytes, place: str) -> str:
    """The text of a PNG text chunk after its keyword, decompressed as far as `MAX_BYTES`."""
    packed = False
    if kind == b"zTXt":
        packed, body = True, body[1:]
    elif kind == b"iTXt":
        packed = body[:1] == b"\1"
        # compression flag and method, then language and translated keyword, zero-terminated
        body = body[2:].split(b"\0", 2)[-1]
    if packed:
        inflate = zlib.decompressobj()
        try:
            body = inflate.decompress(body, MAX_BYTES + 1)
        except zlib.error as error:
            raise MediaError(f"{place}: its recipe is damaged ({error})") from error
    return body.decode("latin-1" if kind != b"iTXt" else "utf-8", errors="replace")


def _from_exif(file: BinaryIO, place: str) -> str | None:
    """The Exif user comment of a JPEG or WebP, if it begins like a recipe."""
    from PIL import Image

    try:
        with Image.open(file, formats=["JPEG", "WEBP"]) as picture:
            comment = picture.getexif().get_ifd(_EXIF_FOLDER).get(_USER_COMMENT)
    except Exception as error:
        # Exif is a nest of offsets; a forged one can fail in any way, and none of them is ours.
        raise MediaError(f"{place}: its metadata can't be read ({error})") from error
    if isinstance(comment, str):
        comment = comment.encode(errors="replace")
    if not isinstance(comment, bytes) or not comment.startswith(_EXIF_ASCII):
        return None
    text = comment.removeprefix(_EXIF_ASCII).decode("ascii", errors="replace")
    # Cameras and editors write user comments too; only what looks like ours is parsed.
    return text if f'"{KEYWORD}"' in text else None


def _from_gif(file: BinaryIO, place: str) -> str | None:
    """The comment of a GIF that looks like a recipe; the pictures before it are skipped."""
    file.seek(10)
    _skip_colours(file, file.read(3)[:1])
    budget = _MAX_BLOCKS
    while (kind := file.read(1)) in (b"\x21", b"\x2c"):
        if kind == b"\x2c":
            _skip_colours(file, file.read(9)[8:])
        label = file.read(1)  # of a picture, the size of its codes
        comment = kind == b"\x21" and label == b"\xfe"
        text = b""
        while size := file.read(1)[:1]:
            if size == b"\0":
                break
            if (budget := budget - 1) == 0:
                return None
            if comment and len(text) <= MAX_BYTES:
                text += file.read(size[0])
            else:
                file.seek(size[0], 1)
        if f'"{KEYWORD}"'.encode("ascii") in text:
            if len(text) > MAX_BYTES:
                raise MediaError(f"{place}: its recipe is larger than {MAX_BYTES} bytes, not read")
            return text.decode("utf-8", errors="replace")
    return None


def _skip_colours(file: BinaryIO, flags: bytes) -> None:
    """Skip a table of colours, if these flags say that there is one."""
    if flags and flags[0] & 0x80:
        file.seek(3 << ((flags[0] & 7) + 1), 1)


def _from_film(path: Path) -> str | None:
    """The comment tag of a film, if it looks like a recipe."""
    import av

    # "file:" keeps the name from being taken for an address or an option, and the whitelist keeps
    # playlists, which could name other files, from being followed.
    options = {"format_whitelist": "mov,matroska"}
    try:
        with av.open(
            f"file:{path}", container_options=options, metadata_errors="replace"
        ) as container:
            # Matroska writes the names of its tags in capitals.
            tags = {key.lower(): value for key, value in container.metadata.items()}
            comment = tags.get("comment")
    except (av.FFmpegError, ValueError) as error:
        why = " ".join(str(error).split())
        raise MediaError(f"{path}: its metadata can't be read ({why})") from error
    return comment if comment and f'"{KEYWORD}"' in comment else None
