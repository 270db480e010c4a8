"""What sources and sinks of pictures have in common."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction

from torch import Tensor

from mutoscope.closable import Closable
from mutoscope.errors import MediaError

MAX_RATE = 1000
_RATE = re.compile(r"[+-]?[0-9]{0,20}\.?[0-9]{0,20}(/[0-9]{1,20}|e[+-]?[0-9]{1,2})?", re.IGNORECASE)


class Source(ABC):
    """Pictures in order, (1, 3, H, W) each; iterating again begins anew.

    ``size`` is (width, height) of each; ``rate`` how many there are in a second, or ``None`` if
    they have no time of their own; ``length`` how many there are, or ``None`` if only reading
    them all would tell.
    """

    size: tuple[int, int]
    rate: Fraction | None
    length: int | None

    @abstractmethod
    def __iter__(self) -> Iterator[Tensor]:
        """The pictures, one at a time; none is kept."""


class Sink(Closable, ABC):
    """Takes pictures in order. A context manager; what was written when it ends, is kept.

    So it is after an error or Ctrl-C: the frames so far took their time and are worth having.
    """

    @abstractmethod
    def write(self, image: Tensor) -> None:
        """Take the next picture, (1, 3, H, W) in [0, 1]."""

    @abstractmethod
    def close(self) -> None:
        """Finish what was written so far. Closing twice is no mistake."""


def as_rate(rate: float | Fraction | str, place: str = "rate") -> Fraction:
    """Frames per second as a fraction: ``12``, ``23.976``, ``"30000/1001"``.

    Raises:
        MediaError: It is not a number above 0 and at most `MAX_RATE`.
    """
    try:
        if isinstance(rate, str) and not _RATE.fullmatch(rate.strip()):
            raise ValueError("1e4000000 is a number of so many digits")
        fraction = Fraction(rate).limit_denominator(1001)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError) as error:
        raise MediaError(f"{place}: {rate!r} is not a number of frames per second") from error
    if not 0 < fraction <= MAX_RATE:
        raise MediaError(
            f"{place}: {rate} frames per second; allowed is more than 0 and at most {MAX_RATE}"
        )
    return fraction
