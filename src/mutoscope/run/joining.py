"""Runs, folders of pictures and films joined to one film, with sound."""

import contextlib
import itertools
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from mutoscope.atomic import part_of_kind
from mutoscope.errors import MediaError
from mutoscope.frames import FilmSink, Source
from mutoscope.frames.codecs import codec_of
from mutoscope.frames.mux import add_sound, sounding
from mutoscope.images import resize
from mutoscope.run.material import Extras, Material
from mutoscope.sound import SoundFile

log = logging.getLogger("mutoscope")

RATE = Fraction(12)
"""Pictures per second of what has no rate of its own."""

MAX_OFFSET = 1e6  # seconds; as samples, still far from where counting ends

Watched = Callable[[Iterable[Tensor], int | None], Iterable[Tensor]]
"""Passes pictures on, and may show how many of a number have gone by."""


class Joined(Source):
    """The pictures of several materials, one after the other.

    The rate is that of the first material that has one; films of another rate are resampled,
    pictures in files are shown one by one. A damaged picture is left out.

    Args:
        materials: at least one.
        rate: pictures per second, if not those of the first.
        fit: scale pictures of another size to that of the first, with black beside what doesn't
            fill it; otherwise they are refused.
        span: the first and last picture that are wanted, counted from 1 over all materials, a
            damaged one included; None for the first and last that there are.

    Raises:
        MediaError: the sizes differ, or the span lies outside; while iterating, a picture has
            another size than the first.
    """

    rate: Fraction
    length: int

    def __init__(
        self,
        materials: Sequence[Material],
        *,
        rate: Fraction | None = None,
        fit: bool = False,
        span: tuple[int, int | None] = (1, None),
    ) -> None:
        self.materials = list(materials)
        own = (material.rate for material in materials if material.rate is not None)
        self.rate = rate or next(own, RATE)
        self.size = materials[0].size
        self._fit = fit
        self._first, self._last = span
        self.length = self._within(sum(each.length(self.rate) for each in materials))
        if not fit and any(material.size != self.size for material in materials):
            sizes = ", ".join(f"{each.path} is {_by(each.size)}" for each in materials)
            raise MediaError(
                f"the sizes differ: {sizes}; a film has one size, so add --fit to scale all to "
                f"{_by(self.size)}, with black beside what doesn't fill it"
            )

    def __iter__(self) -> Iterator[Tensor]:
        before = 1  # the number of the material's first picture
        for material in self.materials:
            first = max(0, self._first - before)
            last = None if self._last is None else self._last - before
            if last is None or last >= 0:
                for image in material.pictures(self.rate, first, last):
                    if image is not None:
                        yield self._sized(image, material)
            before += material.length(self.rate)

    @property
    def skipped(self) -> int:
        """How many pictures are left out before the first."""
        return self._first - 1

    def _within(self, total: int) -> int:
        """How many of so many pictures the span holds."""
        last = total if self._last is None else min(self._last, total)
        if not 1 <= self._first <= last:
            raise MediaError(
                f"frames: none lies within {self._first}..{self._last or ''}; there are 1..{total}"
            )
        return last - self._first + 1

    def _sized(self, image: Tensor, material: Material) -> Tensor:
        """A picture at the film's size."""
        size = (image.shape[-1], image.shape[-2])
        if size == self.size:
            return image
        if not self._fit:
            raise MediaError(
                f"{material.path}: one of its pictures is {_by(size)}, but the film is "
                f"{_by(self.size)}; the frames of a film have one size; --fit scales them to it"
            )
        return letterboxed(image, self.size)


