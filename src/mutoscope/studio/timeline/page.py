"""The page Timeline: what a film is told, over its seconds, and its preview at each of them."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nicegui import app, run, ui
from nicegui.element import Element
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from mutoscope.errors import MutoscopeError, SettingsError
from mutoscope.settings import load_settings
from mutoscope.studio.complaints import cleaned, complaining, told
from mutoscope.studio.compose.draft import KEPT, Drafts, check, said
from mutoscope.studio.place import Place
from mutoscope.studio.shared import Studio
from mutoscope.studio.timeline.scrubbing import Asked, Previews, Seen, asked, previews_of

PREFIX = "/previews"
RUN_SETTINGS = "settings.yaml"  # as in `mutoscope.run.layout`, with which torch would come
_STYLE = Path(__file__).with_name("scrubber.css")
_MOST = 100  # files of a kind that can be chosen
_PAUSE = 0.5  # seconds between two looks
_STAYS = "private, max-age=86400, immutable"


@dataclass(frozen=True)
class Choice:
    """Settings that can be looked at: ``key`` stands in the page's address.

    ``kind`` is draft, file or run; ``name`` that of the draft, or of the file in the place.
    """

    key: str
    title: str
    kind: str
    name: str


def choices(place: Place) -> list[Choice]:
    """What can be looked at: what is being written, what was sent to be painted, what was painted.

    Of each kind what is newest comes first.
    """
    drafts = [draft for draft in Drafts(place).all() if draft.text.strip()][:_MOST]
    found = [Choice(f"draft:{d.id}", f"being written: {d.title}", "draft", d.id) for d in drafts]
    for kind, paths in (
        ("file", [*place.root.glob("*.yaml"), *(place.root / KEPT).glob("*.yaml")]),
        ("run", list(place.runs.glob(f"*/*/{RUN_SETTINGS}"))),
    ):
        for path in sorted(paths, key=_changed, reverse=True)[:_MOST]:
            if place.holds(path):
                name = place.name_of(path)
                shown = name if kind == "file" else "run: " + "/".join(Path(name).parts[1:-1])
                found.append(Choice(f"file:{name}", shown, kind, name))
    return found


def _changed(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


class Source:
    """The settings of a choice, read again where they have changed."""

    def __init__(self, place: Place, choice: Choice) -> None:
        self.place = place
        self.choice = choice
        self._stamp: object = None

    def changed(self) -> bool:
        """Whether they are others than when they were read."""
        return self._now() != self._stamp

    def read(self) -> Asked:
        """The preview that they ask for.

        Raises:
            MutoscopeError: something in them is wrong, in the words of the command line.
        """
        self._stamp = self._now()
        if self.choice.kind == "draft":
            found = check(Drafts(self.place).open(self.choice.name).text, self.place)
            if found.settings is None:
                raise SettingsError("\n".join(said(fault) for fault in found.faults))
            return asked(found.settings)
        return asked(load_settings(self.place.inside(self.choice.name), quiet=True))

    def _now(self) -> object:
        if self.choice.kind == "draft":
            return Drafts(self.place).changed(self.choice.name)
        with contextlib.suppress(MutoscopeError, OSError):
            stat = self.place.inside(self.choice.name).stat()
            return stat.st_mtime_ns, stat.st_size
        return None


class Scrubber(Element, component="scrubber.js"):
    """The frame, the slider and the curves, which the browser draws; see ``scrubber.js``."""

    def __init__(self) -> None:
        super().__init__()
        self._props["film"] = {}

    def show(self, film: dict[str, Any]) -> None:
        """Let another preview be seen, or another state of it."""
        if film != self._props["film"]:
            self._props["film"] = film
            self.update()


def film_of(asked: Asked, seen: Seen) -> dict[str, Any]:
    """What the browser is told of a preview."""
    state = seen.state
    notes = {
        "waiting": "Another preview is being made; this one comes after it.",
        "reading": seen.message or "Reading the settings …",
        "failed": "There is no picture of these settings.",
    }
    return {
        "base": f"{PREFIX}/{asked.digest}/",
        "stage": seen.doing,
        "made": state.made,
        "total": state.total,
        "sheet": list(state.sheet),
        "picture": list(state.picture),
        "figure": state.figure,
        "note": seen.message if seen.doing == "drawing" else notes.get(seen.doing, ""),
    }


def answer_with(previews: Previews) -> None:
    """Let the figures and pictures of previews be had by the pages."""
    path = PREFIX + "/{digest}/{name}"

    def answer(request: Request) -> Response:
        found = previews.file(request.path_params["digest"], request.path_params["name"])
        if found is None:
            return PlainTextResponse("there is nothing here", 404)
        return FileResponse(found, headers={"Cache-Control": _STAYS})

    app.remove_route(path)
    app.router.routes.insert(0, Route(path, answer, methods=["GET", "HEAD"]))


def page(studio: Studio) -> None:
    """Draw the page."""
    ui.add_css(_STYLE)
    previews = previews_of(studio.place)
    answer_with(previews)
    _Timeline(studio.place, previews).draw()


class _Timeline:
    """One page, as one browser sees it."""

    def __init__(self, place: Place, previews: Previews) -> None:
        self._place = place
        self._previews = previews
        self._client = ui.context.client
        self._source: Source | None = None
        self._asked: Asked | None = None
        self._found: dict[str, Choice] = {}
        self._fault: tuple[str, bool] = ("", False)
        self._unread = False  # the settings have a mistake; what was seen last is shown

    def draw(self) -> None:
        self._found = {choice.key: choice for choice in choices(self._place)}
        with ui.element("div").classes("timeline") as self._whole:
            if not self._found:
                self._nothing()
                return
            with ui.element("div").classes("timeline-choice"):
                self._select = ui.select(
                    {key: choice.title for key, choice in self._found.items()},
                    label="Settings", value=self._first(), with_input=len(self._found) > 12,
                    on_change=lambda event: self._choose(event.value),
                ).props("outlined dense options-dense")  # fmt: skip
                self._link = ui.link("Write them", "/compose").classes("timeline-told")
            self._faults = ui.element("div").props('role="alert"').classes("timeline-fault")
            self._faults.set_visibility(False)
            self._scrubber = Scrubber().classes("w-full")
        self._choose(self._select.value)
        self._client.on_disconnect(lambda: self._previews.leave(self._client.id))
        ui.timer(_PAUSE, self._look)

    def _nothing(self) -> None:
        with ui.element("div").classes("timeline-nothing"):
            ui.label("There are no settings yet whose film could be seen.")
            ui.link("Write the first", "/compose")

    def _first(self) -> str:
        """What is seen first: what the address names, else what is newest."""
        request = self._client.request
        query = request.query_params if request is not None else {}
        for key in (f"draft:{query.get('draft', '')}", f"file:{query.get('settings', '')}"):
            if key in self._found:
                return key
        return next(iter(self._found))

    def _choose(self, key: str | None) -> None:
        choice = self._found.get(key or "")
        if choice is not None:
            self._source = Source(self._place, choice)
            self._link.set_visibility(choice.kind == "draft")
            self._link.props(f'href="/compose?draft={choice.name}"')

    async def _look(self) -> None:
        """Read the settings where they have changed, and show how far their preview is."""
        with complaining(self._place):
            source = self._source
            if source is not None and await run.io_bound(source.changed):
                await self._read(source)
            if self._asked is None:
                return
            asked_for = self._asked
            seen = await run.io_bound(self._previews.look, asked_for, self._client.id)
            if seen is None or self._client.is_deleted:  # the server ends, or the page is closed
                return
            self._scrubber.show(film_of(asked_for, seen))
            if not self._unread:
                fails = seen.doing == "failed"
                self._complain(cleaned(seen.message, self._place) if fails else "", again=fails)

    async def _read(self, source: Source) -> None:
        """Ask for what the settings say now; while they are wrong, what was seen last stays."""
        self._unread = True
        try:
            self._asked = await run.io_bound(source.read)
            self._unread = False
        except Exception as error:  # noqa: BLE001 - whatever it is, the page lives on
            if isinstance(error, SettingsError) and source.choice.kind == "draft":
                self._complain(str(error))  # it has been cleaned, line by line
            else:
                self._complain(told(error, self._place))

    def _complain(self, text: str, *, again: bool = False) -> None:
        """Say what is wrong, or nothing."""
        if self._fault == (text, again):
            return
        self._fault = (text, again)
        self._faults.clear()
        self._faults.set_visibility(bool(text))
        with self._faults:
            for line in text.splitlines():
                with ui.element("p"):
                    ui.label(line)
            if again and self._asked is not None:
                ui.button("Try again", on_click=self._again).props("flat dense no-caps")

    def _again(self) -> None:
        if self._asked is not None:
            self._previews.again(self._asked)
