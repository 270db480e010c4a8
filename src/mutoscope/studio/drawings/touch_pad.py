"""A square between four corners, on which a point is moved by mouse, finger or arrow keys."""

from collections.abc import Callable
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

Moved = Callable[[float, float], Any]


class TouchPad(Element, component="touch_pad.js"):
    """The element, with the picture under it; ``moved`` is called with x and y, 0 to 1."""

    def __init__(self, moved: Moved) -> None:
        super().__init__()

        def told(event: GenericEventArguments) -> Any:
            found = event.args if isinstance(event.args, dict) else {}
            at = [found.get(key) for key in "xy"]
            if all(isinstance(one, int | float) for one in at):
                x, y = (min(1.0, max(0.0, float(one))) for one in at)  # type: ignore[arg-type]
                return moved(x, y)
            return None

        self.on("move", told)

    def show(self, source: str, *, label: str) -> None:
        """Show a picture; ``label`` says what it is."""
        self._props["src"] = source
        self._props["label"] = label
        self.update()

    def put(self, x: float, y: float) -> None:
        """Put the point somewhere."""
        self._props["at"] = [x, y]
        self.update()


class HandSlider(ui.slider):
    """A slider that stays where a hand puts it: what the server heard late doesn't put it back."""

    LOOPBACK = False
