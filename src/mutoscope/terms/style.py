"""Style: the term that wants the colours, strokes and texture of another picture.

A picture's style is taken to be how its *descriptions* are distributed, wherever in the picture
they are: its colours, small patches of it at several scales, and what the early layers of a frozen
network say of each place. Two such distributions are compared by their sliced Wasserstein distance
(Rabin et al., *Wasserstein Barycenter and its Application to Texture Mixing*, 2011; on layers of a
network: Heitz et al., *A Sliced Wasserstein Loss for Neural Texture Synthesis*, CVPR 2021; on
patches: Elnekave and Weiss, *Generating Natural Images with Direct Patch Distribution Matching*,
ECCV 2022): seen along a direction, both are sorted lists of numbers, and those are compared one by
one. Unlike Gram matrices that also holds for networks whose channels are filtered one by one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor

from mutoscope.images import resize
from mutoscope.look import Look
from mutoscope.terms.base import ONE, Number, Weighted

Layers = Callable[[Tensor], Sequence[Tensor]]
"""What a frozen network makes of a picture (1, 3, h, w): one (1, c, h', w') for each layer."""

SIDE = 256
"""The picture is judged at this size at most, as the side of a square of equal area, in pixels."""

# How much each kind of description counts, found by eye beside a prompt of weight 1. Colours and
# patches leave the subject alive; the network adds how strokes are woven, and where it counts for
# as much as the prompt from the first step on, its textures drown whatever was there.
COLOURS = 3.0
PATCHES = 6.0
NETWORK = 0.3

SCALES = 3  # patches are read in the picture, in half of it, and in a quarter
PATCH = 5  # pixels a side
SMALLEST = 32  # a picture's side below which no smaller scale is read
DIRECTIONS = 256  # that are known of each description,
SEEN = 16  # and how many of them a step looks along
PLACES = 4096  # about as many places of a description are read in a step
QUANTILES = 1024  # that stand for a distribution
SPREAD = 0.25  # of photographs' colours: the unit of colours and patches


@dataclass(frozen=True, eq=False)
class _Description:
    """What there is to say of each place of a picture.

    Attributes:
        weight: how much it counts.
        values: (1, c, h, w) with gradient.
        kernel: the side of what is taken together, 1 for the values of one place alone.
        pixels: whether the values are colours, and not a network's.
    """

    weight: float
    values: Tensor
    kernel: int = 1
    pixels: bool = True


@dataclass(frozen=True, eq=False)
class _Wanted:
    """How one description is distributed in the style picture, along some directions.

    Attributes:
        filters: (p, c, k, k), which make the directions' numbers from the description.
        quantiles: (p, QUANTILES), those numbers in the style picture, sorted.
    """

    filters: Tensor
    quantiles: Tensor


class Style(Weighted):
    """The colours, strokes and texture of ``picture``, wherever in the canvas.

    The distance is the mean absolute difference of the sorted numbers, in units of their spread. A
    step looks along a few of the known directions and at a part of the places, drawn anew. Pictures
    of any size and shape will do: one that is larger than the canvas is shrunk to its area, so
    that strokes keep their size in the picture; a smaller one is taken as it is.

    Args:
        picture: (1, 3, h, w) in [0, 1], 32 pixels a side or more.
        layers: what a network makes of a picture; None judges by colours and patches alone.
        rng_of: random numbers for a purpose, the same for the same one: what a step looks at
            hangs on its number alone, so that a resumed run is the same run.
        opening: over how many steps the style comes in, from nothing to its whole weight: the
            subject has to be there first, or the strokes settle everywhere and leave it no room.
        name: a label for the log.
        weight: may vary with time and be negative.
    """

    def __init__(
        self,
        picture: Tensor,
        layers: Layers | None,
        *,
        rng_of: Callable[[str], torch.Generator],
        opening: int = 0,
        name: str = "style",
        weight: Number = ONE,
    ) -> None:
        super().__init__(name, weight=weight)
        self._picture = picture
        self._layers = layers
        self._rng_of = rng_of
        self._opening = opening
        self._wanted: dict[tuple[int, int], list[_Wanted]] = {}  # by the style picture's size

    def raw(self, look: Look) -> Tensor:
        """How far the style is from the one that is wanted, as far as it has come in."""
        come_in = (look.moment.step + 1) / self._opening if self._opening else 1.0
        return min(1.0, come_in) * self.distance(look)

    def distance(self, look: Look) -> Tensor:
        """How far the picture's style is from the one that is wanted: about 0 for the same."""
        image = look.image
        height, width = image.shape[-2:]
        size = _fit((width, height), SIDE**2)
        if size != (width, height):
            shrunk = (size[1], size[0])
            image = F.interpolate(image, shrunk, mode="bilinear", antialias=True)
        wanted = self._wanted_for(size, image.device)
        descriptions = self._descriptions(image, _scales(size, self._fitted(size)))
        rng = self._rng_of(f"style {look.moment.step}")
        distances = [
            description.weight * _distance(description, target, rng)
            for description, target in zip(descriptions, wanted, strict=True)
        ]
        return torch.stack(distances).sum()

    def _descriptions(self, image: Tensor, scales: int) -> list[_Description]:
        """All that is said of ``image`` (1, 3, h, w)."""
        said = [_Description(COLOURS, image)]
        scaled = image
        for scale in range(scales):
            scaled = F.avg_pool2d(scaled, 2) if scale else scaled
            said.append(_Description(PATCHES / scales, scaled, kernel=PATCH))
        layers = self._layers(image) if self._layers else ()
        return said + [_Description(NETWORK / len(layers), y, pixels=False) for y in layers]

    def _fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size (width, height) of the style picture beside pictures of ``size``."""
        height, width = self._picture.shape[-2:]
        return _fit((width, height), size[0] * size[1])

    def _wanted_for(self, size: tuple[int, int], device: torch.device) -> list[_Wanted]:
        """The style's distributions for pictures of ``size`` (width, height), made once a size."""
        if size not in self._wanted:
            fitted = self._fitted(size)
            picture = resize(self._picture, fitted).to(device)
            rng = self._rng_of("style directions")
            with torch.no_grad():
                said = self._descriptions(picture, _scales(size, fitted))
                self._wanted[size] = [_want(description, rng) for description in said]
        return self._wanted[size]


