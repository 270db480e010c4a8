"""What is wrong with a set of settings: all of it at once, in one line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mutoscope.errors import ScriptError, SettingsError

_SHOWN = 60  # characters of a refused value that a message repeats


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    ``keys`` are those it concerns, the one to be mended first; ``text`` is the sentence, without a
    place; ``script`` says that the scene language or an expression was not understood.
    """

    keys: tuple[str, ...]
    text: str
    script: bool = False


class ProblemsError(SettingsError):
    """Settings that can't be used, for the reasons ``problems``; the message is all of them."""

    def __init__(self, message: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(message)
        self.problems = problems


class _ScriptProblemsError(ProblemsError, ScriptError):
    """Settings in which nothing but scenes or expressions is wrong."""


def problems_error(
    problems: Iterable[Problem], place: Callable[[Problem], str] = lambda _problem: ""
) -> ProblemsError:
    """The error to raise for ``problems``; ``place`` says where each stands, or nothing."""
    found = tuple(dict.fromkeys(problems))
    sentences = [f"{where}: {p.text}" if (where := place(p)) else p.text for p in found]
    kind = _ScriptProblemsError if all(p.script for p in found) else ProblemsError
    return kind("; ".join(sentences), found)


def shown(value: Any) -> str:
    """A value for a message: in one line, and not all of it if it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 2]} …"


def bare(text: str) -> str:
    """Text for a message, without quotes around it: in one line, and not all of it if long."""
    line = repr(text)[1:-1]
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 2]} …"
