"""Folders of numbered pictures, as source and as sink."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope.atomic import reason
from mutoscope.errors import MediaError
from mutoscope.frames.base import Sink, Source, as_rate
from mutoscope.images import load_image, save_image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_DIGITS = re.compile(r"([0-9]+)")


def natural_key(name: str) -> tuple[tuple[str, int], ...]:
    """A key that sorts names as people do: the numbers in them as numbers.

    >>> sorted(["a_12.png", "a_2.png", "a_1.png"], key=natural_key)
    ['a_1.png', 'a_2.png', 'a_12.png']
    """
    parts = _DIGITS.split(name)
    words, numbers = parts[::2], [*parts[1::2], "-1"]
    return tuple((word.lower(), int(number)) for word, number in zip(words, numbers, strict=True))


class FolderSource(Source):
    """The pictures in a folder, in the natural order of their names.

    Hidden files and files that are no PNG, JPEG or WebP are passed over. All must have the size
    of the first.

    Args:
        folder: The folder.
        rate: How many of them make a second, if that is to be known.

    Raises:
        MediaError: There is no such folder, or no picture in it; while iterating, one can't be
            read or has another size.
    """

    def __init__(self, folder: str | Path, *, rate: float | Fraction | None = None) -> None:
        self.folder = Path(folder)
        self.paths = picture_paths(self.folder)
        first = load_image(self.paths[0])
        self.size = (first.shape[-1], first.shape[-2])
        self.rate = None if rate is None else as_rate(rate)
        self.length: int = len(self.paths)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Tensor]:
        for path in self.paths:
            image = load_image(path)
            width, height = image.shape[-1], image.shape[-2]
            if (width, height) != self.size:
                raise MediaError(
                    f"{path}: is {width} × {height}, but {self.paths[0].name} is "
                    f"{self.size[0]} × {self.size[1]}; the frames of a film have one size"
                )
            yield image


def picture_paths(folder: Path) -> list[Path]:
    """The pictures in a folder, in the natural order of their names; see `FolderSource`."""
    try:
        paths = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        ]
    except OSError as error:
        raise MediaError(f"{folder}: can't be read as a folder: {reason(error)}") from error
    if not paths:
        raise MediaError(f"{folder}: holds no picture ({', '.join(SUFFIXES)})")
    # The name itself decides between "a_01" and "a_1".
    return sorted(paths, key=lambda path: (natural_key(path.name), path.name))


class FolderSink(Sink):
    """Writes each picture as a numbered PNG, ``<base>_<n>.png``, each whole or not at all.

    Args:
        folder: Where; it is made if need be.
        base: What the names begin with.
        start: The number of the first.
        recipe: What each is to say about its making; its ``frame`` is added.
        overwrite: Whether existing files of these names may be replaced.

    Raises:
        MediaError: The folder or a picture can't be written, or a picture exists.
    """

    def __init__(
        self,
        folder: str | Path,
        base: str = "frame",
        *,
        start: int = 1,
        recipe: Mapping[str, Any] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.count = 0
        self._base = base
        self._start = start
        self._recipe = recipe
        self._overwrite = overwrite
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(f"{self.folder}: can't be made: {reason(error)}") from error

    def write(self, image: Tensor) -> None:
        """Write the next picture, (1, 3, H, W) in [0, 1], under the next number."""
        number = self._start + self.count
        path = self.folder / f"{self._base}_{number}.png"
        if path.exists() and not self._overwrite:
            raise MediaError(f"{path}: exists already; choose another folder")
        recipe = None if self._recipe is None else {**self._recipe, "frame": number}
        save_image(image, path, recipe=recipe)
        self.count += 1

    def close(self) -> None:
        """Nothing is left to do: each picture was finished when it was written."""
