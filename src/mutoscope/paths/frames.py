"""The frames of Third Study's films, one vector for each, with the doubled ones that it has.

They are here so that its films can be made again as they were. Every style draws its numbers anew;
what is drawn is an argument. What is better comes from `mutoscope.paths.closed`.
"""

import math

import torch
from torch import Tensor

from mutoscope.errors import SettingsError
from mutoscope.paths.closed import quartic, two_or_more

CYCLES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)
"""How often a dimension of `period_frames` may swing: the divisors of 60."""

PERIOD_RATE = 30
"""Frames per second that `period_frames` counts by."""


def zigzag_frames(knots: Tensor, frames: int) -> Tensor:
    """Straight legs from knot to knot, (S, d) to ((S − 1)·frames, d): open, each knot twice.

    Only the first and the last knot are there once.
    """
    two_or_more(len(knots), "zigzag")
    share = torch.linspace(0, 1, frames, dtype=knots.dtype)[None, :, None]
    start, stop = knots[:-1, None], knots[1:, None]  # (S - 1, 1, d)
    # Not start + share · (stop − start), which misses the knot by a rounding error.
    return ((1 - share) * start + share * stop).flatten(0, 1)


def bezier_frames(draws: Tensor, frames: int) -> Tensor:
    """Curves of degree four from knot to knot, (3·S, d) to (S·frames, d): closed, each knot twice.

    The speed is continuous at the knots, the acceleration is not; the last frame is the first.
    """
    points = quartic(draws)  # (S, 5, d)
    t = torch.linspace(0, 1, frames, dtype=draws.dtype)
    s = 1 - t
    weights = torch.stack([s**4, 4 * s**3 * t, 6 * s**2 * t**2, 4 * s * t**3, t**4])  # (5, F)
    return torch.einsum("kf,skd->sfd", weights, points).flatten(0, 1)


def sine_frames(base: Tensor, rolls: Tensor, frames: int) -> Tensor:
    """Each dimension swings once around ``base``, (d,) to (frames, d), a doubled frame in each.

    Args:
        base: around what.
        rolls: by how many frames each dimension's wave comes later, (d,) whole numbers.
        frames: of the whole film.
    """
    wave = _wave(frames, base)
    place = (torch.arange(frames)[:, None] - rolls[None]) % frames  # (F, d)
    return base + wave[place]


def period_frames(base: Tensor, cycles: Tensor, frames: int) -> Tensor:
    """Each dimension swings ``cycles`` times around ``base``, (d,) to (frames, d), from 0 on.

    Raises:
        SettingsError: ``frames`` is no multiple of 1800, a minute: the waves would have different
            lengths.
    """
    if frames < 1 or frames % (60 * PERIOD_RATE):
        raise SettingsError(
            f"frames: {frames} in all; period as it was takes whole minutes at {PERIOD_RATE} "
            f"frames a second, multiples of {60 * PERIOD_RATE}"
        )
    columns = [_wave(frames // count, base).repeat(count) for count in cycles.tolist()]
    return base + torch.stack(columns, dim=1)


def bitloop_frames(base: Tensor, bits: str, frames: int) -> Tensor:
    """The dimensions whose bit is 1 swing once around ``base``, (d,) to (frames, d)."""
    return base + _wave(frames, base)[:, None] * mask_of(bits, len(base)).to(base)


def mask_of(bits: str, dimensions: int) -> Tensor:
    """Ones and zeros, repeated over the dimensions, (d,).

    Raises:
        SettingsError: there is something else in it, or no 1.
    """
    if not bits or set(bits) - {"0", "1"} or "1" not in bits[:dimensions]:
        raise SettingsError(f"bits: {bits!r}; write ones and zeros, with a one, such as 1100")
    repeated = (bits * math.ceil(dimensions / len(bits)))[:dimensions]
    return torch.tensor([float(bit) for bit in repeated])


def _wave(frames: int, like: Tensor) -> Tensor:
    """One sine over so many frames, both ends included: the last is the first again."""
    return torch.sin(torch.linspace(0, 2 * math.pi, frames, dtype=like.dtype))
