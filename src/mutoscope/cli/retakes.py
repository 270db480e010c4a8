"""`mutoscope render --from` and `--frames`: what of a run stands, and which frames are painted."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mutoscope.cli import tell

if TYPE_CHECKING:
    from mutoscope.run import Saved
    from mutoscope.settings import Settings


def begin_retake(file: Path, overrides: tuple[str, ...], folder: Path, frames: str | None) -> int:
    """Paint what ``file`` changes in the run in ``folder``, into a run of its own."""
    from mutoscope.build import build
    from mutoscope.cli.painting import fetching, paint, say_plan, show_results
    from mutoscope.perform import finish
    from mutoscope.retake import Stretch, begin, plan_retake, settings_beside, taking

    stretch = Stretch() if frames is None else Stretch.parse(frames)
    with taking(folder) as take:
        settings, taken = settings_beside(take.settings, file, overrides)
        if taken:
            tell(f"{' and '.join(taken)}, which {file} leaves open, as in {folder}")
        retake = plan_retake(take, settings, stretch)
        if retake.touch is None:
            tell(
                f"nothing that is painted differs from {folder}; there is nothing to do (if it is "
                f"not complete, go on with: mutoscope resume {shlex.quote(str(folder))})"
            )
            return 0
        parts = build(settings, progress=fetching)
        run = begin(parts, Path(), retake)
    tell(retake.line())
    with run:
        saved = run.state()
        if finished := saved is not None and finish(run, parts.settings, saved):
            return show_results(run, finished)
        say_plan(parts, saved)
        finished = paint(parts, run, saved, stop=retake.stop)
    return show_results(run, finished)


def begin_stretch(settings: Settings, frames: str) -> int:
    """Paint a new run from its first frame to the end of a stretch.

    Raises:
        SettingsError: The stretch begins later, and there is no run to begin with.
    """
    from mutoscope.cli.painting import begin, show_results
    from mutoscope.errors import SettingsError
    from mutoscope.retake import Stretch
    from mutoscope.schedule import make_schedule

    stretch = Stretch.parse(frames)
    if stretch.first not in (None, 1):
        raise SettingsError(
            f"--frames: {frames} begins at frame {stretch.first}, and what comes before it must be "
            "painted once: give a run that has it, --from RUN, or begin at frame 1"
        )
    schedule = make_schedule(settings)
    stretch.refuse_beyond(schedule)
    return show_results(*begin(settings, stop=stretch.stop(schedule)))


def stop_of(frames: str | None, settings: Settings, saved: Saved | None) -> int | None:
    """After how many steps a resumed run is to stop, None where it goes on to its end.

    Raises:
        SettingsError: The stretch begins anywhere, or ends before what is painted already.
    """
    from mutoscope.errors import SettingsError
    from mutoscope.retake import Stretch
    from mutoscope.schedule import make_schedule

    if frames is None:
        return None
    stretch, schedule = Stretch.parse(frames), make_schedule(settings)
    if stretch.first is not None:
        raise SettingsError(
            f"--frames: {frames} says where to begin, and a run goes on where it stopped; write "
            f"..{stretch.last or schedule.files}"
        )
    stretch.refuse_beyond(schedule)
    done = int(saved.meta["steps"]) if saved else 0
    if stretch.stop(schedule) <= done:
        raise SettingsError(
            f"--frames: {frames} ends at frame {stretch.last}, which is painted already, with all "
            f"before {done} steps; give a later one, or leave --frames out"
        )
    return stretch.stop(schedule)
