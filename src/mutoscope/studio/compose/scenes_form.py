"""Scenes as a form: a row for each prompt, with its weight, mask and stop, and when a scene is."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from mutoscope.curves import TIME_NAMES
from mutoscope.errors import MutoscopeError, ScriptError
from mutoscope.settings import load_settings
from mutoscope.settings.reading import names_for
from mutoscope.studio.compose.draft import Checked
from mutoscope.studio.compose.rows import Field, PromptRow, Rows, place_of, read_rows, scene_times
from mutoscope.studio.compose.rows import subject_of as subject_written

if TYPE_CHECKING:
    from mutoscope.studio.compose.page import Composer

KEYS = ("scenes", "scene_prefix", "scene_suffix")
MASKS = {
    "": "everywhere",
    "l": "left",
    "r": "right",
    "u": "upper part",
    "d": "lower part",
    "n": "near: large cutouts",
    "f": "far: small cutouts",
}
_AROUND = {"scene_prefix": "before every scene", "scene_suffix": "after every scene"}
_FIRST = (
    "Write what the picture is to show, such as: a harbour at dawn. Paint begins it. To begin with "
    "a preset, or with the recipe of an earlier picture, choose New."
)
_HEARD = ("input_audio", "input_audio_filters", "input_midi", "curves")
_NARROW: dict[Field, tuple[str, str, str]] = {
    "weight": ("weight", "1", "How strongly: a number, an expression of t, or keyframes"),
    "mask": ("mask", "everywhere", "Where: a letter, words that it looks like, or [a file]"),
    "stop": ("stop", "never", "How near the picture may come before the prompt rests"),
}


class ScenesForm:
    """The rows of a draft's scenes, and of the prompts around each."""

    def __init__(self, composer: "Composer") -> None:
        self._composer = composer
        self._checked = Checked(None)
        with ui.element("section").classes("compose-part").props("aria-labelledby=scenes-title"):
            ui.html("<h2 id=scenes-title>Scenes</h2>", sanitize=False)
            self._editors = [
                PromptsEditor(composer, "scenes", self._names),
                *(self._around(key, title) for key, title in (
                    ("scene_prefix", "Before the prompts of every scene"),
                    ("scene_suffix", "After the prompts of every scene"),
                )),
            ]  # fmt: skip

    def show_text(self) -> None:
        """Show what the draft says now."""
        for editor in self._editors:
            editor.show()

    def show_checked(self, checked: Checked) -> None:
        """Show what is wrong, and when the scenes are."""
        for editor in self._editors:
            editor.show_checked(checked)

    def _around(self, key: str, title: str) -> "PromptsEditor":
        value = str(self._composer.values().get(key) or "")
        with ui.expansion(title, value=bool(value.strip())).classes("compose-around"):
            return PromptsEditor(self._composer, key, self._names)

    def _names(self) -> Collection[str]:
        """The variables of the draft, as far as they can be told while it is being written."""
        values = self._composer.values()
        heard = {key: values[key] for key in _HEARD if key in values}
        if not heard:
            return TIME_NAMES
        try:
            return names_for(load_settings({**heard, "scenes": "x"}, quiet=True))
        except MutoscopeError:
            return TIME_NAMES


