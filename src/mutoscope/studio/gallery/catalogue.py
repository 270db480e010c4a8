"""What lies in a place: its runs, sheets and finished files, read without loading any network.

    images_out/<namespace>/<base>/   a run: settings, log, frames, perhaps a film
    images_out/<name>/sheet.json     a sheet, and the runs of its pictures beside it
    finished/                        what was made of them: larger, smoother

Only what has changed since it was last looked at is read again.
"""

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from mutoscope.errors import MutoscopeError, printable
from mutoscope.schedule import make_schedule
from mutoscope.settings import Settings, load_settings
from mutoscope.studio.gallery import holding, pictures
from mutoscope.studio.place import Place
from mutoscope.studio.thumbs import FILMS, PICTURES

Kind = Literal["picture", "film", "sheet", "finished"]
EntryState = Literal["running", "stopped", "done"]
Order = Literal["newest", "oldest", "title", "largest"]

# As in `mutoscope.run.layout` and `mutoscope.sweep.folder`, which load torch; a test compares them.
ABOUT, SETTINGS, LOG, LATEST, FRAMES = (
    "run.json", "settings.yaml", "log.jsonl", "latest.png", "frames",
)  # fmt: skip
SHEET_FILE, SHEET = "sheet.json", "sheet.png"
FINISHED = "finished"

_MOST_BYTES = 4 << 20
_TAIL = 65_536  # bytes at the end of a log in which its last line is looked for
_FRESH = 0.7  # seconds for which what was seen counts


@dataclass(frozen=True)
class Entry:
    """One thing that was made, or is being made.

    ``name``: of its folder or file in the place; ``words``: its prompt; ``settings``: those that
    differ from the defaults; ``size``: (width, height) in pixels; ``frames``: how many are kept;
    ``steps`` of ``total``; ``made``: when something in it last changed, seconds since 1970;
    ``sheet``: the name of the sheet that a picture belongs to; ``problem``: why its settings
    are not understood, which may name whole paths.
    """

    name: str
    kind: Kind
    title: str
    state: EntryState
    path: Path
    words: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    frames: int = 0
    steps: int = 0
    total: int = 0
    picture: Path | None = None
    film: Path | None = None
    made: float = 0.0
    sheet: str | None = None
    problem: str = ""

    @property
    def is_run(self) -> bool:
        """Whether it is a run's folder, which can be gone on with and forked."""
        return self.kind in ("picture", "film")

    @property
    def shape(self) -> float:
        """Width by height; 1 where that is not known."""
        return self.size[0] / self.size[1] if self.size and self.size[1] else 1.0

    @cached_property
    def told(self) -> str:
        """All that a search looks at, in small letters."""
        values = (f"{key}={value}" for key, value in self.settings.items())
        return " ".join([self.title, self.name, self.kind, self.state, *values]).lower()


