"""Pictures between two pictures of a film, by optical flow alone.

The flow is searched in both directions (DIS; see `motion.flow`). Each picture's pixels then carry
their motion to where they are at the moment that is wanted, those that are well matched outweighing
others that arrive at the same place; so something in front covers what it passes over, and what
nothing reaches is filled. Along such motions both pictures are read, and mixed by nearness in time,
a picture counting little where it can't show what is to be seen: what is covered in the later one
comes from the earlier, and the other way round (Herbst, Seitz, Baker 2009; Baker et al. 2011).

No single motion is right everywhere, so several are tried at each pixel and mixed by how well the
two pictures agree along them: the motion of the earlier picture's pixels, that of the later one's,
both together, those of the four neighbourhoods, as in overlapped block motion compensation (Orchard
& Sullivan 1994), and rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from mutoscope.finish.interpolate.sending import Raster, filled, inside, read, send
from mutoscope.images import resize
from mutoscope.motion.flow import Dis, is_cut, reliability, track, working_size

_LOST = 0.6  # with less than this to believe, a search from a head start may find more
_MATCH = 20.0  # how strongly a match outweighs a bad one on arrival, per unit of colour
_AGREE = 60.0  # how strongly agreement along a motion outweighs disagreement, per unit of colour
_MISSED = (0.01, 0.5)  # squared pixels by which there and back may miss, relative and absolute
_SHIFT = 8  # pixels to the neighbourhoods whose motions are tried: a patch of DIS
_REACH = 3  # pixels around each over which agreement is judged
_LITTLE = 1e-3  # what a picture counts where it can't show the place: something, if both can't

At = Callable[[float], Tensor]
"""The picture at a time between two: 0 is the first, 1 the second; (1, 3, H, W)."""


class Between(Protocol):
    """Makes what lies between two pictures of one size, (1, 3, H, W) in [0, 1]."""

    def __call__(self, one: Tensor, two: Tensor) -> At:
        """Look at the two, once for all times between them."""


class FlowBetween:
    """`Between` by optical flow; across a cut the nearer picture is shown, of two the earlier."""

    def __call__(self, one: Tensor, two: Tensor) -> At:
        """See `Between`. Between equal pictures there is exactly the same picture."""
        if torch.equal(one, two):
            return lambda _: one
        flows = _flows(one, two)
        if flows is None:
            return lambda time: one if time <= 0.5 else two
        forth, back = (_field(found) for found in flows)
        first, second = _raster(one), _raster(two)
        small = [_raster(resize(picture, working_size(picture))) for picture in (one, two)]
        sides = (_side(small[0], small[1], forth, back), _side(small[1], small[0], back, forth))
        return lambda time: _tensor(_mixed(first, second, _motions(*sides, time), time))


def cuts(one: Tensor, two: Tensor) -> bool:
    """Whether a film cuts from ``one`` to ``two``, (1, 3, H, W) each of one size."""
    return not torch.equal(one, two) and _flows(one, two) is None


@dataclass(frozen=True)
class _Side:
    """One of the two pictures, at the working size.

    Attributes:
        motion: (h, w, 2), where its pixels are in the other picture, from where they are.
        hidden: (h, w), 1 where they can't be seen in the other one.
        weight: (h, w), how well they are matched there, up to 1.
    """

    motion: Raster
    hidden: Raster
    weight: Raster


@dataclass(frozen=True)
class _Motions:
    """What moves how at a time between, at the working size.

    Attributes:
        candidates: (h, w, 2) each, from the first picture to the second, at the pixels of then.
        covered: (h, w), 1 where what is seen then is hidden in the second picture.
        coming: (h, w), 1 where it is hidden in the first.
    """

    candidates: Sequence[Raster]
    covered: Raster
    coming: Raster


def _flows(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor] | None:
    """The flow from one picture to the other and back at the working size, None across a cut."""
    first, second = (resize(picture, working_size(picture)) for picture in (one, two))
    search = Dis("medium")
    forth, back = search(first, second), search(second, first)
    believed = reliability(back, forth)
    if float(believed.mean()) >= _LOST:
        return None if is_cut(first, second, back, believed) else (forth, back)
    # `track` finds pans that are too fast for DIS alone, and judges as films that are followed are.
    found = track(first, second, search)
    if found.cut:
        return None
    return -track(second, first, search).displacement, -found.displacement


def _side(own: Raster, other: Raster, motion: Raster, returning: Raster) -> _Side:
    """What is known of a picture's pixels on their way to the other."""
    returned = read(returning, motion)
    missed = np.square(motion + returned).sum(-1)
    lengths = np.square(motion).sum(-1) + np.square(returned).sum(-1)
    hidden = np.clip(missed - _MISSED[0] * lengths - _MISSED[1], 0, 1)
    hidden = np.where(inside(motion), hidden, 1).astype(np.float32)
    apart = cv2.blur(np.abs(read(other, motion) - own).mean(-1), (3, 3))
    return _Side(motion, hidden, np.asarray(np.exp(-_MATCH * apart) + _LITTLE, np.float32))


