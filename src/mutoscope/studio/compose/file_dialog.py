"""The dialog in which a file is chosen, or brought, for a key of the settings."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from nicegui import ui

from mutoscope.studio.bringing import name_button
from mutoscope.studio.complaints import complaining
from mutoscope.studio.compose.offered import PICTURE, Kind, offered, room_for
from mutoscope.studio.meanwhile import in_thread
from mutoscope.studio.shared import Studio


async def choose_file(studio: Studio, kind: Kind, title: str, take: Callable[[str], None]) -> None:
    """Ask for a file of a kind; ``take`` gets its name within the place."""
    found = await in_thread(offered, studio.place, kind)
    with ui.dialog() as dialog, ui.card().classes("compose-dialog"):
        dialog.props["aria-label"] = "Choose a file"
        ui.html("<h2>Choose a file</h2>", sanitize=False)
        ui.label(title).classes("compose-help")

        def taken(path: Path) -> None:
            take(studio.place.name_of(path))
            dialog.close()

        async def brought(event: Any) -> None:
            with complaining(studio.place):
                path = await in_thread(
                    room_for, studio.place, event.file.name, kind, event.file.size()
                )
                await event.file.save(path)
                taken(path)

        brings = ui.upload(
            auto_upload=True, max_file_size=kind.most, max_files=1, on_upload=brought,
            on_rejected=lambda: ui.notify(
                f"that is no {kind.name}, or it is too large", type="negative"
            ),
        )  # fmt: skip
        name_button(brings, f"Bring a {kind.name} (up to {kind.most // 2**20} MiB)")
        brings.props(f'accept="{",".join(kind.endings)}" flat bordered').classes("compose-wide")
        if not found:
            ui.label(f"There is no {kind.name} in the studio's folder yet.").classes("compose-help")
        with ui.element("div").classes("compose-pictures" if kind is PICTURE else "compose-files"):
            for path in found:
                _offer(studio, path, kind, partial(taken, path))
        ui.button("Cancel", on_click=dialog.close).props("flat no-caps")
    dialog.open()


def _offer(studio: Studio, path: Path, kind: Kind, act: Callable[[], None]) -> None:
    name = studio.place.name_of(path)
    button = ui.button(on_click=act).props("flat no-caps").classes("compose-offer")
    with button:
        if kind is PICTURE:
            ui.element("img").props["src"] = studio.url(path, width=160)
            button.default_slot.children[-1].props('alt="" loading="lazy"')
        ui.label(name)