class Catalogue:
    """The entries of a place; safe to be asked by several threads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._known: dict[str, tuple[object, Entry]] = {}
        self._seen: list[Entry] = []
        self._when = -_FRESH

    def all(self, *, anew: bool = False) -> list[Entry]:
        """Every entry, those of the pictures on sheets too; ``anew``: even if just looked."""
        with self._lock:
            if anew or time.monotonic() - self._when > _FRESH:
                self._seen = list(self._look())
                names = {entry.name for entry in self._seen}
                for name in self._known.keys() - names:
                    del self._known[name]
                self._when = time.monotonic()
            return list(self._seen)

    def entry(self, name: str) -> Entry | None:
        """The entry of a name, None where it is not there any more."""
        return next((entry for entry in self.all() if entry.name == name), None)

    def on_sheet(self, name: str) -> list[Entry]:
        """The pictures of a sheet, in order."""
        found = (entry for entry in self.all() if entry.sheet == name)
        return sorted(found, key=lambda entry: entry.name)

    # ── looking ──

    def _look(self) -> Iterator[Entry]:
        for outer in _folders(self._place.runs):
            sheet = outer / SHEET_FILE
            if sheet.is_file() and (found := self._kept(outer, _stamp(outer), _sheet)):
                yield found
            for inner in _folders(outer):
                if (inner / ABOUT).is_file():
                    entry = self._kept(inner, _stamp(inner), _run)
                    if entry is not None:
                        yield entry
        for path in _files(self._place.root / FINISHED):
            entry = self._kept(path, pictures.stamp(path), _finished)
            if entry is not None:
                yield entry

    def _kept(self, path: Path, stamp: object, read: Any) -> Entry | None:
        """An entry as it is known, or read anew where its stamp is another."""
        try:
            name = self._place.name_of(path)
        except MutoscopeError:
            return None
        known = self._known.get(name)
        if known is None or known[0] != stamp:
            try:
                known = (stamp, read(path, name))
            except OSError:  # it was moved away meanwhile
                return None
            self._known[name] = known
        return known[1]


@lru_cache(maxsize=16)
def catalogue_of(place: Place) -> Catalogue:
    """The one catalogue of a place, which all its pages share."""
    return Catalogue(place)


def found(
    entries: Iterable[Entry], words: str = "", *, order: Order = "newest", kind: str = "all"
) -> list[Entry]:
    """The entries in which every one of the ``words`` is found, in order.

    A word is looked for in title, prompt, name, and in ``key=value`` of the settings. The pictures
    of a sheet are among them only if words are looked for; else the sheet stands for them.
    """
    wanted = words.lower().split()
    chosen = [
        entry
        for entry in entries
        if (kind in ("all", entry.kind))
        and (bool(wanted) or entry.sheet is None)
        and all(word in entry.told for word in wanted)
    ]
    if order == "title":
        return sorted(chosen, key=lambda entry: (entry.title.lower(), entry.name))
    if order == "largest":
        return sorted(chosen, key=lambda e: -(e.size[0] * e.size[1] if e.size else 0))
    return sorted(chosen, key=lambda entry: entry.made, reverse=order == "newest")


# ── reading one ──


def _run(folder: Path, name: str) -> Entry:
    """The entry of a run's folder."""
    base = _base(folder)
    frames = frame_paths(folder, base)
    settings, problem = _settings(folder)
    film = folder / f"{base}.mp4"
    latest = folder / LATEST
    picture = latest if latest.is_file() else frames[-1][1] if frames else None
    steps, total = last_step(folder / LOG), 0 if settings is None else total_steps(settings)
    running = holding.is_held(folder)
    complete = bool(frames) and steps >= total > 0
    words = "" if settings is None else str(settings.scenes)
    animated = settings is not None and settings.animation_mode != "off"
    in_sheet = (folder.parent / SHEET_FILE).is_file()
    return Entry(
        name=name,
        kind="film" if animated else "picture",
        title=_title(words) or folder.name,
        state="running" if running else "done" if complete else "stopped",
        path=folder,
        words=words,
        settings={} if settings is None else settings.to_dict(portable=True),
        size=None if picture is None else pictures.size(picture),
        frames=len(frames),
        steps=steps,
        total=total,
        picture=picture,
        film=film if film.is_file() else None,
        made=max(_changed(path) for path in (folder / LOG, folder / ABOUT, latest, film)),
        sheet=name.rpartition("/")[0] if in_sheet else None,
        problem=problem,
    )


