"""Previews that pages look at: kept by what they show, each made by a process of its own.

    .studio/previews/<digest>/   see `mutoscope.studio.timeline.previewing`

The digest is that of the settings and of the files that they name, so that what has not changed is
never made twice. A preview is made as long as a page looks at it; settings that are still being
written leave a trail of such as were begun, and the oldest are removed.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from mutoscope import atomic
from mutoscope.errors import MediaError, MutoscopeError
from mutoscope.settings import Settings
from mutoscope.settings.values import texts_in
from mutoscope.studio.place import Place
from mutoscope.studio.queue.worker import environment, last_line
from mutoscope.studio.timeline.previewing import (
    FIGURE,
    FRAMES,
    MOST_FRAMES,
    SETTINGS,
    SIDE,
    STATE,
    UNWANTED,
    WANTED,
    State,
    read_state,
)

log = logging.getLogger("mutoscope")

FORMAT = 1  # of what is kept: another one is made anew
AT_ONCE = 2
MOST_KEPT = 16
MOST_TRIES = 3
SILENCE = 300.0  # seconds without any news after which a process is given up
PRINTED, REPORT = "printed.log", "report"
_MOST_FILES = 500  # whose changes are seen
_LONGEST = 1024  # characters of a path
_IN_BRACKETS = re.compile(r"\[-?([^\[\]]+)\]")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"figure\.json|[0-9]{6}\.jpg")

Doing = Literal["waiting", "reading", "drawing", "done", "failed"]


@dataclass(frozen=True)
class Asked:
    """A preview that can be asked for: its digest, and the settings in full."""

    digest: str
    settings: str


@dataclass(frozen=True)
class Seen:
    """What there is of a preview: what it is ``doing``, and how far it is.

    ``message``: why it failed, with whole paths in it as it may be.
    """

    doing: Doing
    state: State
    message: str = ""


@dataclass
class _Making:
    """A preview that somebody looks at."""

    asked: Asked
    process: "subprocess.Popen[bytes] | None" = None
    tries: int = 0
    given_up: str = ""


def asked(settings: Settings) -> Asked:
    """The preview of settings that have been checked."""
    return Asked(digest_of(settings), settings.to_yaml())


def digest_of(settings: Settings) -> str:
    """What tells a preview from another: 32 hexadecimal digits.

    The seed is left out, since nothing in a preview is drawn at random; so are the names of what
    is made.
    """
    values = settings.to_dict(full=True)
    for key in ("seed", "file_namespace"):
        values.pop(key, None)
    told = [FORMAT, SIDE, MOST_FRAMES, values, list(_stamps(settings, values))]
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]


def _stamps(settings: Settings, values: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of each file that the settings may mean."""
    names: dict[str, None] = {}
    for text in texts_in(values):
        for name in (text, *_IN_BRACKETS.findall(text)):
            if 0 < len(name) <= _LONGEST and "\n" not in name:
                names[name.strip()] = None
    for name in list(names)[:_MOST_FILES]:
        with contextlib.suppress(MutoscopeError, OSError, ValueError):
            stat = Path(settings.resolve(name)).stat()
            yield name, stat.st_size, stat.st_mtime_ns


