r"""What stands between the bars and colons: the one reader of escapes, quotes and brackets.

Every dialect of the scene language cuts text at certain characters (``|``, ``:``, ``_``, ``^``).
`scan` decides, once, which of them may cut, and keeps for every character where it was written:

- In matched brackets, ``[a|b.png]``, nothing cuts. A bracket without a partner is plain text.
- In double quotes, ``"12:30 | clock"``, nothing cuts and brackets mean nothing. Quotes around a
  whole field are dropped; others stay part of the text. A quote opens after a blank or another
  mark, so the one in ``5" nail`` is plain; an apostrophe always is.
- After a backslash, one of ``| : _ ^ [ ] " \`` is plain. Before anything else the backslash itself
  is plain, so that ``C:\img\x.png`` stays whole. In brackets only ``[ ] "`` can be escaped, in
  quotes only ``"``: ``[C:\_new\x.png]`` and ``[\\host\x.png]`` are paths as they stand there.
- Where it counts, ``\\`` is one backslash: ``a\\:2`` is the text ``a\`` and the weight 2.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mutoscope.errors import ScriptError

LENGTH = 100_000
TEXT_ESCAPES = frozenset("|:_^\\")
PATH_ESCAPES = frozenset("|:^")

# Stands in ``marks`` for a character that is only text; itself it never is a mark.
_PLAIN = "\0"
_FIELD_STARTS = frozenset("|:_^[")
_OPENERS = frozenset("([{-")
_SAFE = re.compile(r"[^\W_](?:[^\W_]|[ ,.'!?])+")


@dataclass(frozen=True)
class Source:
    """A text as the user wrote it, and the place it was written in."""

    text: str
    place: str

    def where(self, index: int) -> str:
        """The place with line and column, both from 1; the line only if there are several."""
        start = self.text.rfind("\n", 0, index) + 1
        column = f"column {index - start + 1}"
        if "\n" not in self.text:
            return f"{self.place}, {column}"
        return f"{self.place}, line {self.text.count(chr(10), 0, index) + 1}, {column}"

    def error(self, index: int, message: str) -> ScriptError:
        """The error that something at this position is wrong."""
        return ScriptError(f"{self.where(index)}: {message}")


@dataclass(frozen=True)
class Piece:
    """A stretch of a source, with what each of its characters is.

    ``marks`` and ``letters`` are as long as the whole source. A mark is the character where it may
    cut and NUL where it is plain; a letter is what the character stands for, ``""`` for a
    backslash that only served to escape.
    """

    source: Source
    marks: str
    letters: tuple[str, ...]
    start: int
    stop: int

    def part(self, start: int, stop: int) -> "Piece":
        """The stretch between two positions of the source."""
        return replace(self, start=start, stop=stop)

    def strip(self) -> "Piece":
        """Without blanks at its ends, except quoted ones."""
        start, stop = self.start, self.stop
        while start < stop and self.marks[start].isspace():
            start += 1
        while stop > start and self.marks[stop - 1].isspace():
            stop -= 1
        return self.part(start, stop)

    def split(self, mark: str, most: int = -1) -> list["Piece"]:
        """The pieces between the marks, cutting at most ``most`` times from the left."""
        pieces = []
        start = self.start
        while most != 0 and (at := self.marks.find(mark, start, self.stop)) >= 0:
            pieces.append(self.part(start, at))
            start = at + len(mark)
            most -= 1
        return [*pieces, self.part(start, self.stop)]

    def protect(self, spans: Iterable[tuple[int, int]]) -> "Piece":
        """The same piece, where nothing in these stretches cuts any more."""
        marks = list(self.marks)
        for start, stop in spans:
            marks[start:stop] = _PLAIN * (stop - start)
        return replace(self, marks="".join(marks))

    @property
    def blank(self) -> bool:
        """Whether nothing but blanks stands here; ``""`` in quotes is something."""
        piece = self.strip()
        return piece.start == piece.stop

    @property
    def quoted(self) -> bool:
        """Whether all of it, but for blanks around, is one stretch in quotes."""
        piece = self.strip()
        return (
            piece.stop - piece.start > 1
            and self.marks[piece.start] == '"'
            and self.marks.find('"', piece.start + 1, piece.stop) == piece.stop - 1
        )

    @property
    def content(self) -> "Piece":
        """Without blanks around, and without quotes if it is `quoted`."""
        piece = self.strip()
        return piece.part(piece.start + 1, piece.stop - 1) if self.quoted else piece

    @property
    def bracketed(self) -> "Piece | None":
        """What stands in the brackets, if all of it is one pair; else ``None``."""
        piece = self.strip()
        if (
            piece.start < piece.stop
            and self.marks[piece.start] == "["
            and self.marks.find("]", piece.start, piece.stop) == piece.stop - 1
        ):
            return piece.part(piece.start + 1, piece.stop - 1).strip()
        return None

    @property
    def text(self) -> str:
        """What it says: escapes undone, blanks around and quotes around the whole dropped."""
        content = self.content
        return "".join(self.letters[content.start : content.stop])

    @property
    def raw(self) -> str:
        """As written, blanks and all."""
        return self.source.text[self.start : self.stop]

    def error(self, message: str, shift: int = 0) -> ScriptError:
        """The error that something is wrong ``shift`` characters into this piece."""
        return self.source.error(self.start + shift, message)


def scan(
    text: str,
    *,
    place: str,
    escapes: frozenset[str] = TEXT_ESCAPES,
    brackets: bool = True,
) -> Piece:
    """Read a text and find what in it may cut.

    Args:
        text: What the user wrote.
        place: Where, for messages.
        escapes: What a backslash makes plain, besides ``[ ] "``.
        brackets: Whether brackets protect what is in them.

    Raises:
        ScriptError: A quote is never closed, or the text is longer than 100,000 characters.
    """
    source = Source(text, place)
    if len(text) > LENGTH:
        raise source.error(0, f"{len(text)} characters; at most {LENGTH} are allowed")
    marks, letters = list(text), list(text)
    _read_quotes(source, marks, letters)
    if brackets:
        _match_brackets(marks)
    _read_escapes(text, marks, letters, escapes)
    return Piece(source, "".join(marks), tuple(letters), 0, len(text))


def quote(text: str) -> str:
    r"""The text so written that every dialect reads it as exactly this text.

    >>> quote("a clock at 12:30"), quote("sky")
    ('"a clock at 12:30"', 'sky')
    """
    if _SAFE.fullmatch(text) and not text.endswith(" "):
        return text
    # Backslashes count only before a quote: there, each is doubled.
    inner = re.sub(r'(?<!\\)(\\*)"', r'\1\1\\"', text)
    inner = re.sub(r"(?<!\\)(\\+)\Z", r"\1\1", inner)
    return f'"{inner}"'


def _read_quotes(source: Source, marks: list[str], letters: list[str]) -> None:
    """Make plain what is quoted, and the brackets and quotes that are escaped."""
    text = source.text
    at, field = 0, True
    while at < len(text):
        char = text[at]
        if char == "\\":
            end = _run_end(text, at)
            escaped = end < len(text) and text[end] in '[]"'
            at = _undo(at, end, marks, letters) if escaped else end
            field = False
        elif char == '"' and _opens(text, at, field):
            at = _read_quoted(source, at, marks, letters)
            field = False
        else:
            if char == '"':
                marks[at] = _PLAIN
            field = char in _FIELD_STARTS or (field and char.isspace())
            at += 1


def _opens(text: str, at: int, field: bool) -> bool:
    """Whether a quote opens: at a field's start, or between a blank or bracket and a word."""
    if field:
        return True
    before, after = text[at - 1], text[at + 1 : at + 2]
    return (before.isspace() or before in _OPENERS) and bool(after) and not after.isspace()