class PromptsEditor:
    """The rows of one key; text that can't be cut into rows stands there as text."""

    def __init__(
        self, composer: "Composer", key: str, names: Callable[[], Collection[str]]
    ) -> None:
        self._composer = composer
        self._key = key
        self._names = names
        self._text = ""
        self._rows = Rows(((),))
        self._raws: list[list[str]] = []
        self._times: list[ui.label] = []
        self._marks: dict[tuple[int, int], ui.element] = {}
        self._drawn: dict[tuple[int, int], dict[Field, str]] = {}
        self._blank: tuple[int, int] | None = None  # an empty row that was asked for
        self._body = ui.element("div").classes("compose-scenes")
        self._faults = ui.column().classes("compose-faults").props('role="status"')
        self._draw()

    def show(self) -> None:
        """Draw what the draft says, if that is not what is drawn."""
        if self._said() != self._text:
            self._draw()

    def show_checked(self, checked: Checked) -> None:
        """Say what is wrong, at its prompt where one is named; and when scenes begin and end."""
        empty = not self._composer.text.strip()
        mine = [] if empty else [fault for fault in checked.faults if fault.key == self._key]
        for mark in self._marks.values():
            mark.classes(remove="compose-wrong")
        self._faults.clear()
        with self._faults:
            if empty and self._key == "scenes":
                ui.label(_FIRST).classes("compose-help")
            for fault in mine:
                ui.label(fault.text).classes("compose-fault")
                index = place_of(fault.text, self._text)
                place = self._rows.at(index) if index is not None else None
                if place in self._marks:
                    self._marks[place].classes("compose-wrong")
        if checked.settings is not None and self._key == "scenes":
            animated = checked.settings.animation_mode != "off"
            for label, (begin, end) in zip(
                self._times, scene_times(checked.settings), strict=False
            ):
                label.set_text(
                    f"{begin:.2f} – {end:.2f} s" if animated
                    else f"steps {begin:.0f} – {end:.0f}"
                )  # fmt: skip

    # ── drawing ──

    def _said(self) -> str:
        return str(self._composer.values().get(self._key) or "")

    def _draw(self) -> None:
        self._text = self._said()
        self._times, self._marks, self._drawn = [], {}, {}
        self._body.clear()
        with self._body:
            try:
                if "${" in self._text:
                    raise ScriptError("")
                scenes = self._key == "scenes"
                self._rows = read_rows(self._text, self._names(), scenes=scenes)
            except ScriptError:
                self._rows = Rows(((),))
                self._draw_text()
                return
            self._raws = [[row.raw for row in scene] for scene in self._rows.scenes]
            shown = self._rows.shown(self._blank) or [(0, [])]
            for number, (scene, rows) in enumerate(shown, start=1):
                self._draw_scene(number, scene, rows, len(shown))
            if self._key == "scenes":
                ui.button("Scene", icon="add", on_click=self._add_scene).props(
                    "flat no-caps"
                ).classes("compose-add")

    def _draw_text(self) -> None:
        """Text that is not rows: an open quote, or ``${…}``."""
        field = ui.textarea(self._key, value=self._text, on_change=self._typed_text)
        field.props("outlined autogrow debounce=300").classes("compose-wide")

    def _draw_scene(
        self, number: int, scene: int, rows: list[tuple[int, PromptRow]], count: int
    ) -> None:
        where = _AROUND.get(self._key, f"of scene {number}")
        with ui.element("div").classes("compose-scene"):
            if self._key == "scenes":
                self._draw_head(number, scene, count)
            for at, (place, row) in enumerate(rows, start=1):
                self._draw_prompt(f"{at} {where}", scene, place, row)
            if not rows:
                blank = self._rows.scenes[scene][0] if self._raws[scene:] else None
                self._draw_prompt(
                    f"1 {where}", scene, 0, blank or PromptRow("", 0, "")
                )  # fmt: skip
            add = ui.button("Prompt", icon="add", on_click=lambda: self._add_prompt(scene))
            add.props("flat no-caps dense").classes("compose-add")
            add.props(f'aria-label="Add a prompt {where}"')

    def _draw_head(self, number: int, scene: int, count: int) -> None:
        with ui.row().classes("compose-scene-head"):
            ui.html(f"<h3>Scene {number}</h3>", sanitize=False)
            self._times.append(ui.label("").classes("compose-time"))
            ui.element("span").classes("compose-space")
            if count > 1:
                move = partial(self._move, scene)
                self._tool("arrow_upward", f"Move scene {number} earlier", partial(move, -1))
                self._tool("arrow_downward", f"Move scene {number} later", partial(move, 1))
                self._tool("delete", f"Delete scene {number}", partial(self._drop, scene))

    def _draw_prompt(self, which: str, scene: int, place: int, row: PromptRow) -> None:
        now = self._drawn[scene, place] = dict(row.fields)

        def typed(field: Field, value: Any) -> None:
            now[field] = str(value or "")
            self._typed(scene, place, row, now)

        with ui.element("div").classes("compose-prompt") as line:
            subject = ui.input("prompt", value=row.subject).classes("compose-subject")
            subject.props('placeholder="a harbour at dawn, or [a picture.png]"')
            self._bind(subject, "subject", typed, f"Prompt {which}")
            if self._blank == (scene, place):
                subject.props("autofocus")
            for field, (label, usual, about) in _NARROW.items():
                element = ui.input(label, value=now[field]).classes("compose-narrow")
                element.props(f'placeholder="{usual}" title="{about}" stack-label')
                self._bind(element, field, typed, f"{label} of prompt {which}")
                if field == "mask":
                    self._masks(element, which)
            self._tool("close", f"Delete prompt {which}", lambda: self._delete(scene, place))
        self._marks[scene, place] = line

    def _bind(
        self, element: ui.input, field: Field, typed: Callable[[Field, Any], None], label: str
    ) -> None:
        element.props(f'outlined dense debounce=250 aria-label="{label}"')
        element.on_value_change(lambda event: typed(field, event.value))
        element.on("blur", self._settle)
        element.on("keydown.enter", self._settle)

    def _masks(self, element: ui.input, which: str) -> None:
        with element.add_slot("append"):
            button = ui.button(icon="arrow_drop_down").props("flat dense round size=sm")
            button.props(f'aria-label="Choose a mask for prompt {which}"')
            with button, ui.menu():
                for letter, words in MASKS.items():
                    ui.menu_item(
                        f"{letter}  {words}" if letter else words,
                        partial(element.set_value, letter),
                    )

    def _tool(self, icon: str, words: str, act: Callable[[], None]) -> None:
        ui.button(icon=icon, on_click=act).props(
            f'flat round dense size=sm color=grey-5 aria-label="{words}" title="{words}"'
        ).classes("compose-tool")

    # ── changing ──

    def _typed(self, scene: int, place: int, row: PromptRow, fields: Mapping[Field, str]) -> None:
        """Take what is being typed; rows are cut anew only when the field is left."""
        now = dict(fields)
        if now["subject"] != row.subject:
            more = bool(now["weight"] or now["mask"] or now["stop"])
            now["subject"] = subject_written(now["subject"], self._names(), more=more)
        if not self._raws:
            self._raws = [[""]]
        text = row.written(now)
        self._raws[scene][place] = text or (" " if len(self._raws) > 1 else "")
        self._text = "||".join("|".join(raws) for raws in self._raws)
        self._composer.set_value(self._key, self._text)

    def _typed_text(self, event: Any) -> None:
        self._text = str(event.value or "")
        self._composer.set_value(self._key, self._text)

    def _settle(self) -> None:
        """Cut the text into rows anew, where that gives other ones than are shown."""
        try:
            rows = read_rows(self._text, self._names(), scenes=self._key == "scenes")
        except ScriptError:
            return
        places = {
            (scene, place): row.fields
            for scene, shown in rows.shown()
            for place, row in shown
        }  # fmt: skip
        drawn = {
            place: fields for place, fields in self._drawn.items()
            if place in places or any(map(str.strip, fields.values()))
        }  # fmt: skip
        self._rows = rows
        if {place: _stripped(fields) for place, fields in drawn.items()} != places:
            self._blank = None
            self._draw()
            self.show_checked(self._composer.checked)

    def _move(self, scene: int, by: int) -> None:
        self._settle()
        self._set(self._rows.with_moved_scene(scene, by))

    def _drop(self, scene: int) -> None:
        self._settle()
        self._set(self._rows.without_scene(scene))

    def _delete(self, scene: int, place: int) -> None:
        self._settle()
        self._blank = None
        if place < len(self._rows.scenes[scene]):
            self._set(self._rows.without_prompt(scene, place))

    def _add_prompt(self, scene: int) -> None:
        """One more row, empty: what is blank counts for nothing in the scene language."""
        self._settle()
        places = [place for place, row in enumerate(self._rows.scenes[scene]) if not row.blank]
        self._blank = (scene, places[-1] + 1 if places else 0)
        self._set(self._rows.with_added_prompt(scene, ""))

    def _add_scene(self) -> None:
        self._settle()
        if self._rows.text.strip():
            self._set(self._rows.with_added_scene(""))

    def _set(self, text: str) -> None:
        self._composer.set_value(self._key, text)


def _stripped(fields: Mapping[Field, str]) -> dict[Field, str]:
    return {name: value.strip() for name, value in fields.items()}
