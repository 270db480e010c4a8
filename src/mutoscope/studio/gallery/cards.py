"""Pictures and films as a page shows them: tiles on a wall, and a film that plays in place."""

from collections.abc import Callable, Sequence
from pathlib import Path

from nicegui import ui

from mutoscope.studio.gallery.catalogue import Entry
from mutoscope.studio.shared import Studio

_NARROWEST, _WIDEST = 0.4, 3.2  # width by height of a tile; the rest is cut off, on the wall only


class Tile:
    """A picture on a wall: a button with its name below; `show` lets it show what it is now."""

    def __init__(self, studio: Studio, entry: Entry, opened: Callable[[str], None]) -> None:
        self._studio = studio
        self._shown: Entry | None = None
        name = entry.name
        self.root = ui.element("li").classes("tile")
        with self.root, ui.element("button").classes("tile-button") as self._button:
            with ui.element("span").classes("tile-frame"):
                self._image = ui.element("img").props('loading=lazy alt="" decoding=async')
                self._mark = ui.label().classes("tile-mark")
            self._name = ui.label().classes("tile-name")
        self._button.props("type=button")
        self._button.on("click", lambda: opened(name))
        self.show(entry)

    def show(self, entry: Entry) -> None:
        """Show the entry as it is now; nothing is sent where nothing has changed."""
        if entry == self._shown:
            return
        self._shown = entry
        shape = min(max(entry.shape, _NARROWEST), _WIDEST)
        self.root.style(f"--r: {shape:.4f}")
        address = "" if entry.picture is None else self._studio.url(entry.picture, width=640)
        self._image.props["src"] = address
        self._image.set_visibility(bool(address))
        self._image.update()
        self._mark.set_text(mark(entry))
        self._name.set_text(entry.title)
        told = ", ".join(filter(None, [entry.title, entry.kind, mark(entry)]))
        self._button.props["aria-label"] = told
        self._button.update()


class Wall:
    """Tiles in order; those that stay are kept, so that neither focus nor place is lost."""

    def __init__(self, studio: Studio, opened: Callable[[str], None]) -> None:
        self._studio = studio
        self._opened = opened
        self._tiles: dict[str, Tile] = {}
        self._order: list[str] = []
        self.root = ui.element("ul").classes("wall").props('aria-label="Pictures and films"')

    def show(self, entries: Sequence[Entry]) -> None:
        """Show these entries, in this order."""
        names = [entry.name for entry in entries]
        for name in self._tiles.keys() - set(names):
            self._tiles.pop(name).root.delete()
        for entry in entries:
            if entry.name in self._tiles:
                self._tiles[entry.name].show(entry)
            else:
                with self.root:
                    self._tiles[entry.name] = Tile(self._studio, entry, self._opened)
        if names != self._order:
            for index, name in enumerate(names):
                self._tiles[name].root.move(target_index=index)
            self._order = names


def mark(entry: Entry) -> str:
    """What stands in the corner of a tile."""
    if entry.state == "running":
        return f"painting · {entry.steps / entry.total:.0%}" if entry.total else "painting"
    if entry.kind == "sheet":
        return f"sheet · {entry.frames} of {entry.total}"
    if entry.state == "stopped":
        return "stopped"
    return "▶" if entry.film is not None else ""


def player(studio: Studio, film: Path, poster: Path | None, title: str) -> ui.element:
    """A film with controls; it comes in parts, so that any moment can be jumped to."""
    video = ui.element("video").props("controls loop playsinline preload=metadata")
    video.props["src"] = studio.url(film)
    video.props["aria-label"] = f"Film: {title}"
    if poster is not None:
        video.props["poster"] = studio.url(poster, width=1280)
    return video


def image(studio: Studio, path: Path, title: str, *, width: int | None = None) -> ui.element:
    """A picture with its title as its text."""
    shown = ui.element("img").props("decoding=async")
    shown.props["src"] = studio.url(path, width=width)
    shown.props["alt"] = title
    return shown


def heading(level: int, text: str) -> ui.element:
    """A heading with plain text in it."""
    with ui.element(f"h{level}") as made:
        ui.label(text).style("display: contents")
    return made


def button(
    text: str, deed: Callable[[], object], *, icon: str | None = None, label: str | None = None
) -> ui.button:
    """A quiet button; ``label`` says more than its text does."""
    made = ui.button(text, icon=icon, on_click=deed).props("flat dense no-caps")
    if label is not None:
        made.props["aria-label"] = label
    return made


async def confirmed(question: str, deed: str) -> bool:
    """Ask before something is done that is hard to undo."""
    with ui.dialog() as dialog, ui.card():
        dialog.props["aria-label"] = deed
        ui.label(question)
        with ui.row().classes("w-full justify-end"):
            button("Cancel", lambda: dialog.submit(False))
            ui.button(deed, color="negative", on_click=lambda: dialog.submit(True)).props("no-caps")
    answer = await dialog
    dialog.delete()
    return bool(answer)
