"""Two pictures compared: side by side, one swept over the other, or shining through it."""

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from mutoscope.studio.complaints import cleaned
from mutoscope.studio.gallery.cards import button, heading, image, player
from mutoscope.studio.gallery.catalogue import Entry
from mutoscope.studio.shared import Studio

WAYS = {"pair": "Side by side", "swipe": "Swipe", "onion": "Onion skin"}
_SLIDES = "(event) => event.target.parentElement.style.setProperty('--at', event.target.value)"
_UNSAID = "not said"


def differences(first: Entry, second: Entry) -> list[tuple[str, str, str]]:
    """The settings in which two differ: key, and the value of each."""
    one, two = first.settings, second.settings
    keys = [*one, *(key for key in two if key not in one)]
    return [
        (key, _said(one, key), _said(two, key))
        for key in keys
        if _said(one, key) != _said(two, key)
    ]


def open_comparison(studio: Studio, first: Entry, second: Entry) -> None:
    """Open the view that compares two entries."""
    with ui.dialog().props("maximized") as dialog, ui.card().classes("viewer q-pa-none"):
        dialog.props["aria-label"] = "Comparison"
        with ui.element("div").classes("viewer-stage"):
            with ui.row().classes("items-center q-pa-sm"):
                way = ui.toggle(WAYS, value="pair").props("no-caps unelevated padding='4px 12px'")
                way.props("toggle-text-color=dark")
                way.props('aria-label="How they are compared"')
            stage = ui.element("div").classes("viewer-show")
        with ui.element("div").classes("viewer-side"):
            _side(studio, first, second, dialog)

    def show() -> None:
        stage.clear()
        with stage:
            if way.value == "pair":
                _pair(studio, first, second)
            else:
                _over(studio, first, second, str(way.value))

    way.on_value_change(show)
    show()
    dialog.on("hide", dialog.delete)
    dialog.open()


def _pair(studio: Studio, *entries: Entry) -> None:
    with ui.element("div").classes("pair"):
        for entry in entries:
            with ui.element("div"):
                if entry.film is not None:
                    player(studio, entry.film, entry.picture, entry.title)
                elif entry.picture is not None:
                    image(studio, entry.picture, entry.title)


def _over(studio: Studio, first: Entry, second: Entry, way: str) -> None:
    """The second over the first; a slider that fills the picture says how much of it is seen."""
    with ui.element("div").classes(f"over {way}").style(f"--r: {first.shape:.4f}"):
        for entry in (first, second):
            if entry.picture is not None:
                # A film has no moment of its own here: its newest frame stands for it.
                path = entry.path / "latest.png" if entry.is_run else entry.picture
                image(studio, path if path.is_file() else entry.picture, entry.title, width=1280)
        slider = ui.element("input").props("type=range min=0 max=100")  # it begins at 50
        slider.props["aria-label"] = "How much of the second is seen"
        slider.on("input", js_handler=_SLIDES)


def _side(studio: Studio, first: Entry, second: Entry, dialog: ui.dialog) -> None:
    with ui.row().classes("w-full justify-end"):
        button("Close", dialog.close, icon="close")
    for number, entry in enumerate((first, second), 1):
        heading(3, f"{('First', 'Second')[number - 1]}")
        ui.label(entry.title)
        ui.label(entry.name).classes("quiet")
    heading(3, "What differs")
    rows = differences(first, second)
    if not rows:
        ui.label("Nothing in their settings").classes("quiet")
    with ui.element("dl").classes("recipe"):
        for key, one, two in rows:
            with ui.element("dt"):
                ui.label(key)
            with ui.element("dd"):
                ui.label(cleaned(f"{one} → {two}", studio.place))


def _said(settings: Mapping[str, Any], key: str) -> str:
    return str(settings[key]) if key in settings else _UNSAID
