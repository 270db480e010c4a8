"""Training on the page Drawings: what it will take, how it is begun, and how it goes."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from nicegui import ui

from mutoscope.errors import RunError, SettingsError
from mutoscope.studio.complaints import complaining, told
from mutoscope.studio.drawings.aide import Aide
from mutoscope.studio.drawings.folders import safe_name, scans_in, trainings_in
from mutoscope.studio.drawings.training_view import (
    PANELS,
    Sample,
    Speed,
    chart_of,
    job_of,
    output_of,
    read_log,
    samples_of,
)
from mutoscope.studio.queue.jobs import Job
from mutoscope.studio.shared import Studio

_TRIES = 1000  # numbers behind a name
_STRIP = 40  # sheets in the strip
_FIRST = ("images", "size", "channels", "seed", "turn", "mirror")  # keys that are shown at once
_ACTIVE = ("waiting", "running", "stopping")
_RESUMED = ("stopped", "paused", "failed")


def amount(size: float) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def duration(seconds: float) -> str:
    """A time for people."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{max(1, round(seconds))} s"
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.1f} days"


class TrainForm:
    """The form by which a training is begun."""

    def __init__(self, studio: Studio, aide: Aide, folder: str | None) -> None:
        self._studio, self._aide, self._folder = studio, aide, folder
        self._fields: dict[str, Any] = {}
        self._told: Mapping[str, Any] = {}

    async def draw(self) -> None:
        """Draw it; presets and keys come from the process that knows them."""
        busy = ui.row().classes("draw-row")
        with busy:
            ui.spinner(size="sm")
            ui.label("Asking what can be trained …").props("role=status")
        try:
            self._told = await asyncio.to_thread(self._aide.ask, {"do": "presets"})
        finally:
            if not busy.is_deleted:  # nor what it stood in
                busy.delete()
        folders = [one.name for one in scans_in(self._studio.place)]
        if not folders:
            ui.label(
                "There are no drawings to learn from yet. Begin above, at “Add scans”."
            ).classes("draw-soft")
            return
        chosen = self._folder if self._folder in folders else folders[0]
        presets = self._told["presets"]
        with ui.element("div").classes("draw-form"):
            self._drawings = ui.select(folders, value=chosen, label="Drawings").props("outlined")
            self._cut = ui.select(
                {
                    "auto": "picked specimens, else anywhere on the pages",
                    "scans": "anywhere on the pages",
                },
                value="auto", label="Learn from",
            ).props("outlined")  # fmt: skip
            self._preset = ui.select(
                {name: f"{name}: {one['about']}" for name, one in presets.items()},
                value=self._told["default"], label="Preset", on_change=self._preset_chosen,
            ).props("outlined")  # fmt: skip
            self._name = ui.input("Name", value=self._usual(chosen)).props("outlined maxlength=80")
        self._drawings.on_value_change(lambda: self._name.set_value(self._usual(self._at())))
        with ui.row().classes("draw-row"):
            self._keys([key for key in self._told["keys"] if key["name"] in _FIRST])
        with ui.expansion("All keys").classes("w-full"), ui.row().classes("draw-row"):
            self._keys([key for key in self._told["keys"] if key["name"] not in (*_FIRST, "data")])
        with ui.row().classes("draw-row"):
            ui.button("What will it take?", on_click=self._foresee).props("outline")
            ui.button("Train", icon="school", on_click=self._train).props("text-color=dark")
        self._said = ui.label("").classes("draw-soft").props("role=status")

    def _at(self) -> str:
        return str(self._drawings.value)

    def _usual(self, folder: str) -> str:
        """A name for what is learned from a folder, that is free."""
        place, name = self._studio.place, f"{PurePosixPath(folder).name[:70]}-gan"
        taken = {output_of(job.command) for job in self._studio.jobs.all()}
        for number in range(1, _TRIES):
            one = name if number == 1 else f"{name}-{number}"
            output = place.drawings / one
            if not output.exists() and place.name_of(output) not in taken:
                return one
        return ""

    def _values(self) -> Mapping[str, Any]:
        values: Mapping[str, Any] = self._told["presets"][self._preset.value]["values"]
        return values

    def _keys(self, keys: Sequence[Mapping[str, Any]]) -> None:
        for key in keys:
            name, now = key["name"], self._values()[key["name"]]
            shown = "auto" if now is None else str(now)
            field: Any
            if key["choices"]:
                field = ui.select([str(one) for one in key["choices"]], value=shown, label=name)
            else:
                field = ui.input(name, value=shown)
            field.props("outlined dense").style("min-width: 9rem").tooltip(key["about"])
            self._fields[name] = field

    def _preset_chosen(self) -> None:
        for name, field in self._fields.items():
            now = self._values()[name]
            field.set_value("auto" if now is None else str(now))

    def _changed(self) -> dict[str, str]:
        """The keys that are not as the preset has them."""
        found = {}
        for name, field in self._fields.items():
            now = self._values()[name]
            text = str(field.value).strip()
            if text != ("auto" if now is None else str(now)):
                found[name] = text
        return found

    async def _foresee(self) -> None:
        self._said.set_text("Trying a few steps …")
        asked = {"do": "foresee", "preset": self._preset.value, "values": self._changed()}
        try:
            found = await asyncio.to_thread(self._aide.ask, asked)
        except Exception as error:  # noqa: BLE001 - `told` says what a page may
            self._said.set_text(told(error, self._studio.place))
            return
        parts = [f"{found['images']:,} images in {found['steps']:,} steps"]
        where = "the GPU" if found["device"] == "cuda" else "this processor"
        if found["seconds"] is not None:
            parts.append(f"about {duration(found['seconds'])} on {where}, if it has nothing else")
        else:
            parts.append(f"too slow to be tried on {where}")
        memory = f"about {amount(found['bytes'])} of memory"
        if found["free"] is not None:
            memory += f", of which {amount(found['free'])} is free"
        self._said.set_text("; ".join([*parts, memory]) + ".")

    def _train(self) -> None:
        with complaining(self._studio.place):
            place, folder = self._studio.place, self._at()
            name = safe_name(str(self._name.value))
            if not name:
                raise SettingsError("name: a name of letters and digits is wanted")
            output = f"{place.name_of(place.drawings)}/{name}"
            if place.inside(output).exists():
                raise RunError(f"{output}: is there already; go on with it below, or take another")
            changed = self._changed()
            if self._cut.value == "scans":
                changed["data"] = "scans"
            words = [f"{key}={value}" for key, value in changed.items()]
            self._studio.jobs.add(
                ("train", folder, *words, "--preset", str(self._preset.value), "-o", output),
                title=f"Train {name}",
            )
            ui.notify("Queued; it shows below when it has begun")


