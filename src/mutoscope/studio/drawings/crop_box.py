"""A box over a picture, whose edges and corners are dragged by mouse, finger or arrow keys."""

from collections.abc import Callable, Sequence
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

Told = Callable[[dict[str, Any]], Any]


class CropBox(Element, component="crop_box.js"):
    """The element; ``told`` is called with left, top, right, bottom when a hand lets go.

    Its coordinates are pixels of a page of ``size``, however large the picture is shown.
    """

    def __init__(self, told: Told) -> None:
        super().__init__()

        def changed(event: GenericEventArguments) -> Any:
            return told(event.args if isinstance(event.args, dict) else {})

        self.on("change", changed)

    def show(
        self, source: str, size: tuple[int, int], box: Sequence[int],
        lines: tuple[Sequence[int], Sequence[int]], *, unit: int, label: str,
    ) -> None:  # fmt: skip
        """Show a picture at an address with a box on it: left, top, right, bottom.

        ``lines`` are those of the grid, across and down; ``unit`` is the side of a cell.
        """
        self._props["src"] = source
        self._props["size"] = list(size)
        self._props["box"] = list(box)
        self._props["across"] = list(lines[0])
        self._props["down"] = list(lines[1])
        self._props["unit"] = unit
        self._props["label"] = label
        self.update()
