"""How a run's folder is laid out, how it gets its name, and which files are a run's own."""

import contextlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from mutoscope.atomic import is_part, reason, sweep_parts, sync_folder
from mutoscope.errors import RunError, SettingsError
from mutoscope.lock import NAME as LOCK
from mutoscope.lock import FolderLock, InUseError
from mutoscope.run.checkpoint import SUFFIX
from mutoscope.settings.values import DEVICES, FORBIDDEN, MAX_NAME

SETTINGS = "settings.yaml"
ABOUT = "run.json"
LOG = "log.jsonl"
LATEST = "latest.png"
LOSSES = "losses.png"
PALETTE = "palette.png"
TENSORBOARD = "tensorboard"
QUALITY = "quality.json"
QUALITY_PLOT = "quality.png"
SILENT = ".silent.mp4"  # a film that is to have sound, until it has
PROFILE = "profile.txt"
TRACE = "trace.json"
FRAMES = "frames"
SMOOTHED = "smoothed"  # the frames as a film shows them, where they are smoothed over time
STATE = "state"
PAUSED = f"{STATE}/paused{SUFFIX}"
TAKING = ".taking"  # is there while the beginning of another run is copied into this one


def check_namespace(name: str) -> str:
    """`name`, if it can name folders and files on every system.

    Raises:
        SettingsError: It can't: it is empty, a path, hidden, reserved or too long.
    """
    why = None
    if not name.strip():
        why = "is empty"
    elif FORBIDDEN.search(name):
        why = 'holds one of < > : " / \\ | ? * or a control character'
    elif name.startswith("."):
        why = "begins with a dot"
    elif name != name.strip() or name.endswith("."):
        why = "begins or ends with a space, or ends with a dot"
    elif DEVICES.fullmatch(name):
        why = "is the name of a device on Windows"
    elif len(name.encode(errors="replace")) > MAX_NAME:
        why = f"is longer than {MAX_NAME} bytes"
    if why is not None:
        raise SettingsError(
            f"file_namespace: {name!r} {why}; it names folders and files, so use letters, digits, "
            "spaces, - and _, such as 'harbour_2'"
        )
    return name


def frame_paths(folder: Path, base: str, room: str = FRAMES) -> list[tuple[int, Path]]:
    """The kept frames of a run and their numbers, in order."""
    return _numbered(folder / room, f"{base}_", ".png")


def smoothed_paths(folder: Path, base: str) -> list[tuple[int, Path]]:
    """The frames of a run that were smoothed over time, and their numbers, in order."""
    return frame_paths(folder, base, SMOOTHED)


def shown_paths(folder: Path, base: str) -> list[tuple[int, Path]]:
    """The kept frames of a run as its film shows them, and their numbers, in order.

    One that could not be smoothed, for those after it are not painted yet, is as it was painted.
    """
    smoothed = dict(smoothed_paths(folder, base))
    return [(number, smoothed.get(number, path)) for number, path in frame_paths(folder, base)]


def state_paths(folder: Path) -> list[tuple[int, Path]]:
    """The kept states of a run and their numbers, in order."""
    return _numbered(folder / STATE, "", SUFFIX)


def _numbered(folder: Path, before: str, suffix: str) -> list[tuple[int, Path]]:
    """The files with a number between ``before`` and ``suffix``, and that, in order.

    A disk may tell a name in other forms of its letters than it was given (decomposed, or as one
    in its place was written before). What it then finds by the name given is meant by it.
    """
    if not folder.is_dir():
        return []
    pattern = re.compile(re.escape(_alike(before)) + r"(0|[1-9][0-9]*)" + re.escape(suffix))
    names = {path.name for path in folder.iterdir()}
    found = {}
    for name in names:
        if match := pattern.fullmatch(_alike(name)):
            path = folder / f"{before}{match[1]}{suffix}"
            if path.name in names or path.exists():
                found[int(match[1])] = path
    return sorted(found.items())


def _alike(name: str) -> str:
    """A name such that those are equal which some disks take for one."""
    return unicodedata.normalize("NFC", name).casefold()


def claim(parent: Path, namespace: str) -> tuple[Path, FolderLock]:
    """An empty folder for a run, the first free of ``ns``, ``ns(1)``, ``ns(2)``…, locked.

    Whoever holds the lock of an empty folder has it: two processes never get the same one, and
    one that a killed process left before it wrote anything is taken again.

    Raises:
        RunError: It can't be made.
    """
    index = 0
    while True:
        folder = parent / (namespace if index == 0 else f"{namespace}({index})")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            pass  # a file has that name
        except OSError as error:
            raise RunError(
                f"{folder}: can't be made: {reason(error)}; nothing was changed"
            ) from error
        lock = _take_if_empty(folder)
        if lock is not None:
            return folder, lock
        index += 1