class Previews:
    """The previews of a place; ``at_once`` of them are made, others wait.

    Safe to be used by several threads of one process.
    """

    def __init__(self, place: Place, *, at_once: int = AT_ONCE) -> None:
        self.place = place
        self._folder = place.own / "previews"
        self._at_once = at_once
        self._lock = threading.RLock()
        self._making: dict[str, _Making] = {}
        self._looks: dict[str, tuple[str, float]] = {}  # by who looks: at what, and when last

    def look(self, asked: Asked, who: str) -> Seen:
        """What there is of a preview; ``who`` looks at it now, and no longer at another one.

        It is made as long as this is called again within `UNWANTED` seconds.

        Raises:
            MediaError: the place can't be written.
        """
        with self._lock:
            self._looks[who] = (asked.digest, time.monotonic())
            making = self._making.setdefault(asked.digest, _Making(asked))
            try:
                self._prepare(asked)
                self._care()
            except OSError as error:
                raise MediaError(f"no preview can be made: {atomic.reason(error)}") from error
            return self._seen(making)

    def leave(self, who: str) -> None:
        """Somebody looks at nothing any more."""
        with self._lock:
            self._looks.pop(who, None)
            with contextlib.suppress(OSError):
                self._care()

    def again(self, asked: Asked) -> None:
        """Try a preview once more that failed."""
        with self._lock:
            making = self._making.pop(asked.digest, None)
            if making is not None:
                _end(making)
            (self._of(asked.digest) / STATE).unlink(missing_ok=True)

    def close(self) -> None:
        """End all that is being made."""
        with self._lock:
            self._looks.clear()
            self._care()

    def file(self, digest: str, name: str) -> Path | None:
        """A file of a preview that a browser may have: its figure, or a picture."""
        if not _DIGEST.fullmatch(digest) or not _NAME.fullmatch(name):
            return None
        folder = self._of(digest)
        path = folder / FRAMES / name if name.endswith(".jpg") else folder / FIGURE
        return path if path.is_file() else None

    # ── inside ──

    def _of(self, digest: str) -> Path:
        return self._folder / digest

    def _prepare(self, asked: Asked) -> None:
        """Let the folder be there, with the settings, and say that it is wanted."""
        folder = self._of(asked.digest)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / SETTINGS).is_file():
            atomic.write_text(folder / SETTINGS, asked.settings, durable=False)
        (folder / WANTED).touch()

    def _care(self) -> None:
        """End what nobody looks at, take note of what has ended, begin what is next."""
        now = time.monotonic()
        self._looks = {who: x for who, x in self._looks.items() if now - x[1] < UNWANTED}
        looked_at = {digest for digest, _ in self._looks.values()}
        for digest in [digest for digest in self._making if digest not in looked_at]:
            _end(self._making.pop(digest))
        for making in self._making.values():
            self._reap(making)
        busy = sum(making.process is not None for making in self._making.values())
        for making in self._making.values():
            if busy < self._at_once and self._unmade(making):
                self._begin(making)
                busy += 1

    def _unmade(self, making: _Making) -> bool:
        if making.process is not None or making.given_up:
            return False
        state = read_state(self._of(making.asked.digest) / STATE)
        # What failed is told to those who look at it; the next who comes has it tried again.
        return state is None or not (
            state.stage == "done" or (state.stage == "failed" and making.tries > 0)
        )

    def _begin(self, making: _Making) -> None:
        self._prune()
        folder = self._of(making.asked.digest)
        (folder / STATE).unlink(missing_ok=True)
        making.tries += 1
        # Without -P a file torch.py that lies in the place would be taken for torch.
        line = [sys.executable, "-P", "-m", "mutoscope.studio.timeline.previewing", str(folder)]
        given = environment(self.place.root, folder / REPORT)
        given |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        with (folder / PRINTED).open("wb") as printed:
            making.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                line, cwd=self.place.root, env=given, stdin=subprocess.DEVNULL,
                stdout=printed, stderr=printed, start_new_session=os.name == "posix",
            )  # fmt: skip

    def _reap(self, making: _Making) -> None:
        """Take note of a process that has ended, or from which nothing is heard."""
        process = making.process
        if process is None:
            return
        folder = self._of(making.asked.digest)
        code = process.poll()
        if code is None:
            if self._silence(folder) > SILENCE:
                _end(making)
                making.given_up = (
                    f"nothing was heard of the preview for {SILENCE:.0f} seconds, so it was ended; "
                    "try a shorter or smaller film"
                )
            return
        making.process = None
        state = read_state(folder / STATE)
        if state is not None and state.stage in ("done", "failed"):
            return
        if code == 1:
            log.error("a fault in a preview:\n%s", last_line(folder / PRINTED, 40))
            making.given_up = "there is a fault in the program; the terminal says which"
        elif code == 0:
            making.tries -= 1  # nobody had looked for a while; somebody does again
        elif making.tries >= MOST_TRIES:
            making.given_up = (
                "the preview was ended from outside; perhaps there was not enough memory"
            )

    def _silence(self, folder: Path) -> float:
        """For how many seconds nothing was written of a preview."""
        times = []
        for name in (STATE, PRINTED):
            with contextlib.suppress(OSError):
                times.append((folder / name).stat().st_mtime)
        return time.time() - max(times, default=time.time())

    def _seen(self, making: _Making) -> Seen:
        state = read_state(self._of(making.asked.digest) / STATE) or State()
        if making.given_up:
            return Seen("failed", state, making.given_up)
        if state.stage == "failed":
            return Seen("failed", state, state.message)
        if state.stage == "done":
            return Seen("done", state)
        if making.process is None:
            return Seen("waiting", state)
        return Seen(state.stage, replace(state, message=""), state.message)

    def _prune(self) -> None:
        """Remove the previews that were looked at longest ago."""
        kept = []
        for folder in self._folder.iterdir():
            if folder.name in self._making or not _DIGEST.fullmatch(folder.name):
                continue
            with contextlib.suppress(OSError):
                path = folder / WANTED
                kept.append(((path if path.exists() else folder).stat().st_mtime, folder))
        for _, folder in sorted(kept)[: max(0, len(kept) - MOST_KEPT)]:
            shutil.rmtree(folder, ignore_errors=True)


def _end(making: _Making) -> None:
    """End a process; its folder stays, and what is in it is whole."""
    if making.process is not None:
        making.process.kill()
        making.process.wait()
        making.process = None


@cache
def previews_of(place: Place) -> Previews:
    """The one set of previews of a place."""
    return Previews(place)
