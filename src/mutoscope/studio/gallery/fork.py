"""The dialog in which a run is forked: its settings to be changed, and the frame to begin at."""

import bisect

from nicegui import ui

from mutoscope.studio.complaints import cleaned, complaining
from mutoscope.studio.compose.draft import check, said
from mutoscope.studio.gallery import making
from mutoscope.studio.gallery.cards import button, heading, image
from mutoscope.studio.gallery.catalogue import Entry, frame_paths
from mutoscope.studio.meanwhile import in_thread
from mutoscope.studio.shared import Studio

_EXPLAINED = (
    "Change what you like. Every frame before the change stands as it is; the rest is painted "
    "anew, into a run of its own."
)


def open_fork(studio: Studio, entry: Entry, frame: int | None = None) -> None:
    """Open the dialog for a run; ``frame`` is the one that it begins at, None where it is seen.

    Raises:
        RunError: its settings can't be read.
    """
    text = making.settings_text(entry)
    frames = frame_paths(entry.path)
    numbers = [number for number, _ in frames]
    with ui.dialog() as dialog, ui.card().classes("fork-card"):
        dialog.props["aria-label"] = "Fork"
        heading(2, f"Fork of {entry.title}").classes("job-title")
        ui.label(_EXPLAINED).classes("quiet")
        area = ui.textarea("Settings (YAML)", value=text).props(
            "outlined input-style='height:16rem'"
        )
        area.classes("w-full").props("spellcheck=false")
        wrong = ui.label().classes("job-why").props("role=status")
        begins = ui.checkbox("Begin at a frame of my choice", value=frame is not None)
        first = _chooser(studio, entry, frame or 1, begins) if numbers else None
        begins.set_visibility(bool(numbers))

        async def look() -> None:
            found = await in_thread(check, area.value or "", studio.place)
            faults = [said(fault) for fault in found.faults[:3]]
            wrong.set_text(cleaned("; ".join(faults), studio.place))

        async def queue() -> None:
            chosen = int(first.value) if first is not None and begins.value else None
            with complaining(studio.place):
                wish = await in_thread(
                    lambda: making.fork(studio.place, entry, area.value or "", first=chosen)
                )
                wish.queue(studio.jobs)
                ui.notify("It waits in the queue", type="positive")
                dialog.close()

        area.on("update:model-value", look, throttle=0.6, leading_events=False)
        with ui.row().classes("w-full justify-end"):
            button("Cancel", dialog.close)
            ui.button("Paint the fork", on_click=queue).props("no-caps")
    dialog.on("hide", dialog.delete)
    dialog.open()


def _chooser(studio: Studio, entry: Entry, frame: int, begins: ui.checkbox) -> ui.slider:
    """A slider over the painted frames, with the picture of the one that is chosen."""
    frames = frame_paths(entry.path)
    numbers = [number for number, _ in frames]
    with ui.column().classes("w-full").bind_visibility_from(begins, "value"):
        line = ui.label().classes("quiet")
        slider = ui.slider(min=1, max=max(numbers[-1], 2), value=min(frame, numbers[-1])).props(
            'aria-label="First frame that is painted anew"'
        )
        shown = image(studio, frames[0][1], "").classes("fork-frame")

        def show() -> None:
            number = int(slider.value)
            at = max(0, bisect.bisect_right(numbers, number) - 1)
            line.set_text(f"From frame {number} of {numbers[-1]} on")
            shown.props["src"] = studio.url(frames[at][1], width=640)
            shown.props["alt"] = f"Frame {numbers[at]}"
            shown.update()

        slider.on_value_change(show)
        show()
    return slider