def _sheet(folder: Path, name: str) -> Entry:
    """The entry of a sheet's folder."""
    told = _json(folder / SHEET_FILE)
    words = str(told.get("prompt", ""))
    jobs, shared = told.get("jobs"), told.get("settings")
    count = len(jobs) if isinstance(jobs, list) else 0
    runs = [inner for inner in _folders(folder) if (inner / ABOUT).is_file()]
    # A picture is complete when its losses are drawn, which is the last thing that a run does.
    made = sum((run / "losses.png").is_file() for run in runs)
    picture = folder / SHEET
    running = holding.is_held(folder)
    return Entry(
        name=name,
        kind="sheet",
        title=_title(words) or folder.name,
        state="running" if running else "done" if made >= count > 0 else "stopped",
        path=folder,
        words=words,
        settings=dict(shared) if isinstance(shared, dict) else {},
        size=pictures.size(picture) if picture.is_file() else None,
        frames=made,
        steps=made,
        total=count,
        picture=picture if picture.is_file() else None,
        made=max(_changed(path) for path in (folder / SHEET_FILE, picture)),
    )


def _finished(path: Path, name: str) -> Entry:
    """The entry of a file that was made of a picture or film."""
    is_film = path.suffix.lower() in FILMS
    recipe = pictures.recipe(path) or {}
    settings = recipe.get("settings", {})
    words = str(settings.get("scenes", ""))
    return Entry(
        name=name,
        kind="finished",
        title=_title(words) or path.stem,
        state="done",
        path=path,
        words=words,
        settings=settings,
        size=pictures.size(path),
        picture=path,
        film=path if is_film else None,
        made=path.stat().st_mtime,
    )


def frame_paths(folder: Path, base: str | None = None) -> list[tuple[int, Path]]:
    """The kept frames of a run and their numbers, in order."""
    base = _base(folder) if base is None else base
    pattern = re.compile(re.escape(base) + r"_(0|[1-9][0-9]*)\.png")
    try:
        names = [path.name for path in (folder / FRAMES).iterdir()]
    except OSError:
        return []
    matches = (pattern.fullmatch(name) for name in names)
    return sorted((int(match[1]), folder / FRAMES / match[0]) for match in matches if match)


def last_step(log: Path) -> int:
    """The number of the last step in a log, 0 where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read(_TAIL).splitlines()
    except OSError:
        return 0
    for line in reversed(lines):
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            return int(json.loads(line)["step"])
    return 0


def total_steps(settings: Settings) -> int:
    """How many steps a run of these settings takes."""
    return make_schedule(settings).total_steps


def _settings(folder: Path) -> tuple[Settings | None, str]:
    """The settings of a run, and why they are not understood."""
    path = folder / SETTINGS
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None, f"{SETTINGS}: is too large to be read"
        return load_settings(path, quiet=True), ""
    except MutoscopeError as error:
        return None, str(error)
    except OSError:
        return None, f"{SETTINGS}: can't be read"


def _base(folder: Path) -> str:
    """What the names of a run's frames and film begin with."""
    base = _json(folder / ABOUT).get("base")
    return base if isinstance(base, str) and base and "/" not in base else folder.name


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one where there is none."""
    with contextlib.suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        values = json.loads(file.read(_MOST_BYTES))
        if isinstance(values, dict):
            return values
    return {}


def _title(words: str, most: int = 120) -> str:
    text = printable(" ".join(words.split()), allowed="\u200d")
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# ── what there is, and when it changed ──


def _folders(parent: Path) -> list[Path]:
    """The folders in one, links and hidden ones apart."""
    try:
        with os.scandir(parent) as each:
            return sorted(
                Path(one.path)
                for one in each
                if not one.name.startswith(".") and one.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []


def _files(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as each:
            return sorted(
                Path(one.path)
                for one in each
                if one.is_file(follow_symlinks=False)
                and not one.name.startswith(".")
                and Path(one.name).suffix.lower() in PICTURES | FILMS
            )
    except OSError:
        return []


def _stamp(folder: Path) -> tuple[object, ...]:
    """What differs when a run or sheet has changed."""
    names: Sequence[str] = (
        "", ABOUT, SETTINGS, LOG, LATEST, FRAMES, SHEET_FILE, SHEET, "losses.png",
    )  # fmt: skip
    return (*(pictures.stamp(folder / name) for name in names), holding.is_held(folder))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
