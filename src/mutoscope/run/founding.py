"""How a folder becomes a run's: written whole before the first step, or taken up again."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mutoscope import atomic
from mutoscope.errors import RunError, printable
from mutoscope.lock import FolderLock
from mutoscope.run import layout
from mutoscope.run.about import About


def establish(
    out: str | Path, namespace: str, settings: str, about: About, *, overwrite: bool
) -> tuple[Path, About, FolderLock]:
    """Make the folder of a new run: locked, and with its settings in it, or not at all.

    Args:
        out: The folder in which ``images_out`` lies or is made.
        namespace: The run's name.
        settings: The text of its settings.
        about: What else is known of it, but for its base: that is what the folder is called.
        overwrite: Take the folder of that name itself, and remove the run in it.

    Raises:
        SettingsError: The namespace can't name a folder.
        RunError: The folder can't be made or written, or is in use.
    """
    parent = Path(out) / "images_out" / layout.check_namespace(namespace)
    folder, lock = (layout.reclaim if overwrite else layout.claim)(parent, namespace)
    about = replace(about, base=folder.name)
    try:
        layout.sweep(folder)
        # The old run goes when the new one's settings are on the disk, and no sooner.
        with atomic.replacing(folder / layout.SETTINGS) as file:
            file.write(settings.encode())
            file.flush()
            layout.clear(folder, about.base)
        atomic.write_text(folder / layout.ABOUT, about.to_json())
        layout.make_rooms(folder)
        # Up to the folder in which the user is, for any of them may be new.
        atomic.sync_upward(folder, levels=4)
    except BaseException as error:
        if not overwrite:
            layout.dissolve(folder, about.base)
            lock.discard()
        lock.release()
        if isinstance(error, OSError):
            raise RunError(
                f"{folder}: the run can't begin: {atomic.reason(error)}; no step was made"
            ) from error
        raise
    return folder, about, lock


def take_up(folder: Path) -> tuple[About, FolderLock]:
    """Lock the folder of a run that is there, without what a killed process left in it.

    Raises:
        RunError: It is not a run's, what is missing is said; or it is in use.
    """
    needed = (layout.SETTINGS, layout.ABOUT)
    missing = [name for name in needed if not (folder / name).is_file()]
    if missing:
        raise RunError(layout.no_run(folder, missing))
    lock = FolderLock(folder)
    try:
        if (folder / layout.TAKING).exists():
            raise RunError(layout.half_taken(folder))
        about = About.read(folder / layout.ABOUT)
        layout.sweep(folder)
        layout.make_rooms(folder)
    except BaseException as error:
        lock.release()
        if isinstance(error, OSError):
            raise RunError(f"{folder}: can't be opened: {atomic.reason(error)}") from error
        raise
    return about, lock


def with_scenes(settings: str, scenes: Iterable[tuple[float, str]]) -> str:
    """The settings, followed by a comment for each scene, in one line of printable characters."""
    lines = [settings.rstrip("\n")]
    for number, scene in scenes:
        words = " ".join(scene.split())
        lines.append(f"# {number:.2f}: {printable(words)}")
    return "\n".join(lines) + "\n"
