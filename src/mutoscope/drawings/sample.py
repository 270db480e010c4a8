"""Sample pages: abstract ink line-work of several styles, for those who have no scanner at hand.

Each page comes from its seed, number and style alone, and is the same drawing at any resolution.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mutoscope import __version__, atomic, provenance
from mutoscope.drawings.pen import Grey, Paper
from mutoscope.drawings.styles import STYLES
from mutoscope.errors import MediaError, SettingsError, nearest, printable

SIZE = (8.5, 11.0)
"""Of a page, in inches: a US letter sheet."""

MIN_DPI, MAX_DPI = 20.0, 1200.0
_MOST = 9999  # pages
_KIND = "drawing"  # under which a page's recipe keeps how it was made

Told = Callable[[int], None]


def draw_page(
    style: str, *, seed: int = 0, number: int = 1, dpi: float = 300.0,
    size: tuple[float, float] = SIZE,
) -> Grey:  # fmt: skip
    """One page, (H, W): white paper, dark ink, grey edges.

    Args:
        style: One of `STYLES`.
        seed: Of the whole set of pages.
        number: Which page of the set.
        dpi: Pixels per inch, 20 to 1200.
        size: (width, height) in inches.

    Raises:
        SettingsError: There is no such style, or the resolution is out of range.
    """
    if style not in STYLES:
        raise SettingsError(
            f"style: there is none called {style!r}; allowed are {', '.join(STYLES)}"
            f"{nearest(style, STYLES)}"
        )
    if not MIN_DPI <= dpi <= MAX_DPI:
        raise SettingsError(f"dpi: {dpi:g} is out of range; allowed are {MIN_DPI:g} to {MAX_DPI:g}")
    rng = np.random.default_rng([seed & (2**64 - 1), number, list(STYLES).index(style)])
    paper = Paper(size, dpi, rng)
    STYLES[style](paper, rng)
    return paper.page()


def write_samples(
    folder: str | Path,
    *,
    pages: int = 12,
    styles: Sequence[str] = (),
    seed: int = 0,
    dpi: float = 300.0,
    told: Told | None = None,
) -> list[Path]:
    """Draw pages into a folder as PNG files with their resolution: ``01-tangle.png`` and so on.

    Pages that are there already are kept; those of another call are taken away once all are drawn.
    The folder may hold nothing else, so that no scan is ever mixed with samples or replaced.

    Args:
        folder: Where; it is made if need be.
        pages: How many, 1 to 9999.
        styles: Which, by turns; all by default.
        seed: Another seed, other pages.
        dpi: Pixels per inch.
        told: Called with the number of pages that are done.

    Raises:
        SettingsError: A style is unknown or a number out of range.
        MediaError: The folder holds other things, or can't be written to.
    """
    if not 1 <= pages <= _MOST:
        raise SettingsError(f"pages: {pages} is out of range; allowed are 1 to {_MOST}")
    styles = list(styles) or list(STYLES)
    folder = Path(folder)
    wanted = dict(_wanted(folder, pages, styles, seed, dpi))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.sweep_parts(folder)
        there = _ours(folder)
        for done, (path, recipe) in enumerate(wanted.items()):
            if told is not None:
                told(done)
            if there.get(path) != recipe:
                about = recipe[_KIND]
                page = draw_page(about["style"], seed=seed, number=about["page"], dpi=dpi)
                atomic.write_bytes(path, _png(page, dpi, recipe))
        for path in there.keys() - wanted.keys():
            path.unlink(missing_ok=True)
    except OSError as error:
        raise MediaError(f"{folder}: can't be written to: {atomic.reason(error)}") from error
    if told is not None:
        told(pages)
    return list(wanted)


def _wanted(
    folder: Path, pages: int, styles: Sequence[str], seed: int, dpi: float
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each page's file and recipe."""
    digits = max(2, len(str(pages)))
    for number in range(1, pages + 1):
        style = styles[(number - 1) % len(styles)]
        about = {"style": style, "seed": seed, "page": number, "dpi": float(dpi)}
        recipe = {
            "program": provenance.KEYWORD,
            "version": __version__,
            "settings": {},
            _KIND: about,
        }
        yield folder / f"{number:0{digits}}-{style}.png", recipe


def _ours(folder: Path) -> dict[Path, dict[str, Any]]:
    """The sample pages in a folder, and their recipes.

    Raises:
        MediaError: There is anything else in it.
    """
    found = {}
    for path in sorted(folder.iterdir()):
        recipe = None
        if path.suffix == ".png" and path.is_file():
            try:
                recipe = provenance.read_recipe(path)
            except MediaError:
                recipe = None
        if not (recipe and isinstance(recipe.get(_KIND), dict)):
            raise MediaError(
                f"{folder}: holds {printable(path.name)!r}, which is no sample page; "
                "give an empty folder or a new one"
            )
        found[path] = recipe
    return found


def _png(page: Grey, dpi: float, recipe: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "PNG", dpi=(dpi, dpi))
    return provenance.stamped(buffer.getvalue(), recipe, "sample page")
