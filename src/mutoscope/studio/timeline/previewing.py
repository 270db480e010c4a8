"""The process that makes one preview: numbers first, then its pictures one after the other.

    settings.yaml      what is previewed
    figure.json        the numbers of its curves
    frames/000012.jpg  its frames, as `mutoscope preview` draws them
    state.json         how far it is
    wanted             is touched as long as somebody looks

It is a process of its own because it needs torch and a processor, and because no settings can
hurt the server from here: what takes too much ends alone. A film's camera comes from where it was
a frame ago, so that the frames are made in order. One that was broken off goes on where it ended.
"""

import contextlib
import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mutoscope import atomic
from mutoscope.errors import MediaError, MutoscopeError, SettingsError

if TYPE_CHECKING:
    from mutoscope.preview import Preview
    from mutoscope.schedule import Schedule
    from mutoscope.studio.timeline.plots import Figure
    from mutoscope.weights.transfer import Progress, Transfer

SETTINGS, FIGURE, STATE, WANTED, FRAMES = (
    "settings.yaml", "figure.json", "state.json", "wanted", "frames",
)  # fmt: skip
SIDE = 384  # pixels of the picture's longer side
MOST_FRAMES = 20_000
MOST_SHOTS = 2_000_000
UNWANTED = 12.0  # seconds after which a preview that nobody looks at is broken off
_TELLS = 0.2  # seconds between two states
_QUALITY = 82
_NICE = 15

Stage = Literal["reading", "drawing", "done", "failed"]


@dataclass(frozen=True)
class State:
    """How far a preview is.

    ``made`` pictures of ``total`` are there, from the first on; each shows the ``every``-th frame.
    ``picture``: width, height, and distance from the top of what moves, within ``sheet``, the
    whole. ``figure``: how often the numbers were written. ``message``: why it failed, or what is
    waited for.
    """

    stage: Stage = "reading"
    made: int = 0
    total: int = 0
    every: int = 1
    rate: float = 12.0
    sheet: tuple[int, int] = (0, 0)
    picture: tuple[int, int, int] = (0, 0, 0)
    figure: int = 0
    message: str = ""


