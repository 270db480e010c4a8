"""What viewers are told of a picture: a title, a description, the program, one line of figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mutoscope.errors import printable

TITLE = 80
"""Characters of a title."""

DESCRIPTION = 2_000
"""Characters of a description."""

_JOINER = "\u200d"  # composes emoji


@dataclass(frozen=True)
class Labels:
    """A picture's fields for viewers, each one printable line; empty where there is nothing.

    ``title``: the beginning of the prompt; ``description``: the prompt; ``software``: the program
    with its version; ``comment``: seed, frame and step.
    """

    title: str
    description: str
    software: str
    comment: str


def labels_of(recipe: Mapping[str, Any]) -> Labels:
    """The labels of a picture with this recipe; of a sheet, those of all of it."""
    sheet = recipe.get("sheet")
    prompt = sheet.get("prompt") if isinstance(sheet, Mapping) else None
    if not isinstance(prompt, str):
        prompt = recipe["settings"].get("scenes")
    words = one_line(prompt) if isinstance(prompt, str) else ""
    figures = {"seed": recipe["settings"].get("seed")}
    figures |= {key: recipe.get(key) for key in ("frame", "step")}
    told = [f"{key} {value}" for key, value in figures.items() if type(value) is int]
    return Labels(
        title=shortened(words, TITLE),
        description=shortened(words, DESCRIPTION),
        software=shortened(f"Mutoscope {one_line(str(recipe['version']))}", TITLE),
        comment=shortened(", ".join(told), DESCRIPTION),
    )


def one_line(text: str) -> str:
    """`text` in one line that holds nothing but printable characters."""
    return printable(" ".join(text.split()), allowed=_JOINER)


def shortened(text: str, most: int) -> str:
    """`text` in at most so many characters, cut between words where there are some."""
    if len(text) <= most:
        return text
    start, _, _ = text[:most].rpartition(" ")
    return (start if len(start) > most // 2 else text[: most - 1]).rstrip() + "…"
