"""The page on which settings are written: scenes as rows, the rest as a form, and the YAML itself.

All three show one text, and each changes it; what is wrong with it is said while it is written, in
the words of the command line.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from nicegui import app, run, ui

from mutoscope.errors import MutoscopeError, SettingsError
from mutoscope.studio.complaints import complaining, told
from mutoscope.studio.compose.amending import parsed, with_value, without
from mutoscope.studio.compose.draft import Checked, Draft, Drafts, beginnings, check
from mutoscope.studio.compose.file_dialog import choose_file
from mutoscope.studio.compose.foreseen import foreseen
from mutoscope.studio.compose.form import SettingsForm
from mutoscope.studio.compose.look import STYLE
from mutoscope.studio.compose.offered import KINDS
from mutoscope.studio.compose.scenes_form import ScenesForm
from mutoscope.studio.compose.yaml_pane import YamlPane
from mutoscope.studio.meanwhile import in_thread
from mutoscope.studio.shared import Studio

_PAUSE = 0.35  # seconds without a letter typed, after which a draft is kept and checked
_LOOK = 1.0  # seconds between two looks at what other browsers did
_BEAT = 0.15


class Pane(Protocol):
    """A part of the page that shows the draft."""

    def show_text(self) -> None:
        """Show what the draft says now."""

    def show_checked(self, checked: Checked) -> None:
        """Show what came of checking it."""


def page(studio: Studio) -> None:
    """Draw the page; the draft is that of ``?draft=``, or the one this browser had last.

    It is read and checked at once, in milliseconds, so that the page comes whole.
    """
    ui.add_head_html(f"<style>{STYLE}</style>")
    drafts = Drafts(studio.place)
    composer = Composer(studio, drafts, _chosen(drafts, *_wishes()))
    composer.draw()
    composer.show_checked(check(composer.text, studio.place))
    ui.timer(_BEAT, composer.beat)
    ui.context.client.on_disconnect(composer.write)


def _wishes() -> tuple[str, str]:
    """The drafts that the address, and this browser, name."""
    request = ui.context.client.request
    asked = request.query_params.get("draft", "") if request is not None else ""
    return asked, str(app.storage.user.get("draft", ""))


def _chosen(drafts: Drafts, *wishes: str) -> Draft:
    for wish in filter(None, wishes):
        try:
            return drafts.open(wish)
        except SettingsError:
            continue
    return drafts.newest()


class Composer:
    """A draft on a page: its text, what shows it, and what is done with it."""

    def __init__(self, studio: Studio, drafts: Drafts, draft: Draft) -> None:
        self.studio = studio
        self.drafts = drafts
        self.draft = draft
        self.text = draft.text
        self.checked = Checked(None)
        self._client = ui.context.client
        self._values: Mapping[str, Any] = {}
        self._panes: list[Pane] = []
        self._due: float | None = 0.0  # when what was typed is to be kept and checked
        self._look = 0.0
        self._motion: tuple[str, Path] | None = None  # a job, and the film that it makes
        self._read()

    # ── what it says ──

    def values(self) -> Mapping[str, Any]:
        """What the text says key by key; while it can't be read, what it said before."""
        return self._values

    def set_text(self, text: str, *, source: Pane | None) -> None:
        """Take another text; every pane but its source shows it."""
        self.text = text
        self._due = time.monotonic() + _PAUSE
        if self._read():
            for pane in self._panes:
                if pane is not source:
                    pane.show_text()
        elif source is not self._panes[-1]:
            self._panes[-1].show_text()

    def set_value(self, key: str, value: Any) -> None:
        """Let a key say something else, in the text as it stands."""
        self._change(lambda: with_value(self.text, key, value))

    def remove(self, key: str) -> None:
        """Let a key have its default again."""
        self._change(lambda: without(self.text, key))

    def _change(self, make: Any) -> None:
        try:
            text = make()
        except SettingsError as error:
            words = told(error, self.studio.place)
            ui.notify(f"the YAML can't be read, so mend it first: {words}", type="warning")
            return
        if text != self.text:
            self.set_text(text, source=None)

    def _read(self) -> bool:
        try:
            self._values = parsed(self.text).values
        except SettingsError:
            return False
        return True

    # ── keeping and checking ──

    async def beat(self) -> None:
        """Keep and check what was typed, after a pause; see what other browsers did."""
        now = time.monotonic()
        if self._due is not None and now >= self._due:
            await self.flush()
        elif self._due is None and now >= self._look:
            self._look = now + _LOOK
            self._follow()
            self._show_motion()

    async def flush(self) -> None:
        """Keep and check what was typed, now."""
        text = self.text
        self.write()
        checked = await run.io_bound(check, text, self.studio.place)
        if checked is None or text != self.text or self._client.is_deleted:
            return  # the server ends; or more was typed, and comes next; or the page was left
        self.show_checked(checked)

    def show_checked(self, checked: Checked) -> None:
        """Show what came of checking the text as it is now."""
        self._due = None
        self.checked = checked
        if self._named.get(self.draft.id) != self.draft.title:
            self._named[self.draft.id] = self.draft.title
            self._chooser.set_options(dict(self._named))
        for pane in self._panes:
            pane.show_checked(checked)

    def write(self) -> None:
        """Keep the text, if it is not kept yet."""
        if self.text == self.draft.text:
            return
        try:
            self.draft = self.drafts.write(self.draft.id, self.text)
        except SettingsError as error:
            # A text that is too long says so among its faults; another reason is for the log.
            told(error, self.studio.place)

    def _follow(self) -> None:
        """Show what another browser has made of this draft."""
        changed = self.drafts.changed(self.draft.id)
        if changed == self.draft.changed:
            return
        try:
            self.draft = self.drafts.open(self.draft.id)
        except SettingsError:
            self.show(self.drafts.newest())
            return
        if self.draft.text != self.text:
            self.set_text(self.draft.text, source=None)

    # ── the page ──

    def draw(self) -> None:
        """Draw the page's body."""
        app.storage.user["draft"] = self.draft.id
        with ui.element("div").classes("compose-bar").props('role="toolbar" aria-label="Draft"'):
            self._draw_bar()
        with ui.element("div").classes("compose"):
            with ui.element("div").classes("compose-left"):
                scenes = ScenesForm(self)
                form = SettingsForm(self)
            with ui.element("div").classes("compose-side"):
                self._beside = ui.element("section").classes("compose-part")
                self._beside.props('aria-label="Plan and motion"').set_visibility(False)
                yaml = YamlPane(self)
        self._panes = [scenes, form, yaml]

    def _draw_bar(self) -> None:
        named = {draft.id: draft.title for draft in self.drafts.all()}
        named.setdefault(self.draft.id, self.draft.title)
        chooser = ui.select(named, value=self.draft.id, label="Draft").classes("compose-draft")
        self._named, self._chooser = dict(named), chooser
        chooser.props('outlined dense options-dense aria-label="Draft"')
        chooser.on_value_change(lambda event: self.show(self.drafts.open(event.value)))
        ui.button("New", icon="add", on_click=self._begin).props("flat no-caps")
        ui.button("Copy", icon="content_copy", on_click=self._copy).props("flat no-caps")
        ui.button("Delete", icon="delete", on_click=self._delete).props("flat no-caps")
        ui.element("span").classes("compose-space")
        ui.button("Plan", icon="schedule", on_click=self._plan).props("outline no-caps")
        ui.button("Preview motion", icon="videocam", on_click=self._preview).props(
            "outline no-caps"
        )
        ui.button("Paint", icon="brush", on_click=self._paint).props(
            "unelevated no-caps text-color=dark"
        )

    def show(self, draft: Draft) -> None:
        """Turn to another draft, under an address of its own."""
        self.write()
        app.storage.user["draft"] = draft.id
        ui.navigate.to(f"/compose?draft={draft.id}")

    def choose_file(self, key: str) -> Any:
        """Ask for a file, and let a key name it."""
        title = f"for {key}; its path begins in the studio's folder"
        return choose_file(self.studio, KINDS[key], title, lambda name: self.set_value(key, name))

    # ── what is done with it ──

    async def _begin(self) -> None:
        """Ask what a new draft is begun with."""
        found = await in_thread(beginnings, self.studio.place)

        def begin(text: str) -> None:
            with complaining(self.studio.place):
                self.show(self.drafts.begin(text))

        with ui.dialog() as dialog, ui.card().classes("compose-dialog"):
            dialog.props["aria-label"] = "Begin with"
            ui.html("<h2>Begin with</h2>", sanitize=False)
            self._beginning("an empty page", "", lambda: begin(""))
            for each in found:
                self._beginning(
                    f"{each.kind} {each.name}", each.about, lambda text=each.text: begin(text)
                )
            ui.button("Cancel", on_click=dialog.close).props("flat no-caps")
        dialog.open()

    def _beginning(self, name: str, about: str, act: Any) -> None:
        with ui.button(on_click=act).props("flat no-caps align=left").classes("compose-begin"):
            ui.label(name)
            if about:
                ui.label(about).classes("compose-help")

    def _copy(self) -> None:
        with complaining(self.studio.place):
            self.show(self.drafts.begin(self.text))

    async def _delete(self) -> None:
        with ui.dialog() as dialog, ui.card().classes("compose-dialog"):
            dialog.props["aria-label"] = "Delete"
            ui.label(f"Delete the draft {self.draft.title!r}? What was painted from it stays.")
            with ui.row():
                ui.button("Delete", on_click=lambda: dialog.submit(True)).props("no-caps")
                ui.button("Keep", on_click=dialog.close).props("flat no-caps")
        if await dialog:
            with complaining(self.studio.place):
                self.drafts.remove(self.draft.id)
                self.draft = self.drafts.newest()
                self.text = self.draft.text
                self.show(self.draft)

    async def _kept(self) -> str:
        """The name of a settings file with what the draft says now."""
        await self.flush()
        path = await in_thread(self.drafts.keep, self.draft)
        return self.studio.place.name_of(path)

    async def _paint(self) -> None:
        with complaining(self.studio.place):
            name = await self._kept()
            self.studio.jobs.add(("render", name), title=self.draft.title)
            ui.navigate.to("/render")

    async def _preview(self) -> None:
        with complaining(self.studio.place):
            name = await self._kept()
            film = name.removesuffix(".yaml") + "-motion.mp4"
            job = self.studio.jobs.add(
                ("preview", name, "-o", film), title=f"Motion of {self.draft.title}"
            )
            self._motion = (job.id, self.studio.place.root / film)
            self._tell("Motion", ["waiting for its turn …"])

    def _show_motion(self) -> None:
        """Show the film of the motion when it is there, or what has become of it."""
        if self._motion is None:
            return
        id_, film = self._motion
        try:
            job = self.studio.jobs.job(id_)
        except MutoscopeError:
            self._motion = None
            return
        if job.state in ("waiting", "running", "stopping"):
            self._tell("Motion", [f"{job.state} …"])
            return
        self._motion = None
        if job.state != "done" or not film.is_file():
            self._tell("Motion", [job.message or job.state])
            return
        self._tell("Motion", [])
        with self._beside:
            ui.video(self.studio.url(film), loop=True, muted=True).classes("compose-motion").props(
                'aria-label="The film\'s motion, before it is painted"'
            )

    async def _plan(self) -> None:
        self._tell("Plan", ["trying a few steps …"])
        try:
            await self.flush()
            lines = await foreseen(self.text, self.studio.place)
        except Exception as error:  # noqa: BLE001 - what it is, is told in its place
            lines = [told(error, self.studio.place)]
        self._tell("Plan", lines)

    def _tell(self, title: str, lines: list[str]) -> None:
        self._beside.set_visibility(True)
        self._beside.clear()
        with self._beside:
            ui.html(f"<h2>{title}</h2>", sanitize=False)
            for line in lines:
                ui.label(line).classes("compose-plan")
