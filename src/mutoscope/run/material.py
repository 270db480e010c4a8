"""What a film can be joined from: runs, folders of pictures, and films."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from mutoscope.errors import MediaError, RunError
from mutoscope.frames import ClipSource, as_rate
from mutoscope.frames.folder import picture_paths
from mutoscope.images import load_image
from mutoscope.provenance import read_recipe
from mutoscope.run import layout
from mutoscope.run.about import About
from mutoscope.sound import SoundFile

log = logging.getLogger("mutoscope")


@dataclass(frozen=True)
class Extras:
    """What goes with pictures into a film: the sound, where in it the film begins, in seconds,
    the recipe and the title.
    """

    sound: Path | None = None
    sound_from: float = 0.0
    recipe: Mapping[str, Any] | None = None
    title: str | None = None


class Material(ABC):
    """Pictures in order with what goes with them.

    Attributes:
        path: what it was made of.
        size: (width, height) of the first.
        rate: how many there are in a second, or None if they have no time of their own.
        extras: what goes with them.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction | None
    extras: Extras

    @abstractmethod
    def pictures(
        self, rate: Fraction, first: int = 0, last: int | None = None
    ) -> Iterator[Tensor | None]:
        """Pictures ``first`` to ``last`` (from 0, the last one included) at a rate, (1, 3, H, W).

        None stands for one that is damaged.
        """

    @abstractmethod
    def length(self, rate: Fraction) -> int:
        """How many pictures there are at a rate, damaged ones included."""

    @abstractmethod
    def keeps_pace(self, rate: Fraction) -> bool:
        """Whether it lasts as long at a rate as at its own, so that its sound fits."""


class Stills(Material):
    """Pictures in files of their own, shown one after the other.

    A damaged one is named in a notice and left out.

    Args:
        path: what they are of: a run or a folder.
        paths: the files, in order.
        rate: as in `Material`.
        extras: as in `Material`.

    Raises:
        MediaError: none of them can be read.
    """

    def __init__(
        self,
        path: Path,
        paths: Sequence[Path],
        *,
        rate: Fraction | None = None,
        extras: Extras | None = None,
    ) -> None:
        self.path = path
        self.paths = list(paths)
        self.rate = rate
        self.extras = extras or Extras()
        self._named: set[Path] = set()
        first = next(
            (image for each in self.paths if (image := self._load(each)) is not None), None
        )
        if first is None:
            raise MediaError(f"{path}: none of its {len(self.paths)} pictures can be read")
        self.size = (first.shape[-1], first.shape[-2])

    def pictures(
        self,
        rate: Fraction,  # noqa: ARG002
        first: int = 0,
        last: int | None = None,
    ) -> Iterator[Tensor | None]:
        """The pictures as they are, whatever the rate."""
        for path in self.paths[first : None if last is None else last + 1]:
            yield self._load(path)

    def length(self, rate: Fraction) -> int:  # noqa: ARG002
        """How many files there are."""
        return len(self.paths)

    def keeps_pace(self, rate: Fraction) -> bool:
        """At its own rate alone: at another, the same pictures are shown faster or slower."""
        return rate == self.rate

    def _load(self, path: Path) -> Tensor | None:
        try:
            return load_image(path)
        except MediaError as error:
            if path not in self._named:
                log.warning("%s; the film leaves this picture out", error)
            self._named.add(path)
            return None


class Clip(Material):
    """The pictures of a film or animation, resampled to the rate that is asked for.

    Raises:
        MediaError: it is no film that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        source = ClipSource(path)
        self.size, self.rate = source.size, as_rate(source.rate, str(path))
        self.extras = Extras(sound=_sound_in(path), recipe=_recipe_in(path))
        self._lengths: dict[Fraction, int] = {}

    def pictures(
        self, rate: Fraction, first: int = 0, last: int | None = None
    ) -> Iterator[Tensor | None]:
        """The pictures on show at each moment of that rate."""
        source = ClipSource(self.path, rate)
        for number, frame in enumerate(source.shown()):
            if last is not None and number > last:
                return
            if number >= first:
                yield source.picture(frame)

    def length(self, rate: Fraction) -> int:
        """As many as the film says that it has; where it doesn't say, they are counted."""
        if rate not in self._lengths:
            source = ClipSource(self.path, rate)
            counted = source.length or sum(1 for _ in source.shown())
            self._lengths[rate] = counted
        return self._lengths[rate]

    def keeps_pace(self, rate: Fraction) -> bool:  # noqa: ARG002
        """Always: its pictures are those on show at each moment."""
        return True


def material_of(path: Path) -> Material:
    """What lies at `path`: a run's folder, another folder with pictures, or a film.

    Raises:
        MediaError: there is nothing of that kind.
        RunError: it is a run without frames, or one whose ``run.json`` is damaged.
    """
    if not path.is_dir():
        return Clip(path)
    if not (path / layout.ABOUT).is_file():
        return Stills(path, picture_paths(path))
    about = About.read(path / layout.ABOUT)
    paths = [frame for _, frame in layout.shown_paths(path, about.base)]
    if not paths:
        raise RunError(
            f"{path}: has no frame yet; go on with it by mutoscope resume, and join then"
        )
    plan = about.film
    if plan is None:
        return Stills(path, paths, extras=Extras(recipe=_recipe_of_frame(paths[0])))
    sound = None if plan.sound is None else _readable(plan.sound)
    extras = Extras(sound, plan.sound_from, plan.recipe, plan.title)
    return Stills(path, plan.order(paths), rate=as_rate(plan.rate), extras=extras)


def _readable(sound: Path) -> Path | None:
    """A run's sound if it can still be read; else that is said."""
    try:
        SoundFile(sound)
    except MediaError as error:
        log.warning("%s; without it the film is silent", error)
        return None
    return sound


def _sound_in(path: Path) -> Path | None:
    """The film itself if there is sound in it."""
    try:
        SoundFile(path)
    except MediaError:
        return None
    return path


def _recipe_in(path: Path) -> Mapping[str, Any] | None:
    """What the file says about its making, if it says so in a way that is understood."""
    try:
        return read_recipe(path)
    except MediaError:
        return None


def _recipe_of_frame(path: Path) -> Mapping[str, Any] | None:
    """The recipe of a run by that of one of its frames."""
    recipe = _recipe_in(path)
    return recipe and {k: value for k, value in recipe.items() if k not in ("frame", "step")}
