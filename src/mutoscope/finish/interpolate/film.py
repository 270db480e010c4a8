"""Films with more pictures a second than they had, as long as before and in step with their sound.

The pictures of the film keep their times, those at other times are made of their two neighbours.
A film of ``n`` pictures at ``r`` a second lasts ``n / r`` seconds; at ``R`` a second it has
``n R / r`` pictures, rounded up, those after the last of its own repeating that.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope.errors import MediaError, SettingsError
from mutoscope.finish.interpolate.between import At, Between
from mutoscope.finish.produce import Hands, produce
from mutoscope.frames.base import MAX_RATE
from mutoscope.frames.codecs import codec_of
from mutoscope.run.joining import RATE, Joined, extras_of
from mutoscope.run.material import Material, Stills

FACTORS = (2, 4, 8)
"""By how much the rate can be multiplied."""


@dataclass(frozen=True)
class Pace:
    """The rate of a film, and the one that it is to have, in pictures a second."""

    own: Fraction
    wanted: Fraction

    def place(self, number: int) -> Fraction:
        """Where picture ``number`` of the result lies, counted in pictures of the film from 0."""
        return number * self.own / self.wanted

    def count(self, length: int) -> int:
        """How many pictures the result has of ``length``: as many as begin within the film."""
        whole = length * self.wanted / self.own
        return -(-whole.numerator // whole.denominator)


def pace_of(
    material: Material,
    *,
    factor: int | None = None,
    fps: Fraction | None = None,
    own: Fraction | None = None,
) -> Pace:
    """The pace that is wanted of a film: ``factor`` times its own, or ``fps`` pictures a second.

    Args:
        material: The film. Pictures without a rate are taken to be 12 a second.
        factor: 2, 4 or 8.
        fps: Any rate above the film's own.
        own: How many pictures a second a folder of pictures has.

    Raises:
        SettingsError: Not just one of factor and fps is given, or one that can't be; or ``own`` for
            a film that has a rate.
    """
    if own is not None and material.rate is not None:
        raise SettingsError(
            f"--input-fps: {material.path} has a rate of its own, {float(material.rate):g} "
            "pictures a second; leave it out"
        )
    rate = material.rate or own or RATE
    if (factor is None) == (fps is None):
        raise SettingsError("give either --factor, 2, 4 or 8, or --fps, the pictures a second")
    if factor is not None and factor not in FACTORS:
        raise SettingsError(f"--factor: {factor} is not possible; allowed are 2, 4 and 8")
    wanted = rate * factor if factor is not None else fps
    assert wanted is not None  # noqa: S101 - one of the two is given
    if not rate < wanted <= MAX_RATE:
        raise SettingsError(
            f"{'--fps' if factor is None else '--factor'}: {float(wanted):g} pictures a second out "
            f"of {float(rate):g}; allowed is more than the film has, up to {MAX_RATE}"
        )
    return Pace(rate, wanted)


def pictures(material: Material, pace: Pace, between: Between, start: int = 0) -> Iterator[Tensor]:
    """The pictures of a film at another rate from number ``start`` on, (1, 3, H, W) each.

    Each is the same wherever it was started. A picture that is damaged counts as one to be made, of
    the nearest that are not. Two of the film's pictures are held at a time.

    Raises:
        MediaError: A picture has another size than the first.
    """
    number = start
    first = pace.place(start).__floor__()
    pairs = _pairs(material, pace.own, first)
    for here, one, there, two in pairs:
        at: At | None = None
        while (place := pace.place(number)) < there:
            if two is None or place <= here:
                yield one
            else:
                at = at or between(one, two)
                yield at(float((place - here) / (there - here)))
            number += 1


def interpolate(
    material: Material,
    out: Path,
    between: Between,
    pace: Pace,
    *,
    key: Mapping[str, Any],
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
    hands: Hands | None = None,
) -> None:
    """Write a film at another rate, with the sound and recipe that it had.

    Stopped at any moment, the same call goes on; see `finish.produce`.

    Args:
        material: The film, run or folder.
        out: The film to write; its ending says of which kind.
        between: What makes the pictures between two.
        pace: The rates; see `pace_of`.
        key: What ``between`` depends on, as JSON.
        overwrite: Whether an existing film may be replaced.
        progress: Told how many pictures are done, and how many there will be.
        hands: Who else makes pictures of it; see `finish.produce`.

    Raises:
        MediaError: A picture can't be read, or the film can't be written or exists.
        RunError: Another process is making this film.
    """
    codec_of(out)  # refused before anything is read
    if out.exists() and out.resolve() == material.path.resolve():
        raise MediaError(f"{out}: is the film to be interpolated; give the result another name")
    total = pace.count(material.length(pace.own))
    extras = extras_of(Joined([material], rate=pace.own), out)
    produce(
        out,
        lambda start: pictures(material, pace, between, start),
        key={"interpolate": [*_ratio(pace.own), *_ratio(pace.wanted)], **key, **_traits(material)},
        rate=pace.wanted,
        total=total,
        sound=extras.sound,
        sound_from=extras.sound_from,
        recipe=extras.recipe,
        overwrite=overwrite,
        progress=None if progress is None else lambda done: progress(done, total),
        hands=hands,
    )


def _pairs(
    material: Material, rate: Fraction, first: int
) -> Iterator[tuple[int, Tensor, int, Tensor | None]]:
    """Neighbours among a film's sound pictures, each with its number, and the last with None.

    They begin with the last sound one up to number ``first``, or the first of all; the place of the
    one after the last is where the film ends.
    """
    while (opened := _opened(material, rate, first)) is None and first > 0:
        first -= 1
    if opened is None:
        opened = _opened(material, rate, 0, skip=True)
    if opened is None:
        return
    here, one, rest = opened
    there = here
    for two in rest:
        there += 1
        if two is None:
            continue
        _same_size(material, one, two)
        yield here, one, there, two
        here, one = there, two
    yield here, one, there + 1, None


def _opened(
    material: Material, rate: Fraction, first: int, *, skip: bool = False
) -> tuple[int, Tensor, Iterator[Tensor | None]] | None:
    """Picture ``first``, or with ``skip`` the next sound one, its number, and those after it.

    None if it is damaged, or the film ends before it.
    """
    rest = material.pictures(rate, first)
    for number, picture in enumerate(rest, first):
        if picture is not None:
            return number, picture, rest
        if not skip:
            break
    return None


def _same_size(material: Material, one: Tensor, two: Tensor) -> None:
    """Refuse pictures that can't stand in one film."""
    if one.shape != two.shape:
        sizes = (f"{each.shape[-1]} × {each.shape[-2]}" for each in (one, two))
        raise MediaError(
            f"{material.path}: its pictures differ in size, {' and '.join(sizes)}; the frames of a "
            "film have one size"
        )


def _traits(material: Material) -> dict[str, Any]:
    """What tells whether the film is still the same, without reading it all."""
    paths = material.paths if isinstance(material, Stills) else [material.path]
    traits = hashlib.sha256()
    for path in paths:
        about = path.stat()
        traits.update(f"{path.name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return {"source": str(material.path.resolve()), "traits": traits.hexdigest()}


def _ratio(rate: Fraction) -> tuple[int, int]:
    return rate.numerator, rate.denominator
