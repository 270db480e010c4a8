"""The map as one picture: the samples in their places, with their numbers, the thin ones marked."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw
from torch import Tensor

from mutoscope import provenance
from mutoscope.atlas.survey import Atlas
from mutoscope.lettering import Lettering

LARGEST = 4096
"""The most pixels of a side."""

_PAPER, _INK, _FAINT, _MARK = (255, 255, 255), (38, 42, 48), (110, 116, 124), (214, 96, 28)
_GAP, _RIM = 6, 3
_LETTERS = 12


def draw_map(atlas: Atlas, recipe: Mapping[str, Any]) -> bytes:
    """The map as the bytes of a PNG file, with its recipe."""
    columns, rows = atlas.grid
    title = f"{atlas.name}: samples by likeness, truncation {atlas.truncation:g}"
    sentence = "" if atlas.thin is None else atlas.thin.sentence()
    legend = f"{sentence} Those that lie outside are framed." if sentence else ""
    letters = Lettering([title, legend], _LETTERS)
    side = max(16, min(atlas.pictures.shape[-1], 128, LARGEST // columns - 2 * _GAP))
    step_x, step_y = side + 2 * _GAP, side + 2 * _GAP + letters.line
    width = columns * step_x + 2 * _GAP
    head = letters.wrapped(title, width - 4 * _GAP, 2) + letters.wrapped(
        legend, width - 4 * _GAP, 4
    )  # fmt: skip
    top = 2 * _GAP + len(head) * letters.line
    sheet = Image.new("RGB", (width, top + rows * step_y + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for line, text in enumerate(head):
        draw.text((2 * _GAP, _GAP + line * letters.line), text, fill=_INK, font=letters.font)
    marked = [False] * len(atlas.numbers) if atlas.thin is None else atlas.thin.outside
    for index, (column, row) in enumerate(atlas.cells):
        left, above = 2 * _GAP + column * step_x, top + row * step_y
        if marked[index]:
            box = (left - _RIM, above - _RIM, left + side + _RIM - 1, above + side + _RIM - 1)
            draw.rectangle(box, outline=_MARK, width=_RIM)
        sheet.paste(picture_of(atlas.pictures[index], side), (left, above))
        draw.text(
            (left + side / 2, above + side + _RIM), str(atlas.numbers[index]),
            fill=_MARK if marked[index] else _FAINT, font=letters.font, anchor="ma",
        )  # fmt: skip
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return provenance.stamped(buffer.getvalue(), recipe, "atlas")


def picture_of(pixels: Tensor, side: int) -> Image.Image:
    """Bytes (c, s, s) as a picture of a side."""
    rows = pixels[0].numpy() if len(pixels) == 1 else pixels.permute(1, 2, 0).contiguous().numpy()
    picture = Image.fromarray(rows)
    if picture.width == side:
        return picture
    grows = side % picture.width == 0  # a whole number of times: its own pixels stay what they are
    how = Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS
    return picture.resize((side, side), how)
