"""The recipe as text: JSON, bounded in size before and after decompression, and nothing else."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

from mutoscope.errors import MediaError

KEYWORD = "mutoscope"
MAX_BYTES = 262_144
"""The largest recipe that is read or written, in bytes of UTF-8."""

_PACKED = f'{{"program": "{KEYWORD}", "zlib": "'
_PACKED_END = '"}'


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
        text: JSON from wherever, as `recipe_text` or `packed` wrote it.
        place: The file's name, for messages.

    Raises:
        MediaError: It is too large, not JSON, or not a recipe of this program.
    """
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise too_large(place)
    if text.startswith(_PACKED):
        text = _unpacked(text, place)
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


def packed(text: str, *, plain: int, room: int) -> str | None:
    """A recipe's text as it fits: as it is up to `plain` bytes, else compressed; None if neither.

    Compressed it is base64 in a small JSON object, pure ASCII too, of at most `room` bytes;
    `parse_recipe` reads both.
    """
    if len(text) <= plain:
        return text
    coded = base64.b64encode(zlib.compress(text.encode("ascii"), 9)).decode("ascii")
    whole = f"{_PACKED}{coded}{_PACKED_END}"
    return whole if len(whole) <= room else None


def looks_ours(text: str | None) -> bool:
    """Whether a comment may be a recipe; cameras, editors and people write comments too."""
    return text is not None and f'"{KEYWORD}"' in text


def too_large(place: str) -> MediaError:
    """The error for a recipe beyond `MAX_BYTES`."""
    return MediaError(
        f"{place}: its recipe is larger than {MAX_BYTES} bytes and is not read; "
        "the picture itself may be fine"
    )


def inflated(data: bytes, place: str) -> bytes:
    """Deflated bytes as they were.

    Raises:
        MediaError: They are damaged, or come to more than `MAX_BYTES`.
    """
    try:
        whole = zlib.decompressobj().decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise MediaError(f"{place}: its recipe is damaged ({error})") from error
    if len(whole) > MAX_BYTES:
        raise too_large(place)
    return whole


def _unpacked(text: str, place: str) -> str:
    """The text of a compressed recipe."""
    try:
        coded = text.removeprefix(_PACKED).removesuffix(_PACKED_END).encode("ascii")
        data = base64.b64decode(coded, validate=True)
        return inflated(data, place).decode("ascii")
    except ValueError as error:
        raise MediaError(
            f"{place}: its recipe is damaged ({error}); the picture itself may be fine"
        ) from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
