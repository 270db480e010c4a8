"""A film measured from end to end, two pictures at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from mutoscope.errors import MediaError
from mutoscope.images import load_image
from mutoscope.quality.sight import Raster, Sight, shrunk, sight
from mutoscope.quality.steps import Step, step_between

Column = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What was measured of each picture of a film.

    Attributes:
        size: (width, height) of the first.
        rate: Pictures per second; None where they have no time of their own.
        numbers: What each is called: the number in its name, or its place from 1.
        sights: What each looks like.
        steps: The change into each from the one before; None for the first, but where the film
            loops: there it is the change from the last.
        seam: The change from the last to the first; None for a film of one picture.
        loops: Whether the film is to be played round and round.
    """

    size: tuple[int, int]
    rate: float | None
    numbers: tuple[int, ...]
    sights: tuple[Sight, ...]
    steps: tuple[Step | None, ...]
    seam: Step | None
    loops: bool

    def __len__(self) -> int:
        return len(self.sights)

    def time(self, index: int) -> float | None:
        """When a picture is on show, in seconds from the film's beginning."""
        return None if self.rate is None else index / self.rate

    def column(self, name: str) -> Column:
        """An attribute of the sights or steps for all pictures, (n,); NaN where there is none."""
        rows: Sequence[Sight | Step | None]
        rows = self.steps if name in Step.__dataclass_fields__ else self.sights
        return np.array([np.nan if row is None else getattr(row, name) for row in rows], float)

    @property
    def opening(self) -> int:
        """How many pictures the first second has, with which later ones are compared."""
        return max(1, min(len(self), round(self.rate or 1)))


def measure(
    pictures: Iterable[Tensor],
    *,
    numbers: Sequence[int] | None = None,
    rate: float | None = None,
    loops: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Measured:
    """Measure the pictures of a film, (1, 3, H, W) each, in the order in which they are shown.

    They are read one after the other; besides the one in hand only small copies are kept.

    Args:
        pictures: In the order of the film.
        numbers: What they are called, for reports; by default 1, 2, 3 …
        rate: Pictures per second.
        loops: Whether the last leads into the first again.
        progress: Told how many are done, after each.

    Raises:
        MediaError: There is none, or one can't be read.
    """
    sights: list[Sight] = []
    steps: list[Step | None] = []
    small: list[Raster] = []  # the first, and the last two
    size = (0, 0)
    for image in pictures:
        if not sights:
            size = image.shape[-1], image.shape[-2]
        elif (image.shape[-1], image.shape[-2]) != size:
            raise MediaError(
                f"picture {len(sights) + 1}: is {image.shape[-1]} × {image.shape[-2]}, but the "
                f"first is {size[0]} × {size[1]}; the frames of a film have one size"
            )
        raster = shrunk(image)
        steps.append(
            step_between(small[-1], raster, before=small[-2] if len(steps) > 1 else None)
            if steps
            else None
        )
        sights.append(sight(raster))
        small = [*(small[:1] or [raster]), *small[-1:], raster]
        if progress is not None:
            progress(len(sights))
    if not sights:
        raise MediaError("there is no picture to be measured")
    seam = None
    if len(sights) > 1:
        before = small[-2] if len(sights) > 2 else None
        seam = step_between(small[-1], small[0], before=before)
    if loops:
        steps[0] = seam
    return Measured(
        size=size,
        rate=rate,
        numbers=tuple(range(1, len(sights) + 1)) if numbers is None else tuple(numbers),
        sights=tuple(sights),
        steps=tuple(steps),
        seam=seam,
        loops=loops,
    )


def read_pictures(paths: Iterable[Path]) -> Iterator[Tensor]:
    """The pictures in files, one at a time.

    Raises:
        MediaError: One can't be read.
    """
    for path in paths:
        yield load_image(path)
