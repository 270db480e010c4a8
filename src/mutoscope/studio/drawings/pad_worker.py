"""The process that draws for the pad: a request a line on stdin, an answer a line on stdout, JSON.

    {"do": "open", "run": FOLDER}                     what can be asked of the generator in it
    {"do": "draw", "run": FOLDER, …}                  the picture of a place, as a JPEG
    {"do": "samples", "run": FOLDER, "places": […]}   several, small
    {"do": "keep", "run": FOLDER, "name": …, …}       the place as a bookmark
    {"do": "forget", "run": FOLDER, "name": …}        a bookmark dropped
    {"do": "check", "folder": FOLDER}                 scans looked at
    {"do": "presets"}                                 how a generator can be trained
    {"do": "foresee", "preset": …, "values": {…}}     what a training will take

A place is given by ``corners``, four places in words, ``at``, where the pad stands between them,
[x, y] from 0 to 1, and ``moves``, standard deviations along directions. It becomes one place in
words, and what is drawn is what these words mean, so that a walk through them shows the same.
``mix`` names another place, from whose style the layers beyond ``split`` are drawn.

So the server needs no torch, and what a generator's file does can't harm it. It ends when stdin
does.
"""

import base64
import contextlib
import io
import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from mutoscope.atlas.directions import find_directions
from mutoscope.errors import MutoscopeError, SettingsError, printable
from mutoscope.studio.drawings.foresight import foresee, presets
from mutoscope.walk.bookmarks import Bookmark, check_name, read_bookmarks, write_bookmarks
from mutoscope.walk.directions import write_directions
from mutoscope.walk.places import FARTHEST, Map, parse_place
from mutoscope.walk.render import Renderer, file_of, load_renderer

MOST_LETTERS = 65_536  # of a request
MOST_SAMPLES = 64
MOST_OPEN = 2  # generators that are kept in memory
CORNERS = 4
LARGEST = 768  # pixels of a side
SMALL = 96
_DECIMALS = 4
_QUALITY = 90


@dataclass(frozen=True)
class Opened:
    """A generator, and the moment of its file's last change."""

    stamp: tuple[int, int]
    places: Map