def _take_if_empty(folder: Path) -> FolderLock | None:
    """The lock of a folder that holds nothing, or nothing but a false start; else ``None``."""
    if not folder.is_dir() or not _empty(folder):
        return None
    try:
        lock = FolderLock(folder)
    except InUseError:
        return None
    if _empty(folder):  # still, now that nobody else can change it
        sweep(folder)
        if (folder / TAKING).exists():
            _clear_taken(folder)
        (folder / SETTINGS).unlink(missing_ok=True)
        return lock
    lock.release()
    return None


def _empty(folder: Path) -> bool:
    """Whether there is nothing in it, or what a run leaves that died before its first step."""
    names = {path.name for path in folder.iterdir() if not is_part(path)}
    if TAKING in names:  # the other run has all that this one holds
        rooms, ours = {FRAMES, SMOOTHED, STATE, TENSORBOARD}, {SETTINGS, ABOUT, LOG, LOCK, TAKING}
        return names <= rooms | ours
    return not names or names == {LOCK} or names == {LOCK, SETTINGS}


def _clear_taken(folder: Path) -> None:
    """Remove what was copied from another run before the program was ended."""
    clear(folder, folder.name)
    for name in (FRAMES, SMOOTHED, STATE, TENSORBOARD):
        with contextlib.suppress(OSError):  # somebody's files lie in it: they stay
            (folder / name).rmdir()


def reclaim(parent: Path, namespace: str) -> tuple[Path, FolderLock]:
    """The folder ``ns`` itself, locked, for a run that may overwrite the one before; untouched.

    Raises:
        RunError: It can't be made, is in use, or holds files with our names that no run made.
    """
    folder = parent / namespace
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder}: can't be made: {reason(error)}; nothing was changed") from error
    ours = (folder / ABOUT).exists() or (folder / LOCK).exists()
    lock = FolderLock(folder)
    taken = [path.name for path in own_files(folder, namespace)]
    if taken and not ours:
        lock.release()
        (folder / LOCK).unlink(missing_ok=True)
        raise RunError(
            f"{folder}: holds {', '.join(taken[:3])}, but not from a run of this program, so "
            "nothing is overwritten; choose another file_namespace"
        )
    return folder, lock


def own_files(folder: Path, base: str) -> list[Path]:
    """The files of a run in its folder; whatever else lies there is somebody's."""
    names = (
        *(ABOUT, SETTINGS, LOG, LATEST, LOSSES, PALETTE, PAUSED, QUALITY, QUALITY_PLOT),
        *(PROFILE, TRACE, f"{base}.mp4"),
    )
    files = [folder / name for name in names if (folder / name).is_file()]
    files += [path for _, path in state_paths(folder)]
    files += [path for _, path in frame_paths(folder, base)]
    files += [path for _, path in smoothed_paths(folder, base)]
    files += sorted((folder / TENSORBOARD).glob("events.out.tfevents.*"))
    # At the end, since it says of all the others that they are no run of their own.
    return [*files, folder / TAKING] if (folder / TAKING).is_file() else files


def sweep(folder: Path) -> None:
    """Remove part files that a killed process left. Only under the folder's lock."""
    for part in (folder, folder / FRAMES, folder / SMOOTHED, folder / STATE):
        if part.is_dir():
            sweep_parts(part)
    (folder / SILENT).unlink(missing_ok=True)


def make_rooms(folder: Path) -> None:
    """Make the folders inside a run's folder, and see them to the disk."""
    for name in (FRAMES, STATE):
        (folder / name).mkdir(exist_ok=True)
    sync_folder(folder)


def clear(folder: Path, base: str) -> None:
    """Remove a run's own files; first the one without which the rest is no run any more."""
    for path in own_files(folder, base):
        path.unlink(missing_ok=True)


def dissolve(folder: Path, base: str) -> None:
    """Undo `claim` after a false start: remove what the run wrote, and the folder if it can be."""
    with contextlib.suppress(OSError):
        clear(folder, base)
        for name in (FRAMES, SMOOTHED, STATE, TENSORBOARD):
            if (folder / name).is_dir():
                (folder / name).rmdir()
        (folder / LOCK).unlink(missing_ok=True)
        folder.rmdir()


def no_run(folder: Path, missing: Sequence[str]) -> str:
    """Why a folder can't be resumed, and which one may have been meant."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        return f"{folder}: {what}; give the folder of a run, such as images_out/fox/fox"
    inside = sorted(
        (path.parent for path in folder.glob(f"*/{ABOUT}")),
        key=lambda path: (path / ABOUT).stat().st_mtime,
    )
    hint = f"; the newest run in it is {inside[-1]}" if inside else ""
    verb = "is" if len(missing) == 1 else "are"
    return f"{folder}: is not the folder of a run: {' and '.join(missing)} {verb} missing{hint}"


def half_taken(folder: Path) -> str:
    """Why a folder can't be resumed into which the beginning of another run was being copied."""
    return (
        f"{folder}: was to begin with frames of another run, and the program was ended while they "
        "were copied; nothing is lost: give the command that began it again"
    )