class TrainingView:
    """A training as it goes, or went."""

    def __init__(self, studio: Studio, name: str) -> None:
        self._studio, self._name = studio, name
        self._folder = studio.place.inside(name)
        self._samples: list[Sample] = []
        self._stamp: tuple[Any, ...] = ()
        self._speed = Speed()
        self._follows = True  # whether the newest sample is shown as it comes

    def draw(self) -> None:
        """Draw it, and look once a second whether anything has changed."""
        with ui.row().classes("draw-row"):
            self._line = ui.label("").props("role=status")
            self._stop = ui.button("Stop", icon="stop", on_click=self._stop_it).props("outline")
            self._go = ui.button("Go on", icon="play_arrow", on_click=self._go_on).props("outline")
        with ui.element("div").classes("draw-two"):
            with ui.element("div"):
                self._large = ui.element("img").props('alt=""').classes("draw-large")
                self._caption = ui.label("").classes("draw-soft")
                self._slider = ui.slider(min=0, max=1, step=1, value=0).props(
                    'aria-label="Samples through time"'
                )
                self._slider.on_value_change(self._scrubbed)
                self._strip = (
                    ui.element("div").classes("draw-strip").props('role=group aria-label="Samples"')
                )
            with ui.element("div"):
                self._charts = [ui.echart({}).classes("draw-chart") for _ in PANELS]
        self._look()
        ui.timer(1.0, self._look)

    def _look(self) -> None:
        with complaining(self._studio.place):
            jobs = self._studio.jobs
            job = job_of(jobs.all(), self._name)
            self._say(job)
            log = self._folder / "log.jsonl"
            size = 0
            with contextlib.suppress(OSError):
                size = log.stat().st_size
            samples = samples_of(self._folder)
            stamp = (size, tuple(one.images for one in samples))
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._show_samples(samples)
            records = read_log(self._folder)
            for chart, (title, labels) in zip(self._charts, PANELS, strict=True):
                options = chart_of(records, title, labels)
                chart.set_visibility(options is not None)
                if options is not None:
                    chart.options.clear()
                    chart.options.update(options)
                    chart.update()

    def _say(self, job: Job | None) -> None:
        """The line that says how it goes."""
        state = job.state if job is not None else "done"
        self._stop.set_visibility(state in _ACTIVE)
        self._go.set_visibility(state in _RESUMED or job is None)
        parts: list[str] = ["not in the queue" if job is None else job.state]
        progress = self._studio.jobs.progress(job.id) if job is not None else None
        if progress is not None:
            parts = [f"{state}: {progress.done:,} of {progress.total:,} images"]
            speed = self._speed.see(time.monotonic(), progress.done)
            if state == "running" and speed is not None:
                parts.append(f"{speed:.3g} images/s")
            if progress.seconds_left is not None:
                parts.append(f"{duration(progress.seconds_left)} left")
        if job is not None and job.message:
            parts.append(job.message)
        self._line.set_text(" · ".join(parts))

    def _show_samples(self, samples: list[Sample]) -> None:
        self._samples = samples
        self._slider.props["max"] = max(1, len(samples) - 1)
        self._slider.set_visibility(len(samples) > 1)
        self._slider.update()
        self._strip.clear()
        first = max(0, len(samples) - _STRIP)
        with self._strip:
            for index in range(len(samples) - 1, first - 1, -1):
                self._strip_button(index)
        if samples and self._follows:
            self._slider.set_value(len(samples) - 1)
            self._show(len(samples) - 1)
        if not samples:
            drawings = self._folder / "drawings.png"
            if drawings.is_file():
                self._large.props["src"] = self._studio.url(drawings)
                self._large.props["alt"] = "Some of the drawings that it learns from"
                self._large.update()
                self._caption.set_text("Some of the drawings; the first samples are to come.")
            else:
                self._caption.set_text("There is nothing to be seen yet.")

    def _strip_button(self, index: int) -> None:
        sample = self._samples[index]
        button = ui.element("button")
        button.props(f'type=button aria-label="After {sample.images} images"')
        with button:
            ui.element("img").props("alt='' loading=lazy").props["src"] = self._studio.url(
                sample.path, width=160
            )
        button.on("click", lambda: self._slider.set_value(index))

    def _scrubbed(self) -> None:
        index = int(self._slider.value)
        self._follows = index >= len(self._samples) - 1
        self._show(index)

    def _show(self, index: int) -> None:
        if 0 <= index < len(self._samples):
            sample = self._samples[index]
            self._large.props["src"] = self._studio.url(sample.path)
            self._large.props["alt"] = f"Samples after {sample.images} images"
            self._large.update()
            self._caption.set_text(f"after {sample.images:,} images")

    def _stop_it(self) -> None:
        with complaining(self._studio.place):
            job = job_of(self._studio.jobs.all(), self._name)
            if job is not None:
                self._studio.jobs.stop(job.id)

    def _go_on(self) -> None:
        with complaining(self._studio.place):
            job = job_of(self._studio.jobs.all(), self._name)
            if job is not None and job.state in _RESUMED:
                self._studio.jobs.resume(job.id)
            else:
                self._studio.jobs.add(("train", self._name), title=f"Go on with {self._name}")


async def train_panel(studio: Studio, aide: Aide, folder: str | None) -> None:
    """The form, and below it a training, chosen among those that there are."""
    with complaining(studio.place):
        await TrainForm(studio, aide, folder).draw()
    shown = ui.element("div").classes("w-full")
    with shown:
        select = ui.select([], label="Training").props("outlined").classes("q-mt-md")
        body = ui.element("div").classes("w-full")

    def open_it() -> None:
        body.clear()
        if select.value:
            with body, complaining(studio.place):
                TrainingView(studio, str(select.value)).draw()

    def look() -> None:
        names = trainings_in(studio.place)
        shown.set_visibility(bool(names))
        if names != select.options:
            fresh = [name for name in names if name not in select.options]
            value = fresh[0] if fresh else select.value
            select.set_options(names, value=value if value in names else None)

    select.on_value_change(open_it)
    look()
    ui.timer(2.0, look)