class Pad:
    """Answers requests; keeps the generators that were asked for last."""

    def __init__(self) -> None:
        self._opened: dict[Path, Opened] = {}

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What is asked for.

        Raises:
            MutoscopeError: it can't be had.
        """
        doing: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "open": self._open, "draw": self._draw, "samples": self._samples, "keep": self._keep,
            "forget": self._forget, "check": checked, "presets": presets, "foresee": foresee,
        }  # fmt: skip
        what = request.get("do")
        if not isinstance(what, str) or what not in doing:
            raise SettingsError(f"do: {printable(repr(what)[:40])} is none of {', '.join(doing)}")
        return doing[what](request)

    # ── what is done ──

    def _open(self, request: Mapping[str, Any]) -> dict[str, Any]:
        places = self._places(request)
        shape = places.renderer.generator.shape
        assert places.directions is not None  # noqa: S101 - `_places` finds them
        return {
            "generator": places.renderer.digest, "size": shape.size, "channels": shape.channels,
            "layers": places.renderer.generator.layers,
            "directions": list(places.directions.names),
            "bookmarks": {
                name: one.generator == places.renderer.digest
                for name, one in places.bookmarks.items()
            },
        }  # fmt: skip

    def _draw(self, request: Mapping[str, Any]) -> dict[str, Any]:
        places = self._places(request)
        words = placed(request)
        picture = draw(
            places, words, truncation=_number(request, "truncation", 0.0, 2.0),
            mix=request.get("mix"), split=request.get("split"),
        )  # fmt: skip
        side = int(_number(request, "side", 8, 4096))
        return {"place": words, "jpeg": _encoded(picture, side), "small": _encoded(picture, SMALL)}

    def _samples(self, request: Mapping[str, Any]) -> dict[str, Any]:
        places, wanted = self._places(request), request.get("places")
        if not isinstance(wanted, list) or not 0 < len(wanted) <= MOST_SAMPLES:
            raise SettingsError(f"places: a list of 1–{MOST_SAMPLES} is wanted")
        truncation = _number(request, "truncation", 0.0, 2.0)
        side = int(_number(request, "side", 8, 4096))
        drawn: list[str | None] = []
        for one in wanted:
            try:
                drawn.append(_encoded(draw(places, _text(one), truncation=truncation), side))
            except SettingsError:  # a bookmark of an earlier generator
                drawn.append(None)
        return {"jpegs": drawn}

    def _keep(self, request: Mapping[str, Any]) -> dict[str, Any]:
        places, words = self._places(request), placed(request)
        name = check_name(_text(request.get("name")))
        mark = Bookmark(words, places.find(words), "w", places.renderer.digest)
        write_bookmarks(places.folder, {**places.bookmarks, name: mark})
        return {"place": words}

    def _forget(self, request: Mapping[str, Any]) -> dict[str, Any]:
        places, name = self._places(request), _text(request.get("name"))
        kept = dict(places.bookmarks)
        if kept.pop(name, None) is not None:
            write_bookmarks(places.folder, kept)
        return {}

    def _places(self, request: Mapping[str, Any]) -> Map:
        """What names mean for the generator that is asked for; bookmarks as they are now."""
        file = file_of(Path(_text(request.get("run"))))
        try:
            stat = file.stat()
        except OSError as error:
            raise SettingsError(f"{file.name}: can't be read") from error
        stamp = (stat.st_mtime_ns, stat.st_size)
        opened = self._opened.pop(file, None)
        if opened is None or opened.stamp != stamp:
            while len(self._opened) >= MOST_OPEN:
                del self._opened[next(iter(self._opened))]
            opened = Opened(stamp, _known(file))
        self._opened[file] = opened  # the last used is the last to go
        return replace(opened.places, bookmarks=read_bookmarks(file.parent))


def _known(file: Path) -> Map:
    """A generator with its directions, which are kept beside it as those of an atlas are."""
    import torch

    renderer = load_renderer(file, torch.device("cpu"))
    directions = find_directions(renderer)
    write_directions(file.parent, directions)
    return Map(renderer, {}, directions)


# ── places ──


def placed(request: Mapping[str, Any]) -> str:
    """The place that a request means, in words.

    Raises:
        SettingsError: it means none.
    """
    corners, at, moves = request.get("corners"), request.get("at"), request.get("moves") or {}
    if not isinstance(corners, list) or len(corners) != CORNERS:
        raise SettingsError("corners: a list of four places is wanted")
    if not isinstance(at, list) or len(at) != 2:
        raise SettingsError("at: a list of x and y is wanted")
    if not isinstance(moves, dict):
        raise SettingsError("moves: directions and how far is wanted")
    x, y = (min(1.0, max(0.0, _finite("at", value))) for value in at)
    far = {str(name): _finite(f"moves.{name}", value) for name, value in moves.items()}
    return in_words([_text(one) for one in corners], (x, y), far)


def in_words(corners: Sequence[str], at: tuple[float, float], moves: Mapping[str, float]) -> str:
    """The place between four others, left and right above, left and right below, in words.

    The weights are those of bilinear interpolation, rounded so that they still come to 1.

    Raises:
        SettingsError: a corner is no place, or all that takes more words than are read.
    """
    x, y = at
    weights = _rounded([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y])
    sums: dict[str, float] = {}
    for corner, weight in zip(corners, weights, strict=True):
        for term in parse_place(corner):
            sums[str(term.what)] = sums.get(str(term.what), 0.0) + weight * term.factor
    for name, far in moves.items():
        sums[name] = sums.get(name, 0.0) + far
    parts: list[str] = []
    for what, factor in sums.items():
        amount = min(abs(factor), FARTHEST)
        number = f"{amount:.6f}".rstrip("0").rstrip(".")
        if number in ("0", ""):
            continue
        sign = "-" if factor < 0 else "+"
        word = what if number == "1" else f"{number}*{what}"
        parts.append(f"{sign} {word}" if parts else (f"-{word}" if sign == "-" else word))
    words = " ".join(parts)
    parse_place(words)
    return words


def _rounded(weights: Sequence[float]) -> list[float]:
    """Weights with few decimals, which come to 1: the largest takes what is left."""
    rounded = [round(weight, _DECIMALS) for weight in weights]
    largest = max(range(len(rounded)), key=rounded.__getitem__)
    rounded[largest] = round(1 - sum(rounded[:largest]) - sum(rounded[largest + 1 :]), _DECIMALS)
    return rounded


def draw(
    places: Map, words: str, *, truncation: float, mix: object = None, split: object = None
) -> Image.Image:
    """The picture of a place; the layers from ``split`` on have the style of the place ``mix``.

    Raises:
        SettingsError: there is no such place, or not so many layers.
    """
    import torch

    renderer, w = places.renderer, places.find(words)
    if mix is None:
        image = renderer.images(w[None], "w", torch.tensor([truncation]))[0]
        return _picture(image)
    layers = renderer.generator.layers
    if not isinstance(split, int) or isinstance(split, bool) or not 0 <= split <= layers:
        raise SettingsError(f"split: {printable(repr(split)[:40])}; allowed are 0–{layers}")
    return _picture(mixed(renderer, w, places.find(_text(mix)), split, truncation))


def mixed(renderer: Renderer, coarse: Any, fine: Any, split: int, truncation: float) -> Any:
    """A picture (c, s, s) in [0, 1]: ``split`` layers of one style (w,), the others of another."""
    import torch

    generator = renderer.generator
    both = torch.stack([coarse, fine]).to(renderer.device)  # (2, w)
    both = generator.truncate(both, truncation)
    which = torch.arange(generator.layers, device=renderer.device) >= split
    with torch.no_grad():
        drawn = generator.synthesise(both[which.long()][None], noise="constant")  # (1, c, s, s)
    return (drawn[0] * 0.5 + 0.5).clamp(0, 1)


def checked(request: Mapping[str, Any]) -> dict[str, Any]:
    """What `mutoscope drawings check` finds, page by page."""
    from mutoscope.drawings.check import look_at

    found = look_at(Path(_text(request.get("folder"))))
    return {
        "pages": [
            {
                "name": one.name, "facts": one.facts, "margins": one.margins,
                "ink": round(one.ink, 5), "warnings": list(one.warnings),
            }
            for one in found
        ]
    }  # fmt: skip


# ── values ──


def _picture(image: Any) -> Image.Image:
    """A picture (c, s, s) in [0, 1] as one of Pillow's."""
    pixels = image.mul(255).round().byte().cpu()
    if len(pixels) == 1:
        return Image.fromarray(pixels[0].numpy())
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def _encoded(picture: Image.Image, side: int) -> str:
    side = min(side, LARGEST)
    if picture.width > side:
        picture = picture.resize((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return base64.b64encode(file.getvalue()).decode()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise SettingsError(f"{printable(repr(value)[:40])}: a text is wanted")
    return value


def _finite(name: str, value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value):  # type: ignore[arg-type]
        raise SettingsError(f"{name}: {printable(repr(value)[:40])} is no number")
    return float(value)  # type: ignore[arg-type]


def _number(request: Mapping[str, Any], name: str, least: float, most: float) -> float:
    value = _finite(name, request.get(name))
    if not least <= value <= most:
        raise SettingsError(f"{name}: {value:g}; allowed are {least:g}–{most:g}")
    return value


# ── the process ──


def serve(asked: BinaryIO, told: BinaryIO) -> None:
    """Answer each line of ``asked`` with one of ``told``, until there are no more."""
    pad = Pad()
    while line := asked.readline(MOST_LETTERS):
        if not line.endswith(b"\n"):
            return  # cut short, or more than anybody asks for
        told.write(json.dumps(_answered(pad, line)).encode() + b"\n")
        told.flush()


def _answered(pad: Pad, line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise SettingsError("the request is no object")
        return {"ok": pad.answer(request)}
    except MutoscopeError as error:
        return {"error": str(error)}
    except (ValueError, RecursionError):
        return {"error": "the request is not JSON"}
    except MemoryError:
        return {"error": "there is not enough memory for that"}


def main() -> None:
    """Answer on what were stdin and stdout; what is printed besides goes to stderr."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(5)  # training and rendering come first
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, told)


if __name__ == "__main__":
    main()
