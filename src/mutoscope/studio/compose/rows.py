"""Scenes as rows: every prompt with its weight, mask and stop, and back to text, losing nothing.

What is cut is what `mutoscope.script` cuts, by the same tokenizer, but nothing is understood: a
field holds what stands there, quotes, escapes, expressions and all. Rows that nobody has touched
give back the very text that they came from.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mutoscope.curves import TIME_NAMES
from mutoscope.errors import ScriptError
from mutoscope.schedule import make_schedule
from mutoscope.script import parse_scenes
from mutoscope.script.fields import shield
from mutoscope.settings import Settings
from mutoscope.tokens import Piece, quote, scan

_WHERE = re.compile(r"\w+(?:, line (\d+))?, column (\d+)")

Field = Literal["subject", "weight", "mask", "stop"]
FIELDS: tuple[Field, ...] = get_args(Field)


@dataclass(frozen=True)
class PromptRow:
    """A prompt as it is written; ``start`` is where, in the whole text.

    ``raw`` is all of it, blanks around and all; a field is ``""`` where nothing is written. A
    mask has its cutoff behind it, as in ``l_0.3``.
    """

    raw: str
    start: int
    subject: str
    weight: str = ""
    mask: str = ""
    stop: str = ""

    @property
    def blank(self) -> bool:
        """Whether nothing is asked for."""
        return not self.raw.strip()

    @property
    def fields(self) -> dict[Field, str]:
        """What stands in each field."""
        return {name: getattr(self, name) for name in FIELDS}

    def written(self, fields: Mapping[Field, str]) -> str:
        """The prompt's text with fields that say something else; blanks around it stay."""
        now = {**self.fields, **{name: value.strip() for name, value in fields.items()}}
        if now == self.fields:
            return self.raw
        weight = now["weight"] or ("1" if now["mask"] or now["stop"] else "")
        text = now["subject"] + (f":{weight}" if weight else "")
        text += f"_{now['mask']}" if now["mask"] else ""
        text += f":{now['stop']}" if now["stop"] else ""
        # Of a blank row the first space is before what comes to stand there, the rest behind it.
        begins = self.raw.removeprefix(" ") if self.blank else self.raw.lstrip()
        before = self.raw[: len(self.raw) - len(begins)]
        after = begins if self.blank else self.raw[len(self.raw.rstrip()) :]
        return f"{before}{text}{after}"


@dataclass(frozen=True)
class Rows:
    """Scenes, each with its prompts, also the blank ones, which count for nothing."""

    scenes: tuple[tuple[PromptRow, ...], ...]

    @property
    def text(self) -> str:
        """What they were read from."""
        return _joined(self._raws())

    def shown(
        self, also: tuple[int, int] | None = None
    ) -> list[tuple[int, list[tuple[int, PromptRow]]]]:
        """The scenes that there are, and their prompts, with their places among all.

        Blank prompts are left out, but for the one at the place ``also``.
        """
        return [
            (at, [(p, row) for p, row in enumerate(scene) if not row.blank or (at, p) == also])
            for at, scene in enumerate(self.scenes)
            if len(scene) > 1 or scene[0].raw
        ]

    # Each of the following is the text after a change.

    def with_prompt(self, scene: int, place: int, text: str) -> str:
        """One prompt saying something else."""
        raws = self._raws()
        raws[scene][place] = text
        return _joined(raws)

    def without_prompt(self, scene: int, place: int) -> str:
        """One prompt less; a scene without any stays a scene."""
        if len(self.scenes[scene]) == 1:
            return self.with_prompt(scene, place, " ")
        raws = self._raws()
        del raws[scene][place]
        return _joined(raws)

    def with_added_prompt(self, scene: int, text: str) -> str:
        """One prompt more, the last of a scene."""
        raws = self._raws()
        last = [place for place, row in enumerate(self.scenes[scene]) if not row.blank]
        if not last:
            raws[scene] = [f" {text}" if scene else text]
        else:
            end = raws[scene][last[-1]]
            after = end[len(end.rstrip()) :]
            raws[scene][last[-1]] = f"{end.rstrip()} "
            raws[scene].insert(last[-1] + 1, f" {text}{after}")
        return _joined(raws)

    def with_added_scene(self, text: str) -> str:
        """One scene more, after the others, on a line of its own."""
        if not self.text.strip():
            return text
        return f"{self.text.rstrip()}\n|| {text}"

    def without_scene(self, scene: int) -> str:
        """One scene less."""
        raws = self._raws()
        del raws[scene]
        if raws and scene == 0:
            raws[0][0] = raws[0][0].lstrip()
        return _joined(raws).rstrip() if raws else ""

    def with_moved_scene(self, scene: int, by: int) -> str:
        """A scene so many places later, or earlier; blanks between the scenes stay."""
        order = [at for at, _ in self.shown()]
        at = order.index(scene)
        to = min(max(0, at + by), len(order) - 1)
        whole = ["|".join(row.raw for row in each) for each in self.scenes]
        bodies = [whole[place].strip() for place in order]
        bodies.insert(to, bodies.pop(at))
        for place, body in zip(order, bodies, strict=True):
            old = whole[place]
            before = old[: len(old) - len(old.lstrip())]
            after = old[len(old.rstrip()) :] if old.strip() else ""
            whole[place] = f"{before}{body}{after}" or " "
        return "||".join(whole)

    def at(self, index: int) -> tuple[int, int] | None:
        """Which prompt stands at a position of the text, as its scene and its place there."""
        for scene, rows in enumerate(self.scenes):
            for place, row in enumerate(rows):
                if row.start <= index <= row.start + len(row.raw):
                    return scene, place
        return None

    def _raws(self) -> list[list[str]]:
        return [[row.raw for row in scene] for scene in self.scenes]


