"""What is wanted and when, as plain values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from mutoscope.curves import Curve

MaskKind: TypeAlias = Literal["all", "letter", "text", "image", "video"]
PromptKind: TypeAlias = Literal["text", "image", "noise"]

LABEL_LENGTH = 40


@dataclass(frozen=True)
class Mask:
    """Which cutouts a wish applies to.

    ``letter``: ``value`` is one of r l d u (right, left, lower, upper part) and n f (near, large
    cutouts; far, small ones). ``text``: cutouts that look like ``value``. ``image``, ``video``:
    where the file ``value`` is bright, or dark if ``inverted``. ``cutoff`` is ``None`` where none
    was given.
    """

    kind: MaskKind = "all"
    value: str = ""
    inverted: bool = False
    cutoff: Curve | None = None


EVERYWHERE = Mask()


@dataclass(frozen=True)
class Weighting:
    """How strongly, down to which distance, and where something is wanted."""

    weight: Curve
    stop: Curve
    mask: Mask = EVERYWHERE


@dataclass(frozen=True)
class Prompt:
    """Something wanted: a text, the picture at a path or URL, or noise from a seed.

    ``label`` names it in logs, and is unique in its script.
    """

    text: str
    kind: PromptKind
    weight: Curve
    stop: Curve
    mask: Mask
    label: str


@dataclass(frozen=True)
class DirectPrompt:
    """A picture whose pixels are wanted. Its mask is a file, or everywhere."""

    path: str
    weight: Curve
    stop: Curve
    mask: Mask
    label: str


@dataclass(frozen=True)
class Scene:
    """What is wanted together; ``source`` are the prompts as written, with bars between."""

    prompts: tuple[Prompt, ...]
    source: str


@dataclass(frozen=True)
class Script:
    """The scenes, one after the other."""

    scenes: tuple[Scene, ...]


def shortened(text: str) -> str:
    """The text on one line and without its middle if it is longer than a label should be."""
    line = " ".join(text.split())
    if len(line) <= LABEL_LENGTH:
        return line
    end = LABEL_LENGTH // 3
    return f"{line[: LABEL_LENGTH - end - 1].rstrip()}…{line[-end:].lstrip()}"


def unique(labels: Iterable[str]) -> Iterator[str]:
    """The labels, with `` (2)``, `` (3)`` … after those that came before."""
    taken: dict[str, int] = {}
    for label in labels:
        name = label
        while name in taken:
            taken[label] += 1
            name = f"{label} ({taken[label]})"
        taken[name] = 1
        yield name


def labelled(groups: Iterable[Sequence[Prompt]]) -> tuple[tuple[Prompt, ...], ...]:
    """The same prompts, with labels that are unique among all of them."""
    groups = [tuple(group) for group in groups]
    labels = unique(prompt.label for group in groups for prompt in group)
    return tuple(tuple(replace(prompt, label=next(labels)) for prompt in group) for group in groups)