def _fit(size: tuple[int, int], area: int) -> tuple[int, int]:
    """``size`` (width, height), shrunk in proportion to ``area`` pixels where it has more."""
    factor = min(1.0, math.sqrt(area / (size[0] * size[1])))
    width, height = (max(min(side, SMALLEST), round(side * factor)) for side in size)
    return width, height


def _scales(*sizes: tuple[int, int]) -> int:
    """In how many scales pictures of these sizes can be compared: 1 to SCALES."""
    room = min(min(size) for size in sizes) / SMALLEST
    return max(1, min(SCALES, 1 + math.floor(math.log2(max(room, 1)))))


def _want(description: _Description, rng: torch.Generator) -> _Wanted:
    """The distributions of ``description`` along directions drawn from ``rng``."""
    values, kernel = description.values, description.kernel
    channels = values.shape[1]
    # Drawn on the CPU: the same numbers for every device.
    filters = torch.randn(DIRECTIONS, channels, kernel, kernel, generator=rng)
    if kernel > 1:
        # Three of four say nothing of a patch's colour, only how it is drawn.
        drawn = filters[DIRECTIONS // 4 :]
        drawn -= drawn.mean(dim=(2, 3), keepdim=True)
    filters = F.normalize(filters.flatten(1), dim=1).view_as(filters).to(values)
    if description.pixels:
        filters = filters / SPREAD
    else:
        spread = values.std(dim=(0, 2, 3))
        # A channel that is silent in the style picture may well be loud elsewhere.
        filters = filters / spread.clamp_min(0.1 * spread.mean() + 1e-6)[:, None, None]
    stride = _stride(values, kernel, 4 * PLACES)
    numbers = F.conv2d(values, filters, stride=stride)[0].flatten(1).sort(dim=1).values
    return _Wanted(filters, _resampled(numbers, QUANTILES))


def _distance(description: _Description, wanted: _Wanted, rng: torch.Generator) -> Tensor:
    """The mean difference of the sorted numbers along some of the directions, a scalar."""
    along = torch.randperm(len(wanted.filters), generator=rng)[:SEEN]
    values, kernel = description.values, description.kernel
    stride = _stride(values, kernel, PLACES)
    down, across = torch.randint(stride, (2,), generator=rng).tolist()
    along = along.to(values.device)
    numbers = F.conv2d(values[..., down:, across:], wanted.filters[along], stride=stride)
    numbers = numbers[0].flatten(1).sort(dim=1).values  # (directions, places)
    return (numbers - _resampled(wanted.quantiles[along], numbers.shape[1])).abs().mean()


def _stride(values: Tensor, kernel: int, places: int) -> int:
    """At which steps (1, c, h, w) is to be read for about so many ``places``."""
    height, width = (side - kernel + 1 for side in values.shape[-2:])
    return max(1, round(math.sqrt(height * width / places)))


def _resampled(numbers: Tensor, count: int) -> Tensor:
    """Sorted rows (p, n) as (p, count), read off between neighbours."""
    return F.interpolate(numbers[None], count, mode="linear")[0]
