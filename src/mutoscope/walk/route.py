"""What a walk is to be, and whether it can be."""

from dataclasses import dataclass
from fractions import Fraction

from mutoscope.errors import SettingsError, nearest
from mutoscope.walk.keys import MAX_KEYS, Keys
from mutoscope.walk.toward import Toward

STYLES = ("spline", "zigzag", "bezier", "orbit", "noise-loop", "sine", "period", "bitloop")
"""Shapes of a path, the default first."""

WAVES = ("sine", "period", "bitloop")
"""Those that swing around one place, each dimension of z by itself."""

PACES = ("image", "latent", "raw")
"""What is even along a path: the change of the picture, of the vector, or of neither."""

MAX_FRAMES = 10_000_000


@dataclass(frozen=True)
class Drive:
    """What pushes a walk along: its speed is 1 + ``gain`` · ``by``, relative to the rest of it.

    ``by``: a number over time that may name `bass` and the other bands of a sound.
    """

    by: str
    gain: float = 4.0


@dataclass(frozen=True)
class Route:
    """What is wanted of a walk.

    Attributes:
        style: one of `STYLES`.
        segments: of how many parts it is, from key to key; by default as many as there are keys,
            4 quarters of an orbit, else 16.
        frames: in each segment.
        total: in all, in place of that.
        space: "z" or "w"; by default w, where the style can be there.
        truncation: how far w is from its mean: a number over time, 1 leaving it as it is; by
            default 0.7, and 1 in films as they were.
        seed: of what is drawn.
        keys: what it goes through, in place of drawn places.
        pace: one of `PACES`.
        parity: the frames that Third Study's film of this style has, doubled ones included.
        bits: of a bitloop.
        drive: what it is pushed along by.
        rate: frames per second.
        toward: words that its keys are led toward.
    """

    style: str = STYLES[0]
    segments: int | None = None
    frames: int = 512
    total: int | None = None
    space: str | None = None
    truncation: str | None = None
    seed: int = 0
    keys: Keys | None = None
    pace: str = PACES[0]
    parity: bool = False
    bits: str = "1100"
    drive: Drive | None = None
    rate: Fraction = Fraction(30)
    toward: Toward | None = None

    @property
    def led(self) -> Toward | None:
        """What its keys are led toward, if they are led at all."""
        return self.toward if self.toward is not None and self.toward.strength else None


def segments_of(route: Route) -> int:
    """Of how many segments a walk is."""
    if route.segments is not None:
        return route.segments
    if route.style == "orbit":
        return 4
    return 16 if route.keys is None else len(route.keys.vectors)


def total_of(route: Route) -> int:
    """How many frames a walk has in all.

    Raises:
        SettingsError: none, or too many.
    """
    segments = segments_of(route)
    legs = segments - 1 if route.parity and route.style == "zigzag" else segments
    total = legs * route.frames if route.total is None else route.total
    if not 1 <= total <= MAX_FRAMES:
        raise SettingsError(f"frames: {total} in all; allowed are 1 to {MAX_FRAMES}")
    return total


def check(route: Route) -> str:
    """The space that a walk is in, "z" or "w".

    Raises:
        SettingsError: what is wanted doesn't go together.
    """
    if route.style not in STYLES:
        raise SettingsError(
            f"--style: {route.style!r} is none of {', '.join(STYLES)}{nearest(route.style, STYLES)}"
        )
    if route.pace not in PACES:
        raise SettingsError(f"--pace: {route.pace!r} is none of {', '.join(PACES)}")
    only_z = route.style in WAVES or route.parity
    space = route.space or ("z" if only_z else "w")
    if space not in ("z", "w"):
        raise SettingsError(f"--space: {space!r} is neither z nor w")
    if only_z and space == "w":
        what = "a film as it was" if route.parity else route.style
        raise SettingsError(f"--space: {what} walks in z; leave --space w out")
    if not 2 <= segments_of(route) <= MAX_KEYS:
        raise SettingsError(f"segments: {segments_of(route)}; allowed are 2 to {MAX_KEYS}")
    if route.frames < 1:
        raise SettingsError(f"frames: {route.frames} in a segment; at least 1 is needed")
    if route.parity:
        _check_parity(route)
    _check_keys(route, space)
    return space


def _check_parity(route: Route) -> None:
    if route.style in ("spline", "orbit", "noise-loop"):
        old = ", ".join(style for style in STYLES if style not in ("spline", "orbit", "noise-loop"))
        raise SettingsError(f"--parity: there was no {route.style} then; there were {old}")
    for what, given in (
        ("keys", route.keys), ("drive", route.drive), ("seconds", route.total),
        ("toward", route.toward),
    ):  # fmt: skip
        if given is not None:
            raise SettingsError(f"--parity: a film as it was knows no {what}; leave that out")


def _check_keys(route: Route, space: str) -> None:
    keys = route.keys
    if keys is None:
        return
    count = len(keys.vectors)
    if route.style in (*WAVES, "noise-loop"):
        raise SettingsError(f"keys: {route.style} goes through none; leave them out")
    if route.style == "orbit" and count != 2:
        raise SettingsError(f"keys: an orbit goes through 2, and here are {count}")
    if route.style != "orbit" and route.segments not in (None, count):
        raise SettingsError(
            f"--segments: {route.segments}, but there are {count} keys, and so many segments"
        )
    if keys.space == "w" and space == "z":
        raise SettingsError("keys: these are in w, and the walk is in z; leave --space z out")
