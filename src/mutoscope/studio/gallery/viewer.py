"""One picture or film, large, with its recipe and all that can be asked of it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nicegui import ui

from mutoscope.errors import MutoscopeError
from mutoscope.settings.writing import as_scalar
from mutoscope.studio.complaints import cleaned, complaining
from mutoscope.studio.gallery import making, pictures, waste
from mutoscope.studio.gallery.cards import button, confirmed, heading, image, mark, player
from mutoscope.studio.gallery.catalogue import Entry, catalogue_of, frame_paths
from mutoscope.studio.gallery.fork import open_fork
from mutoscope.studio.meanwhile import in_thread
from mutoscope.studio.shared import Studio
from mutoscope.sweep.jobs import command_of

_STRIP = 24  # frames of a film that are shown below it
_SEEDS = (4, 9, 16)


class Viewer:
    """The view of one entry; ``turned`` gives the names of those that it can turn to.

    ``compared`` is called with the entry that another is to be compared with.
    """

    def __init__(
        self,
        studio: Studio,
        turned: Callable[[], Sequence[str]],
        compared: Callable[[Entry], None],
    ) -> None:
        self._studio = studio
        self._turned = turned
        self._compared = compared
        self.name = ""
        with ui.dialog().props("maximized") as self.dialog:
            self._card = ui.card().classes("viewer q-pa-none")
        self.dialog.props["aria-label"] = "Picture"

    def open(self, name: str) -> None:
        """Show an entry."""
        entry = catalogue_of(self._studio.place).entry(name)
        if entry is None:
            ui.notify("It is not there any more", type="warning")
            self.dialog.close()
            return
        self.name = name
        self._card.clear()
        with self._card:
            self._stage(entry)
            with ui.element("div").classes("viewer-side"):
                self._side(entry)
        self.dialog.open()

    # ── what is seen ──

    def _stage(self, entry: Entry) -> None:
        with ui.element("div").classes("viewer-stage"):
            with ui.element("div").classes("viewer-show"):
                if entry.film is not None:
                    poster = None if entry.kind == "finished" else entry.picture
                    player(self._studio, entry.film, poster, entry.title)
                elif entry.picture is not None:
                    image(self._studio, entry.picture, entry.title)
                else:
                    ui.label("There is no picture yet").classes("quiet")
            if entry.kind == "film":
                self._strip(entry)
            elif entry.kind == "sheet":
                self._cells(entry)

    def _strip(self, entry: Entry) -> None:
        """Frames spread over a film; each can be forked from."""
        frames = frame_paths(entry.path)
        chosen = frames[:: max(1, -(-len(frames) // _STRIP))]
        with ui.element("div").classes("strip"):
            for number, path in chosen:
                with ui.element("button").props("type=button") as one:
                    image(self._studio, path, "", width=160)
                    ui.label(str(number))
                one.props["aria-label"] = f"Fork from frame {number}"
                one.on("click", lambda number=number: self._fork(entry, number))

    def _cells(self, entry: Entry) -> None:
        """The pictures of a sheet."""
        with ui.element("div").classes("strip"):
            for each in catalogue_of(self._studio.place).on_sheet(entry.name):
                if each.picture is None:
                    continue
                with ui.element("button").props("type=button") as one:
                    image(self._studio, each.picture, "", width=160)
                one.props["aria-label"] = f"Open {each.title}"
                one.on("click", lambda name=each.name: self.open(name))

    def _side(self, entry: Entry) -> None:
        with ui.row().classes("w-full items-center justify-between no-wrap"):
            with ui.row().classes("no-wrap"):
                button("", lambda: self._turn(-1), icon="chevron_left", label="Previous").classes(
                    "turn-back"
                )
                button("", lambda: self._turn(1), icon="chevron_right", label="Next").classes(
                    "turn-on"
                )
            button("Close", self.dialog.close, icon="close")
        heading(2, entry.title)
        ui.label(_facts(entry)).classes("quiet")
        if entry.problem:
            ui.label(cleaned(entry.problem, self._studio.place)).classes("job-why")
        self._deeds(entry)
        self._recipe(entry)

    # ── what can be asked for ──

    def _deeds(self, entry: Entry) -> None:
        studio, place, jobs = self._studio, self._studio.place, self._studio.jobs
        with ui.element("div").classes("deeds"):
            if entry.settings:
                button("Again with another seed", lambda: self._queue(
                    lambda: making.again(place, entry)), icon="casino")  # fmt: skip
            if entry.is_run and entry.frames:
                button("Fork…", lambda: self._fork(entry, None), icon="call_split")
            if entry.state == "stopped":
                button("Go on", lambda: self._queue(lambda: making.go_on(entry)), icon="play_arrow")
            if entry.settings and entry.kind != "sheet" and not making.is_animated(entry):
                with button("Contact sheet", lambda: None, icon="apps"), ui.menu():
                    for count in _SEEDS:
                        _choice(f"{count} seeds", self._queued(
                            making.sheet_of_seeds, entry, count))  # fmt: skip
            if entry.picture is not None:
                with button("Larger", lambda: None, icon="zoom_out_map"), ui.menu():
                    for scale in making.SCALES:
                        _choice(f"{scale} times", self._queued(
                            making.larger, place, entry, scale, jobs))  # fmt: skip
            if entry.film is not None:
                with button("Smoother", lambda: None, icon="animation"), ui.menu():
                    for factor in making.FACTORS:
                        _choice(f"{factor} times", self._queued(
                            making.smoother, place, entry, factor, jobs))  # fmt: skip
            if entry.picture is not None:
                button("Compare with…", lambda: self._compare(entry), icon="compare")
            for path, what in ((entry.film, "film"), (entry.picture, "picture")):
                if path is not None and not (what == "picture" and path == entry.film):
                    address = f"{studio.url(path)}&save=1"
                    link = button(f"Save the {what}", lambda: None, icon="download")
                    link.props["href"] = address
                    link.props["download"] = path.name if entry.kind == "finished" else (
                        f"{entry.path.name}{path.suffix}")  # fmt: skip
            if entry.sheet is None:
                button("Delete…", lambda: self._delete(entry), icon="delete_outline")

    def _recipe(self, entry: Entry) -> None:
        """As `mutoscope show` has it: the settings, and the command that makes it again."""
        place = self._studio.place
        if not entry.settings:
            return
        heading(3, "Recipe")
        with ui.element("dl").classes("recipe"):
            for key, value in entry.settings.items():
                with ui.element("dt"):
                    ui.label(key)
                with ui.element("dd"):
                    ui.label(cleaned(as_scalar(value), place))
        recipe = (entry.picture and pictures.recipe(entry.picture)) or {
            "version": "", "settings": dict(entry.settings),
        }  # fmt: skip
        try:
            command = cleaned(command_of(recipe), place)
        except MutoscopeError:  # of another version, which had other settings
            return
        heading(3, "The command that makes it again")
        ui.label(command).classes("said")
        button("Copy", lambda: ui.clipboard.write(command), icon="content_copy")

    def _queued(self, wish: Callable[..., making.Wish], *args: Any) -> Callable[[], None]:
        """What queues the wish, with those arguments, when it is chosen."""
        return lambda: self._queue(partial(wish, *args))

    def _queue(self, wish: Callable[[], making.Wish]) -> None:
        with complaining(self._studio.place):
            wish().queue(self._studio.jobs)
            ui.notify("It waits in the queue", type="positive")

    def _fork(self, entry: Entry, frame: int | None) -> None:
        with complaining(self._studio.place):
            open_fork(self._studio, entry, frame)

    def _compare(self, entry: Entry) -> None:
        self.dialog.close()
        self._compared(entry)

    async def _delete(self, entry: Entry) -> None:
        question = f"Delete “{entry.title}”? It can be put back from the wastebasket."
        if not await confirmed(question, "Delete"):
            return
        with complaining(self._studio.place):
            studio = self._studio
            current = catalogue_of(studio.place).entry(entry.name) or entry
            await in_thread(waste.throw_away, studio.place, current, studio.jobs)
            catalogue_of(studio.place).all(anew=True)
            self.dialog.close()

    def _turn(self, by: int) -> None:
        names = self._turned()
        if self.name in names and 0 <= (at := names.index(self.name) + by) < len(names):
            self.open(names[at])


def _facts(entry: Entry) -> str:
    """Size, number of frames, steps and state in one line."""
    facts: list[str] = [entry.kind]
    if entry.size is not None:
        facts.append(f"{entry.size[0]} × {entry.size[1]}")
    if entry.kind == "film":
        facts.append(f"{entry.frames} frames")
    if entry.is_run and entry.total:
        facts.append(f"{entry.steps} of {entry.total} steps")
    if entry.state != "done" or entry.kind == "sheet":
        facts.append(mark(entry))
    return " · ".join(facts)


def _choice(text: str, deed: Callable[[], object]) -> None:
    """One line of a menu."""
    ui.menu_item(text, deed).props("role=menuitem")
