"""Bookmarks: names for places in the latent space of a generator, in ``bookmarks.json`` beside it.

    {"form": 1, "bookmarks": {"bird": {"latent": "42 + 2*sefa-1", "generator": "sha256:…",
                                       "w": [0.1, …]}}}

``latent`` is what was written, ``w`` (or ``z``) the vector that it was for that generator.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mutoscope.atomic import reason, write_text
from mutoscope.errors import MediaError, SettingsError, printable
from mutoscope.walk.directions import PATTERN

NAME = "bookmarks.json"
"""What the file is called in the folder of a training."""

MEAN = "mean"
"""The name of the mean picture, which no bookmark may have."""

FORM = 1
MAX_FILE = 64 * 2**20
MAX_BOOKMARKS = 4096
LARGEST = 1e30
LONGEST = 200
"""The most characters of what says where a place is."""

_NAME = re.compile(r"[^\W\d_]\w*(?:-\w+)*")
_LONGEST_NAME = 60
_KEYS = {"latent", "generator"}


@dataclass(frozen=True, eq=False)
class Bookmark:
    """One place.

    Attributes:
        latent: what was written, as ``42 + 2*sefa-1``.
        vector: (d,), of z or w.
        space: "z" or "w".
        generator: the digest of the generator's file.
    """

    latent: str
    vector: Tensor
    space: str
    generator: str


def check_name(name: str) -> str:
    """``name``, if a bookmark may have it.

    Raises:
        SettingsError: it may not.
    """
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise SettingsError(
            f"bookmark {printable(name[:_LONGEST_NAME])!r}: a name is of letters, digits, - and _, "
            f"begins with a letter and has {_LONGEST_NAME} at most, as tall-bird"
        )
    if name == MEAN or PATTERN.fullmatch(name):
        raise SettingsError(f"bookmark {name!r}: is called so already by us; choose another name")
    return name


def read_bookmarks(folder: Path) -> dict[str, Bookmark]:
    """The bookmarks in the folder of a training, none where there is no file.

    Raises:
        MediaError: the file can't be read, is too large or damaged.
    """
    path = folder / NAME
    try:
        if not path.exists():
            return {}
        size = path.stat().st_size
        if size > MAX_FILE:
            raise _wrong(path, f"is {size:,} bytes large; at most {MAX_FILE:,} are read")
        held = json.loads(path.read_bytes())
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"is no JSON ({printable(str(error)[:80])})") from error
    if not isinstance(held, dict) or held.get("form") != FORM:
        raise _wrong(path, "holds no bookmarks of this form")
    listed = held.get("bookmarks")
    if not isinstance(listed, dict) or len(listed) > MAX_BOOKMARKS:
        raise _wrong(path, f"holds no bookmarks, or more than {MAX_BOOKMARKS}")
    return {_checked(name, path): _bookmark(name, entry, path) for name, entry in listed.items()}


def write_bookmarks(folder: Path, bookmarks: Mapping[str, Bookmark]) -> Path:
    """Write bookmarks into the folder of a training, in place of those that were there.

    Raises:
        MediaError: they can't be written.
        SettingsError: a name may not be, or they are too many.
    """
    path = folder / NAME
    if len(bookmarks) > MAX_BOOKMARKS:
        raise SettingsError(f"{path}: {len(bookmarks)} bookmarks; at most {MAX_BOOKMARKS} are kept")
    entries = [
        f"  {json.dumps(check_name(name), ensure_ascii=False)}: "
        + json.dumps(
            {"latent": one.latent, "generator": one.generator, one.space: one.vector.tolist()},
            ensure_ascii=False,
        )
        for name, one in sorted(bookmarks.items())
    ]
    body = ",\n".join(entries)
    try:  # a line for each, so that it can be read, compared and mended by hand
        write_text(path, f'{{"form": {FORM}, "bookmarks": {{\n{body}\n}}}}\n')
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {reason(error)}") from error
    return path


def _checked(name: str, path: Path) -> str:
    try:
        return check_name(name)
    except SettingsError as error:
        raise MediaError(f"{path}: {error}") from error


def _bookmark(name: str, entry: Any, path: Path) -> Bookmark:
    spaces = set(entry) - _KEYS if isinstance(entry, dict) else set()
    if len(spaces) != 1 or not spaces <= {"z", "w"} or not set(entry) >= _KEYS:
        raise _wrong(path, f"{name!r} hasn't exactly latent, generator, and w or z")
    latent, generator, space = entry["latent"], entry["generator"], spaces.pop()
    row = entry[space]
    if not all(isinstance(text, str) and len(text) <= LONGEST for text in (latent, generator)):
        raise _wrong(path, f"{name!r} has a latent or a generator that is no short text")
    if not isinstance(row, list) or not row or not all(map(_is_finite, row)):
        raise _wrong(path, f"{name!r} has a vector that isn't one of finite numbers")
    return Bookmark(latent, torch.tensor(row, dtype=torch.float32), space, generator)


def _is_finite(value: Any) -> bool:
    # The largest float32 is 3.4e38; what is larger would become infinite. NaN is not less either.
    return type(value) in (int, float) and abs(value) < LARGEST


def _wrong(path: Path, what: str) -> MediaError:
    return MediaError(f"{path}: {what}; mend it, or take it away and set the bookmarks anew")