def _motions(first: _Side, second: _Side, time: float) -> _Motions:
    """The motions at a time between, out of those of the two pictures."""
    sums, weights = [], []
    for side, share, sign in ((first, time, 1), (second, 1 - time, -1)):
        values = np.dstack([sign * side.motion, side.hidden])
        total, weight = send(values, share * side.motion, side.weight)
        sums.append(total)
        weights.append(weight)
    earlier, later = (filled(total, weight) for total, weight in zip(sums, weights, strict=True))
    both = filled(
        (1 - time) * sums[0] + time * sums[1], (1 - time) * weights[0] + time * weights[1]
    )
    own = [np.ascontiguousarray(each[..., :2]) for each in (earlier, later, both)]
    shifts = ((_SHIFT, 0), (-_SHIFT, 0), (0, _SHIFT), (0, -_SHIFT))
    around = [read(own[2], np.full_like(own[2], shift)) for shift in shifts]
    covered, coming = (np.clip(each[..., 2], 0, 1) for each in (earlier, later))
    # What both call hidden is badly matched rather than hidden, and is best seen in both.
    return _Motions(
        [*own, *around, np.zeros_like(own[2])], covered * (1 - coming), coming * (1 - covered)
    )


def _mixed(first: Raster, second: Raster, motions: _Motions, time: float) -> Raster:
    """The two pictures (H, W, 3), read along all candidates and mixed."""
    height, width = first.shape[:2]
    scale = width / motions.covered.shape[1], height / motions.covered.shape[0]
    reach = 2 * max(_REACH, round(_REACH * max(scale))) + 1
    covered, coming = (_sized(each, (width, height)) for each in (motions.covered, motions.coming))
    total = np.zeros_like(first)
    weight = np.zeros_like(covered)
    for candidate in motions.candidates:
        motion = _sized(candidate, (width, height)) * np.array(scale, np.float32)
        before, after = -time * motion, (1 - time) * motion
        one, two = read(first, before), read(second, after)
        agreed = np.exp(-_AGREE * cv2.blur(np.abs(one - two).mean(-1), (reach, reach))) + 1e-4
        # Where they agree, both are seen, whatever the flow says; and two show less grain than one.
        doubt = 1 - agreed
        shown = (1 - time) * np.maximum((1 - coming * doubt) * inside(before), _LITTLE)
        also = time * np.maximum((1 - covered * doubt) * inside(after), _LITTLE)
        share = (also / (shown + also))[..., None]
        total += agreed[..., None] * (one + share * (two - one))
        weight += agreed
    return np.asarray(np.clip(total / weight[..., None], 0, 1), np.float32)


def _sized(raster: Raster, size: tuple[int, int]) -> Raster:
    if (raster.shape[1], raster.shape[0]) == size:
        return raster
    return np.asarray(cv2.resize(raster, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _field(found: Tensor) -> Raster:
    """A flow (1, 2, h, w) as (h, w, 2)."""
    return np.ascontiguousarray(found[0].permute(1, 2, 0).numpy())


def _raster(picture: Tensor) -> Raster:
    """A picture as (H, W, 3)."""
    return np.ascontiguousarray(picture[0].permute(1, 2, 0).float().numpy())


def _tensor(raster: Raster) -> Tensor:
    """A picture (H, W, 3) as (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(raster, -1, 0)[None], np.float32))
