"""Folders of scans and of trainings in the place, and how uploaded scans get into them."""

import asyncio
import contextlib
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mutoscope import atomic
from mutoscope.drawings.scans import SUFFIXES, Page, natural, read_page
from mutoscope.errors import MediaError, SettingsError, printable
from mutoscope.settings.values import DEVICES
from mutoscope.studio.place import Place

MOST_FILES = 2000  # of a folder
MOST_BYTES = 400 * 2**20  # of a file
MOST_TOTAL = 20 * 2**30  # of a folder
MOST_FOLDERS = 500  # that are listed
MOST_NAME = 80
_DEPTH = 3
_GENERATOR = "generator.safetensors"
_SETTINGS = "settings.json"
_KIND = b'"mutoscope train"'
_HEAD = 65_536  # bytes of a training's settings, which are some hundred
_UNSAFE = re.compile(r"[^\w.() -]+")


@dataclass(frozen=True)
class Scans:
    """A folder of scans: its name in the place, and how many picture files it has."""

    name: str
    files: int


class Upload(Protocol):
    """A file that was sent, which need not be in memory; as `nicegui` hands it on."""

    def size(self) -> int:
        """How many bytes it has."""
        ...

    async def save(self, path: Path) -> None:
        """Write it to a path, piece by piece."""
        ...


def scans_in(place: Place) -> list[Scans]:
    """The folders that hold pictures and are no runs or trainings; those in ``drawings/`` first."""
    found = []
    for folder in _folders(place):
        if _is_training(folder) or folder.is_relative_to(place.runs):
            continue
        files = _pictures(folder)
        if files:
            found.append(Scans(place.name_of(folder), len(files)))
    drawings = place.name_of(place.drawings) + "/"
    return sorted(found, key=lambda one: (not one.name.startswith(drawings), natural(one.name)))


def trainings_in(place: Place) -> list[str]:
    """The folders in which a generator is or was trained, or lies, the newest first."""
    found = [folder for folder in _folders(place) if _is_training(folder)]
    return [place.name_of(one) for one in sorted(found, key=_moment, reverse=True)]


def pages_in(folder: Path) -> tuple[list[Page], list[str]]:
    """The pages of a folder, and the names of files that can't be read as one."""
    pages: list[Page] = []
    wrong: list[str] = []
    for path in sorted(_pictures(folder), key=lambda one: natural(one.name))[:MOST_FILES]:
        try:
            pages += read_page(path)
        except MediaError:
            wrong.append(path.name)
    return pages, wrong


def new_folder(place: Place, name: str) -> Path:
    """The folder in ``drawings/`` of that name, made where there is none.

    Raises:
        SettingsError: the name is none.
        MediaError: it can't be made.
    """
    safe = safe_name(name)
    if not safe or "." in safe[:1]:
        raise SettingsError(f"name: {printable(name[:40])!r} is none; give letters and digits")
    folder = place.inside(f"{place.name_of(place.drawings)}/{safe}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"{safe}: can't be made: {atomic.reason(error)}") from error
    return folder


def safe_name(name: str) -> str:
    """A name without paths, control characters and what systems don't like; empty for none."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = _UNSAFE.sub("-", last).strip(" .-")[-MOST_NAME:].strip(" .-")
    return f"_{kept}" if DEVICES.fullmatch(kept) else kept


async def take_in(place: Place, folder: Path, name: str, file: Upload) -> Path:
    """Put an uploaded file into a folder of scans; returns where it lies.

    It is opened as a picture first, and never replaces one that is there.

    Raises:
        MediaError: it is no picture, too large, one too many, or can't be written.
    """
    if not place.holds(folder):
        raise MediaError("the folder lies outside of the studio's folder")
    safe, shown = safe_name(name), printable(name[-40:])
    suffix = Path(safe).suffix.lower()
    if suffix not in SUFFIXES or not Path(safe).stem:
        raise MediaError(f"{shown!r}: is no scan; allowed are {', '.join(SUFFIXES)}")
    await asyncio.to_thread(_check_room, folder, file.size(), shown)
    # Hidden, so that nobody lists it, and with the ending by which pictures are known.
    part = folder / f".upload-{os.urandom(8).hex()}{suffix}"
    try:
        await file.save(part)
        return await asyncio.to_thread(_settled, part, safe, shown)
    except OSError as error:
        raise MediaError(f"{shown!r}: can't be written: {atomic.reason(error)}") from error
    finally:
        part.unlink(missing_ok=True)


def _check_room(folder: Path, size: int, shown: str) -> None:
    """Refuse a file that is too large for a folder, or one too many."""
    if size > MOST_BYTES:
        raise MediaError(
            f"{shown!r}: is {size / 2**20:.0f} MB large; allowed are {MOST_BYTES / 2**20:.0f}"
        )
    there = _pictures(folder)
    if len(there) >= MOST_FILES:
        raise MediaError(f"the folder holds {MOST_FILES} scans, which is all that it may")
    if size + sum(path.stat().st_size for path in there) > MOST_TOTAL:
        raise MediaError(f"the folder would hold more than {MOST_TOTAL / 2**30:.0f} GB")


def _settled(part: Path, safe: str, shown: str) -> Path:
    """The file under a free name, once it has been seen to be a picture."""
    try:
        read_page(part)
    except MediaError as error:
        said = str(error).replace(str(part), repr(shown))
        raise MediaError(said) from error
    for path in _free(part.parent, safe):
        with contextlib.suppress(FileExistsError):
            os.link(part, path)  # fails where there is one, unlike a renaming
            return path
    raise MediaError(f"{shown!r}: there are too many files of this name")


def _free(folder: Path, name: str) -> Iterator[Path]:
    """The name, and then with a number: ``page.png``, and so on: ``page-2.png``."""
    path = folder / name
    yield path
    for number in range(2, MOST_FILES + 2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def _folders(place: Place) -> Iterator[Path]:
    """The folders of the place, not too deep; what is hidden is passed over, and links."""
    seen = 0
    waiting = [(place.root, 0)]
    while waiting and seen < MOST_FOLDERS:
        folder, depth = waiting.pop(0)
        if folder != place.root:
            seen += 1
            yield folder
        if depth >= _DEPTH or folder == place.runs or _is_training(folder):
            continue
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            inner = [
                Path(entry.path) for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]  # fmt: skip
            waiting += [(path, depth + 1) for path in sorted(inner)]


def _pictures(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [
            Path(entry.path) for entry in entries
            if not entry.name.startswith(".")
            and Path(entry.name).suffix.lower() in SUFFIXES
            and entry.is_file(follow_symlinks=False)
        ]  # fmt: skip
    return []


def _is_training(folder: Path) -> bool:
    """Whether a generator lies there, or a training of one was begun; one of a VQGAN is none."""
    if (folder / _GENERATOR).is_file():
        return True
    with contextlib.suppress(OSError), (folder / _SETTINGS).open("rb") as file:
        return _KIND in file.read(_HEAD)
    return False


def _moment(folder: Path) -> float:
    """When something last changed in a training's folder."""
    times = [0.0]
    for name in (_SETTINGS, _GENERATOR, "log.jsonl"):
        with contextlib.suppress(OSError):
            times.append((folder / name).stat().st_mtime)
    return max(times)
