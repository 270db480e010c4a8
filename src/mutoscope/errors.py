"""The errors that Mutoscope raises on purpose.

    MutoscopeError
    ├── SettingsError      a settings key or its value, or two that do not go together
    ├── ScriptError        a scene, prompt, mask, expression or keyframe that can't be read
    ├── WeightsError       a network's weights: unknown, missing, damaged, not obtainable
    ├── MediaError         a picture, film or sound that can't be read or written
    ├── RunError           a run's folder: in use, taken, incomplete
    └── ExtraError         an optional package that is not installed

Each message is one line that gives the place, the value found, what is allowed and the way
out. The command line prints it and exits with 2; anything else is a bug and keeps its traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches

_BLANKS = "\n\u00a0\u2009\u202f\u3000"  # harmless ones that do not count as printable
_BEGINNING = 4  # letters from which a word may be taken for the beginning of another


class MutoscopeError(Exception):
    """Something about the input or the machine that the user can mend."""

    def __str__(self) -> str:
        # A message quotes what it found, and that may come from a stranger: whatever would steer a
        # terminal is shown as a sign.
        text = super().__str__()
        return text if text.isprintable() else printable(text, allowed=_BLANKS)


class SettingsError(MutoscopeError):
    """A settings key is unknown, has a wrong value, or contradicts another."""


class ScriptError(MutoscopeError):
    """A scene, prompt, mask, expression or keyframe string can't be read."""


class WeightsError(MutoscopeError):
    """A network's weights are unknown, missing, damaged or not obtainable."""


class MediaError(MutoscopeError):
    """A picture, film or sound can't be read or written."""


class RunError(MutoscopeError):
    """A run's folder is in use, already taken, or too incomplete to go on with."""


class ExtraError(MutoscopeError):
    """An optional package is needed and not installed."""


# What torch's allocators, its convolutions on a CPU (oneDNN) and C++ say when there is none left.
_NO_MEMORY = (
    *("out of memory", "not enough memory", "can't allocate", "bad_alloc"),
    *("could not create a primitive", "could not create a memory object"),
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device found no memory; only some of torch's errors for that have a type."""
    text = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(said in text for said in _NO_MEMORY)
    )


def printable(text: str, *, allowed: str = "") -> str:
    """``text`` from outside as one that can't steer a terminal; ``allowed`` characters stay."""
    return "".join(c if c.isprintable() or c in allowed else "�" for c in text)


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message: ``"; did you mean 'x'?"`` for the nearest known word, or nothing."""
    words = list(known)
    close = get_close_matches(word, words, n=1, cutoff=0.6)
    if not close and len(word) >= _BEGINNING:
        # Perhaps the beginning of a long one, as stepz of steps_per_scene.
        begun = {other[: len(word)]: other for other in reversed(words)}
        close = [begun[start] for start in get_close_matches(word, list(begun), n=1, cutoff=0.75)]
    return f"; did you mean {close[0]!r}?" if close else ""
