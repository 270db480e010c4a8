"""Scans and photographs made ready: cut out, straightened, evenly lit, cropped to their ink.

Sources are only read. What comes out is a new folder of PNG files and a list, `LIST`, of where each
came from and what was done to it, by which a second call goes on where the first was stopped.
"""

import io
import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from mutoscope import atomic
from mutoscope.drawings.bounds import Corners, ink_box, sheet_corners, skew_of
from mutoscope.drawings.light import even_light
from mutoscope.drawings.scans import MAX_PIXELS, Page, Pixels, pages_of
from mutoscope.errors import MediaError, SettingsError, printable

log = logging.getLogger("mutoscope")

LIST = "prepared.json"
"""The list of what a folder of prepared pages holds."""

Told = Callable[[int, int], None]
Done = dict[str, Any]

_MOST_BYTES = 50_000_000  # of a list
_LEAST_TURN = 0.05  # degrees: less isn't worth a resampling
_RIM = 0.003  # of the longer side, cut off a sheet all round: its edge is never quite straight
_LONGEST = 30_000  # pixels of a side: OpenCV's maps end at 32767


@dataclass(frozen=True)
class Wishes:
    """What is to be done to pages, in this order.

    Attributes:
        page: Cut out and square the sheet of paper where its edges are seen.
        deskew: Turn the drawing upright where its lines or its edges tell the angle.
        light: Make the paper white all over.
        crop: Cut off what lies outside the ink and its margin.
        margin: Left around the ink, in per cent of the page's longer side.
        dpi: Pixels per inch of pages whose files don't say.
    """

    page: bool = False
    deskew: bool = False
    light: bool = False
    crop: bool = False
    margin: float = 2.0
    dpi: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= 50:
            raise SettingsError(f"margin: {self.margin:g} is no per cent from 0 to 50")
        if self.dpi is not None and not 10 <= self.dpi <= 20_000:
            raise SettingsError(f"dpi: {self.dpi:g} is out of range; allowed are 10 to 20000")


def prepare_pixels(pixels: Pixels, wishes: Wishes) -> tuple[Pixels, Done]:
    """One page made ready, (h, w) or (h, w, 3), and what was done to it.

    What can't be told from the page isn't done: a drawing without a straight line stays as it lies.
    """
    done: Done = {}
    if wishes.page and (corners := sheet_corners(pixels)) is not None:
        pixels = squared(pixels, corners)
        rim = math.ceil(max(pixels.shape[:2]) * _RIM)
        pixels = np.ascontiguousarray(pixels[rim:-rim, rim:-rim])
        done["corners"] = [[round(float(value), 1) for value in corner] for corner in corners]
        done["perspective"] = _is_perspective(corners)
    if wishes.light:
        pixels = even_light(pixels)
        done["light"] = True
    # A sheet whose edges are square lies straight already.
    if wishes.deskew and "corners" not in done:
        angle = skew_of(pixels)
        if angle is not None and abs(angle) >= _LEAST_TURN:
            pixels = turned(pixels, -angle)
            done["turned"] = -angle
    if wishes.crop and (box := ink_box(pixels)) is not None:
        pixels, done["box"] = _cropped(pixels, box, wishes.margin)
    return pixels, done


def prepare_folder(
    folder: str | Path,
    output: str | Path,
    wishes: Wishes,
    *,
    told: Told | None = None,
    max_pixels: int = MAX_PIXELS,
) -> list[dict[str, Any]]:
    """All pages of a folder made ready as ``001.png``, ``002.png`` … in the order of their names.

    Pages that an earlier call has made from the same file by the same wishes are kept.

    Args:
        folder: Of scans or photographs; nothing in it is changed.
        output: Another folder, new or empty, or one that this has written.
        wishes: What is to be done.
        told: Called with how many pages are done, and of how many.
        max_pixels: The largest page that is read.

    Returns:
        What stands in the list: of each page ``file``, ``source``, ``sha256``, ``dpi``, ``mode``,
        ``size`` before and after, and ``done``.

    Raises:
        MediaError: A page can't be read (it is named), or the output is taken or can't be written.
    """
    folder, output = Path(folder), Path(output)
    pages = pages_of(folder, max_pixels=max_pixels)
    old = _begin(folder, output)
    digits = max(3, len(str(len(pages))))
    made: list[dict[str, Any]] = []
    try:
        for number, page in enumerate(pages, 1):
            if told is not None:
                told(number - 1, len(pages))
            file = f"{number:0{digits}}.png"
            entry = _about(page, file, wishes)
            kept = old.pop(file, None)
            if kept is not None and _same(kept, entry) and (output / file).is_file():
                made.append(kept)
                continue
            made.append(_make(page, output / file, entry, wishes))
            _write_list(output, [*made, *old.values()])
        for file in old:
            (output / file).unlink(missing_ok=True)  # of pages that are no longer there
        _write_list(output, made)
    except OSError as error:
        raise MediaError(f"{output}: can't be written to: {atomic.reason(error)}") from error
    if told is not None:
        told(len(pages), len(pages))
    return made


