"""Settings that are being written: texts of YAML, kept in the place from the first letter on.

    .studio/drafts/<id>.yaml     what is being written
    compose/0007.yaml            what was sent to be painted, one file each time, never changed

The text is the truth: form and rows are read from it, and change it in place. A draft is not of one
visitor: all browsers see the same ones, and each chooses which it shows.

Relative paths in a draft begin in the studio's folder, as they do for a settings file that lies
there. `keep` writes that down (``paths_from: ..``), so that the file which comes to lie in
``compose/`` means the same on the command line, wherever that is typed.
"""

import logging
import os
import re
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mutoscope import atomic
from mutoscope.errors import MutoscopeError, SettingsError, printable
from mutoscope.settings import Problem, ProblemsError, Settings, load_settings, presets
from mutoscope.settings.document import MAX_BYTES, Document
from mutoscope.settings.load import PRESETS
from mutoscope.settings.rules import find_notices
from mutoscope.studio.complaints import cleaned
from mutoscope.studio.compose.amending import NAME, parsed, with_value
from mutoscope.studio.place import Place

MOST_DRAFTS = 200
KEPT = "compose"  # the folder of what was sent to be painted
MOST_KEPT = 9999

_TITLE = 80  # characters
_ID = re.compile(r"[0-9a-f]{8}")
_KEPT = re.compile(r"(\d{4})\.yaml")
_LINE = re.compile(rf"{NAME}:(\d+): ")
_PLACE = re.compile(rf".*?[/\\]{NAME}:\d+: ")
_WHOLE_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:[/\\]|/[\w.+-]+/)[^\s'\"]*")
_KEY = re.compile(r"([A-Za-z_]\w*)(?:\.\w+|\[\d+\])?[:,]")


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with a draft, in the command line's words.

    ``key``: the one beside whose field it is shown, ``""`` for none; ``line``: that of the text,
    from 1, None where nothing is written.
    """

    text: str
    key: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Checked:
    """What came of checking a draft: its settings, or what is wrong; and what has no effect."""

    settings: Settings | None
    faults: tuple[Fault, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A text of settings that somebody is writing; ``changed`` tells one state from the next."""

    id: str
    text: str
    changed: int

    @cached_property
    def document(self) -> Document | None:
        """What it says key by key, None while it can't be read."""
        try:
            return parsed(self.text)
        except SettingsError:
            return None

    @property
    def title(self) -> str:
        """What it is called: as its files will be, if it says so; else by what it shows."""
        values = self.document.values if self.document is not None else {}
        name = str(values.get("file_namespace") or "").strip()
        if name and name != "default":
            return name[:60]
        scenes = str(values.get("scenes") or "").strip()
        words = printable(" ".join(scenes.split()))
        words = words if len(words) <= _TITLE else words[: _TITLE - 1].rstrip() + "…"
        return words or f"untitled {self.id[:4]}"


@dataclass(frozen=True)
class Beginning:
    """Something to begin with: ``kind`` is preset, recipe or file; ``about`` says what it makes."""

    kind: str
    name: str
    about: str
    text: str


class Drafts:
    """The drafts of a place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._folder = place.own / "drafts"

    def all(self) -> list[Draft]:
        """All drafts, those changed last first."""
        found = (self._read(path) for path in self._folder.glob("*.yaml"))
        return sorted((d for d in found if d), key=lambda d: d.changed, reverse=True)

    def open(self, id: str) -> Draft:  # noqa: A002 - the word for it
        """The draft of that name.

        Raises:
            SettingsError: there is none.
        """
        draft = self._read(self._path(id))
        if draft is None:
            raise SettingsError("this draft is not there any more; choose another")
        return draft

    def newest(self) -> Draft:
        """The draft that was changed last; a new one where there is none."""
        return next(iter(self.all()), None) or self.begin()

    def changed(self, id: str) -> int | None:  # noqa: A002
        """What `Draft.changed` is now, without reading; None where the draft is gone."""
        try:
            return self._path(id).stat().st_mtime_ns
        except OSError:
            return None

    def begin(self, text: str = "") -> Draft:
        """A new draft with that text.

        Raises:
            SettingsError: there are too many, or the text is too long.
        """
        if sum(1 for _ in self._folder.glob("*.yaml")) >= MOST_DRAFTS:
            raise SettingsError(
                f"there are {MOST_DRAFTS} drafts, which is all that are kept; delete old ones"
            )
        return self.write(secrets.token_hex(4), text)

    def write(self, id: str, text: str) -> Draft:  # noqa: A002
        """Keep a draft's new text.

        Raises:
            SettingsError: it is longer than settings may be; or it can't be written.
        """
        data = _bytes(text)
        _refuse_long(data)
        path = self._path(id)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            atomic.write_bytes(path, data, durable=False)  # at every pause in typing: no waiting
            return Draft(id, text, path.stat().st_mtime_ns)
        except OSError as error:
            raise SettingsError(f"the draft can't be kept: {atomic.reason(error)}") from error

    def remove(self, id: str) -> None:  # noqa: A002
        """Delete a draft; what was sent to be painted stays."""
        self._path(id).unlink(missing_ok=True)

    def keep(self, draft: Draft) -> Path:
        """Write a draft as the settings file of a run, and say where.

        Raises:
            SettingsError: something in it is wrong; the message says all of it.
        """
        text = self._whole(draft.text)
        folder = self.place.root / KEPT
        try:
            folder.mkdir(exist_ok=True)
            return _numbered(folder, _bytes(text))
        except OSError as error:
            raise SettingsError(f"{KEPT}: can't be written: {atomic.reason(error)}") from error

    def _whole(self, text: str) -> str:
        """A draft's text, once it is right, with paths that begin in the studio's folder."""
        found = check(text, self.place)
        if found.settings is None:
            raise SettingsError("; ".join(said(fault) for fault in found.faults))
        origin = self.place.inside(self.place.name_of(Path(found.settings.paths_from)))
        return with_value(text, "paths_from", _relative(origin, self.place.root / KEPT))

    def _path(self, id: str) -> Path:  # noqa: A002
        if not _ID.fullmatch(id):
            raise SettingsError("there is no such draft; choose another")
        return self._folder / f"{id}.yaml"

    def _read(self, path: Path) -> Draft | None:
        try:
            changed = path.stat().st_mtime_ns
            with path.open("rb") as file:
                data = file.read(MAX_BYTES)
            return Draft(path.stem, data.decode("utf-8", "surrogatepass"), changed)
        except (OSError, UnicodeDecodeError):
            return None


def said(fault: Fault) -> str:
    """A fault in one line, with the line that it stands in, if it stands in one."""
    return fault.text if fault.line is None else f"line {fault.line}: {fault.text}"


def check(text: str, place: Place) -> Checked:
    """Read a draft as the command line reads a settings file, and say all that is wrong with it.

    It loads no network, and so needs no torch. What is remarked goes to the page, not to the log.
    """
    settings, faults = None, []
    with _listening() as heard:
        try:
            settings = _load(text, place)
            heard += find_notices(settings, parsed(text).values)
        except ProblemsError as error:
            faults = list(_faults(str(error), error.problems))
        except MutoscopeError as error:
            faults = [_fault(str(error))]
    told = [_PLACE.sub("", notice) for notice in dict.fromkeys(heard)]
    return Checked(
        settings,
        tuple(replace(fault, text=_without_paths(fault.text, text, place)) for fault in faults),
        tuple(_without_paths(notice, text, place) for notice in told),
    )


def beginnings(place: Place) -> list[Beginning]:
    """Presets, recipes, and the settings files that lie in the studio's folder itself."""
    found = [_beginning("preset", PRESETS / f"{name}.yaml") for name in presets()]
    for folder in recipe_folders():
        found += [_beginning("recipe", path) for path in sorted(folder.glob("*.yaml"))]
    own = sorted(path for path in place.root.glob("*.yaml") if place.holds(path))
    found += [_beginning("file", path) for path in own[:MOST_DRAFTS]]
    return [each for each in found if each is not None]


def recipe_folders() -> list[Path]:
    """Where the recipes lie that come with the program: in the package, or beside its source."""
    package = Path(__file__).parents[2]
    source = package.parents[1]
    beside = source / "recipes" if (source / "pyproject.toml").is_file() else package / "recipes"
    return [folder for folder in (package / "recipes", beside) if folder.is_dir()][:1]


def _beginning(kind: str, path: Path) -> Beginning | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        _refuse_long(data)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, SettingsError):
        return None
    return Beginning(kind, path.stem, _about(text), text)


