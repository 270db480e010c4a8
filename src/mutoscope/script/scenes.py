r"""PyTTI's dialect: ``scene || scene``, ``prompt | prompt``, ``text:weight_mask_cutoff:stop``.

Where this leaves PyTTI: prefix and suffix are lists of prompts, so that a forgotten bar glues
nothing together; everything that can't be meant is an error here and not at the first step; bars
in brackets, quotes and escapes are text; ``fLo_prev`` is a variable if there is a band ``fLo``,
not ``fLo`` with a mask; ports and drive letters are parts of paths.
"""

import logging
import re
from collections.abc import Collection

from mutoscope.curves import TIME_NAMES, as_text
from mutoscope.expressions import shown
from mutoscope.script.fields import read_weighting, shield
from mutoscope.script.values import (
    DirectPrompt,
    Prompt,
    PromptKind,
    Scene,
    Script,
    Weighting,
    labelled,
    shortened,
    unique,
)
from mutoscope.tokens import PATH_ESCAPES, TEXT_ESCAPES, Piece, scan

_HINT = r"; a colon that belongs to the text is written \: or the text put in quotes"
_NOISE = re.compile(r"noise:\s*([+-]?[0-9]{1,19})")  # a wish drawn at random, from that seed
_PATH_HINT = "; for a picture or a film, put the path in brackets"

logger = logging.getLogger("mutoscope")


def parse_scenes(
    scenes: str,
    *,
    prefix: str = "",
    suffix: str = "",
    names: Collection[str] = TIME_NAMES,
    place: str = "scenes",
) -> Script:
    """Read scenes, with the prompts of ``prefix`` before and those of ``suffix`` after each.

    Empty scenes are dropped (``a||||b`` are two), but one of blanks (``a|| ``) is a scene, with no
    prompts of its own. Blank prompts are dropped.

    Raises:
        ScriptError: A prompt can't be read; the message has its line and column.
    """
    before = _prompts(shield(scan(prefix, place="scene_prefix"), names))
    after = _prompts(shield(scan(suffix, place="scene_suffix"), names))
    _note_missing_bars(prefix, suffix)
    pieces = [p for p in shield(scan(scenes, place=place), names).split("||") if p.raw]
    lists = [[*before, *_prompts(piece), *after] for piece in pieces]
    # The prompts around are read once, however many scenes there are.
    read = {id(piece): _read_prompt(piece, names) for pieces in lists for piece in pieces}
    groups = labelled([read[id(piece)] for piece in pieces] for pieces in lists)
    return Script(
        tuple(
            Scene(prompts, " | ".join(piece.raw for piece in pieces))
            for prompts, pieces in zip(groups, lists, strict=True)
        )
    )


def parse_weight(
    text: str | float,
    *,
    place: str,
    names: Collection[str] = TIME_NAMES,
    files: bool = False,
) -> Weighting:
    """Read the weight of something that isn't written beside it: ``weight[_mask[_cutoff]][:stop]``.

    Args:
        text: ``2``, ``"2*sin(t)"``, ``"1_l_0.3:0.8"``.
        place: The settings key.
        names: The variables that expressions may use.
        files: The mask is a file, ``"1_mask.png:0.2"``, as for all losses on pixels.

    Raises:
        ScriptError: It can't be read, or is empty: what nothing means is the caller's choice.
    """
    escapes = PATH_ESCAPES if files else TEXT_ESCAPES
    piece = scan(as_text(text, place), place=place, escapes=escapes)
    piece = shield(piece, names, weight=True, paths=files)
    return read_weighting(piece, names=names, files=files)


def parse_direct_prompts(
    text: str, *, names: Collection[str] = TIME_NAMES, place: str = "direct_image_prompts"
) -> tuple[DirectPrompt, ...]:
    """Read pictures wanted as pixels: ``path[:weight[_mask]][:stop]``, with bars between.

    Paths and masks need no brackets and may have them. Ports (``https://h:8080/a.png``) and drive
    letters belong to the path; another colon in it needs brackets, quotes or a backslash.

    Raises:
        ScriptError: An entry can't be read.
    """
    piece = shield(scan(text, place=place, escapes=PATH_ESCAPES), names, paths=True)
    prompts = [_read_direct(part, names) for part in _prompts(piece)]
    labels = unique(shortened(prompt[0]) for prompt in prompts)
    return tuple(
        DirectPrompt(path, how.weight, how.stop, how.mask, label)
        for (path, how), label in zip(prompts, labels, strict=True)
    )


def _prompts(piece: Piece) -> list[Piece]:
    return [part.strip() for part in piece.split("|") if not part.blank]


def _read_prompt(piece: Piece, names: Collection[str]) -> Prompt:
    subject, *rest = piece.split(":", 1)
    inside = subject.bracketed
    kind: PromptKind = "text" if inside is None else "image"
    text = subject.text if inside is None else inside.text.strip()
    if kind == "image" and (seed := _NOISE.fullmatch(text)):
        kind, text = "noise", seed[1]
    if not text.strip():
        missing = "text" if inside is None else "path in the brackets"
        raise piece.error(f"{shown(piece.raw)} has no {missing}; write it, or drop the prompt")
    tail = rest[0] if rest else None
    hint = _PATH_HINT if tail and tail.raw.startswith(("/", "\\")) else _HINT
    how = read_weighting(tail, of=shown(text, 40), names=names, hint=hint)
    named = f"noise:{text}" if kind == "noise" else shortened(text)
    label = named if inside is None else f"[{named}]"
    return Prompt(text, kind, how.weight, how.stop, how.mask, label)


def _read_direct(piece: Piece, names: Collection[str]) -> tuple[str, Weighting]:
    subject, *rest = piece.split(":", 1)
    inside = subject.bracketed
    path = (subject if inside is None else inside).text.strip()
    if not path:
        raise piece.error(f"{shown(piece.raw)} has no path; write it, or drop the entry")
    hint = r"; a colon that belongs to the path is written \: or the path put in brackets"
    return path, read_weighting(
        rest[0] if rest else None, of=shown(path, 40), names=names, files=True, hint=hint
    )


def _note_missing_bars(prefix: str, suffix: str) -> None:
    """Say where PyTTI would have glued texts together."""
    if prefix.strip() and not prefix.rstrip().endswith("|"):
        logger.info("scene_prefix doesn't end with a bar; it is read as prompts of its own")
    if suffix.strip() and not suffix.lstrip().startswith("|"):
        logger.info("scene_suffix doesn't begin with a bar; it is read as prompts of its own")
