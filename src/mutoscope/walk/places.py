"""Places of a latent space in words: ``42``, ``bird``, ``42 + 2*sefa-1``, ``0.5*42 + 0.5*bird``.

A place is a sum. Samples, bookmarks and ``mean`` are points of w, and what is written before them
must come to 1, so that the sum is a point again; directions are added in standard deviations, as
many as one likes. Nothing is truncated here: whoever draws the place does that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mutoscope.errors import SettingsError, nearest, printable
from mutoscope.walk.bookmarks import LONGEST, MEAN, Bookmark, read_bookmarks
from mutoscope.walk.directions import PATTERN, Directions, no_direction, read_directions
from mutoscope.walk.keys import MAX_KEYS, Keys, numbers_of, sample, samples
from mutoscope.walk.render import Renderer

FARTHEST = 100.0
"""The largest factor in a sum."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)(?![\w.])|(?P<name>[^\W\d_]\w*(?:-\w+)*)|(?P<sign>[-+*]))\s*"
)
_NUMBERS = re.compile(r"[0-9]+(\.\.[0-9]+)?")
_EVEN = 1e-6
_LONGEST_NUMBER = 18


@dataclass(frozen=True)
class Term:
    """A summand: so many times a sample's number or a name."""

    factor: float
    what: int | str


@dataclass(frozen=True, eq=False)
class Map:
    """What names mean for a generator: its samples, bookmarks and directions."""

    renderer: Renderer
    bookmarks: Mapping[str, Bookmark]
    directions: Directions | None

    @classmethod
    def of(cls, renderer: Renderer) -> "Map":
        """What lies beside the generator's file.

        Raises:
            MediaError: a file is damaged, or the directions are another generator's.
        """
        folder = renderer.path.parent
        length = renderer.generator.shape.w
        known = read_directions(folder, generator=renderer.digest, w=length)
        return cls(renderer, read_bookmarks(folder), known)

    @property
    def folder(self) -> Path:
        """Where the bookmarks and directions lie."""
        return self.renderer.path.parent

    def find(self, text: str) -> Tensor:
        """The w of a place in words, (w,), on the CPU and not truncated.

        Raises:
            SettingsError: it can't be read, names what there is not, or is no point.
        """
        terms = parse_place(text)
        points = sum(term.factor for term in terms if not _is_direction(term))
        if abs(points - 1) > _EVEN:
            raise SettingsError(
                f"{printable(text[:60])!r}: its samples and bookmarks come to {points:g}, and a "
                "place needs 1 of them; write 42 + 2*sefa-1, or 0.5*42 + 0.5*17"
            )
        found = torch.zeros(self.renderer.generator.shape.w, dtype=torch.float64)
        for term in terms:
            found += term.factor * self._vector(term.what).double()
        return found.float()

    def keys(self, text: str) -> Keys:
        """The keys in ``3,bird,42 + 2*sefa-1,8..11``, in w.

        Raises:
            SettingsError: one can't be found, or they are too many.
        """
        parts = [part.strip() for part in text.split(",")]
        if len(parts) > MAX_KEYS:
            raise SettingsError(f"--keys: {len(parts)} keys; at most {MAX_KEYS} are taken")
        rows: list[Tensor] = []
        for part in parts:
            spanned = ".." in part or not part
            rows += map(self._sample, numbers_of(part)) if spanned else [self.find(part)]
        if len(rows) > MAX_KEYS:
            raise SettingsError(f"--keys: {len(rows)} keys; at most {MAX_KEYS} are taken")
        return Keys(torch.stack(rows), "w", words=text)

    def _vector(self, what: int | str) -> Tensor:
        if isinstance(what, int):
            return self._sample(what)
        if what == MEAN:
            return self.renderer.mean()
        if PATTERN.fullmatch(what):
            return self._direction(what)
        return self._bookmark(what)

    def _sample(self, number: int) -> Tensor:
        return self.renderer.map(sample(number, self.renderer.generator.shape.z)[None])[0]

    def _direction(self, name: str) -> Tensor:
        if self.directions is None:
            raise no_direction(name, self.folder)
        if name not in self.directions.names:
            raise SettingsError(
                f"{name}: there is no such direction{nearest(name, self.directions.names)}"
            )
        return self.directions.step(name)

    def _bookmark(self, name: str) -> Tensor:
        known = self.bookmarks.get(name)
        if known is None:
            names = [*self.bookmarks, MEAN, *(self.directions.names if self.directions else ())]
            raise SettingsError(
                f"{printable(name[:40])!r}: is no bookmark in {self.folder}{nearest(name, names)}; "
                f"write a sample's number, or set it by: mutoscope atlas {self.folder} "
                f"--bookmark {printable(name[:40])}=42"
            )
        if known.generator != self.renderer.digest:
            raise SettingsError(
                f"{name}: was set for another generator, before it was trained further; set it "
                f"anew by: mutoscope atlas {self.folder} --bookmark {name}="
                f"{printable(known.latent)!r}"
            )
        length = self.renderer.generator.shape
        if len(known.vector) != (length.z if known.space == "z" else length.w):
            raise SettingsError(f"{name}: has {len(known.vector)} numbers in {known.space}; not so "
                                "this generator's; set it anew")  # fmt: skip
        return known.vector if known.space == "w" else self.renderer.map(known.vector[None])[0]


