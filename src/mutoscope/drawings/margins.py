"""The file that says where the grid lies on each page, in the old form and ours.

The old ``adj_xy.json`` is an object of two maps, ``adj_x`` and ``adj_y``, from page names to cells;
its successor is a list of ``{index, x, y}``, one for each page in order. Both are read. What is
written is the first, with two more maps, ``adj_cols`` and ``adj_rows``, where pages differ in them;
programs that know only the old form pass these over.
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mutoscope import atomic
from mutoscope.drawings.grid import COLS, ROWS, Grid
from mutoscope.errors import MediaError, printable

log = logging.getLogger("mutoscope")

NAME = "adj_xy.json"
MOST_BYTES = 4 * 2**20
MOST_CELLS = 10_000.0  # far beyond any sheet of paper
_MAPS = {"adj_x": "x", "adj_y": "y", "adj_cols": "cols", "adj_rows": "rows"}


def read_margins(
    path: Path, names: Sequence[str], *, cols: float = COLS, rows: float = ROWS
) -> list[Grid]:
    """The grid of each page of ``names``, which are file names without their endings, in order.

    A page that the file doesn't name lies at the origin, which is said in a notice. A name is
    found by its text, or else by its number: ``7`` is ``07``.

    Raises:
        MediaError: it can't be read, or is not of either form.
    """
    data = _load(path)
    if isinstance(data, list):
        entries = _from_list(path, data)
        found = [entries[index] if index < len(entries) else None for index in range(len(names))]
    elif isinstance(data, dict):
        named = _from_maps(path, data)
        numbers = {int(name): entry for name, entry in named.items() if _is_number(name)}
        found = [
            named.get(name) or (numbers.get(int(name)) if _is_number(name) else None)
            for name in names
        ]
    else:
        raise MediaError(f"{path}: is not an object of adj_x and adj_y, nor a list of pages")
    missing = [name for name, entry in zip(names, found, strict=True) if entry is None]
    if missing:
        log.warning(
            "%s: says nothing of %d pages (%s); their grid begins at the corner",
            path, len(missing), ", ".join(printable(name) for name in missing[:3]),
        )  # fmt: skip
    size = {"x": 0.0, "y": 0.0, "cols": cols, "rows": rows}
    return [Grid(**{**size, **(entry or {})}) for entry in found]


def write_margins(path: Path, grids: Mapping[str, Grid]) -> None:
    """Write the grids of pages by their names, whole or not at all.

    Raises:
        MediaError: the file can't be written.
    """
    maps: dict[str, dict[str, float]] = {
        "adj_x": {name: round(grid.x, 4) for name, grid in grids.items()},
        "adj_y": {name: round(grid.y, 4) for name, grid in grids.items()},
    }
    if any((grid.cols, grid.rows) != (COLS, ROWS) for grid in grids.values()):
        maps["adj_cols"] = {name: round(grid.cols, 4) for name, grid in grids.items()}
        maps["adj_rows"] = {name: round(grid.rows, 4) for name, grid in grids.items()}
    try:
        atomic.write_text(path, json.dumps(maps, indent=1) + "\n")
    except OSError as error:
        raise MediaError(f"{path}: can't be written: {atomic.reason(error)}") from error


def load_json(path: Path, most: int) -> Any:
    """What a JSON file of at most ``most`` bytes holds; NaN and infinities are refused.

    Raises:
        MediaError: it can't be read, is larger, or is no JSON.
    """
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise MediaError(f"{path}: {what}")
        with path.open("rb") as file:
            text = file.read(most + 1)
        if len(text) > most:
            raise MediaError(f"{path}: is larger than {most / 2**20:g} MiB, which is allowed")
        return json.loads(text.decode("utf-8-sig"), parse_constant=_no_number)
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {atomic.reason(error)}") from error
    except (ValueError, RecursionError) as error:
        why = printable(str(error))[:120] or "nested too deeply"
        raise MediaError(f"{path}: is not JSON: {why}") from error


def _load(path: Path) -> Any:
    return load_json(path, MOST_BYTES)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) <= 9


def _from_maps(path: Path, data: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The entries of each page that an object of maps names."""
    if "adj_x" not in data or "adj_y" not in data:
        raise MediaError(f"{path}: lacks adj_x or adj_y, the two maps from page names to cells")
    entries: dict[str, dict[str, float]] = {}
    for key, field in _MAPS.items():
        values = data.get(key, {})
        if not isinstance(values, dict):
            raise MediaError(f"{path}: {key} is not a map from page names to cells")
        for name, value in values.items():
            at = f"{key}[{printable(name)[:40]!r}]"
            entries.setdefault(name, {})[field] = _cells(path, at, value, field)
    return entries


def _from_list(path: Path, data: Sequence[Any]) -> list[dict[str, float]]:
    """The entries of a list, which belong to the pages by their order alone."""
    entries = []
    for index, item in enumerate(data):
        if not isinstance(item, dict) or "x" not in item or "y" not in item:
            raise MediaError(f"{path}: entry {index} is not an object with x and y")
        entries.append({key: _cells(path, f"[{index}].{key}", item[key], key) for key in "xy"})
    return entries


def _cells(path: Path, at: str, value: object, field: str) -> float:
    least = 0.0 if field in ("cols", "rows") else -MOST_CELLS
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and least <= value <= MOST_CELLS and math.isfinite(value)):  # type: ignore[operator, arg-type]
        raise MediaError(
            f"{path}: {at} is {printable(repr(value))[:40]}; allowed are {least:g}–{MOST_CELLS:g}"
        )
    return float(value)  # type: ignore[arg-type]