def read_rows(text: str, names: Collection[str] = TIME_NAMES, *, scenes: bool = True) -> Rows:
    """The rows of a text in the scene language.

    Args:
        text: ``scenes``, ``scene_prefix`` or ``scene_suffix``.
        names: The variables that expressions may use: one with an underscore is not cut there.
        scenes: Two bars part scenes; in a prefix or suffix they are just two.

    Raises:
        ScriptError: a quote in it is never closed, or it is too long.
    """
    whole = shield(scan(text, place="scenes"), names)
    parts = whole.split("||") if scenes else [whole]
    return Rows(tuple(tuple(_row(piece) for piece in part.split("|")) for part in parts))


def _row(piece: Piece) -> PromptRow:
    inner = piece.strip()
    subject, *rest = inner.split(":", 1)
    if not rest:
        return PromptRow(piece.raw, piece.start, inner.raw)
    first, *stops = rest[0].split(":", 1)
    weight, *masks = first.split("_", 1)
    return PromptRow(
        piece.raw,
        piece.start,
        subject.raw.strip(),
        weight.raw.strip(),
        masks[0].raw.strip() if masks else "",
        stops[0].raw.strip() if stops else "",
    )


def _joined(raws: list[list[str]]) -> str:
    return "||".join("|".join(scene) for scene in raws)


def subject_of(typed: str, names: Collection[str] = TIME_NAMES, *, more: bool = False) -> str:
    """What was typed as a prompt: in the scene language, as far as it can be taken so, else quoted.

    So "a fox:2 | snow" becomes two prompts, one of weight 2; but "Star Wars: a hope", of which no
    weight can be made, is quoted, as is "12:30" where a weight stands in its own field (``more``).
    """
    typed = " ".join(typed.split())
    try:
        parse_scenes(typed, names=names)
        last = read_rows(typed, names).scenes[-1][-1]
    except ScriptError:
        return quote(typed)
    return quote(typed) if more and last.weight else typed


def place_of(message: str, text: str) -> int | None:
    """The position in ``text`` that a message about it names, None where it names none."""
    found = _WHERE.match(message)
    if found is None:
        return None
    lines = text.split("\n")[: int(found[1] or 1) - 1]
    return sum(len(line) + 1 for line in lines) + int(found[2]) - 1


def scene_times(settings: Settings) -> Iterator[tuple[float, float]]:
    """Of each scene: when it begins and when it ends, in seconds of film; steps in a still."""
    schedule = replace(make_schedule(settings), lap=0)  # a loop's end is its end, not its beginning
    for scene in range(schedule.scenes):
        first, stop = scene * schedule.steps_per_scene, (scene + 1) * schedule.steps_per_scene
        if schedule.animated:
            yield max(0.0, schedule.moment(first).t), max(0.0, schedule.moment(stop).t)
        else:
            yield float(first), float(stop)
