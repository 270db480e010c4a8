"""Films smoothed over time along what moves in them, so that they flicker less and stay sharp.

Each picture becomes a weighted mean of those around it, every one of which is first carried to
where its things are now, along the optical flow between the two. Weights are those of `Window`:
centred, so that nothing lags. Nothing is averaged across a cut.

What is carried wrongly must not shine through. Flow that leads there and back again is believed
more than other flow, and either is believed as far as the details that it brings differ no more
than is usual between the two pictures: then what differs is grain and flicker, which are to be
averaged away, and else it is another thing. Details are what stands out of its surroundings, so
that a change of light is never taken for another thing.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from mutoscope.motion.base import FieldWarp
from mutoscope.motion.flow import Dis, Estimator, Track, track
from mutoscope.smoothing import Window

Source = Callable[[int], Iterator[Tensor]]
"""``source(start)`` yields pictures (1, 3, H, W) in [0, 1] from number ``start`` on, from 0."""

# How many times as much as usual the squared details may differ where flow is reliable, and
# elsewhere, until a place counts half. On a clip of a moving head with flicker and grain added,
# lower ones leave more of both, and higher ones blur it more where it was clean.
_TOLERANCE = (6.0, 3.0)
_SURROUNDINGS = 15  # pixels, the side of the square that details stand out of
_PATCH = 7  # pixels, the side of the square in which differences are judged
# Squared: what differs by less does not differ; and no grain or flicker is as strong as this, so
# that nothing shines through from a picture that differs all over, as behind a cut that was missed.
_LEAST, _MOST = (1 / 255) ** 2, 0.1**2


def smoothed(source: Source, window: Window, estimator: Estimator | None = None) -> Source:
    """The pictures of ``source`` smoothed over time; as many, and each from wherever one starts.

    As many pictures as ``window`` is long are held in memory, and one more.

    Args:
        source: pictures of one size.
        window: over how many, and how much each counts.
        estimator: what tells the flow; by default DIS.
    """
    find = estimator or Dis()

    def frames(start: int) -> Iterator[Tensor]:
        first = max(0, start - window.reach)
        middle = start - first  # the place in ``held`` of the picture that is due
        held: deque[_Held] = deque()
        for picture in source(first):
            came = track(held[-1].picture, picture, find) if held else None
            held.append(_Held(picture, came))
            if len(held) <= middle + window.reach:
                continue
            yield _calmed(held, middle, window, find)
            if middle == window.reach:
                held.popleft()
            else:
                middle += 1
        for place in range(middle, len(held)):
            yield _calmed(held, place, window, find)

    return frames


@dataclass(frozen=True)
class _Held:
    """A picture, and where it came from in the one before, if that is held."""

    picture: Tensor
    came: Track | None

    @property
    def cut(self) -> bool:
        """Whether it is the first of its shot."""
        return self.came is not None and self.came.cut


@torch.no_grad()
def _calmed(held: Sequence[_Held], middle: int, window: Window, find: Estimator) -> Tensor:
    """The mean of the pictures around the one at ``middle``, in its place."""
    picture = held[middle].picture
    # Differences are averaged, not pictures: where nothing differs the picture stays to the bit.
    total = torch.zeros_like(picture)
    weights = torch.ones_like(picture[:, :1])
    for side in (-1, 1):
        for distance in range(1, window.reach + 1):
            place, weight = middle + side * distance, window.weight(distance)
            if not 0 <= place < len(held) or not weight:
                break
            if held[max(place, place - side)].cut:
                break
            old = held[place].picture
            known = held[middle].came if side == -1 and distance == 1 else None
            way = known or track(old, picture, find)
            carried, inside = _carried(old, way)
            difference = carried - picture
            share = weight * inside * _trust(difference, way.reliable)
            total += share * difference
            weights += share
    return (picture + total / weights).clamp(0, 1)


def _carried(old: Tensor, way: Track) -> tuple[Tensor, Tensor]:
    """``old`` as it looks in the new picture, and where that came from inside of it, as 0 and 1."""
    warp = FieldWarp(way.displacement, sampling="bicubic", infill="smear")
    if warp.still:
        return old, torch.ones_like(old[:, :1])
    height, width = old.shape[-2:]
    places = warp.sources((width, height))  # (2, H, W)
    edge = places.new_tensor([0.5 / width, 0.5 / height])[:, None, None] * (1 - 1e-6)
    inside = ((places >= edge) & (places <= 1 - edge)).all(dim=0)
    return warp(old), inside[None, None].to(old)


def _trust(difference: Tensor, reliable: Tensor) -> Tensor:
    """How far each place of a carried picture is the place that it came to: (1, 1, H, W), 0 to 1.

    Args:
        difference: (1, 3, H, W) from the picture that it was carried to.
        reliable: (1, 1, H, W), 1 where the flow is.
    """
    details = difference - _around(difference, _SURROUNDINGS)
    apart = _around(details.square().mean(dim=1, keepdim=True), _PATCH)
    differs = apart[apart > _LEAST]
    if not len(differs):
        return torch.ones_like(apart)
    usual = differs.median().clamp(max=_MOST)
    believed, doubted = _TOLERANCE
    bound = usual * torch.where(reliable > 0.5, believed, doubted)
    return 1 / (1 + (apart / bound).square())


def _around(raster: Tensor, side: int) -> Tensor:
    """The mean of the square of odd ``side`` around each pixel, as far as it is on the raster."""
    # Column by column, then row by row: the same, in a fraction of the time.
    columns = avg_pool2d(raster, (side, 1), 1, (side // 2, 0), count_include_pad=False)
    return avg_pool2d(columns, (1, side), 1, (0, side // 2), count_include_pad=False)
