"""Closed curves through a latent space, as functions of a place from 0 to 1, where they begin anew.

A curve is a shape; how fast it is gone along is another matter (`mutoscope.paths.pace`). Values
are float64, so that two places that lie close together differ by more than rounding.

Where a generator normalises its input, only the direction of a vector counts: then a straight line
between two of them is an arc of a great circle, gone along unevenly, and needs no other treatment.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.special import ive
from torch import Tensor

from mutoscope.errors import SettingsError

Map = Callable[[Tensor], Tensor]
"""Places (n,) in [0, 1] to vectors (n, d), float64."""

_NEGLIGIBLE = 1e-9  # of a noise loop's variance, that of the harmonics that are left out


@dataclass(frozen=True, eq=False)
class Curve:
    """A closed curve: ``at(0)`` is ``at(1)``.

    Attributes:
        at: where it is at places in [0, 1].
        breaks: the places, ascending and without 1, at which it is not smooth.
        corners: whether it turns sharply there, so that a frame should fall on each.
    """

    at: Map
    breaks: tuple[float, ...] = ()
    corners: bool = False


def zigzag(keys: Tensor) -> Curve:
    """Straight legs from key to key, (S, d), and from the last back to the first."""
    count = two_or_more(len(keys), "zigzag")
    _refuse_standing(keys)
    ring = torch.cat([keys, keys[:1]]).double()

    def at(places: Tensor) -> Tensor:
        leg, share = _leg(places, count)
        return ring[leg] + share[:, None] * (ring[leg + 1] - ring[leg])

    return Curve(at, _equal(count), corners=True)


def bezier(draws: Tensor) -> Curve:
    """Curves of degree four from knot to knot; (3·S, d), every third row, from the last, a knot.

    Third Study's: of the three points between two knots the first mirrors the one before the knot,
    so that the speed is continuous there; its own are drawn.
    """
    points = quartic(draws.double())  # (S, 5, d)

    def at(places: Tensor) -> Tensor:
        leg, t = _leg(places, len(points))
        s = 1 - t
        weights = torch.stack([s**4, 4 * s**3 * t, 6 * s**2 * t**2, 4 * s * t**3, t**4], dim=1)
        return torch.einsum("nk,nkd->nd", weights, points[leg])

    return Curve(at, _equal(len(points)))


def spline(keys: Tensor, *, sphere: bool) -> Curve:
    """The smooth curve through the keys, (S, d): a periodic cubic spline, C².

    Its parameter is centripetal, the square root of the distance between keys (Lee 1989), so that
    keys that lie close together make no loops.

    Args:
        keys: what it goes through; at least two, no two neighbours alike.
        sphere: whether only directions count: the keys are brought to one length, that of a normal
            variable, and the curve keeps it.
    """
    two_or_more(len(keys), "spline")
    radius = math.sqrt(keys.shape[1])
    knots = keys.double()
    if sphere:
        knots = radius * knots / knots.norm(dim=1, keepdim=True).clamp_min(1e-12)
    _refuse_standing(knots)
    ring = torch.cat([knots, knots[:1]])
    steps = ring.diff(dim=0).norm(dim=1).sqrt().cumsum(0)
    stops = np.concatenate([[0.0], (steps / steps[-1]).numpy()])
    cubic = CubicSpline(stops, ring.numpy(), bc_type="periodic")

    def at(places: Tensor) -> Tensor:
        points = torch.from_numpy(cubic(places.numpy()))
        if sphere:
            points = radius * points / points.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return points

    return Curve(at, tuple(stops[:-1].tolist()))


def orbit(centre: Tensor, first: Tensor, second: Tensor) -> Curve:
    """Around ``centre`` through ``first`` and ``second``, a quarter of the way apart; each (d,).

    An ellipse; around 0 and seen as directions, the great circle through both.
    """
    both = torch.stack([first - centre, second - centre]).double()
    if float(torch.linalg.matrix_norm(both[:1] - both[1:])) == 0:
        raise SettingsError("keys: an orbit goes through two keys, and these are the same")
    return _harmonic(centre, both[:1], both[1:], [1])


def noise_loop(centre: Tensor, draws: Tensor, segments: int) -> Curve:
    """A stationary random loop around ``centre``, as far away as the draws: a Gaussian process.

    Its kernel is periodic, exp(−2 sin²(π τ) / l²) (MacKay 1998), drawn by its Fourier series, whose
    coefficients are modified Bessel functions. After a ``segments``-th of the loop the
    correlation has sunk to e⁻²: so many independent places it comes by, about.

    Args:
        centre: (d,).
        draws: (2·`harmonics` (segments), d), independent, of the space's own distribution.
        segments: at least 2.
    """
    amplitudes = _amplitudes(segments)
    apart = (draws.double() - centre.double()) * amplitudes.repeat(2)[:, None]
    count = len(amplitudes)
    # The first cosine is the constant; its sine is naught.
    return _harmonic(centre, apart[:count], apart[count:], list(range(count)))


def harmonics(segments: int) -> int:
    """How many harmonics a noise loop has, the constant one included."""
    return len(_amplitudes(segments))


def sine(base: Tensor, phases: Tensor) -> Curve:
    """Each dimension swings once around ``base``, (d,), by 1; ``phases``: (d,) in [0, 1)."""
    return _swinging(base, torch.ones_like(base), phases)


def period(base: Tensor, cycles: Tensor) -> Curve:
    """Each dimension swings so many times around ``base``, (d,), by 1; all begin together."""
    return _swinging(base, cycles, torch.zeros_like(base))


def bitloop(base: Tensor, mask: Tensor, phases: Tensor) -> Curve:
    """The dimensions in which ``mask`` is 1 swing once around ``base``, (d,), by 1.

    ``phases``: (d,) in [0, 1), as in `sine`. Without them, as in Third Study, all swing together:
    to and fro on one line, each picture seen twice.
    """
    return _swinging(base, mask, phases)


def quartic(draws: Tensor) -> Tensor:
    """The five points of each curve of Third Study's Bezier path, (3·S, d) to (S, 5, d).

    With draws n, the ``i``-th begins at n[3i − 1], then comes n[3i − 2] mirrored in that, and then
    n[3i], n[3i + 1] and n[3i + 2], the next one's beginning; indices wrap around.
    """
    if draws.ndim != 2 or len(draws) < 3 or len(draws) % 3:
        raise ValueError(f"three draws a segment, (3·S, d), not {tuple(draws.shape)}")
    knot = draws[2::3].roll(1, 0)
    before = draws[1::3].roll(1, 0)
    return torch.stack([knot, 2 * knot - before, draws[0::3], draws[1::3], draws[2::3]], dim=1)


def two_or_more(count: int, style: str) -> int:
    """``count``, if it is enough for a path.

    Raises:
        SettingsError: it is less than two.
    """
    if count < 2:
        raise SettingsError(f"{style}: {count} keys; a path needs at least 2")
    return count


def _refuse_standing(keys: Tensor) -> None:
    """Refuse keys of which one follows itself: there would be no way between them."""
    same = (keys == keys.roll(-1, 0)).all(dim=1).nonzero()
    if len(same):
        number = int(same[0]) + 1
        after = number % len(keys) + 1
        raise SettingsError(
            f"keys: number {number} and the next, number {after}, are the same (the first follows "
            "the last); leave one out"
        )


def _leg(places: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """On which of ``count`` equal legs each place is, and how far along it, from 0 to 1."""
    scaled = places.double() * count
    leg = scaled.floor().clamp(0, count - 1)
    return leg.long(), scaled - leg


def _equal(count: int) -> tuple[float, ...]:
    return tuple(number / count for number in range(count))


def _amplitudes(segments: int) -> Tensor:
    """The standard deviation of each harmonic of a noise loop, from the constant one on."""
    if segments < 2:
        raise SettingsError(f"segments: {segments}; a noise loop has at least 2")
    sharpness = math.sin(math.pi / segments) ** -2
    variances = [float(ive(0, sharpness))]
    while sum(variances) < 1 - _NEGLIGIBLE:
        variances.append(2 * float(ive(len(variances), sharpness)))
    return torch.tensor(variances, dtype=torch.float64).sqrt()


def _harmonic(centre: Tensor, cosines: Tensor, sines: Tensor, orders: list[int]) -> Curve:
    """``centre`` plus waves, each of an order and with a vector for its cosine and its sine."""
    middle = centre.double()
    order = torch.tensor(orders, dtype=torch.float64)

    def at(places: Tensor) -> Tensor:
        # The last place is the first: a sine of a whole turn is naught, but not to the last bit.
        turns = 2 * math.pi * ((places.double() % 1)[:, None] * order % 1)
        return middle + turns.cos() @ cosines + turns.sin() @ sines

    return Curve(at)


def _swinging(base: Tensor, cycles: Tensor, phases: Tensor) -> Curve:
    """Each dimension swings so many times, from its own phase on; naught stays at its base."""
    middle, counts, begun = base.double(), cycles.double(), phases.double()

    def at(places: Tensor) -> Tensor:
        turns = (places.double() % 1)[:, None] * counts + begun
        swings = torch.sin(2 * math.pi * (turns % 1))
        return middle + torch.where(counts > 0, swings, torch.zeros_like(swings))

    return Curve(at)
