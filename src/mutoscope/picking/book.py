"""A folder's pages and what is picked on each: every change is in the file before it counts.

The file is the one of `mutoscope.drawings.specimens`. Pages that it names and that are not in the
folder stay in it. If another program writes it meanwhile, what it holds is taken over, as a step
that can be taken back like any other.
"""

import logging
import statistics
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mutoscope import atomic
from mutoscope.drawings.cache import dpi_of
from mutoscope.drawings.grid import cell_pixels
from mutoscope.drawings.margins import load_json
from mutoscope.drawings.scans import pages_of
from mutoscope.drawings.sheets import page_names
from mutoscope.drawings.specimens import (
    MOST_BYTES,
    MOST_PIXELS,
    NAME,
    Specimen,
    entry,
    read_specimens,
    write_entries,
)
from mutoscope.errors import MediaError, RunError, SettingsError
from mutoscope.picking.history import Changes, History, Picked, Step

log = logging.getLogger("mutoscope")

MOST_PICKED = 5000  # on a page
_PLACES = 2  # decimals of a coordinate, as the finder writes them


class Book:
    """The pages of a folder and their specimens.

    Safe to be used by several threads at once.

    Args:
        folder: of scans.
        path: the file of specimens; by default ``specimens.json`` in the folder.
        told: is called with how many pages are read, of how many.

    Attributes:
        pages: the scans, in their order.
        names: what the file calls them.
        path: the file.
        revision: counts the changes; whoever changes something says which one they saw.

    Raises:
        MediaError: a page or the file can't be read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        path: Path | None = None,
        told: Callable[[int, int], None] | None = None,
    ) -> None:
        self.pages = pages_of(folder)
        self.names = page_names(self.pages)
        self.path = folder / NAME if path is None else path
        self.revision = 0
        self._picked: list[Picked] = [()] * len(self.pages)
        self._digests = []  # as the file says: of the scans on which it was picked
        for done, page in enumerate(self.pages, 1):
            self._digests.append(page.digest)
            if told:
                told(done, len(self.pages))
        self._strangers: list[Any] = []  # entries of pages that are not here, as they are
        self._history = History()
        self._seen: tuple[int, ...] | None = None
        self._lock = threading.RLock()
        self._look()
        self._history, self.revision = History(), 0  # what was there already is no step

    # ── what is there ──

    def picked(self, page: int) -> Picked:
        """The specimens of a page."""
        with self._lock:
            return self._picked[page]

    def everything(self) -> tuple[int, list[Picked], list[bool]]:
        """The revision, the specimens of each page, and whether its scan has changed since."""
        with self._lock:
            self._look()
            changed = [
                bool(picked) and digest != page.digest
                for picked, digest, page in zip(
                    self._picked, self._digests, self.pages, strict=True
                )
            ]
            return self.revision, list(self._picked), changed

    def steps(self) -> tuple[int, int]:
        """How many steps can be taken back, and how many made again."""
        with self._lock:
            return len(self._history.past), len(self._history.future)

    def inches(self) -> float:
        """The side that a first square may well have: the middle of those picked, else a cell's."""
        with self._lock:
            sides = [
                each.side / dpi_of(page)
                for picked, page in zip(self._picked, self.pages, strict=True)
                for each in picked
            ]
        return statistics.median(sides) if sides else cell_pixels(300.0) / 300.0

    # ── changes ──

    def change(
        self, changes: Mapping[int, Sequence[Specimen]], *, revision: int, gesture: str = ""
    ) -> Changes:
        """Let pages hold other specimens, and save it. Changes of one gesture are one step.

        Returns:
            What these pages hold now.

        Raises:
            RunError: ``revision`` is not the present one; `everything` says what is.
            SettingsError: there is no such page, or a specimen that no file may have.
            MediaError: it can't be saved. Then all is as it was.
        """
        after = {page: self._checked(page, rows) for page, rows in changes.items()}
        with self._lock:
            self._expect(revision)
            new = {page: rows for page, rows in after.items() if rows != self._picked[page]}
            if new:
                before = {page: self._picked[page] for page in new}
                self._settle(self._history.with_step(Step(before, new, gesture)), new)
            return after

    def undo(self, *, revision: int) -> Changes:
        """Take the last step back; returns what the pages that it touched hold now.

        Raises:
            RunError: ``revision`` is not the present one.
            MediaError: it can't be saved. Then all is as it was.
        """
        with self._lock:
            self._expect(revision)
            return self._settle(*self._history.undone())

    def redo(self, *, revision: int) -> Changes:
        """Make the step again that was last taken back; as `undo`."""
        with self._lock:
            self._expect(revision)
            return self._settle(*self._history.redone())

    # ── inside ──

    def _checked(self, page: int, rows: Sequence[Specimen]) -> Picked:
        """The rows rounded as the file keeps them, if it may have them."""
        if not 0 <= page < len(self.pages):
            raise SettingsError(f"page: {page} is not there; allowed are 0–{len(self.pages) - 1}")
        if len(rows) > MOST_PICKED:
            raise SettingsError(f"page {page}: {len(rows)} places; allowed are {MOST_PICKED}")
        for row in rows:
            fields = (("x", row.x, -MOST_PIXELS), ("y", row.y, -MOST_PIXELS), ("side", row.side, 1))
            for key, value, least in (*fields, ("angle", row.angle, -MOST_PIXELS)):
                if not least <= value <= MOST_PIXELS:
                    raise SettingsError(
                        f"{key}: {value:g} is not allowed; allowed are {least:g}–{MOST_PIXELS:g}"
                    )
        return tuple(
            Specimen(*(round(float(v), _PLACES) for v in vars(row).values())) for row in rows
        )

    def _expect(self, revision: int) -> None:
        self._look()
        if revision != self.revision:
            raise RunError("it was changed elsewhere meanwhile; look at it and do that again")

    def _settle(self, history: History, changes: Changes) -> Changes:
        """Save what follows from ``changes`` and, when that is done, let it be so."""
        if changes:
            picked, digests = list(self._picked), list(self._digests)
            for page, rows in changes.items():
                picked[page], digests[page] = rows, self.pages[page].digest
            self._save(picked, digests)
            self._picked, self._digests, self._history = picked, digests, history
            self.revision += 1
        return changes

    def _save(self, picked: Sequence[Picked], digests: Sequence[str]) -> None:
        entries = [
            entry(name, digest, page.size, rows)
            for name, digest, page, rows in zip(
                self.names, digests, self.pages, picked, strict=True
            )
        ]
        write_entries(self.path, [*entries, *self._strangers])
        self._seen = _stamp(self.path)

    def _look(self) -> None:
        """Take over what the file holds, if another program has written it.

        A file that has been removed changes nothing: the next step writes it anew.
        """
        stamp = _stamp(self.path)
        if stamp is None or stamp == self._seen:
            return
        found = read_specimens(self.path)
        known = {name: page for page, name in enumerate(self.names)}
        after = {known[name]: tuple(rows) for name, (_, rows) in found.items() if name in known}
        after = {page: after.get(page, ()) for page in range(len(self.pages))}
        before = dict(enumerate(self._picked))
        strangers = [
            each for each in load_json(self.path, MOST_BYTES)["pages"] if each["page"] not in known
        ]
        self._strangers, self._seen = strangers, stamp
        for name, (digest, _) in found.items():
            if name in known:
                self._digests[known[name]] = digest
        if after == before:
            return
        differing = {page: rows for page, rows in after.items() if rows != before[page]}
        self._history = self._history.with_step(
            Step({page: before[page] for page in differing}, differing)
        )
        self._picked = list(after.values())
        self.revision += 1


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What tells one version of a file from another, or None where there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {atomic.reason(error)}") from error
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
