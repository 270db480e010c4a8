"""The path that comes of what a walk is to be: for each frame a vector and a truncation."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mutoscope import paths
from mutoscope.curves import Curve, parse_curve
from mutoscope.errors import SettingsError
from mutoscope.paths import closed, frames
from mutoscope.sound import Sound
from mutoscope.walk.keys import Keys
from mutoscope.walk.render import Renderer
from mutoscope.walk.route import Route, check, segments_of, total_of
from mutoscope.walk.toward import Guide, bend
from mutoscope.weights import Progress

log = logging.getLogger("mutoscope")

PLANNING = 2
"""Raised whenever the frames of a route come to lie elsewhere: half a film has no other half."""

_SHARE = 4  # a film's frames for each picture that is seen before it, at most
_LEAST = 128  # pictures that may be seen for a short one, if that is not more than half of its own
_GREATEST = 8192  # and for the longest: they are held in memory


@dataclass(frozen=True)
class Leading:
    """What goes with leading keys toward words, which takes its time.

    Attributes:
        keep: a file for the moved keys; see `bend`.
        progress: told how many steps of how many are done.
        fetching: given a perceptor's name, what is told how far its download is.
    """

    keep: Path | None = None
    progress: Callable[[int, int], None] = lambda *_: None
    fetching: Callable[[str], Progress] | None = None


@dataclass(frozen=True, eq=False)
class Walk:
    """A path, frame by frame.

    Attributes:
        total: how many frames it has.
        space: of its vectors, "z" or "w".
        points: the vectors (n, d) and truncations (n,) of frames from one number up to another.
        told: what it is, for a recipe.
    """

    total: int
    space: str
    points: Callable[[int, int], tuple[Tensor, Tensor]]
    told: Mapping[str, Any]


def plan(
    route: Route,
    renderer: Renderer,
    sound: Sound | None = None,
    *,
    progress: Callable[[int], None] | None = None,
    leading: Leading | None = None,
) -> Walk:
    """The path of a walk; with an even picture, its speed is measured first.

    Args:
        route: what is wanted.
        renderer: the generator.
        sound: what it may follow.
        progress: told at how many places the picture has been seen.
        leading: what goes with leading its keys toward words, where they are.

    Raises:
        SettingsError: something of it can't be.
        WeightsError: a perceptor can't be had.
        ScriptError: a number over time can't be read or computed.
    """
    space = check(route)
    segments = segments_of(route)
    total = total_of(route)
    truncations = _truncations(route, total, sound)
    told: dict[str, Any] = {
        "style": route.style,
        "segments": segments,
        "frames": total,
        "space": space,
        "truncation": _truncation(route),
        "seed": route.seed,
        "keys": None if route.keys is None else _told_keys(route.keys),
        "pace": None if route.parity else route.pace,
        "parity": route.parity,
        "drive": None if route.drive is None else [route.drive.by, route.drive.gain],
    } | ({"bits": route.bits} if route.style == "bitloop" else {})
    if route.parity:
        vectors = _as_they_were(route, segments, renderer.generator.shape.z)
        return Walk(
            total, space, lambda first, last: (vectors[first:last], truncations[first:last]), told
        )
    # What can't be read or computed is refused before anything is measured.
    shares = None if route.drive is None else paths.warped(_speeds(route, total, sound))
    curve = _curve(route, segments, space, renderer)
    typical = float(truncations.mean())
    if route.led is not None:
        leading = leading or Leading()
        guide = Guide(
            route.led, renderer, seed=route.seed, truncation=typical, fetching=leading.fetching
        )
        curve = bend(
            curve, space, segments, guide, renderer, keep=leading.keep, progress=leading.progress
        )
        space = "w"
        told |= {"toward": guide.told, "space": space}
    pace = _pace(route, curve, space, typical, total, renderer, progress)
    places = torch.from_numpy(pace.frames(total) if shares is None else pace.at(shares))
    return Walk(
        total,
        space,
        lambda first, last: (curve.at(places[first:last]), truncations[first:last]),
        told,
    )


def _truncation(route: Route) -> str:
    return route.truncation or ("1" if route.parity else "0.7")


def _names(sound: Sound | None) -> list[str]:
    return ["t", "frame", *(sorted(sound.names) if sound is not None else ())]


def _over_time(
    text: str, place: str, route: Route, total: int, sound: Sound | None
) -> tuple[Curve, list[Mapping[str, float]]]:
    """A number over time, and the values that it is asked with for each frame."""
    curve = parse_curve(text, place=place, names=_names(sound))
    if curve.constant is not None:
        return curve, [{}] * total
    moments: list[Mapping[str, float]] = []
    for frame in range(total):
        t = float(frame / route.rate)
        heard = sound.values(t) if sound is not None else {}
        moments.append({"t": t, "frame": float(frame), **heard})
    return curve, moments


def _truncations(route: Route, total: int, sound: Sound | None) -> Tensor:
    curve, moments = _over_time(_truncation(route), "--truncation", route, total, sound)
    if curve.constant is not None:
        values = torch.full((total,), curve.constant, dtype=torch.float64)
    else:
        values = torch.tensor([curve(moment) for moment in moments], dtype=torch.float64)
    if bool((values.abs() > 4).any()):
        worst = float(values[values.abs().argmax()])
        raise SettingsError(f"--truncation: {worst:g}; allowed are -4 to 4, usual 0.5 to 1")
    return values


def _speeds(route: Route, total: int, sound: Sound | None) -> paths.pace.Floats:
    """By how much each frame moves on, relative to the others."""
    assert route.drive is not None  # noqa: S101 - for the type checker
    if not math.isfinite(route.drive.gain):
        raise SettingsError(f"--gain: {route.drive.gain} is no finite number")
    curve, moments = _over_time(route.drive.by, "--drive", route, total, sound)
    pushed = np.array([curve(moment) for moment in moments])
    # What is heard in a frame is seen in the step that leads to it; that to the first closes.
    return np.roll(np.maximum(0.0, 1 + route.drive.gain * pushed), -1)


def _told_keys(keys: Keys) -> Any:
    if keys.numbers is not None:
        return list(keys.numbers)
    vectors = {keys.space: keys.vectors.tolist()}
    return vectors if keys.words is None else {**vectors, "words": keys.words}


def _drawn(count: int, dimensions: int, rng: torch.Generator) -> Tensor:
    return torch.randn(count, dimensions, generator=rng)


def _as_they_were(route: Route, segments: int, dimensions: int) -> Tensor:
    """The vectors of all frames of Third Study's film of this style, (F, z)."""
    rng = torch.Generator().manual_seed(route.seed)
    total = total_of(route)
    if route.style == "zigzag":
        return frames.zigzag_frames(_drawn(segments, dimensions, rng), route.frames)
    if route.style == "bezier":
        return frames.bezier_frames(_drawn(3 * segments, dimensions, rng), route.frames)
    base = _drawn(1, dimensions, rng)[0]
    if route.style == "sine":
        rolls = torch.randint(1, total + 1, (dimensions,), generator=rng)
        return frames.sine_frames(base, rolls, total)
    if route.style == "period":
        return frames.period_frames(base, _cycles(dimensions, rng), total)
    return frames.bitloop_frames(base, route.bits, total)


