"""Pictures at a higher rate than they have, those between made by their optical flow."""

from collections.abc import Iterator
from fractions import Fraction

from torch import Tensor

from mutoscope.finish.interpolate import FlowBetween, pace_of, pictures
from mutoscope.frames import Source
from mutoscope.run.material import Material


class More(Source):
    """A material without a rate of its own, taken to have ``rate``, at the rate ``wanted``.

    Raises:
        MediaError: while iterating, a picture has another size than the first.
    """

    def __init__(self, material: Material, rate: Fraction, wanted: Fraction) -> None:
        self._material = material
        self._pace = pace_of(material, fps=wanted, own=rate)
        self.size = material.size
        self.rate = wanted
        self.length = self._pace.count(material.length(rate))

    def __iter__(self) -> Iterator[Tensor]:
        yield from pictures(self._material, self._pace, FlowBetween())
