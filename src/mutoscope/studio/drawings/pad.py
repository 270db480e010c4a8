"""The pad: a generator's latent space under one's hand, ways through it recorded and filmed."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nicegui import ui

from mutoscope.errors import SettingsError
from mutoscope.studio.complaints import complaining
from mutoscope.studio.drawings.aide import Aide
from mutoscope.studio.drawings.paths_recorded import EVERY, MOST, Visit, evenly, film_command
from mutoscope.studio.drawings.touch_pad import HandSlider, TouchPad
from mutoscope.studio.shared import Studio

_DATA = "data:image/jpeg;base64,"
_CORNERS = ("upper left", "upper right", "lower left", "lower right")
_SAMPLES = 10_000  # numbers from which new ones are drawn
_REACH = 3.0  # standard deviations of a slider
_SHOWN = 8  # directions that are shown at once
_SMALL = 128
_LARGE = 640


class PadView:
    """The pad of one page of one browser."""

    def __init__(self, studio: Studio, aide: Aide, run: str) -> None:
        self._studio, self._aide, self._run = studio, aide, run
        self._corners = ["3", "17", "42", "8"]
        self._at = (0.5, 0.5)
        self._truncation = 0.7
        self._mix: str | None = None
        self._split = 0
        self._moves: dict[str, float] = {}
        self._told: Mapping[str, Any] = {}
        self._keys: list[Visit] = []
        self._timed = False  # whether the keys are those of a recording
        self._recording: list[Visit] | None = None
        self._now = Visit("", 0.0)
        self._wanted = self._drawing = False
        self._thumbs: list[ui.element] = []

    async def draw(self) -> None:
        """Draw it; the generator is read meanwhile."""
        busy = ui.row().classes("draw-row")
        with busy:
            ui.spinner(size="sm")
            ui.label("Reading the generator …").props("role=status")
        try:
            self._told = await self._ask(do="open")
        finally:
            if not busy.is_deleted:  # nor what it stood in
                busy.delete()
        self._split = int(self._told["layers"]) // 2
        with ui.element("div").classes("draw-two draw-pad"):
            with ui.element("div"):
                self._stage()
                self._ways()
            with ui.element("div"):
                self._knobs()
        await self._refresh_corners()
        self._redraw()

    async def _ask(self, **request: Any) -> dict[str, Any]:
        folder = str(self._studio.place.inside(self._run))
        return await asyncio.to_thread(self._aide.ask, {"run": folder, **request})

    def _where(self) -> dict[str, Any]:
        moves = {name: far for name, far in self._moves.items() if far}
        return {"corners": self._corners, "at": list(self._at), "moves": moves}

    # ── what is drawn ──

    def _stage(self) -> None:
        with ui.element("div").classes("pad-frame"):
            for index in (0, 1):
                self._corner(index)
            with ui.element("div").classes("pad-stage"):
                self._pad = TouchPad(self._moved)
                self._words = ui.label("").classes("draw-soft").props("role=status")
            for index in (2, 3):
                self._corner(index)
        with ui.row().classes("draw-row"):
            ui.button("Add keyframe", icon="add", on_click=self._add_key).props("text-color=dark")
            self._record = ui.button(
                "Record", icon="fiber_manual_record", on_click=self._toggle
            ).props("outline")
            ui.button("Four new samples", icon="casino", on_click=self._shuffle).props("flat")

    def _corner(self, index: int) -> None:
        with ui.element("div").classes("pad-corner"):
            self._thumbs.append(ui.element("img").props('alt=""'))
            field = ui.input(
                f"{_CORNERS[index].capitalize()} corner", value=self._corners[index]
            ).props("dense outlined maxlength=200")

            async def changed() -> None:
                await self._set_corner(index, str(field.value))

            field.on("keydown.enter", changed)
            field.on("blur", changed)
            field.tooltip("A sample's number, a bookmark, or words such as 42 + 2*sefa-1")
            setattr(self, f"_field{index}", field)

    def _knobs(self) -> None:
        ui.label("Look").classes("draw-section").props("role=heading aria-level=2")
        ui.label(
            "A small truncation is nearer to the mean of all drawings, a large one is wilder."
        ).classes("draw-soft")
        self._slider("Truncation", 0.0, 1.5, 0.05, self._truncation, self._set_truncation)
        ui.label("Style mixing").classes("draw-section").props("role=heading aria-level=2")
        ui.label("The coarse layers come from the pad, the fine ones from here.").classes(
            "draw-soft"
        )
        other = ui.input("Fine layers from", placeholder="none").props("dense outlined clearable")

        async def mixed() -> None:
            words = str(other.value or "").strip()
            self._mix = words or None
            self._redraw()

        other.on("keydown.enter", mixed)
        other.on("blur", mixed)
        other.on("clear", mixed)
        layers = int(self._told["layers"])
        self._slider("Coarse layers", 0, layers, 1, self._split, self._set_split)
        ui.label("Directions").classes("draw-section").props("role=heading aria-level=2")
        ui.label("Each changes one thing about what is drawn; try which.").classes("draw-soft")
        names = list(self._told["directions"])
        for name in names[:_SHOWN]:
            self._direction(name)
        if len(names) > _SHOWN:
            with ui.expansion("More directions").classes("w-full"):
                for name in names[_SHOWN:]:
                    self._direction(name)
        self._bookmarks()

    def _direction(self, name: str) -> None:
        def turned(value: float) -> None:
            self._moves[name] = value
            self._redraw()

        self._slider(name, -_REACH, _REACH, 0.1, 0.0, turned)

    def _slider(
        self, name: str, least: float, most: float, step: float, value: float,
        told: Callable[[float], None],
    ) -> None:  # fmt: skip
        with ui.element("div").classes("draw-slider"):
            ui.label(name)
            slider = HandSlider(min=least, max=most, step=step, value=value)
            slider.props(f'aria-label="{name}"')
            shown = ui.label(f"{value:g}").classes("draw-number")

            def changed() -> None:
                number = min(most, max(least, float(slider.value)))
                shown.set_text(f"{number:g}")
                told(number)

            slider.on_value_change(changed)

    def _bookmarks(self) -> None:
        ui.label("Bookmarks").classes("draw-section").props("role=heading aria-level=2")
        with ui.row().classes("draw-row no-wrap w-full"):
            name = ui.input("Name").props("dense outlined maxlength=60").classes("grow")

            async def keep() -> None:
                with complaining(self._studio.place):
                    await self._ask(do="keep", name=str(name.value).strip(), **self._where())
                    name.set_value("")
                    self._told = await self._ask(do="open")
                    self._bookmark_list.refresh()

            ui.button("Keep", on_click=keep).props("flat")
        self._bookmark_list()

    @ui.refreshable_method
    def _bookmark_list(self) -> None:
        kept: Mapping[str, bool] = self._told.get("bookmarks", {})
        if not kept:
            ui.label("None yet: a name keeps the place under the pad.").classes("draw-soft")
        for name, fits in kept.items():
            with ui.row().classes("draw-row"):
                ui.label(name if fits else f"{name} (of an earlier generator)")
                for index, corner in enumerate(_CORNERS):
                    if fits:
                        short = "".join(word[0] for word in corner.split()).upper()
                        ui.button(short, on_click=self._putting(index, name)).props(
                            f'flat dense aria-label="{name} to the {corner} corner"'
                        ).tooltip(f"To the {corner} corner")
                ui.button(icon="close", on_click=self._forgetting(name)).props(
                    f'flat dense size=sm aria-label="Forget {name}"'
                )

    def _forgetting(self, name: str) -> Callable[[], Any]:
        async def forget() -> None:
            with complaining(self._studio.place):
                await self._ask(do="forget", name=name)
                self._told = await self._ask(do="open")
                self._bookmark_list.refresh()

        return forget

    def _putting(self, index: int, name: str) -> Callable[[], Any]:
        return lambda: self._set_corner(index, name)

    # ── ways ──

    def _ways(self) -> None:
        ui.label("A way to film").classes("draw-section").props("role=heading aria-level=2")
        self._key_list()
        with ui.row().classes("draw-row"):
            self._seconds = ui.number("Seconds", value=12, min=1, max=600, step=1).props(
                "dense outlined"
            )
            ui.button("Film it", icon="movie", on_click=self._film).props("text-color=dark")
            ui.button("Clear", on_click=self._clear).props("flat")
        ui.label(
            "The film goes from key to key and back to the first. Keys have no mixing: a walk has "
            "one style for all layers."
        ).classes("draw-soft")
        self._films()
        ui.timer(2.0, self._look)

    @ui.refreshable_method
    def _key_list(self) -> None:
        if not self._keys:
            ui.label("Keyframes that you add, or a way that you record, show here.").classes(
                "draw-soft"
            )
        with ui.element("div").classes("draw-keys"):
            for index, key in enumerate(self._keys):
                with ui.element("div").classes("draw-key"):
                    ui.element("img").props(f'alt="Keyframe {index + 1}"').props["src"] = (
                        key.picture
                    )
                    ui.button(icon="close", on_click=self._dropping(index)).props(
                        f'flat dense size=sm aria-label="Remove keyframe {index + 1}"'
                    )

    def _dropping(self, index: int) -> Callable[[], None]:
        def drop() -> None:
            del self._keys[index]
            self._key_list.refresh()

        return drop

    def _add_key(self) -> None:
        if self._now.place and len(self._keys) < MOST:
            self._timed = False
            self._keys.append(self._now)
            self._key_list.refresh()

    def _toggle(self) -> None:
        if self._recording is None:
            self._recording = [Visit(self._now.place, time.monotonic(), self._now.picture)]
            self._record.set_text("Stop recording")
            return
        visits, self._recording = self._recording, None
        visits.append(Visit(self._now.place, time.monotonic(), self._now.picture))
        self._record.set_text("Record")
        self._keys, self._timed = evenly(visits), True
        self._seconds.set_value(max(1, round(visits[-1].at - visits[0].at)))
        self._key_list.refresh()

    def _clear(self) -> None:
        self._keys, self._timed = [], False
        self._key_list.refresh()

    def _film(self) -> None:
        with complaining(self._studio.place):
            place = self._studio.place
            folder = place.inside(f"{self._run}-films")
            folder.mkdir(parents=True, exist_ok=True)
            taken = {path.stem for path in folder.glob("walk-*")}
            taken |= {
                Path(word).stem for job in self._studio.jobs.all() for word in job.command[:4]
                if word.startswith(f"{self._run}-films/")
            }  # fmt: skip
            number = next(n for n in range(1, 100_000) if f"walk-{n}" not in taken)
            output = f"{place.name_of(folder)}/walk-{number}.mp4"
            seconds = self._seconds.value
            if not isinstance(seconds, int | float):
                raise SettingsError("seconds: a number is wanted")
            command = film_command(
                self._run, output, [key.place for key in self._keys], seconds=seconds,
                truncation=self._truncation, timed=self._timed,
            )  # fmt: skip
            self._studio.jobs.add(command, title=f"Walk {number} through {self._run}")
            ui.notify(f"Queued: {output}")

    def _look(self) -> None:
        """Show films as they come."""
        if self._found() != self._seen:
            self._films.refresh()

    def _found(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(self._studio.place.inside(f"{self._run}-films").glob("walk-*.mp4"))
        return []

    @ui.refreshable_method
    def _films(self) -> None:
        self._seen = self._found()
        for path in self._seen[-3:][::-1]:
            ui.label(path.name).classes("draw-soft")
            film = ui.element("video").classes("draw-film")
            film.props(f'controls loop playsinline preload=metadata aria-label="{path.stem}"')
            film.props["src"] = self._studio.url(path)

    # ── turns ──

    def _moved(self, x: float, y: float) -> None:
        self._at = (x, y)
        self._redraw()

    def _set_truncation(self, value: float) -> None:
        self._truncation = value
        self._redraw()

    def _set_split(self, value: float) -> None:
        self._split = round(value)
        self._redraw()

    async def _set_corner(self, index: int, words: str) -> None:
        if words.strip() and words.strip() != self._corners[index]:
            before = self._corners[index]
            self._corners[index] = words.strip()
            with complaining(self._studio.place):
                try:
                    await self._refresh_corners()
                except Exception:
                    self._corners[index] = before
                    raise
                finally:
                    getattr(self, f"_field{index}").set_value(self._corners[index])
            self._redraw()

    async def _shuffle(self) -> None:
        numbers = random.sample(range(_SAMPLES), len(_CORNERS))
        self._corners = [str(number) for number in numbers]
        for index, words in enumerate(self._corners):
            getattr(self, f"_field{index}").set_value(words)
        with complaining(self._studio.place):
            await self._refresh_corners()
        self._redraw()

    async def _refresh_corners(self) -> None:
        answer = await self._ask(
            do="samples", places=self._corners, truncation=self._truncation, side=_SMALL
        )
        for index, (thumb, data) in enumerate(zip(self._thumbs, answer["jpegs"], strict=True)):
            if data is None:
                raise SettingsError(
                    f"{self._corners[index]!r}: is no place; give a sample's number, a bookmark, "
                    "or words such as 42 + 2*sefa-1"
                )
            thumb.props["src"] = _DATA + data
            thumb.update()

    def _redraw(self) -> None:
        """Draw what is under the pad; what is asked for meanwhile is drawn once, at the end."""
        self._wanted = True
        if not self._drawing:
            self._drawing = True
            asyncio.get_running_loop().create_task(self._drawn())

    async def _drawn(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                with self._pad, complaining(self._studio.place):
                    asked = {
                        "do": "draw", "truncation": self._truncation, "side": _LARGE,
                        "mix": self._mix, "split": self._split, **self._where(),
                    }  # fmt: skip
                    self._show(await self._ask(**asked))
        except RuntimeError:  # the page was closed meanwhile
            self._wanted = False
        finally:
            self._drawing = False

    def _show(self, answer: Mapping[str, Any]) -> None:
        self._pad.show(_DATA + answer["jpeg"], label="Picture between the four corners")
        self._words.set_text(answer["place"])
        self._now = Visit(answer["place"], time.monotonic(), _DATA + answer["small"])
        if self._recording is not None:
            if self._now.at - self._recording[-1].at > EVERY / 4:
                self._recording.append(self._now)
            if self._now.at - self._recording[0].at > EVERY * MOST:
                self._toggle()
