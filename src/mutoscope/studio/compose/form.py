"""The form of settings: a field for every key, made from the one table of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from nicegui import ui

from mutoscope.settings import describe, json_schema, key_names
from mutoscope.settings.keys import GROUPS, Keys
from mutoscope.settings.load import ALIASES
from mutoscope.settings.reference import default_text
from mutoscope.settings.wording import choices, type_name
from mutoscope.studio.compose.amending import typed_of, value_of
from mutoscope.studio.compose.draft import Checked
from mutoscope.studio.compose.offered import KINDS
from mutoscope.studio.compose.scenes_form import KEYS as ROWS

if TYPE_CHECKING:
    from mutoscope.studio.compose.page import Composer

# What nearly every picture is begun with; shown also while it says nothing.
FIRST = (
    *("image_model", "perceptors", "width", "height", "steps_per_scene", "animation_mode"),
    *("init_image", "seed", "file_namespace"),
)


@dataclass(frozen=True)
class Entry:
    """What the form knows of a key: everything comes from the table of settings."""

    key: str
    group: str
    help: str
    kind: str
    default: str
    choices: tuple[str, ...]
    only: dict[str, tuple[str, ...]]
    switch: bool
    unit: str

    @property
    def words(self) -> str:
        """What a search looks into."""
        return f"{self.key} {self.key.replace('_', ' ')} {self.help} {GROUPS[self.group]}".lower()


@cache
def entries() -> dict[str, Entry]:
    """All keys that the form shows, in the order of the table."""
    properties = json_schema()["properties"]
    return {name: _entry(name, properties[name]) for name in key_names() if name not in ROWS}


def _entry(name: str, facts: dict[str, Any]) -> Entry:
    field = Keys.model_fields[name]
    kind = type_name(field)
    return Entry(
        name,
        facts["group"],
        field.description or "",
        kind,
        default_text(name),
        choices(field),
        {key: tuple(values) for key, values in facts.get("only", {}).items()},
        kind == "switch",
        facts.get("unit", ""),
    )


def found(query: str) -> list[str]:
    """The keys in whose name, help or group every word of a query stands; names first."""
    words = query.lower().split()
    hits = [e for e in entries().values() if all(word in e.words for word in words)]
    named = [e.key for e in hits if all(w in e.key.lower().replace("_", " ") for w in words)]
    return [*named, *(e.key for e in hits if e.key not in named)]


class SettingsForm:
    """The settings of a draft: those that it changes first, all by a switch, any by a search."""

    def __init__(self, composer: "Composer") -> None:
        self._composer = composer
        self._fields: dict[str, SettingField] = {}
        with ui.element("section").classes("compose-part").props("aria-labelledby=settings-title"):
            ui.html("<h2 id=settings-title>Settings</h2>", sanitize=False)
            with ui.row().classes("compose-tools"):
                self._search = ui.input(on_change=self._draw).classes("compose-search")
                self._search.props(
                    'outlined dense clearable debounce=250 type=search placeholder="Search" '
                    'aria-label="Search the settings"'
                )
                self._all = ui.switch("All settings", on_change=self._draw)
            self._body = ui.element("div").classes("compose-fields")
        self._draw()

    def show_text(self) -> None:
        """Show what the draft says now; a key that is new there gets its field."""
        changed = self._changed()
        drawn_all = self._all.value or self._search.value
        if not drawn_all and any(key not in self._fields for key in changed):
            self._draw()
            return
        for field in self._fields.values():
            field.show()

    def show_checked(self, checked: Checked) -> None:
        """Say beside each field what is wrong with it."""
        missing = {fault.key for fault in checked.faults} - self._fields.keys()
        if not (self._all.value or self._search.value) and missing & entries().keys():
            self._draw()
        for field in self._fields.values():
            field.show_checked(checked)

    def _changed(self) -> list[str]:
        values = {ALIASES.get(key, key) for key in self._composer.values()}
        return [key for key in entries() if key in values]

    def _draw(self) -> None:
        self._fields = {}
        self._body.clear()
        query = str(self._search.value or "").strip()
        with self._body:
            if query:
                keys = found(query)
                self._draw_fields(keys[:40])
                if not keys:
                    ui.label(f"No setting has {query!r} in its name or help.").classes("soft")
            elif self._all.value:
                for group, title in GROUPS.items():
                    self._draw_group(group, title)
            else:
                faulty = [f.key for f in self._composer.checked.faults if f.key in entries()]
                changed = self._changed()
                shown = dict.fromkeys([*FIRST, *changed, *faulty])
                self._draw_by_group([key for key in entries() if key in shown])
        for field in self._fields.values():
            field.show_checked(self._composer.checked)

    def _draw_by_group(self, keys: list[str]) -> None:
        for group, title in GROUPS.items():
            mine = [key for key in keys if entries()[key].group == group]
            if mine:
                ui.html(f"<h3>{title}</h3>", sanitize=False)
                self._draw_fields(mine)

    def _draw_group(self, group: str, title: str) -> None:
        keys = [entry.key for entry in entries().values() if entry.group == group]
        changed = set(self._changed())
        count = sum(key in changed for key in keys)
        label = f"{title} · {count} changed" if count else title
        with ui.expansion(label).classes("compose-group") as expansion:
            inside = ui.element("div").classes("compose-fields")

        def opened(event: Any) -> None:
            # 150 fields at once would keep the page waiting: each group when it is looked at.
            if event.value and not inside.default_slot.children:
                with inside:
                    self._draw_fields(keys)
                for key in keys:
                    self._fields[key].show_checked(self._composer.checked)

        expansion.on_value_change(opened)

    def _draw_fields(self, keys: list[str]) -> None:
        for key in keys:
            self._fields[key] = SettingField(self._composer, entries()[key])


class SettingField:
    """One key: its control, its help, what is wrong with it, and the way back to its default."""

    def __init__(self, composer: "Composer", entry: Entry) -> None:
        self._composer = composer
        self._entry = entry
        self._showing = False
        with ui.element("div").classes("compose-field"):
            with ui.element("div").classes("compose-control"):
                self._control = self._make()
                if entry.key in KINDS:
                    self._button("folder_open", f"Choose a file for {entry.key}", self._choose)
                self._undo = self._button("undo", f"{entry.key}: back to its default", self._reset)
                self._button("help_outline", f"Help for {entry.key}", self._explain)
            self._idle = ui.label().classes("compose-idle")
            ui.label(entry.help).classes("compose-help")
            self._fault = ui.label().classes("compose-fault").props('role="status"')
        self.show()

    def show(self) -> None:
        """Show what the draft says of this key."""
        values = self._composer.values()
        spelt = [key for key, right in ALIASES.items() if right == self._entry.key]
        key = next((k for k in (self._entry.key, *spelt) if k in values), None)
        self._undo.set_visibility(key is not None)
        typed = "" if key is None else typed_of(self._entry.key, values[key])
        options = getattr(self._control, "options", None)
        if isinstance(options, dict) and typed not in options:
            self._control.set_options({**options, typed: typed})
        shown = str(self._control.value or "")
        # While it is being typed, 1. is not to become 1, nor 0x10 become 16.
        same = key is not None and shown and value_of(self._entry.key, shown) == values[key]
        if shown != typed and not same:
            self._showing = True
            self._control.set_value(typed)
            self._showing = False

    def show_checked(self, checked: Checked) -> None:
        """Say what is wrong with this key, and whether it has any effect."""
        mine = [fault.text for fault in checked.faults if fault.key == self._entry.key]
        self._fault.set_text("; ".join(mine))
        self._fault.set_visibility(bool(mine))
        self._control.props("error" if mine else "", remove="" if mine else "error")
        idle = self._idle_words(checked)
        self._idle.set_text(idle)
        self._idle.set_visibility(bool(idle))

    def _idle_words(self, checked: Checked) -> str:
        settings = checked.settings
        if settings is None:
            return ""
        wants = [
            f"{key}: {' or '.join(values)}" for key, values in self._entry.only.items()
            if getattr(settings, key) not in values
        ]  # fmt: skip
        return f"works with {' and '.join(wants)}" if wants else ""

    def _make(self) -> Any:
        entry = self._entry
        label = f"{entry.key} ({entry.unit})" if entry.unit else entry.key
        if entry.choices or entry.switch:
            words = entry.choices or ("true", "false")
            options = {"": f"default: {entry.default}", **{word: word for word in words}}
            control: Any = ui.select(options, value="", label=label, on_change=self._changed)
            control.props("outlined dense options-dense stack-label hide-bottom-space")
        else:
            control = ui.input(label, on_change=self._changed)
            usual = _quoteless(entry.default)
            control.props(
                f'outlined dense stack-label hide-bottom-space debounce=300 placeholder="{usual}"'
            )
        control.props(f'aria-label="{entry.key}"').classes("compose-wide")
        return control

    def _changed(self, event: Any) -> None:
        if self._showing:
            return
        typed = str(event.value or "")
        if typed == "":
            self._composer.remove(self._entry.key)
        else:
            value = value_of(self._entry.key, typed)
            self._composer.set_value(self._entry.key, value)
        self._undo.set_visibility(typed != "")

    def _reset(self) -> None:
        self._composer.remove(self._entry.key)
        self.show()

    async def _choose(self) -> None:
        await self._composer.choose_file(self._entry.key)

    def _explain(self) -> None:
        with ui.dialog() as dialog, ui.card().classes("compose-dialog"):
            dialog.props["aria-label"] = self._entry.key
            ui.label(describe(self._entry.key)).classes("compose-described")
            ui.button("Close", on_click=dialog.close).props("flat no-caps")
        dialog.open()

    def _button(self, icon: str, words: str, act: Callable[[], Any]) -> ui.button:
        button = ui.button(icon=icon, on_click=act).classes("compose-tool")
        return button.props(
            f'flat round dense size=sm color=grey-5 aria-label="{words}" title="{words}"'
        )


def _quoteless(text: str) -> str:
    return text.replace('"', "'").replace("\\", "/")
