"""Named directions of w, and the file in a training's folder that keeps them.

    directions.safetensors
        directions (n, w)   unit vectors
        spread (n,)         the standard deviation of w along each: one step of it
        header              their names, and the generator that they belong to

What a file says is compared with what the generator asks for before a number of it is used.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from mutoscope.atomic import reason, write_bytes
from mutoscope.errors import MediaError, SettingsError, printable

NAME = "directions.safetensors"
"""What the file is called in the folder of a training."""

KEY = "mutoscope.directions"
PATTERN = re.compile(r"(?:sefa(?:-coarse|-middle|-fine)?|pca)-[1-9][0-9]{0,2}")
"""What a direction may be called; nothing else is called so."""

MAX_FILE = 64 * 2**20
_MOST = 1000
_LENGTHS = (0.99, 1.01)  # of what is called a unit vector


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions of w, each with its name.

    Attributes:
        names: as `PATTERN` says, all different.
        vectors: (n, w), of length 1.
        spread: (n,), the standard deviation of w along each.
        generator: the digest of the generator's file.
    """

    names: tuple[str, ...]
    vectors: Tensor
    spread: Tensor
    generator: str

    def step(self, name: str) -> Tensor:
        """One standard deviation along a direction, (w,).

        Raises:
            KeyError: there is none of that name.
        """
        if name not in self.names:
            raise KeyError(name)
        place = self.names.index(name)
        return self.vectors[place] * self.spread[place]


def write_directions(folder: Path, directions: Directions) -> Path:
    """Write directions into the folder of a training; an older file is replaced.

    Raises:
        MediaError: they can't be written.
    """
    path = folder / NAME
    told = {"generator": directions.generator, "names": list(directions.names)}
    tensors = {
        "directions": directions.vectors.float().contiguous(),
        "spread": directions.spread.float().contiguous(),
    }
    try:
        write_bytes(path, save(tensors, {KEY: json.dumps(told)}))
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {reason(error)}") from error
    return path


def read_directions(folder: Path, *, generator: str, w: int) -> Directions | None:
    """The directions in the folder of a training, or None where there are none.

    Args:
        folder: of the training, or of the generator's file.
        generator: the digest of the generator that they must belong to.
        w: how long its styles are.

    Raises:
        MediaError: the file can't be read, is damaged, or another generator's.
    """
    path = folder / NAME
    try:
        if not path.exists():
            return None
        size = path.stat().st_size
        if size > MAX_FILE:
            raise _wrong(path, f"is {size:,} bytes large; at most {MAX_FILE:,} are read")
        data = path.read_bytes()
        tensors = load(data)
        told = _header(data)
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {reason(error)}") from error
    except (SafetensorError, ValueError, RecursionError, KeyError, TypeError) as error:
        line = printable((str(error).splitlines() or ["?"])[0][:80])
        raise _wrong(path, f"is damaged, or no file of directions ({line})") from error
    names, whose = told
    if whose != generator:
        raise _wrong(path, "belongs to another generator")
    vectors, spread = tensors.get("directions"), tensors.get("spread")
    if set(tensors) != {"directions", "spread"} or vectors is None or spread is None:
        raise _wrong(path, "doesn't hold exactly directions and spread")
    if vectors.shape != (len(names), w) or spread.shape != (len(names),):
        raise _wrong(path, f"has directions of {tuple(vectors.shape)}, not {(len(names), w)}")
    if {vectors.dtype, spread.dtype} != {torch.float32} or not _sane(vectors, spread):
        raise _wrong(path, "holds what are no unit vectors and spreads")
    return Directions(names, vectors, spread, whose)


def _header(data: bytes) -> tuple[tuple[str, ...], str]:
    """The names and the generator's digest in a file's header."""
    length = int.from_bytes(data[:8], "little")
    told = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][KEY])
    names, whose = told["names"], told["generator"]
    if not isinstance(whose, str) or not isinstance(names, list) or not _named(names):
        raise ValueError("its names are none")
    return tuple(names), whose


def _named(names: Sequence[object]) -> bool:
    good = all(isinstance(name, str) and PATTERN.fullmatch(name) for name in names)
    return good and 0 < len(set(names)) == len(names) <= _MOST


def _sane(vectors: Tensor, spread: Tensor) -> bool:
    if not bool(torch.isfinite(vectors).all() & torch.isfinite(spread).all()):
        return False
    lengths = vectors.norm(dim=1)
    return bool((lengths > _LENGTHS[0]).all() & (lengths < _LENGTHS[1]).all() & (spread >= 0).all())


def _wrong(path: Path, what: str) -> MediaError:
    return MediaError(f"{path}: {what}; write it anew by: mutoscope atlas {path.parent}")


def no_direction(name: str, folder: Path) -> SettingsError:
    """The error of whoever names a direction where none are kept."""
    return SettingsError(
        f"{name}: is a direction, and none are kept in {folder}; find them first by: "
        f"mutoscope atlas {folder}"
    )
