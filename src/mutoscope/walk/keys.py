"""The places that a walk goes through: numbers of samples, or vectors from a file.

A sample has a number, and its number is all that has to be known of it: whoever saw 42 on a contact
sheet finds it again, with the same generator, by 42.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mutoscope.atomic import reason
from mutoscope.errors import MediaError, SettingsError

MAX_KEYS = 4096
"""The most keys of a walk, and samples of a sheet."""

MAX_FILE = 64 * 2**20
"""The largest file of keys that is read, in bytes."""

MAX_NUMBER = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Keys:
    """Places in the z or w of a generator.

    Attributes:
        vectors: (S, d).
        space: "z" or "w".
        numbers: the samples that they are, if they are samples.
        words: what was written, if they are places in words.
    """

    vectors: Tensor
    space: str
    numbers: tuple[int, ...] | None = None
    words: str | None = None


def sample(number: int, dimensions: int) -> Tensor:
    """Sample ``number`` of z, (dimensions,): normal, the same on every machine."""
    rng = torch.Generator().manual_seed(number)
    return torch.randn(dimensions, generator=rng)


def samples(numbers: tuple[int, ...], dimensions: int) -> Keys:
    """Samples as keys."""
    return Keys(torch.stack([sample(n, dimensions) for n in numbers]), "z", numbers)


def numbers_of(text: str) -> tuple[int, ...]:
    """The numbers of samples in ``3,17,42``; ``8..11`` are four.

    Raises:
        SettingsError: it is nothing of that kind, or too many.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dots, last = part.strip().partition("..")
        try:
            low = _number(first)
            high = _number(last) if dots else low
        except ValueError as error:
            raise SettingsError(
                f"--keys: {part.strip()[:40]!r} is no sample's number; write 3,17,42 or 8..11"
            ) from error
        if not low <= high < low + MAX_KEYS - len(found):
            raise SettingsError(
                f"--keys: {part.strip()[:40]!r} holds none or too many; at most {MAX_KEYS} keys "
                "are taken, and the smaller number comes first"
            )
        found += range(low, high + 1)
    return tuple(found)


def keys_from(path: Path, *, z: int, w: int) -> Keys:
    """The keys in a JSON file: ``[3, 17, 42]``, ``{"z": [[…], …]}`` or ``{"w": [[…], …]}``.

    A list of whole numbers names samples; the others are vectors, as long as the generator's.

    Raises:
        MediaError: it can't be read, is too large or no JSON.
        SettingsError: it holds something else, or vectors of another length.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise MediaError(f"{path}: is {size:,} bytes large; at most {MAX_FILE:,} are read")
        held = json.loads(path.read_bytes())
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise MediaError(f"{path}: is no JSON ({str(error)[:80]})") from error
    if isinstance(held, list) and held and all(_is_number(item) for item in held):
        return samples(tuple(held[: MAX_KEYS + 1]), z) if _few(held, path) else _none(path)
    if isinstance(held, dict) and len(held) == 1 and (space := next(iter(held))) in ("z", "w"):
        rows = held[space]
        if isinstance(rows, list) and rows and _few(rows, path):
            return Keys(_vectors(rows, z if space == "z" else w, path), space)
    return _none(path)


def _vectors(rows: list[Any], length: int, path: Path) -> Tensor:
    for place, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != length:
            found = len(row) if isinstance(row, list) else "no"
            raise SettingsError(
                f"{path}: key {place} has {found} numbers; this generator's have {length}"
            )
        # No comparison with a number makes a float of it, which the largest whole ones are not.
        if not all(type(value) in (int, float) and abs(value) < math.inf for value in row):
            raise SettingsError(f"{path}: key {place} holds something that is no finite number")
    try:
        vectors = torch.tensor(rows, dtype=torch.float64).float()
    except (OverflowError, RuntimeError, ValueError) as error:  # of whole numbers beyond all floats
        raise SettingsError(f"{path}: a key holds a number too large") from error
    if not bool(torch.isfinite(vectors).all()):
        raise SettingsError(f"{path}: a key holds a number too large")
    return vectors


def _few(items: list[Any], path: Path) -> bool:
    if len(items) > MAX_KEYS:
        raise SettingsError(f"{path}: {len(items)} keys; at most {MAX_KEYS} are taken")
    return True


def _none(path: Path) -> Keys:
    raise SettingsError(
        f"{path}: holds no keys; write the numbers of samples, [3, 17, 42], or vectors, "
        '{"z": [[…], …]} or {"w": [[…], …]}'
    )


def _is_number(item: Any) -> bool:
    return type(item) is int and 0 <= item <= MAX_NUMBER


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(text)
    return int(text)