def letterboxed(image: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture scaled to lie whole and undistorted in the middle of `size`, black around it."""
    width, height = size
    scale = min(width / image.shape[-1], height / image.shape[-2])
    inside = (
        max(1, min(width, round(image.shape[-1] * scale))),
        max(1, min(height, round(image.shape[-2] * scale))),
    )
    left, top = (width - inside[0]) // 2, (height - inside[1]) // 2
    sheet = torch.zeros(1, 3, height, width)
    sheet[..., top : top + inside[1], left : left + inside[0]] = resize(image, inside)
    return sheet


def extras_of(
    joined: Joined, path: Path, *, sound: Path | None = None, sound_from: float | None = None
) -> Extras:
    """What a joined film carries beside its pictures.

    A single material brings its own recipe, title and sound, the sound only where the pictures keep
    their pace and the film takes sound. Of several, each is another film, and none of it fits the
    whole.

    Args:
        joined: the pictures.
        path: the film.
        sound: a file whose sound is to be carried instead.
        sound_from: where in the sound the whole of the material begins, in seconds; of its own
            sound that is known, of another it is 0 by default.

    Raises:
        MediaError: ``sound_from`` is given and there is no sound, or is no number of seconds.
    """
    extras = _own_extras(joined, path, told=sound is None)
    if sound is not None:
        sounding(path)
        extras = replace(extras, sound=sound, sound_from=0.0)
    if sound_from is not None:
        if extras.sound is None:
            raise MediaError("--sound-from: there is no sound that it is for; give it by --sound")
        if not math.isfinite(sound_from) or abs(sound_from) > MAX_OFFSET:
            raise MediaError(f"--sound-from: {sound_from} is no number of seconds in a sound")
        extras = replace(extras, sound_from=sound_from)
    return replace(extras, sound_from=extras.sound_from + float(joined.skipped / joined.rate))


def _own_extras(joined: Joined, path: Path, *, told: bool) -> Extras:
    """What the materials bring; with ``told``, a sound that is left out is named."""
    single = len(joined.materials) == 1
    extras = joined.materials[0].extras if single else Extras()
    if codec_of(path).sound is None:
        return replace(extras, sound=None)
    for material in joined.materials:
        kept = single and material.keeps_pace(joined.rate)
        if material.extras.sound is None or kept:
            continue
        extras = replace(extras, sound=None)
        if told:
            why = "it is joined with others" if not single else "its pictures have another pace"
            log.warning(
                "%s: its sound is left out, since %s; --sound gives the film one",
                material.path, why,
            )  # fmt: skip
    return extras


@dataclass(frozen=True)
class Finish:
    """How a joined film is written.

    ``crf``: its quality, as in `FilmSink`; ``loop``: how often it is played: GIF, WebP and PNG
    say so (0 is for ever), other films hold the pictures so many times; ``overwrite``: whether a
    file may be replaced.
    """

    crf: float | None = None
    loop: int | None = None
    overwrite: bool = False


def join(
    source: Source,
    path: Path,
    extras: Extras,
    finish: Finish,
    *,
    watched: Watched = lambda pictures, _: pictures,
) -> None:
    """Write pictures as a film, whole or not at all.

    Args:
        source: the pictures; their rate is the film's.
        path: the film; its ending says of which kind.
        extras: the sound, recipe and title that it is to carry.
        finish: how it is written.
        watched: what the pictures pass through on their way.

    Raises:
        MediaError: a picture or the sound can't be read, this kind of film can't be or have what
            is asked for, or it can't be written or is there already. Nothing is then left of it.
    """
    repeats, plays = _rounds(path, finish.loop)
    sound = None
    if extras.sound is not None:
        sounding(path)
        sound = SoundFile(extras.sound)
    # With sound the film is written twice; until the second time it has a name that is hidden.
    silent = path if sound is None else part_of_kind(path)
    if sound is not None and path.exists() and not finish.overwrite:
        raise MediaError(f"{path}: exists already; choose another name")
    sink = FilmSink(
        silent,
        source.rate or RATE,
        crf=finish.crf,
        recipe=extras.recipe,
        title=extras.title,
        plays=plays,
        overwrite=finish.overwrite,
    )
    total = None if source.length is None else source.length * repeats
    try:
        with _said_once():
            for image in watched(_again(source, repeats), total):
                sink.write(image)
        if sink.count == 0:
            raise MediaError(f"{path}: there is no picture for it, so no film is written")
        sink.close()
        if sound is not None:
            add_sound(silent, sound, path, offset=extras.sound_from, overwrite=finish.overwrite)
    finally:
        sink.abort()
        if silent != path:
            silent.unlink(missing_ok=True)


def _rounds(path: Path, loop: int | None) -> tuple[int, int]:
    """How many times a film holds its pictures, and how often it says it is to be played."""
    if codec_of(path).counted:
        return 1, loop or 0
    if loop == 0:
        raise MediaError(
            f"{path}: a film of this kind can't be told to play for ever; give how often, or write "
            ".gif, .webp or .png"
        )
    return loop or 1, 0


def _again(source: Source, repeats: int) -> Iterator[Tensor]:
    return itertools.chain.from_iterable(itertools.repeat(source, repeats))


@contextlib.contextmanager
def _said_once() -> Iterator[None]:
    """Let a notice that many pictures give rise to, such as of transparency, be said of one."""
    seen: set[str] = set()

    def first(record: logging.LogRecord) -> bool:
        known = record.levelno == logging.INFO and str(record.msg) in seen
        seen.add(str(record.msg))
        return not known

    log.addFilter(first)
    try:
        yield
    finally:
        log.removeFilter(first)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"