def _about(text: str) -> str:
    """What a file says of itself: the comment at its top, without commands to be typed."""
    lines = []
    for line in text.splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#") or words.startswith(("mutoscope ", "@package")):
            break
        lines.append(words)
    return " ".join(lines)[:300]


def _load(text: str, place: Place) -> Settings:
    """The settings that a text says, with paths that begin in the studio's folder."""
    with tempfile.TemporaryDirectory(prefix="mutoscope-") as folder:
        path = Path(folder, NAME)
        data = _bytes(text)
        _refuse_long(data)
        path.write_bytes(data)
        try:
            return load_settings(path, base=place.root, quiet=True)
        except ProblemsError as error:
            raise ProblemsError(_named(str(error), path), error.problems) from error
        except MutoscopeError as error:
            raise type(error)(_named(str(error), path)) from error


def _named(message: str, path: Path) -> str:
    return message.replace(str(path), NAME)  # the name of a temporary file helps nobody


def _bytes(text: str) -> bytes:
    # Half a pair of UTF-16, which a browser may send, is then refused as no UTF-8 by the loader.
    return text.encode("utf-8", "surrogatepass")


def _refuse_long(data: bytes) -> None:
    """Refuse a text that the loader would refuse, before it is written anywhere."""
    if len(data) > MAX_BYTES:
        raise SettingsError(
            f"{NAME}: is larger than the {MAX_BYTES // 1024} KiB that settings may have; "
            "give a YAML file with settings"
        )