def _curve(route: Route, segments: int, space: str, renderer: Renderer) -> paths.Curve:
    """The curve of a style, in its space."""
    rng = torch.Generator().manual_seed(route.seed)
    dimensions = renderer.generator.shape.z

    def drawn(count: int) -> Tensor:
        vectors = _drawn(count, dimensions, rng)
        return renderer.map(vectors) if space == "w" else vectors

    def given(count: int) -> Tensor:
        if route.keys is None:
            return drawn(count)
        through = route.keys.space == "z" and space == "w"
        return renderer.map(route.keys.vectors) if through else route.keys.vectors

    centre = renderer.mean() if space == "w" else torch.zeros(dimensions)
    if route.style == "zigzag":
        return paths.zigzag(given(segments))
    if route.style == "spline":
        return paths.spline(given(segments), sphere=space == "z")
    if route.style == "bezier":
        draws = drawn(3 * segments)
        if route.keys is not None:
            draws[2::3] = given(segments).roll(-1, 0)  # the last knot is where it begins
        return paths.bezier(draws)
    if route.style == "orbit":
        first, second = given(2)
        return paths.orbit(centre, first, second)
    if route.style == "noise-loop":
        return paths.noise_loop(centre, drawn(2 * closed.harmonics(segments)), segments)
    return _wave(route, _drawn(1, dimensions, rng)[0], rng)


def _wave(route: Route, base: Tensor, rng: torch.Generator) -> paths.Curve:
    if route.style == "period":
        return paths.period(base, _cycles(len(base), rng))
    phases = torch.rand(len(base), generator=rng)
    if route.style == "sine":
        return paths.sine(base, phases)
    return paths.bitloop(base, frames.mask_of(route.bits, len(base)), phases)


def _cycles(dimensions: int, rng: torch.Generator) -> Tensor:
    choices = torch.tensor(frames.CYCLES)
    return choices[torch.randint(len(choices), (dimensions,), generator=rng)]


def _pace(
    route: Route,
    curve: paths.Curve,
    space: str,
    truncation: float,
    total: int,
    renderer: Renderer,
    progress: Callable[[int], None] | None,
) -> paths.Pace:
    if route.pace == "raw":
        return paths.pace_of(curve)
    if route.pace == "latent":
        features = paths.angles if space == "z" else torch.Tensor.double
        return paths.measure(curve, features, frames=total)

    def seen(vectors: Tensor) -> Tensor:
        return renderer.glance(vectors, space, truncation)

    most = min(max(total // _SHARE, min(_LEAST, total // 2)), _GREATEST)
    pace = paths.measure(curve, seen, frames=total, most=most, progress=progress)
    if not pace.even:
        log.info(
            "walk: the picture's speed varies more finely than %d pictures tell; its steps will be "
            "nearly even", pace.measured,
        )  # fmt: skip
    return pace
