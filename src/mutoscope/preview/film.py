"""A film's motion on a picture that is never painted: walked through, shown, written."""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from mutoscope.build.canvases import squares
from mutoscope.build.rehearsing import Rehearsal
from mutoscope.errors import MediaError, SettingsError
from mutoscope.frames import FilmSink
from mutoscope.frames.mux import add_sound
from mutoscope.images import resize, save_image
from mutoscope.motion.base import Warp, memory_of
from mutoscope.motion.video import Follow
from mutoscope.perform import sound_from, sound_of
from mutoscope.preview.card import card
from mutoscope.preview.carry import Carried
from mutoscope.preview.cues import Cue, cues
from mutoscope.preview.overlay import Overlay
from mutoscope.preview.plot import curves_plot
from mutoscope.sound import SoundFile

Size = tuple[int, int]
Watch = Callable[[int, int], None]
"""Told after each frame how many are done, and of how many."""

SMALLEST, LARGEST = 64, 2048  # of the shown picture's longer side
_USUAL = range(448, 769)

log = logging.getLogger("mutoscope")


@dataclass(frozen=True)
class Step:
    """One frame that was walked to.

    ``warp`` is what led into it, the very one that painting would be given, or None where nothing
    moved; ``carried`` is the picture as it stands there, which goes on with the next step.
    """

    cue: Cue
    warp: Warp | None
    carried: Carried


def shown_size(size: Size, side: int | None = None) -> Size:
    """In which size a picture of ``size`` is shown: its longer side is ``side``, if that is given.

    By default it is the picture's own, within bounds in which a preview is legible and quick.
    """
    longest = max(size)
    side = side or min(max(longest, _USUAL.start), _USUAL.stop - 1)
    width, height = (max(2, round(n * side / longest)) for n in size)
    return width, height


def walk(rehearsal: Rehearsal, told: list[Cue], size: Size) -> Iterator[Step]:
    """Go through the film's moves one after the other, as painting does, without painting.

    Each move is made by the run's own motion at the run's own size, whatever the ``size`` is in
    which its picture is carried. A motion that looks at the picture, as depth does, is given the
    one that is carried.
    """
    motion, settings = rehearsal.motion, rehearsal.settings
    if (memory := memory_of(motion)) is not None:
        memory.recall({})
    picture = rehearsal.pictures.initial
    if picture is None:
        picture = motion.picture(0) if isinstance(motion, Follow) else card(size)
    if settings.sampling_mode == "nearest":
        # Which pixel is the nearest hangs on how many there are.
        size = squares(settings, rehearsal.size)
    carried = Carried(resize(picture, size), rate=settings.frames_per_second)
    for cue in told:
        warp = None
        if cue.beat.shot is not None and motion is not None:
            warp = motion(resize(carried.picture(), rehearsal.size), cue.beat.shot)
            carried.move(warp)
        yield Step(cue, warp, carried)


class Preview:
    """A run's preview: its cues, known at once, and its frames, made as they are asked for.

    Args:
        rehearsal: the run.
        side: the longer side of the picture that is shown, `SMALLEST` to `LARGEST`.

    Raises:
        ScriptError: a number has no value at some moment.
    """

    def __init__(self, rehearsal: Rehearsal, *, side: int | None = None) -> None:
        self.rehearsal = rehearsal
        self.size = shown_size(rehearsal.size, side)
        self.cues = cues(rehearsal.settings, rehearsal.schedule)
        self.moved: list[float] = []
        self._overlay = Overlay(rehearsal, self.cues, self.size)

    @property
    def sheet(self) -> Size:
        """Width and height of the frames: the picture on the left, what is told of it beside it.

        A picture that is less high than its frame stands in the middle of its height.
        """
        return self._overlay.size

    def number_at(self, t: float) -> int:
        """The frame that is nearest to ``t`` seconds.

        Raises:
            SettingsError: the film doesn't last so long.
        """
        frame = 1 / self.rehearsal.settings.frames_per_second
        first, last = self.cues[0].t, self.cues[-1].t
        if not first - frame <= t <= last + frame:
            raise SettingsError(
                f"t = {t:g}: the film lasts from {max(0.0, first):g} to {last:g} seconds; give a "
                "time between them"
            )
        return min(range(len(self.cues)), key=lambda i: abs(self.cues[i].t - t))

    def frames(
        self, start: int = 0, stop: int | None = None, *, every: int = 1
    ) -> Iterator[Tensor]:
        """The frames from ``start`` until before ``stop``, each (1, 3, H, W).

        What comes before ``start`` is walked through, but not drawn; so are those between, where
        only the frames 0, ``every``, 2 ``every`` … are asked for.
        """
        stop = len(self.cues) if stop is None else stop
        self.moved = []
        width, height = self.rehearsal.size
        for step in walk(self.rehearsal, self.cues[:stop], self.size):
            moved = None if step.warp is None else step.carried.mean_shift((width, height))
            self.moved.append(math.nan if moved is None else moved)
            number = step.cue.beat.number
            if number >= start and number % every == 0:
                drawn = resize(step.carried.drawn().clamp(0, 1), self.size)
                yield self._overlay.draw(drawn, step.cue, moved)

    def write(
        self,
        path: Path,
        *,
        start: int = 0,
        stop: int | None = None,
        overwrite: bool = False,
        watch: Watch = lambda _done, _total: None,
    ) -> None:
        """Write the film with its sound, whole or not at all.

        Raises:
            MediaError: it can't be written, or is there and may not be replaced.
        """
        stop = len(self.cues) if stop is None else min(stop, len(self.cues))
        settings = self.rehearsal.settings
        title = settings.scenes or None
        with FilmSink(
            path, settings.frames_per_second, crf=20, preset="veryfast", title=title,
            overwrite=overwrite,
        ) as sink:  # fmt: skip
            try:
                for done, frame in enumerate(self.frames(start, stop), 1):
                    sink.write(frame)
                    watch(done, stop - start)
            except BaseException:
                sink.abort()  # half a film would stand in the way of the whole one
                raise
        self._add_sound(path, start)

    def plot(self) -> Tensor:
        """The curves of the whole film, with how far it moved as far as it was walked through."""
        return curves_plot(self.rehearsal.settings, self.cues, self.moved)

    def write_plot(self, path: Path) -> None:
        """Write `plot` to a picture file, whole or not at all."""
        save_image(self.plot(), path)

    def _add_sound(self, path: Path, start: int) -> None:
        """Give the film the sound that painting would give it, from its frame ``start`` on."""
        settings, schedule = self.rehearsal.settings, self.rehearsal.schedule
        sound = sound_of(settings)
        if sound is None or not schedule.animated:
            return
        begins = sound_from(settings, schedule)
        try:
            add_sound(path, SoundFile(sound), offset=begins + start / settings.frames_per_second)
        except MediaError as error:
            log.warning("%s; the film stays silent", error)