def _read_quoted(source: Source, start: int, marks: list[str], letters: list[str]) -> int:
    """Make plain what the quote at ``start`` begins; returns the position after its end."""
    text = source.text
    at = start + 1
    while at < len(text):
        if text[at] == '"':
            return at + 1
        if text[at] == "\\":
            end = _run_end(text, at)
            if text[end : end + 1] == '"':
                at = _undo(at, end, marks, letters)
                continue
            marks[at:end] = _PLAIN * (end - at)
            at = end
            continue
        marks[at] = _PLAIN
        at += 1
    raise source.error(
        start, r'a quote (") opens here and is never closed; close it, or write \" for the sign'
    )


def _run_end(text: str, at: int) -> int:
    while at < len(text) and text[at] == "\\":
        at += 1
    return at


def _undo(start: int, end: int, marks: list[str], letters: list[str]) -> int:
    """Halve the backslashes from ``start`` to ``end``; a last odd one makes the next mark plain.

    Returns where to read on.
    """
    count = end - start
    marks[start:end] = _PLAIN * count
    letters[start:end] = ["\\"] * (count // 2) + [""] * (count - count // 2)
    if count % 2:
        marks[end] = _PLAIN
        return end + 1
    return end


def _match_brackets(marks: list[str]) -> None:
    """Make plain what is in brackets, but for blanks and quotes, and brackets without partner."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for at, mark in enumerate(marks):
        if mark == "[":
            opened.append(at)
        elif mark == "]" and opened:
            partners[opened.pop()] = at
        elif mark == "]":
            marks[at] = _PLAIN
    for at in opened:
        marks[at] = _PLAIN
    end = -1
    for start in sorted(partners):
        if start < end:
            continue
        end = partners[start]
        for at in range(start + 1, end):
            if not (marks[at].isspace() or marks[at] == '"'):
                marks[at] = _PLAIN


def _read_escapes(text: str, marks: list[str], letters: list[str], escapes: frozenset[str]) -> None:
    """Undo the backslashes outside of quotes and brackets."""
    at = text.find("\\")
    while at >= 0:
        end = at
        while end < len(text) and marks[end] == "\\":
            end += 1
        escaped = end < len(text) and marks[end] in escapes
        if end > at and escaped:
            end = _undo(at, end, marks, letters)
        elif end > at and "\\" in escapes:
            count = end - at
            kept = count - count // 2
            marks[at:end] = _PLAIN * count
            letters[at:end] = ["\\"] * kept + [""] * (count - kept)
        at = text.find("\\", max(end, at + 1))
