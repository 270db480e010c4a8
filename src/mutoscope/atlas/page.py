"""The map as one HTML page, with all pictures in it and nothing from elsewhere."""

import base64
import hashlib
import io
import math
from html import escape

import torch
from torch import Tensor

from mutoscope.atlas.chart import picture_of
from mutoscope.atlas.directions import REACH, STRIP, Strip
from mutoscope.atlas.dressing import SCRIPT, STYLE
from mutoscope.atlas.nearest import Match
from mutoscope.atlas.survey import SHOWN, Atlas
from mutoscope.errors import printable

_CELL = 84  # pixels of a column, about, by which the map's width is chosen
_SMALL = 96  # pixels; smaller pictures are shown with their pixels as squares


def write_page(atlas: Atlas) -> str:
    """The page of a map.

    Its policy allows the pictures and the script that stand in it, and nothing else; every name
    from outside is text.
    """
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{_digest(SCRIPT)}'"
    )
    name = escape(printable(atlas.name))
    small = " class=small" if atlas.pictures.shape[-1] < _SMALL else ""
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name=viewport content="width=device-width, initial-scale=1">\n'
        f"<title>{name}: atlas</title>\n<style>{STYLE}</style>\n<body{small}>\n"
        f"<h1>{name}</h1>\n{_told(atlas)}\n{_map(atlas)}\n{_bookmarks(atlas)}\n"
        f"{_directions(atlas)}\n{_pairs(atlas)}\n{_bar()}\n<script>{SCRIPT}</script>\n"
        "</body></html>\n"
    )


def _told(atlas: Atlas) -> str:
    first, last = atlas.numbers[0], atlas.numbers[-1]
    lines = [
        f"<p>Samples {first} to {last}, truncation {atlas.truncation:g}. Those that are alike lie "
        "beside each other. Click some to collect them for a walk.</p>"
    ]
    if atlas.thin is not None:
        lines.append(f"<p>{escape(atlas.thin.sentence())} Those that lie outside are framed.</p>")
    elif atlas.matches is None:
        lines.append(
            "<p class=faint>The drawings were not found, so nothing is said about where they are "
            "thin, and which is nearest.</p>"
        )
    lines.append(f"<p class=faint>Generator {escape(printable(atlas.generator))}</p>")
    return "\n".join(lines)


def _map(atlas: Atlas) -> str:
    columns, _ = atlas.grid
    outside = [False] * len(atlas.numbers) if atlas.thin is None else atlas.thin.outside
    figures = []
    for index, (column, row) in enumerate(atlas.cells):
        number = atlas.numbers[index]
        where = f" · like {atlas.matches[index].where}" if atlas.matches else ""
        thin = " · unlike the drawings" if outside[index] else ""
        figures.append(
            f'<figure data-number="{number}" style="grid-area:{row + 1}/{column + 1}"'
            f"{' class=thin' if outside[index] else ''}>"
            f'<button title="{escape(printable(f"{number}{thin}{where}"), quote=True)}">'
            f"{_image(atlas.pictures[index], f'sample {number}')}</button>"
            f"<figcaption>{number}</figcaption></figure>"
        )
    style = f"grid-template-columns:repeat({columns},minmax(0,1fr));max-width:{columns * _CELL}px"
    return f'<section class=map style="{style}">\n' + "\n".join(figures) + "\n</section>"


def _bookmarks(atlas: Atlas) -> str:
    if not atlas.bookmarks:
        return ""
    figures = []
    for name, latent, picture in atlas.bookmarks:
        shown = _image(picture, name) if picture is not None else "<p>of another generator</p>"
        told = escape(printable(f"{name} = {latent}"))
        figures.append(f"<figure>{shown}<figcaption>{told}</figcaption></figure>")
    return f"<h2>Bookmarks</h2>\n<section class=shelf>{''.join(figures)}</section>"


def _directions(atlas: Atlas) -> str:
    rows = "\n".join(_strip(strip) for strip in atlas.strips)
    return (
        "<h2>Directions</h2>\n"
        f"<p>Through the mean picture, from −{REACH:g} to {REACH:g} standard deviations; those "
        "that change the picture most come first. A place may be written with them, as "
        f"<code>{atlas.numbers[0]} + 2*{escape(atlas.strips[0].name)}</code>.</p>\n{rows}"
    )


def _strip(strip: Strip) -> str:
    step = 2 * REACH / (STRIP - 1)
    figures = []
    for place, picture in enumerate(strip.pictures):
        at = f"{place * step - REACH:+g}".replace("+0", "0").replace("-", "−")
        image = _image(_as_bytes(picture), f"{strip.name} {at}")
        figures.append(f"<figure>{image}<figcaption>{at} σ</figcaption></figure>")
    told = f"<p><b>{escape(strip.name)}</b><br><span class=faint>changes {strip.change:.3f}</span>"
    return f"<section class=strip>{told}</p>{''.join(figures)}</section>"


def _pairs(atlas: Atlas) -> str:
    if atlas.matches is None:
        return ""
    held = zip(atlas.numbers, atlas.pictures, atlas.matches, strict=True)
    pairs = "\n".join(_pair(number, picture, match) for number, picture, match in held)
    return (
        "<h2>From which drawing?</h2>\n<p>Beside each sample the place on the pages that is most "
        "like it: its middle in pixels of the scan, and how well the two correlate.</p>\n"
        f"<details><summary>All {len(atlas.matches)}</summary>\n"
        f"<section class=pairs>\n{pairs}\n</section></details>"
    )


def _pair(number: int, picture: Tensor, match: Match) -> str:
    where = escape(printable(match.where))
    return (
        f"<div class=pair id=pair-{number}>{_image(picture, f'sample {number}')}"
        f"{_image(match.crop, match.where)}"
        f"<p><b>{number}</b> is most like {where} <span class=faint>({match.likeness:.2f})</span>"
        "</p></div>"
    )


def _bar() -> str:
    return (
        "<div class=bar id=bar hidden><div id=seen class=pair-shown></div>"
        "<div class=words>Collected: <code>--keys <span id=keys></span></code> "
        "<button id=clear>clear</button></div></div>"
    )


def _image(pixels: Tensor, told: str) -> str:
    """Bytes (c, s, s) as a picture in the page."""
    side = min(pixels.shape[-1], SHOWN)
    buffer = io.BytesIO()
    picture_of(pixels, side).save(buffer, "PNG", optimize=math.prod(pixels.shape) < 2**14)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(printable(told), quote=True)}" src="data:image/png;base64,{data}">'


def _as_bytes(picture: Tensor) -> Tensor:
    if picture.dtype == torch.uint8:
        return picture
    return picture.clamp(0, 1).mul(255).round().byte()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
