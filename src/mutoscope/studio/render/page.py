"""The page with the queue: what is being painted, what waits, and what came of the rest.

All of it is read from the disk and from the one queue that all browsers share, so a page that is
loaded anew, and one after a restart of the server, shows the same.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from nicegui import ui

from mutoscope.studio.complaints import complaining
from mutoscope.studio.gallery.cards import button, heading
from mutoscope.studio.gallery.catalogue import LOG, SETTINGS, Entry, catalogue_of
from mutoscope.studio.gallery.fork import open_fork
from mutoscope.studio.gallery.look import STYLE as DIALOGS
from mutoscope.studio.meanwhile import in_thread
from mutoscope.studio.queue.jobs import Job, Progress
from mutoscope.studio.render.look import HOLDS, STYLE
from mutoscope.studio.render.losses import Losses, drawn
from mutoscope.studio.shared import Studio

Part = Literal["now", "next", "rest"]
_LOOK = 1.0  # seconds
_PARTS: dict[Part, str] = {"now": "Now", "next": "Next", "rest": "Before"}
_MOST_ENDED = 60
_WORDS = {"running": "painting", "stopping": "stopping after this step", "waiting": "waiting"}
_PAINTS = ("render", "image", "resume")
_RUNS, _GOES_ON = ("running", "stopping"), ("stopped", "paused", "failed")


async def page(studio: Studio) -> None:
    """Draw the page."""
    ui.add_head_html(f"<style>{DIALOGS}{STYLE}</style><script>{HOLDS}</script>")
    queue = Queue(studio)
    await queue.look()
    ui.timer(_LOOK, queue.look, immediate=False)


class Queue:
    """The cards of all jobs in three parts, and those of runs that a terminal paints."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._cards: dict[str, Card] = {}
        self._lists: dict[Part, ui.element] = {}
        self._heads: dict[Part, ui.element] = {}
        self._order: dict[Part, list[str]] = {}
        with ui.element("div").classes("empty w-full") as self._empty:
            ui.label("Nothing is being painted, and nothing waits.")
            ui.link("Write what is to be painted", "/compose")
        for part, title in _PARTS.items():
            with ui.row().classes("w-full items-center justify-between") as self._heads[part]:
                heading(2, title).classes("part")
                if part == "rest":
                    button("Clear what is done", self._clear, icon="clear_all")
            self._lists[part] = ui.element("ul").classes("jobs").props(f'aria-label="{title}"')

    async def look(self) -> None:
        """Show the queue as it is now."""
        with complaining(self._studio.place):
            jobs = self._studio.jobs.all()
            entries = await in_thread(catalogue_of(self._studio.place).all)
            by_name = {entry.name: entry for entry in entries}
            parts: dict[Part, list[Job | Entry]] = {"now": [], "next": [], "rest": []}
            for job in jobs:
                parts[part_of(job)].append(job)
            parts["now"] += elsewhere(entries, jobs)
            parts["rest"] = sorted(parts["rest"], key=_ended)[:_MOST_ENDED]
            for part, shown in parts.items():
                self._show(part, shown, by_name)
            self._empty.set_visibility(not parts["now"] and not parts["next"])
            shown_keys = {_key(each) for shown in parts.values() for each in shown}
            for key in self._cards.keys() - shown_keys:
                self._cards.pop(key).root.delete()

    def _show(self, part: Part, shown: Sequence[Job | Entry], by_name: dict[str, Entry]) -> None:
        self._heads[part].set_visibility(bool(shown))
        keys = [_key(each) for each in shown]
        for key, each in zip(keys, shown, strict=True):
            card = self._cards.get(key)
            if card is None:
                with self._lists[part]:
                    card = self._cards[key] = Card(self._studio)
            if isinstance(each, Entry):
                card.show_entry(each)
            else:
                card.show_job(each, by_name.get(each.run or ""))
        if keys != self._order.get(part):
            for index, key in enumerate(keys):
                self._cards[key].root.move(self._lists[part], target_index=index)
            self._order[part] = keys

    async def _clear(self) -> None:
        """Forget the jobs that are done; what they made stays."""
        with complaining(self._studio.place):
            for job in self._studio.jobs.all():
                if job.state == "done":
                    self._studio.jobs.remove(job.id)
        await self.look()


