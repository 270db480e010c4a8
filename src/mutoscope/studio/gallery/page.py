"""The page with all that was made: pictures on a wall, to be searched, opened and compared."""

from nicegui import ui

from mutoscope.studio.complaints import complaining
from mutoscope.studio.gallery import waste
from mutoscope.studio.gallery.cards import Wall, button, confirmed
from mutoscope.studio.gallery.catalogue import Entry, catalogue_of, found
from mutoscope.studio.gallery.compare import open_comparison
from mutoscope.studio.gallery.look import KEYS, STYLE
from mutoscope.studio.gallery.viewer import Viewer
from mutoscope.studio.meanwhile import in_thread
from mutoscope.studio.shared import Studio

_AT_ONCE = 60
_LOOK = 1.5  # seconds between two looks at what has changed
_KINDS = {"all": "All", "picture": "Pictures", "film": "Films", "sheet": "Sheets",
          "finished": "Finished"}  # fmt: skip
_ORDERS = {"newest": "Newest first", "oldest": "Oldest first", "title": "By title",
           "largest": "Largest first"}  # fmt: skip


async def page(studio: Studio) -> None:
    """Draw the page; ``?open=`` names what is shown large at once."""
    ui.add_head_html(f"<style>{STYLE}</style><script>{KEYS}</script>")
    gallery = Gallery(studio)
    await gallery.look()
    request = ui.context.client.request
    if request is not None and (name := request.query_params.get("open")):
        gallery.open(name)
    ui.timer(_LOOK, gallery.look, immediate=False)


class Gallery:
    """What one browser sees of the catalogue: its search, and how far it has scrolled."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._most = _AT_ONCE
        self._first: Entry | None = None  # what another is to be compared with
        self._found: list[Entry] = []
        self._bar()
        with ui.row().classes("items-center").props("role=status") as self._choosing:
            self._told = ui.label()
            button("Leave it", lambda: self._choose(None))
        self._choosing.set_visibility(False)
        self._wall = Wall(studio, self.open)
        with ui.element("div").classes("empty w-full") as self._empty:
            self._nothing = ui.label()
            self._begin = ui.link("Write a prompt", "/compose")
        self._more = button("Show more", self._show_more)
        self._viewer = Viewer(studio, lambda: [each.name for each in self._found], self._choose)

    def _bar(self) -> None:
        with ui.element("div").classes("bar").props("role=search"):
            self._words = ui.input("Search prompts and settings", on_change=self.look)
            self._words.props("outlined dense clearable debounce=250").classes("grow")
            self._kind = ui.select(_KINDS, value="all", label="What", on_change=self.look)
            self._order = ui.select(_ORDERS, value="newest", label="Order", on_change=self.look)
            for select in (self._kind, self._order):
                select.props("outlined dense options-dense").style("min-width: 9rem")
            button("Wastebasket", lambda: open_waste(self._studio), icon="delete_outline")

    async def look(self) -> None:
        """Show what is there now."""
        with complaining(self._studio.place):
            entries = await in_thread(catalogue_of(self._studio.place).all)
            words = str(self._words.value or "")
            self._found = found(entries, words, order=self._order.value, kind=str(self._kind.value))
            self._wall.show(self._found[: self._most])
            self._more.set_visibility(len(self._found) > self._most)
            self._empty.set_visibility(not self._found)
            sought = bool(words) or self._kind.value != "all"
            self._nothing.set_text(
                "Nothing here has all of these words." if sought
                else "Nothing is painted yet. What you paint comes here."
            )  # fmt: skip
            self._begin.set_visibility(not sought)

    def open(self, name: str) -> None:
        """Show an entry large, or compare it with the one that was chosen for that."""
        first = self._first
        if first is None or first.name == name:
            self._viewer.open(name)
            return
        second = catalogue_of(self._studio.place).entry(name)
        self._choose(None)
        if second is not None:
            open_comparison(self._studio, first, second)

    def _choose(self, entry: Entry | None) -> None:
        self._first = entry
        self._choosing.set_visibility(entry is not None)
        if entry is not None:
            self._told.set_text(f"Open the one to compare with “{entry.title}”")

    async def _show_more(self) -> None:
        self._most += _AT_ONCE
        await self.look()


def open_waste(studio: Studio) -> None:
    """Open the wastebasket: what was deleted can be put back, or deleted for good."""
    with ui.dialog() as dialog, ui.card().classes("fork-card"):
        dialog.props["aria-label"] = "Wastebasket"

        @ui.refreshable
        def rows() -> None:
            there = waste.wasted(studio.place)
            if not there:
                ui.label("The wastebasket is empty.").classes("quiet")
            for one in there:
                row(one)

        def row(one: waste.Wasted) -> None:
            with ui.row().classes("w-full items-center justify-between no-wrap"):
                with ui.column().classes("gap-0"):
                    ui.label(one.title)
                    ui.label(one.name).classes("quiet")
                label = f"Put back {one.title}"
                button("Put back", lambda: put_back(one.id), icon="undo", label=label)

        async def put_back(id_: str) -> None:
            with complaining(studio.place):
                await in_thread(waste.restore, studio.place, id_)
            rows.refresh()

        async def empty() -> None:
            count = len(waste.wasted(studio.place))
            question = f"Delete {count} for good? This can't be undone."
            if count and await confirmed(question, "Delete for good"):
                with complaining(studio.place):
                    await in_thread(waste.empty, studio.place)
                rows.refresh()

        rows()
        with ui.row().classes("w-full justify-between"):
            button("Empty it…", empty, icon="delete_forever")
            button("Close", dialog.close)
    dialog.on("hide", dialog.delete)
    dialog.open()