def read_state(path: Path) -> State | None:
    """What stands in a state's file; None where there is none that can be understood."""
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(65_536))
        stage: Stage | None = next(
            (each for each in ("reading", "drawing", "done", "failed") if each == values["stage"]),
            None,
        )
        if stage is None:
            return None
        wide, high = map(int, values["sheet"])
        width, height, top = map(int, values["picture"])
        return State(
            stage=stage, made=int(values["made"]), total=int(values["total"]),
            every=max(1, int(values["every"])), rate=float(values["rate"]),
            sheet=(wide, high), picture=(width, height, top),
            figure=int(values["figure"]), message=str(values["message"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def frame_name(place: int) -> str:
    """The name of the file with the picture at a place, counted from 0."""
    return f"{place:06d}.jpg"


class Making:
    """A preview in the making, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._state = State()
        self._told = 0.0

    def make(self) -> None:
        """Make all of it.

        Raises:
            MutoscopeError: the settings can't be rehearsed.
            OSError: the folder can't be written.
        """
        from mutoscope.build.parts import make_timeline
        from mutoscope.build.rehearsing import rehearse
        from mutoscope.preview import Preview
        from mutoscope.preview.cues import cues
        from mutoscope.schedule import make_schedule
        from mutoscope.settings import load_settings
        from mutoscope.studio.timeline.plots import every_of, figure_of

        self.tell()
        settings = load_settings(self._folder / SETTINGS, quiet=True)
        refuse_endless(make_schedule(settings))
        # The curves are seen before anything that the motion needs is loaded.
        told = cues(settings, make_timeline(settings))
        self._write_figure(figure_of(settings, told))
        every = every_of(len(told))
        total = -(-len(told) // every)
        self.tell(total=total, every=every, rate=settings.frames_per_second)
        preview = Preview(rehearse(settings, progress=self._fetching), side=SIDE)
        self._draw(preview, every)
        self._write_figure(figure_of(settings, preview.cues, preview.moved))
        self.tell(stage="done", message="")

    def tell(self, **changes: object) -> None:
        """Let the state be another, and write it down."""
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]
        self._told = time.monotonic()
        text = json.dumps(asdict(self._state))
        atomic.write_text(self._folder / STATE, text, durable=False)

    def _write_figure(self, figure: "Figure") -> None:
        text = json.dumps(figure.values(), allow_nan=False, separators=(",", ":"))
        atomic.write_text(self._folder / FIGURE, text, durable=False)
        self.tell(figure=self._state.figure + 1)

    def _draw(self, preview: "Preview", every: int) -> None:
        """Write the pictures that are not there yet."""
        from mutoscope.images import encode

        folder = self._folder / FRAMES
        folder.mkdir(exist_ok=True)
        made = there(folder)
        (width, height), sheet = preview.size, preview.sheet
        top = (sheet[1] - height) // 2
        self.tell(stage="drawing", made=made, sheet=sheet, picture=(width, height, top), message="")
        for place, frame in enumerate(preview.frames(made * every, every=every), made):
            data = encode(frame, ".jpg", quality=_QUALITY)
            atomic.write_bytes(folder / frame_name(place), data, durable=False)
            if time.monotonic() - self._told > _TELLS:
                self.tell(made=place + 1)
        self.tell(made=there(folder))

    def _fetching(self, name: str) -> "Progress":
        """Says how far the download of a network is."""

        def progress(transfer: "Transfer") -> None:
            if time.monotonic() - self._told > _TELLS:
                share = f" {transfer.done / transfer.size:.0%}" if transfer.size else ""
                self.tell(message=f"fetching {name}:{share}")

        return progress


def there(folder: Path) -> int:
    """How many pictures are in a folder, from the first on without a gap."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    made = 0
    while frame_name(made) in names:
        made += 1
    return made


def refuse_endless(schedule: "Schedule") -> None:
    """Refuse a film that is too long to be seen here.

    Raises:
        SettingsError: it is.
    """
    frames = -(-schedule.total_steps // schedule.steps_per_frame)
    if frames > MOST_FRAMES:
        raise SettingsError(
            f"steps_per_scene, steps_per_frame: make a film of {frames} frames; the timeline shows "
            f"up to {MOST_FRAMES}, so shorten it, or use mutoscope preview with --frames"
        )
    gaps = [gap for gap in (schedule.save_every, schedule.display_every) if gap]
    if frames + sum(schedule.total_steps // gap for gap in gaps) > MOST_SHOTS:
        raise SettingsError(
            f"save_every, display_every: stop at more than {MOST_SHOTS} steps of "
            f"{schedule.total_steps}; save or show less often"
        )


def wanted(folder: Path) -> bool:
    """Whether somebody has looked at the preview of late."""
    try:
        return time.time() - (folder / WANTED).stat().st_mtime < UNWANTED
    except OSError:
        return False


def main(folder: Path) -> int:
    """Make the preview in a folder; the exit code is 0, or 2 where its settings don't allow it."""
    making = Making(folder)
    try:
        try:
            making.make()
        except OSError as error:
            raise MediaError(f"the preview can't be written: {atomic.reason(error)}") from error
    except MutoscopeError as error:
        with contextlib.suppress(OSError):
            making.tell(stage="failed", message=str(error))
        return 2
    return 0


def be_modest() -> None:
    """Leave the processor to what paints, and be the first to go where memory runs out."""
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")


def end_unwanted(folder: Path) -> None:
    """End the process when nobody looks any more, whatever it is at."""
    while wanted(folder):
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    be_modest()
    threading.Thread(target=end_unwanted, args=[Path(sys.argv[1])], daemon=True).start()
    sys.exit(main(Path(sys.argv[1])))
