"""From a folder of pictures to crops: what there is, what is kept of it in memory, what is drawn.

Each picture is decoded once, when it is first drawn, and a small copy of it stays in memory as
bytes, up to a limit; beyond it pictures are decoded each time. Which crops a step sees depends on
the seed, the step and the files alone, so that caching and reading ahead change nothing.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from mutoscope.errors import MediaError, printable
from mutoscope.images import Pixels, load_image, to_bytes
from mutoscope.paint import rng_for
from mutoscope.training.ahead import Ahead
from mutoscope.training.files import ALLOWED

log = logging.getLogger("mutoscope")

REACH = 4  # a copy's short side is at most so many crops long
LONGEST = 16  # a picture that is longer than so many times its width is a ribbon
CACHE_BYTES = 2**30
LARGER = (1, 1, 1, 2, 1, 4, 1, 2)  # how many times larger the crops of each eighth step are
HELD_OUT = 8  # pictures at most that are never trained on, to judge by
HELD_OUT_SHARE = 10  # one in so many


class Pictures:
    """The pictures of a folder, each as a small copy; those that can't be used are left out.

    Args:
        paths: the files.
        crop: the side of the crops that will be drawn, in pixels.
        cache_bytes: how much memory the copies may take.
    """

    def __init__(self, paths: Sequence[Path], *, crop: int, cache_bytes: int = CACHE_BYTES) -> None:
        self.paths = list(paths)
        self.crop = crop
        self.skipped = 0
        self._room = cache_bytes
        self._copies: dict[int, Pixels | None] = {}  # None: can't be used

    def __len__(self) -> int:
        return len(self.paths)

    def copy(self, index: int) -> Pixels | None:
        """The small copy of a picture, (h, w, 3), or None, said once, where it can't be used."""
        if index in self._copies:
            return self._copies[index]
        try:
            small = shrink(self.paths[index], self.crop)
        except MediaError as error:
            self.skipped += 1
            self._copies[index] = None
            log.warning("%s; skipped (%d so far)", printable(str(error)), self.skipped)
            return None
        if small.nbytes <= self._room:
            self._room -= small.nbytes
            self._copies[index] = small
        return small

    def draw(self, rng: torch.Generator) -> Pixels:
        """A copy by chance; pictures that can't be used are passed over.

        Raises:
            MediaError: none can be used.
        """
        for _ in range(20 * len(self) + 100):
            copy = self.copy(int(torch.randint(len(self), (1,), generator=rng)))
            if copy is not None:
                return copy
            if self.skipped == len(self):
                break
        raise MediaError(
            f"{self.paths[0].parent}: none of its {len(self)} pictures can be read; "
            f"allowed are {ALLOWED}"
        )

    def crops(self, count: int, rng: torch.Generator, *, side: int | None = None) -> Tensor:
        """Crops (count, 3, side, side) in [0, 1]: random place, scale and mirror.

        ``side`` is the usual one where none is given.
        """
        side = side or self.crop
        batch = np.stack([_crop(self.draw(rng), side, rng) for _ in range(count)])
        return torch.from_numpy(batch).permute(0, 3, 1, 2).float().div_(255)


class Crops(Ahead):
    """The crops of every step; those of the next are drawn while this one is trained on.

    In some steps they are fewer and larger: the networks' norms reach over the whole picture, and
    one that has only seen small crops gets the light of large pictures wrong.

    A context manager: the thread that reads ahead ends with it.
    """

    def __init__(self, pictures: Pictures, *, batch: int, seed: int) -> None:
        super().__init__(self._crops, "crops")
        self.pictures, self.batch, self.seed = pictures, batch, seed

    def _crops(self, step: int) -> Tensor:
        """The crops of ``step``: (n, 3, s, s) in [0, 1], mostly n the batch and s the crop."""
        times = LARGER[step % len(LARGER)]
        count, side = max(1, self.batch // times**2), times * self.pictures.crop
        return self.pictures.crops(count, rng_for(self.seed, f"crops/{step}"), side=side)


def _crop(copy: Pixels, side: int, rng: torch.Generator) -> Pixels:
    """A part of ``copy``, (side, side, 3)."""
    scale, x, y, mirror = torch.rand(4, generator=rng).tolist()
    height, width = copy.shape[:2]
    # Small and large parts of the picture equally often, as the logarithm has it.
    least = min(side, width, height)
    reach = round(least * (min(width, height) / least) ** scale)
    left, top = round(x * (width - reach)), round(y * (height - reach))
    part = _resized(copy[top : top + reach, left : left + reach], (side, side))
    return part[:, ::-1] if mirror < 0.5 else part


def split(paths: Sequence[Path], seed: int) -> tuple[list[Path], list[Path]]:
    """The pictures to train on, and the few to judge by, which are held out where there are many.

    One in ten is held out, eight at most. Of fewer than ten none is, and they are judged by
    themselves.
    """
    order = torch.randperm(len(paths), generator=rng_for(seed, "held out")).tolist()
    held = min(HELD_OUT, len(paths) // HELD_OUT_SHARE)
    shown = sorted(order[: held or HELD_OUT])
    kept = sorted(order[held:])
    return [paths[index] for index in kept], [paths[index] for index in shown]


def shrink(path: Path, crop: int) -> Pixels:
    """A copy of a picture, (h, w, 3), whose short side is at least ``crop`` and at most four times.

    Raises:
        MediaError: it can't be read, or is a ribbon.
    """
    with _without_notices():
        pixels = to_bytes(load_image(path))
    height, width = pixels.shape[:2]
    short, long = min(height, width), max(height, width)
    if long > LONGEST * short:
        raise MediaError(
            f"{path}: is {width} × {height}; a picture may be {LONGEST} times as long as wide"
        )
    scale = min(max(short, crop), REACH * crop) / short
    return _resized(pixels, (max(crop, round(width * scale)), max(crop, round(height * scale))))


def squares(pictures: Pictures, side: int) -> Tensor:
    """The middle of each picture that can be used, (n, 3, side, side) in [0, 1].

    Raises:
        MediaError: none can be used.
    """
    found = []
    for index in range(len(pictures)):
        copy = pictures.copy(index)
        if copy is None:
            continue
        height, width = copy.shape[:2]
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        found.append(_resized(copy[top : top + short, left : left + short], (side, side)))
    if not found:
        # Those to judge by are all broken; any other will do.
        raise MediaError(
            f"{pictures.paths[0].parent}: none of the pictures to judge by can be read"
        )
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).float().div_(255)


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """``pixels`` at another size; an area filter on the way down, a cubic on the way up."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    smaller = size[0] <= width and size[1] <= height
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    resized: Pixels = cv2.resize(pixels, size, interpolation=how)  # type: ignore[assignment]
    return resized


@contextmanager
def _without_notices() -> Iterator[None]:
    """Keep quiet what is worth a line for one picture and not for ten thousand."""
    here = threading.get_ident()

    def loud(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING or record.thread != here

    log.addFilter(loud)
    try:
        yield
    finally:
        log.removeFilter(loud)
