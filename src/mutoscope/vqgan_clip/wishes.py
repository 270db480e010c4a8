"""Stories of prompts as one scene: what is wanted later has a weight that waits for its frame.

So a prompt may change at any frame, texts, pictures and noise each by themselves, and a film has
one scene, whose steps need no common length.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from mutoscope.curves import Curve
from mutoscope.errors import SettingsError
from mutoscope.script import Prompt
from mutoscope.script.stories import parse_story
from mutoscope.script.values import PromptKind
from mutoscope.tokens import quote

Story = str | Sequence[str | Sequence[str]] | None
Groups = tuple[tuple[Prompt, ...], ...]

ARGUMENTS: tuple[tuple[str, PromptKind], ...] = (
    ("text_prompts", "text"),
    ("image_prompts", "image"),
    ("noise_prompts", "noise"),
)


def read_stories(texts: Story, images: Story, noises: Story) -> tuple[Groups, ...]:
    """The groups of prompts of each kind, in the order of `ARGUMENTS`.

    Raises:
        ValueError: one is neither a text nor a list of texts, or there is no prompt at all.
        ScriptError: a prompt can't be read.
    """
    stories = []
    for (name, kind), given in zip(ARGUMENTS, (texts, images, noises), strict=True):
        if given is not None and not isinstance(given, str | list | tuple):
            raise PromptError(
                f"{name} must be a string, or a list of strings; {given!r} is "
                f"{type(given).__name__}"
            )
        stories.append(parse_story(given or "", kind=kind, place=name))
    if not any(stories):
        raise PromptError(
            "No valid prompts were provided; give text_prompts, image_prompts or noise_prompts, "
            "such as text_prompts='a fox | snow:0.5'"
        )
    return tuple(stories)


class PromptError(SettingsError, ValueError):
    """Prompts that are none; a ``ValueError`` too, which vqgan-clip-generator's users catch."""


def frames_of_changes(frames: Any, *, total: int) -> tuple[int, ...]:
    """The frames, from 1, at which the next group of prompts begins; one alone may be a number.

    Raises:
        SettingsError: it is nothing of that kind.
    """
    if frames is None:
        return ()
    given = [frames] if isinstance(frames, int) else frames
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise PromptError(_no_frames(frames))
    numbers = list(given)
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in numbers):
        raise PromptError(_no_frames(frames))
    return tuple(n for n in sorted(set(numbers)) if n <= total)


def _no_frames(frames: Any) -> str:
    return (
        f"change_prompts_on_frame: {frames!r} can't be used; give the numbers of frames, counted "
        "from 1, such as [60, 100]"
    )


def scene_of(stories: Sequence[Groups], changes: Sequence[int] = ()) -> str:
    """All prompts as one scene of the settings, where group ``k`` begins at the ``k``-th change.

    A story with fewer groups stays with its last.
    """
    return " | ".join(
        _written(prompt, begin, end)
        for groups in stories
        for begin, end, group in _spans(groups, changes)
        for prompt in group
    )


def _spans(
    groups: Groups, changes: Sequence[int]
) -> Iterable[tuple[int | None, int | None, tuple[Prompt, ...]]]:
    """Each group with the frame it begins at and the one at which the next begins."""
    shown = groups[: len(changes) + 1]
    for index, group in enumerate(shown):
        begin = changes[index - 1] if index else None
        end = changes[index] if index + 1 < len(shown) else None
        yield begin, end, group


def _written(prompt: Prompt, begin: int | None, end: int | None) -> str:
    """One prompt in the language of the settings; the first frame there is number 0."""
    subject = {
        "text": quote(prompt.text),
        "image": f"[{_bracketed(prompt.text)}]",
        "noise": f"[noise:{prompt.text}]",
    }[prompt.kind]
    weight = _told(prompt.weight)
    bounds = [f"frame >= {begin - 1}"] if begin is not None else []
    bounds += [f"frame < {end - 1}"] if end is not None else []
    if bounds:
        weight = f"({weight} if {' and '.join(bounds)} else 0)"
    stop = _told(prompt.stop)
    if stop == "-inf":
        return subject if weight == "1" else f"{subject}:{weight}"
    return f"{subject}:{weight}:{stop}"


def _bracketed(path: str) -> str:
    r"""A path as it stands in brackets, where ``[``, ``]`` and ``"`` need a backslash."""
    return "".join(f"\\{c}" if c in '[]"' else c for c in path)


def _told(number: Curve) -> str:
    """A number as expressions have it: all that stories can hold are constants."""
    assert number.constant is not None  # noqa: S101
    return repr(number.constant).removesuffix(".0")
