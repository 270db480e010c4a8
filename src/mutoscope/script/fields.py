"""The fields behind a colon: weight, mask, cutoff and stop."""

import logging
import re
from collections.abc import Collection, Iterator
from functools import lru_cache, partial

from mutoscope.curves import Curve, parse_curve, read_curve
from mutoscope.errors import ScriptError, printable
from mutoscope.expressions import shown
from mutoscope.expressions.keyframes import keyframes_end
from mutoscope.script.values import EVERYWHERE, Mask, MaskKind, Weighting
from mutoscope.tokens import Piece

LETTERS = frozenset("rldunf")
VIDEOS = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

ALWAYS = parse_curve("1", place="weight")
NEVER = parse_curve("-inf", place="stop", infinite=True)

# A colon before a slash is that of https:// or C:\, as no number begins with a slash; a host may
# be followed by one more, before its port.
_PATH_COLONS = re.compile(r":(?=[/\\])|(?<=:)//[^/\\\s|]+(?=/)")

_CUTS = re.compile(r"[|:_]")

logger = logging.getLogger("mutoscope")


def read_weighting(
    piece: Piece | None,
    *,
    of: str = "",
    names: Collection[str],
    files: bool = False,
    hint: str = "",
) -> Weighting:
    """Read ``weight[_mask[_cutoff]][:stop]``; ``None`` stands for weight 1 without a stop.

    Args:
        piece: What stands behind the colon, gone through `shield` before.
        of: Whose weight it is, for messages.
        names: The variables that expressions may use.
        files: The mask is the path of a picture or video, without brackets, and has no cutoff.
        hint: Advice that ends every message.
    """
    if piece is None:
        return Weighting(ALWAYS, NEVER)
    of = f" of {of}" if of else ""
    first, *stops = piece.split(":", 1)
    weight, *masks = first.split("_", 1 if files else 2)
    curve = partial(_read_number, names=names, of=of, hint=hint)
    cutoff = curve(masks[1], "cutoff") if len(masks) > 1 else None
    if not masks:
        mask = EVERYWHERE
    elif files:
        mask = _read_file_mask(masks[0], of)
    else:
        mask = _read_mask(masks[0], cutoff, of)
    return Weighting(
        weight=curve(weight, "weight"),
        stop=curve(stops[0], "stop", infinite=True) if stops else NEVER,
        mask=mask,
    )


def shield(
    piece: Piece, names: Collection[str], *, weight: bool = False, paths: bool = False
) -> Piece:
    """The piece, where nothing cuts keyframes, variables with an underscore, or paths.

    Args:
        piece: Prompts, or one weight.
        names: The variables that expressions may use.
        weight: The piece begins with a weight, not with a text.
        paths: The colons of URLs and drives don't cut either.
    """
    text = piece.source.text
    spans = list(_keyframes(piece, weight))
    if pattern := _underscored(tuple(names)):
        spans.extend(match.span() for match in pattern.finditer(text, piece.start, piece.stop))
    if paths:
        spans.extend(match.span() for match in _PATH_COLONS.finditer(text))
    return piece.protect(spans) if spans else piece


def _keyframes(piece: Piece, behind: bool) -> Iterator[tuple[int, int]]:
    """Where keyframes stand: at the start of a field ``behind`` the first colon of a prompt."""
    at = piece.start
    while at <= piece.stop:
        end = keyframes_end(piece.source.text, at, piece.stop) if behind else None
        if end:
            yield at, end
            at = end
        cut = _CUTS.search(piece.marks, at, piece.stop)
        if cut is None:
            return
        behind = cut[0] != "|" and (behind or cut[0] == ":")
        at = cut.end()


@lru_cache(maxsize=16)
def _underscored(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """Finds the variables with an underscore in their names, the longest first."""
    words = sorted((name for name in names if "_" in name), key=len, reverse=True)
    if not words:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?![^\W_])")


def _read_number(
    piece: Piece,
    role: str,
    *,
    names: Collection[str],
    of: str,
    hint: str,
    infinite: bool = False,
) -> Curve:
    content = piece.content

    def report(index: int, message: str) -> ScriptError:
        return content.error(f"{role}{of}: {message}{hint}", index)

    place = f"{content.source.where(content.start)}, {role}{of}"
    return read_curve(content.raw, place=place, names=names, report=report, infinite=infinite)


def _read_mask(piece: Piece, cutoff: Curve | None, of: str) -> Mask:
    inside = piece.bracketed
    if inside is not None:
        return _file_mask(inside, cutoff, of)
    text = piece.text
    if not text.strip():
        raise piece.error(f"mask{of}: it is empty; write a letter, words, [a file], or no _")
    if not piece.quoted:
        if text.lstrip().startswith("["):
            raise piece.error(
                f"mask{of}: its bracket is not closed; write [{printable(text.strip(' ['))}]"
            )
        if text == "a":
            return Mask(cutoff=cutoff)
        if text in LETTERS:
            return Mask("letter", text, cutoff=cutoff)
        if text.lower().endswith(VIDEOS + PICTURES):
            logger.warning(
                "%s: the mask %s is read as words; for the file, write [%s]",
                piece.source.where(piece.strip().start),
                shown(text),
                printable(text),
            )
    return Mask("text", text, cutoff=cutoff)


def _read_file_mask(piece: Piece, of: str) -> Mask:
    inside = piece.bracketed
    if inside is None and piece.text in LETTERS | {"a"} and not piece.quoted:
        raise piece.error(
            f"mask{of}: {piece.text!r} is no file; letters are masks of prompts only, "
            f"here it is a picture or a video"
        )
    return _file_mask(piece.strip() if inside is None else inside, None, of)


def _file_mask(inside: Piece, cutoff: Curve | None, of: str) -> Mask:
    inverted = not inside.quoted and inside.raw.startswith("-")
    path = inside.part(inside.start + inverted, inside.stop).text.strip()
    if not path:
        raise inside.error(f"mask{of}: the path is empty; write a picture or a video")
    return Mask(_file_kind(path), path, inverted, cutoff)


def _file_kind(path: str) -> MaskKind:
    name = re.split(r"[?#]", path)[0] if "://" in path else path
    return "video" if name.lower().endswith(VIDEOS) else "image"