def _faults(message: str, problems: tuple[Problem, ...]) -> Iterator[Fault]:
    """Each problem of a message that has them all, with the line that stands before it there."""
    at = 0
    for problem in problems:
        found = message.find(problem.text, at)
        line = _LINE.search(message, at, found) if found > at else None
        at = max(at, found + len(problem.text))
        key = problem.keys[0] if problem.keys else ""
        yield Fault(problem.text, key, int(line[1]) if line else None)


def _fault(message: str) -> Fault:
    """The one thing that is wrong where nothing could be understood."""
    line = _LINE.match(message)
    text = message[line.end() :] if line else message.removeprefix(f"{NAME}: ")
    key = _KEY.match(text)
    return Fault(text, key[1] if key else "", int(line[1]) if line else None)


def _without_paths(message: str, text: str, place: Place) -> str:
    """A message as it is, if it has no path but those that stand in the text; else cleaned."""
    told = all(path in text for path in _WHOLE_PATH.findall(message))
    return message if told and str(place.root) not in message else cleaned(message, place)


def _relative(path: Path, home: Path) -> str:
    return Path(os.path.relpath(path, home)).as_posix()


def _numbered(folder: Path, data: bytes) -> Path:
    """Write under the next free number; two that ask at once get two."""
    taken = [int(found[1]) for p in folder.iterdir() if (found := _KEPT.fullmatch(p.name))]
    for number in range(max(taken, default=0) + 1, MOST_KEPT + 1):
        path = folder / f"{number:04d}.yaml"
        try:
            path.open("xb").close()  # it is ours now
        except FileExistsError:
            continue
        atomic.write_bytes(path, data)
        return path
    raise SettingsError(f"{KEPT}: holds {MOST_KEPT} settings files; move old ones elsewhere")


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Hear what is remarked in this thread, which then is not said elsewhere."""
    heard: list[str] = []
    thread = threading.get_ident()

    def listen(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        heard.append(record.getMessage())
        return False

    logger = logging.getLogger("mutoscope")
    logger.addFilter(listen)
    try:
        yield heard
    finally:
        logger.removeFilter(listen)