def keys_of(text: str, renderer: Renderer) -> Keys:
    """The keys in ``3,bird,42 + 2*sefa-1``; numbers alone are samples, whatever lies beside them.

    Raises:
        SettingsError: one can't be found, or they are too many.
        MediaError: the bookmarks or directions beside the generator can't be read.
    """
    if all(_NUMBERS.fullmatch(part.strip()) for part in text.split(",")):
        return samples(numbers_of(text), renderer.generator.shape.z)
    return Map.of(renderer).keys(text)


def parse_place(text: str) -> tuple[Term, ...]:
    """The summands of a place in words.

    Raises:
        SettingsError: it is no sum of samples, bookmarks and directions.
    """
    if len(text) > LONGEST:
        raise _unread(text, f"has {len(text)} characters, and {LONGEST} are read")
    tokens = _tokens(text)
    terms: list[Term] = []
    at, sign = 0, 1.0
    while at < len(tokens):
        kind, word = tokens[at]
        if kind == "sign" and word != "*" and (terms or word == "-"):
            sign = -1.0 if word == "-" else 1.0
            at += 1
        elif terms or kind == "sign":
            raise _unread(text, f"has {word!r} where + or - or a place is wanted")
        term, at = _term(text, tokens, at)
        terms.append(Term(sign * term.factor, term.what))
    if not terms:
        raise _unread(text, "is empty")
    return tuple(terms)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text) and text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _unread(text, f"has {printable(text[at : at + 12])!r} in it")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _term(text: str, tokens: list[tuple[str, str]], at: int) -> tuple[Term, int]:
    """One summand, and where the next begins: ``2*sefa-1``, ``bird``, ``42``."""
    factor = 1.0
    if at + 1 < len(tokens) and tokens[at][0] == "number" and tokens[at + 1] == ("sign", "*"):
        factor = float(tokens[at][1])
        if factor > FARTHEST:
            raise _unread(text, f"has a factor of {factor:g}, and {FARTHEST:g} is the largest")
        at += 2
    if at >= len(tokens) or tokens[at][0] == "sign":
        raise _unread(text, "ends, or goes on, where a sample, bookmark or direction is wanted")
    kind, word = tokens[at]
    if kind == "name":
        return Term(factor, word), at + 1
    if "." in word or len(word) > _LONGEST_NUMBER:
        raise _unread(text, f"has {word!r} where a sample's number is wanted")
    return Term(factor, int(word)), at + 1


def _is_direction(term: Term) -> bool:
    return isinstance(term.what, str) and PATTERN.fullmatch(term.what) is not None


def _unread(text: str, why: str) -> SettingsError:
    return SettingsError(
        f"{printable(text[:60])!r}: {why}; a place is written 42, bird, 42 + 2*sefa-1 or "
        "0.5*42 + 0.5*17"
    )