class Card:
    """One job, or one run of a terminal: its picture, how it goes, and what can be done."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._buttons: tuple[object, ...] = ()
        self._address = ""
        self._losses: Losses | None = None
        self._log: Path | None = None
        with ui.element("li").classes("job") as self.root:
            with ui.element("div").classes("job-picture"):
                self._image = ui.element("img").props('alt="" decoding=async')
            with ui.element("div"):
                with ui.element("h3").classes("job-title").props('tabindex="-1"'):
                    self._title = ui.label()
                self._state = ui.label().classes("job-state")
                self._bar = ui.linear_progress(value=0, show_value=False).props(
                    'rounded size=6px aria-label="How much is painted" color=primary'
                )
                self._why = ui.label().classes("job-why")
                self._deeds = ui.element("div").classes("deeds")
                self._plot = ui.html("", sanitize=False).classes("job-losses")

    def show_job(self, job: Job, entry: Entry | None) -> None:
        """Show a job as it is now; ``entry``: the run that it paints, where there is one."""
        progress = self._studio.jobs.progress(job.id) or so_far(entry)
        picture = (entry and entry.picture) or (progress and progress.picture) or None
        self._fill(job.title, said_of(job, progress), picture, live=job.state in _RUNS)
        self._why.set_text(job.message)
        self._why.set_visibility(bool(job.message))
        share = progress.done / progress.total if progress else 0.0
        self._set_bar(share, seen=job.state in _RUNS or (progress is not None and 0 < share < 1))
        log = entry.path / LOG if entry is not None and entry.is_run else None
        self._show_losses(log if job.state in (*_RUNS, *_GOES_ON) else None)
        state = (job.state, entry.name if entry else "", bool(entry and entry.frames))
        if state != self._buttons:
            self._buttons = state
            self._deeds.clear()
            with self._deeds:
                self._draw_deeds(job, entry)

    def show_entry(self, entry: Entry) -> None:
        """Show a run that another program, such as a terminal, paints."""
        far = f"{entry.steps} of {entry.total}"
        told = f"painting · {far} · begun in a terminal, where Ctrl-C ends it"
        self._fill(entry.title, told, entry.picture, live=True)
        self._why.set_visibility(False)
        self._set_bar(entry.steps / entry.total if entry.total else 0.0, seen=True)
        self._show_losses(entry.path / LOG if entry.is_run else None)
        if self._buttons != (entry.name,):
            self._buttons = (entry.name,)
            self._deeds.clear()
            with self._deeds:
                _gallery_link(entry)

    def _fill(self, title: str, state: str, picture: Path | None, *, live: bool) -> None:
        self._title.set_text(title)
        self._state.set_text(state)
        self.root.classes(add="live") if live else self.root.classes(remove="live")
        width = 1280 if live else 320
        address = "" if picture is None else self._studio.url(picture, width=width)
        if address != self._address:
            self._address = address
            self._image.props["src"] = address
            self._image.props["alt"] = f"The newest picture of {title}"
            self._image.update()
        self.root.classes(remove="bare") if address else self.root.classes(add="bare")

    def _set_bar(self, share: float, *, seen: bool) -> None:
        self._bar.set_value(round(min(1.0, share), 4))
        self._bar.set_visibility(seen)

    def _show_losses(self, log: Path | None) -> None:
        if log != self._log:
            self._log, self._losses = log, None if log is None else Losses(log)
        if self._losses is not None and self._losses.look():
            self._plot.set_content(drawn(self._losses.series()))
        self._plot.set_visibility(self._losses is not None)

    def _draw_deeds(self, job: Job, entry: Entry | None) -> None:
        jobs = self._studio.jobs

        def deed(text: str, icon: str, act: Callable[[], object]) -> None:
            def done() -> None:
                with complaining(self._studio.place):
                    act()

            button(text, done, icon=icon, label=f"{text}: {job.title}")

        if job.state == "running":
            deed("Pause", "pause", lambda: jobs.pause(job.id))
            deed("Stop", "stop", lambda: jobs.stop(job.id))
        if job.state == "stopping":
            deed("Stop at once", "stop", lambda: jobs.stop(job.id))
        if job.state == "waiting":
            deed("Earlier", "arrow_upward", lambda: jobs.move(job.id, -1))
            deed("Later", "arrow_downward", lambda: jobs.move(job.id, 1))
            deed("Pause", "pause", lambda: jobs.pause(job.id))
        if job.state in _GOES_ON:
            deed("Try again" if job.state == "failed" else "Resume", "play_arrow",
                 lambda: jobs.resume(job.id))  # fmt: skip
        if entry is not None and entry.is_run and entry.frames:
            deed("Fork…", "call_split", lambda: self._fork(entry.name))
        if entry is not None:
            _gallery_link(entry)
        if job.state not in _RUNS:
            deed("Remove", "close", lambda: jobs.remove(job.id))

    def _fork(self, name: str) -> None:
        entry = catalogue_of(self._studio.place).entry(name)  # as it is by now
        if entry is not None:
            open_fork(self._studio, entry)


def part_of(job: Job) -> Part:
    """In which part of the page a job stands."""
    if job.state in _RUNS:
        return "now"
    return "next" if job.state in ("waiting", "paused") else "rest"


def elsewhere(entries: Sequence[Entry], jobs: Sequence[Job]) -> list[Entry]:
    """The runs and sheets that are being painted, but by no job of the queue."""
    ours = {job.run for job in jobs if job.state in _RUNS}
    # A job that paints tells where a moment after its folder is there.
    untold = [
        job.started or 0.0 for job in jobs
        if job.state in _RUNS and job.run is None and job.command[0] in _PAINTS
    ]  # fmt: skip
    running = [
        entry for entry in entries
        if entry.state == "running" and entry.name not in ours
        and not (untold and _begun(entry) >= min(untold))
    ]  # fmt: skip
    sheets = {entry.name for entry in entries if entry.kind == "sheet" and entry.state == "running"}
    return [entry for entry in running if entry.sheet not in sheets]


def so_far(entry: Entry | None) -> Progress | None:
    """How far a run is by what lies in its folder, for a job that has told nothing yet."""
    if entry is None or not entry.total or not entry.steps:
        return None
    return Progress(entry.steps, entry.total, None, {}, entry.picture)


def said_of(job: Job, progress: Progress | None) -> str:
    """How a job goes, or went, in one line."""
    said = [_WORDS.get(job.state, job.state)]
    if job.state == "running" and progress is None:
        said = ["getting ready"]
    if progress is not None and job.state != "done":
        said.append(f"{progress.done} of {progress.total}")
        if progress.seconds_left is not None:
            said.append(f"{duration(progress.seconds_left)} left")
    if job.started is not None:
        end = job.ended if job.ended is not None else time.time()
        if job.state in (*_RUNS, "done"):
            said.append(f"{'took' if job.state == 'done' else 'for'} {duration(end - job.started)}")
    return " · ".join(said)


def duration(seconds: float) -> str:
    """A time as people say it."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _gallery_link(entry: Entry) -> None:
    path = f"/gallery?open={quote(entry.name)}"
    button("Look", lambda: ui.navigate.to(path), icon="visibility", label=f"Look at {entry.title}")


def _key(each: Job | Entry) -> str:
    return each.name if isinstance(each, Entry) else each.id


def _begun(entry: Entry) -> float:
    """When the folder of a run was begun, in seconds since 1970; 0 where that is not known."""
    try:
        return (entry.path / SETTINGS).stat().st_mtime
    except OSError:
        return 0.0


def _ended(each: Job | Entry) -> float:
    return -(each.ended or each.added) if isinstance(each, Job) else 0.0
