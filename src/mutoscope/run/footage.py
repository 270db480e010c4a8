"""The film of a run, made of its frames while they are kept."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from mutoscope.atomic import may_pass, settle
from mutoscope.errors import MediaError
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.frames.mux import add_sound
from mutoscope.images import load_image
from mutoscope.run import layout
from mutoscope.run.about import FilmPlan
from mutoscope.sound import SoundFile

log = logging.getLogger("mutoscope")


class Footage:
    """The film that ``plan`` asks for, or nothing to do where it is None.

    Args:
        path: where the film comes to lie.
        plan: its rate, quality, title and recipe.
        frames: says which pictures are in it so far, in order: a film that goes on, after a run was
            resumed, begins with them.
    """

    def __init__(
        self, path: Path, plan: FilmPlan | None, frames: Callable[[], Sequence[Path]]
    ) -> None:
        self.path = path
        self.plan = plan
        self.frames = frames
        self._sink: FilmSink | None = None

    @property
    def running(self) -> bool:
        """Whether frames are being added."""
        return self._sink is not None

    def begin(self) -> None:
        """Get ready for the next frame; once begun, nothing.

        A film that closes begins with the frames that are painted last, and one that is smoothed
        shows frames as they are when those after them are painted: both are made at the end.
        """
        at_end = self.plan is not None and (self.plan.lap or self.plan.smoothed)
        if self.plan is not None and self._sink is None and not at_end:
            self._sink = self._begun(self.plan)

    def _begun(self, plan: FilmPlan) -> FilmSink:
        """The film as far as there are frames."""
        sink = FilmSink(
            self.path if plan.sound is None else self.path.with_name(layout.SILENT),
            plan.rate,
            crf=plan.crf,
            recipe=plan.recipe,
            title=plan.title,
            overwrite=True,
        )
        try:
            for path in plan.order(self.frames()):
                try:
                    sink.write(load_image(path))
                except MediaError as error:
                    log.warning("%s; the film leaves this frame out", error)
        except BaseException:
            sink.abort()
            raise
        return sink

    def add(self, image: Tensor) -> None:
        """Add the next frame, (1, 3, H, W), after `begin`."""
        if self._sink is not None:
            self._sink.write(image)

    def finish(self, *, remake: bool) -> None:
        """Close the film; with ``remake``, also make it if what is there is not all of it."""
        if remake and self.plan is not None and self._due(self.plan):
            self._sink = self._begun(self.plan)
        if self._sink is not None:
            self._sink.close()
            if self._sink.path != self.path and self._sink.count:
                self._carry_sound(self._sink.path)

    def _carry_sound(self, silent: Path) -> None:
        """Write the ``silent`` film again with its sound; where that can't be had, it stays so.

        Until then it has no name, so that nobody ever takes it for the whole.
        """
        assert self.plan is not None  # noqa: S101
        assert self.plan.sound is not None  # noqa: S101
        try:
            sound, offset = SoundFile(self.plan.sound), self.plan.sound_from
            add_sound(silent, sound, self.path, offset=offset, overwrite=True)
        except MediaError as error:
            if isinstance(error.__cause__, OSError) and may_pass(error.__cause__):
                raise  # with more room on the disk there will be sound
            log.warning("%s; the film stays silent", error)
            settle(silent, self.path)
        finally:
            silent.unlink(missing_ok=True)

    def _due(self, plan: FilmPlan) -> bool:
        if self._sink is not None or not (frames := plan.order(self.frames())):
            return False
        try:
            # A film of as many frames may be the one from before a loop was closed.
            return bool(plan.lap) or plan.smoothed or ClipSource(self.path).length != len(frames)
        except MediaError:
            return True
