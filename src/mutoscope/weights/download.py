"""Fetching one file from the first of its mirrors that serves it: resumed, checked, within limits.

What comes goes into a part file beside the target, with a note of what it is a part of. A part is
gone on with only where the server's last bytes of it are ours (they are asked for again and
compared), its length is unchanged, and, at the same address, its tag (``If-Range``). A file whose
digest is published may be gone on with from any of its mirrors; each other has its own part.

Mirrors are hostile until their digest is right: see `connection` for where they may lead; there are
limits on size and time, and what begins as a web page is not taken for the file.
"""

import contextlib
import hashlib
import http.client
import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

from mutoscope.atomic import reason, settle, write_text
from mutoscope.errors import WeightsError, printable
from mutoscope.vqgan_names import Published
from mutoscope.weights.connection import MirrorError, UnreachedError, cause_of, opened
from mutoscope.weights.hub import at_endpoint
from mutoscope.weights.transfer import Progress, Told, digest_of

log = logging.getLogger("mutoscope")

TRIES = 5  # at one mirror, if each brought something, but not even …
ENOUGH = 1 << 20  # … so many bytes
PAUSE = 1.0  # seconds before the next of them
SLOWEST = 1024  # bytes a second, over a window of …
WINDOW = 60.0  # … so many seconds: less is given up, as a mirror that only keeps us waiting
OVERLAP = 65_536  # bytes of a part that are asked for again and compared
HEAD = 512  # bytes by which a file is judged before more of it is fetched
SPARE = 100_000_000  # bytes of disk that are left to others
LEAST_LIMIT = 65_536  # bytes; the limit for a file whose size is only about known is twice that

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Form:
    """What a file must look like: why its first bytes, or the whole of it, can't be it; or ``""``.

    Each answer ends the sentence "the mirror …".
    """

    begins: Callable[[bytes], str]
    whole: Callable[[Path], str]


class _BrokenOffError(MirrorError):
    """It served some of the file and broke off: asking again may help."""


class _OtherFileError(MirrorError):
    """It has another file than the part that is here, with which one can't go on."""


def download(file: Published, target: Path, *, form: Form, progress: Progress | None = None) -> str:
    """Fetch ``file`` to ``target`` from the first mirror that serves it; return its sha256.

    The folder must exist, and nobody else may fetch into it at the same time.

    Raises:
        WeightsError: no mirror serves it, or the disk is full or closed to us.
    """
    failures: list[str] = []
    unreached: set[str] = set()
    for url in map(at_endpoint, file.urls):
        host = urlsplit(url).netloc
        if host in unreached:
            continue
        try:
            with _disk(target):
                found = _fetch(file, url, target, form, progress)
        except MirrorError as error:
            why = printable(" ".join(str(error).split())[:240])
            failures.append(f"{host} {why}")
            log.warning("%s: %s %s", target.name, host, why)
            if isinstance(error, UnreachedError):
                unreached.add(host)
            continue
        for left in target.parent.glob(f".{target.name}.*.part*"):
            left.unlink(missing_ok=True)  # of mirrors that did not get so far
        return found
    raise WeightsError(
        f"{target.name}: no mirror serves it ({'; '.join(failures)}); "
        f"check the network and try again (what has come is kept), or put the file at {target}"
    )


# --- one mirror ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Note:
    """What a part file is a part of: written before its first byte."""

    url: str
    tag: str  # a strong ETag or a Last-Modified, for If-Range; or nothing
    size: int | None