def turned(pixels: Pixels, degrees: float) -> Pixels:
    """A page turned clockwise on larger paper, so that nothing is cut off; white beyond it."""
    height, width = pixels.shape[:2]
    turn = math.radians(degrees)
    c, s = abs(math.cos(turn)), abs(math.sin(turn))
    size = math.ceil(width * c + height * s - 1e-6), math.ceil(width * s + height * c - 1e-6)
    _check(size)
    # OpenCV counts angles against the clock, and pixels from the middle of the first.
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1)
    matrix[:, 2] += [(size[0] - width) / 2, (size[1] - height) / 2]
    white = (255, 255, 255)
    return np.asarray(
        cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_CUBIC, borderValue=white), np.uint8
    )


def squared(pixels: Pixels, corners: Corners) -> Pixels:
    """The sheet with these corners as a rectangle, its sides the means of opposite ones."""
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    width, height = (max(2, round(float(sides[k] + sides[k + 2]) / 2)) for k in (0, 1))
    _check((width, height))
    edge = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), np.array(edge, np.float32))
    return np.asarray(
        cv2.warpPerspective(
            pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def _check(size: tuple[int, int]) -> None:
    if max(size) > _LONGEST:
        raise MediaError(
            f"{size[0]} × {size[1]} is too large to be turned; a side may have {_LONGEST} pixels"
        )


def _is_perspective(corners: Corners) -> bool:
    """Whether opposite sides differ, as in a photograph; then its dpi mean nothing any more."""
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    return bool((abs(sides[:2] / sides[2:] - 1) > 0.01).any())


def _cropped(
    pixels: Pixels, box: tuple[int, int, int, int], margin: float
) -> tuple[Pixels, list[int]]:
    height, width = pixels.shape[:2]
    room = round(max(height, width) * margin / 100)
    left, top = max(0, box[0] - room), max(0, box[1] - room)
    right, bottom = min(width, box[2] + room), min(height, box[3] + room)
    return pixels[top:bottom, left:right], [left, top, right, bottom]


# ── files ──


def _begin(folder: Path, output: Path) -> dict[str, dict[str, Any]]:
    """The output's folder made, and what an earlier call has put into it, by file name."""
    if output.resolve() == folder.resolve():
        raise MediaError(
            f"{output}: is the folder of the scans, which stay as they are; give another"
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        atomic.sweep_parts(output)
        there = sorted(path.name for path in output.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise MediaError(f"{output}: can't be written to: {atomic.reason(error)}") from error
    old = _read_list(output / LIST) if LIST in there else {}
    for name in there:
        if name != LIST and name not in old:
            raise MediaError(
                f"{output}: holds {printable(name)!r}, which was not prepared there; "
                "give an empty folder or a new one"
            )
    return old


def _read_list(path: Path) -> dict[str, dict[str, Any]]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        entries = json.loads(path.read_text(encoding="utf-8"))["pages"]
        # Only plain names of pictures: a list from elsewhere mustn't reach out of the folder.
        return {
            entry["file"]: entry
            for entry in entries
            if Path(entry["file"]).name == entry["file"] and entry["file"].endswith(".png")
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise MediaError(
            f"{path}: is no list of prepared pages ({type(error).__name__}); give a new folder"
        ) from error


def _write_list(output: Path, entries: list[dict[str, Any]]) -> None:
    text = json.dumps({"pages": entries}, ensure_ascii=False, indent=1)
    atomic.write_text(output / LIST, text + "\n")


def _about(page: Page, file: str, wishes: Wishes) -> dict[str, Any]:
    about: dict[str, Any] = {
        "file": file, "source": page.path.name, "sha256": page.digest, "mode": page.mode,
        "dpi": page.dpi, "size": list(page.size), "wishes": asdict(wishes),
    }  # fmt: skip
    if page.frames > 1:
        about["page"] = page.frame + 1
    return about


def _same(kept: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return all(kept.get(key) == entry[key] for key in ("sha256", "wishes"))


def _make(page: Page, path: Path, entry: dict[str, Any], wishes: Wishes) -> dict[str, Any]:
    try:
        pixels, done = prepare_pixels(page.pixels(), wishes)
    except (MemoryError, cv2.error) as error:
        raise MediaError(f"{page.path}: there is not enough memory to prepare it") from error
    dpi = wishes.dpi if page.dpi is None or done.get("perspective") else page.dpi
    if wishes.page and "corners" not in done:
        log.info("%s: no edges of a sheet can be seen", printable(page.name))
    if wishes.deskew and not {"turned", "corners"} & done.keys():
        log.info("%s: nothing says that it lies askew; not turned", printable(page.name))
    if wishes.crop and "box" not in done:
        log.warning("%s: there is no ink on it; not cropped", printable(page.name))
    buffer = io.BytesIO()
    about = {} if dpi is None else {"dpi": (dpi, dpi)}
    Image.fromarray(pixels).save(buffer, "PNG", **about)
    atomic.write_bytes(path, buffer.getvalue())
    size = [pixels.shape[1], pixels.shape[0]]
    return {**entry, "done": done, "made": {"size": size, "dpi": dpi}}
