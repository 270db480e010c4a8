"""A way through a latent space, as it was recorded on the pad, and the command that films it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mutoscope.errors import SettingsError

MOST = 400  # places of a way
LEAST_KEYS = 2
EVERY = 0.75  # seconds from one recorded place to the next
LONGEST = 600.0  # seconds of a film


@dataclass(frozen=True)
class Visit:
    """A place in words, when it was come to, in seconds, and its picture, an address of data."""

    place: str
    at: float
    picture: str = ""


def evenly(visits: Sequence[Visit], every: float = EVERY) -> list[Visit]:
    """The places of a recording at even times: where one stood then.

    A walk gives each leg between its keys the same time.
    """
    if not visits:
        return []
    begun, ended = visits[0].at, visits[-1].at
    count = min(MOST, round((ended - begun) / every) + 1)
    found, at = [], 0
    for number in range(count):
        moment = begun + number * every
        while at + 1 < len(visits) and visits[at + 1].at <= moment + 1e-9:
            at += 1
        found.append(visits[at])
    if found[-1] is not visits[-1] and len(found) < MOST:
        found.append(visits[-1])
    return found


def film_command(
    run: str, output: str, keys: Sequence[str], *, seconds: float, truncation: float, timed: bool,
    fps: int = 30, loop_style: str = "spline",
) -> tuple[str, ...]:  # fmt: skip
    """The command that films a walk through places; ``timed`` keeps the pace of a recording.

    A walk doesn't stand still: of places that follow each other and are the same, the last to the
    first, too, one stays.

    Raises:
        SettingsError: there are too few or too many, or the film is too long.
    """
    keys = [key for at, key in enumerate(keys) if key != keys[at - 1] or len(keys) == 1]
    if not LEAST_KEYS <= len(keys) <= MOST:
        raise SettingsError(f"keyframes: {len(keys)}; a walk needs {LEAST_KEYS}–{MOST}")
    if not 0 < seconds <= LONGEST:
        raise SettingsError(f"seconds: {seconds:g}; allowed are up to {LONGEST:g}")
    return (
        "walk", run, "-o", output, f"--keys={','.join(keys)}", "--seconds", f"{seconds:g}",
        "--truncation", f"{truncation:g}", "--pace", "raw" if timed else "image", "--fps", str(fps),
        "--style", loop_style,
    )  # fmt: skip