@dataclass(frozen=True)
class _Part:
    """A part file and its note, named after the digest, else after the mirror."""

    path: Path

    @classmethod
    def of(cls, file: Published, url: str, target: Path) -> "_Part":
        tag = file.sha256 or hashlib.sha256(url.encode()).hexdigest()
        return cls(target.with_name(f".{target.name}.{tag[:16]}.part"))

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def note(self) -> _Note | None:
        try:
            said = json.loads(self._note.read_text(encoding="utf-8"))
            note = _Note(said["url"], said["tag"], said["size"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        fits = isinstance(note.url, str) and isinstance(note.tag, str)
        return note if fits and isinstance(note.size, int | None) else None

    def begin(self, note: _Note) -> None:
        write_text(self._note, json.dumps(asdict(note)))

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def _fetch(file: Published, url: str, target: Path, form: Form, progress: Progress | None) -> str:
    part = _Part.of(file, url, target)
    # Where the digest is known, a whole part lacks nothing but its name.
    if not (file.sha256 and part.size == file.size and digest_of(part.path) == file.sha256):
        _complete(file, url, part, target, form, progress)
    found = digest_of(part.path)
    why = form.whole(part.path)
    if file.sha256 and found != file.sha256:
        why = f"sent a file with sha256 {found} instead of {file.sha256}"
    if why:
        part.drop()
        raise MirrorError(f"{why}; it was deleted")
    settle(part.path, target)
    return found


def _complete(
    file: Published,
    url: str,
    part: _Part,
    target: Path,
    form: Form,
    progress: Progress | None,
) -> None:
    """Ask until ``part`` is whole, as long as that brings it forward."""
    tries = 0
    while True:
        before = part.size
        try:
            return _ask(file, url, part, target, form, progress)
        except _OtherFileError:
            part.drop()  # which can't happen again without one
        except _BrokenOffError:
            brought = part.size - before
            tries = 0 if brought >= ENOUGH else tries + 1
            if brought <= 0 or tries >= TRIES:
                raise
            time.sleep(PAUSE)


def _ask(
    file: Published,
    url: str,
    part: _Part,
    target: Path,
    form: Form,
    progress: Progress | None,
) -> None:
    """Ask once for what is missing of ``part`` and write it."""
    note = part.note()
    had = part.size if note is not None else 0
    start = max(0, had - OVERLAP)
    headers = {"User-Agent": "mutoscope", "Accept-Encoding": "identity"}
    if had:
        headers["Range"] = f"bytes={start}-"
        if note is not None and note.url == url and note.tag:
            headers["If-Range"] = note.tag
    with opened(url, headers, secure=not file.sha256) as response:
        if response is None:  # 416: it has fewer bytes than we
            raise _OtherFileError("has a shorter file than the part that is here")
        offset, total = _span(response, start if had else 0)
        _check_offer(response, file, total, form)
        if offset != start or (note is not None and had and note.size not in (None, total)):
            if offset:
                raise _OtherFileError("has another file than the part that is here")
            had = start = 0
        pieces = _pieces(response)
        kept = _read(pieces, had - start)
        if had and kept[: had - start] != _tail(part.path, start, had - start):
            raise _OtherFileError("has another file than the part that is here")
        fresh = kept[had - start :]
        if not had:
            fresh += _read(pieces, HEAD - len(fresh))
            if why := form.begins(fresh[:HEAD]):
                raise MirrorError(why)
        _check_disk(target, file.size if total is None else total, had)
        part.begin(_Note(url, _tag(response.headers), total))
        if had:
            log.info("fetching %s, going on at %s bytes", target.name, f"{had:,}")
        else:
            log.info("fetching %s from %s", target.name, urlsplit(url).netloc)
        with part.path.open("r+b" if had else "wb") as out:
            out.seek(had)
            told = Told(out, target.name, had, total or (file.size or None), progress)
            _pour(fresh, pieces, told, _limit(file), total)


def _read(pieces: Iterator[bytes], count: int) -> bytes:
    """At least ``count`` bytes, or all that there are."""
    data = bytearray()
    while len(data) < count:
        piece = next(pieces, b"")
        if not piece:
            break
        data += piece
    return bytes(data)


def _pour(first: bytes, pieces: Iterator[bytes], told: Told, limit: int, total: int | None) -> None:
    """Write what comes, no more than ``limit``, and no less than was promised."""
    written: int = told.tell()

    def write(data: bytes) -> None:
        nonlocal written
        if written + len(data) > limit:
            raise MirrorError(f"sends more than {limit:,} bytes")
        if data:
            told.write(data)
            written += len(data)

    write(first)
    for piece in pieces:
        write(piece)
    if total is not None and written < total:
        raise _BrokenOffError(f"broke off after {written:,} of {total:,} bytes")


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body as it comes, unless it comes too slowly; a broken connection is a `MirrorError`."""
    since, came = time.monotonic(), 0
    while True:
        try:
            piece = response.read1(_CHUNK)
        except (OSError, http.client.HTTPException, AttributeError) as error:
            raise _BrokenOffError(f"broke off ({cause_of(error)})") from error
        if not piece:
            return
        came += len(piece)
        if (spent := time.monotonic() - since) >= WINDOW:
            if came < SLOWEST * spent:
                raise MirrorError("sends less than a kilobyte a second")
            since, came = time.monotonic(), 0
        yield piece


def _tail(path: Path, start: int, count: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(count)


# --- what a server offers ------------------------------------------------------------------------


def _span(response: http.client.HTTPResponse, start: int) -> tuple[int, int | None]:
    """The first byte that comes, and how many the whole file has, where that is said."""
    length = response.headers.get("Content-Length", "")
    if response.status != 206:
        return 0, int(length) if length.isdecimal() else None
    said = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", said.strip())
    if match is None or int(match[1]) != start:
        raise MirrorError(f"answers with bytes that were not asked for ({said!r})")
    return start, None if match[3] == "*" else int(match[3])


def _check_offer(
    response: http.client.HTTPResponse, file: Published, total: int | None, form: Form
) -> None:
    """Refuse what can't be the file by its headers alone."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise MirrorError("sends it compressed, which was not asked for")
    if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        head = next(_pieces(response), b"")
        raise MirrorError(form.begins(head[:HEAD]) or "sends a web page instead of the file")
    if total is None:
        return
    if file.exact and total != file.size:
        raise MirrorError(f"offers {total:,} bytes instead of {file.size:,}")
    if total > _limit(file):
        raise MirrorError(f"offers {total:,} bytes instead of about {file.size:,}")


def _limit(file: Published) -> int:
    """The most bytes that are written."""
    return file.size if file.exact else max(2 * file.size, LEAST_LIMIT)


def _tag(headers: Message) -> str:
    """What names this version of the file, for ``If-Range``, which takes no weak tags."""
    tag = headers.get("ETag", "").strip()
    if tag.startswith('"') and len(tag) > 2:
        return tag
    return headers.get("Last-Modified", "").strip()


# --- the disk ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _disk(target: Path) -> Iterator[None]:
    """Errors of files as those of the folder; errors of connections never come so far."""
    try:
        yield
    except OSError as error:
        raise WeightsError(
            f"{target}: can't be written ({reason(error)}); make room or take another folder with "
            "models_parent_dir"
        ) from error


def _check_disk(target: Path, size: int, had: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if size - had + SPARE > free:
        raise WeightsError(
            f"{target.name}: needs {(size - had) / 1e9:.1f} GB of disk and {free / 1e9:.1f} GB are "
            f"free in {target.parent}; make room or take another folder with models_parent_dir"
        )
