"""The text of a draft as YAML, with what is wrong at its line."""

from typing import TYPE_CHECKING, Any

from nicegui import ui

from mutoscope.studio.compose.draft import Checked, said

if TYPE_CHECKING:
    from mutoscope.studio.compose.page import Composer

_SHOWN = 140  # characters of a message behind a line; all of it stands below


class YamlPane:
    """The editor, and below it all that is wrong or has no effect."""

    def __init__(self, composer: "Composer") -> None:
        self._composer = composer
        with ui.element("section").classes("compose-part").props("aria-labelledby=yaml-title"):
            ui.html("<h2 id=yaml-title>YAML</h2>", sanitize=False)
            self._editor = ui.codemirror(
                composer.text, language="YAML", theme="vscodeDark", line_wrapping=True, indent="  ",
                on_change=self._typed,
            ).classes("compose-yaml")  # fmt: skip
            self._below = ui.element("div").classes("compose-below").props('role="status"')
        self._name_it()

    def show_text(self) -> None:
        """Show what the draft says now."""
        if self._editor.value != self._composer.text:
            self._editor.decorations = []
            self._editor.set_value(self._composer.text)

    def show_checked(self, checked: Checked) -> None:
        """Say what is wrong: behind its line, and all of it below."""
        ends = _ends(self._composer.text)
        marks: list[dict[str, Any]] = []
        for fault in checked.faults:
            if fault.line is not None and fault.line <= len(ends):
                text = fault.text if len(fault.text) <= _SHOWN else f"{fault.text[:_SHOWN]} …"
                marks.append({"kind": "line", "line": fault.line, "class": "compose-line"})
                marks.append({
                    "kind": "widget", "position": ends[fault.line - 1], "text": f"  ← {text}",
                    "class": "compose-said",
                })  # fmt: skip
        self._editor.decorations = marks
        self._below.clear()
        with self._below:
            # Of an empty page the scenes say what to begin with.
            for fault in checked.faults if self._composer.text.strip() else ():
                ui.label(said(fault)).classes("compose-fault")
            for notice in checked.notices:
                ui.label(notice).classes("compose-idle")
            if checked.settings is not None:
                ui.label("These settings are right.").classes("compose-right")

    def _typed(self, event: Any) -> None:
        if event.value != self._composer.text:
            self._composer.set_text(event.value or "", source=self)

    def _name_it(self) -> None:
        """Give the editor a name for those who don't see it: it has no place for one."""
        script = f"""
            const name = (left) => {{
              const content = getElement({self._editor.id})?.$el?.querySelector('.cm-content');
              if (content) {{
                content.setAttribute('aria-label', 'Settings as YAML');
                content.closest('.cm-scroller')?.setAttribute('tabindex', '0');
              }}
              else if (left) setTimeout(() => name(left - 1), 100);
            }};
            name(100);
        """
        ui.context.client.on_connect(lambda: ui.run_javascript(script))


def _ends(text: str) -> list[int]:
    """Where each line of a text ends."""
    ends, at = [], -1
    for line in text.split("\n"):
        at += len(line) + 1
        ends.append(at)
    return ends
