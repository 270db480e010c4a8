"""What is asked for of something that was made, as commands for the queue.

What they write comes to lie in the place: runs where runs lie, files in ``finished``.
"""

import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mutoscope import atomic
from mutoscope.errors import MediaError, RunError, SettingsError
from mutoscope.settings.document import MAX_KEPT_BYTES
from mutoscope.sources import command_for
from mutoscope.studio.compose.amending import with_value
from mutoscope.studio.compose.draft import Draft, Drafts, check
from mutoscope.studio.gallery.catalogue import FINISHED, SETTINGS, Entry
from mutoscope.studio.place import Place
from mutoscope.studio.queue.jobs import Jobs
from mutoscope.sweep.jobs import MOST_SEEDS

SCALES = (2, 3, 4)
FACTORS = (2, 4, 8)
_PATHS_FROM = "paths_from"
_MOST_SEED = 10**6


@dataclass(frozen=True)
class Wish:
    """A command, without ``mutoscope`` before it, and what it is called in the queue."""

    command: tuple[str, ...]
    title: str

    def queue(self, jobs: Jobs) -> str:
        """Put it into the queue; returns the id of the job.

        Raises:
            MutoscopeError: as `Jobs.add`.
        """
        return jobs.add(self.command, title=self.title).id


def again(place: Place, entry: Entry, seed: int | None = None) -> Wish:
    """The same once more with another seed: one that is drawn, unless it is given.

    Raises:
        SettingsError: nothing is known of how it was made.
    """
    seed = secrets.randbelow(_MOST_SEED) if seed is None else seed
    if entry.is_run:
        source = entry.path / SETTINGS
    elif entry.settings and entry.picture is not None:
        source = entry.picture
    else:
        raise SettingsError(f"{entry.name}: says nothing of its making, so it can't be made again")
    return Wish(("render", place.name_of(source), f"seed={seed}"), f"{entry.title} · seed {seed}")


def sheet_of_seeds(entry: Entry, count: int) -> Wish:
    """A contact sheet of a picture's recipe with so many seeds.

    Raises:
        SettingsError: it is no still, or ``count`` is beyond what a sheet takes.
    """
    if not 1 <= count <= MOST_SEEDS:
        raise SettingsError(f"count: {count} pictures; give 1 to {MOST_SEEDS}")
    if not entry.settings or entry.kind == "sheet" or is_animated(entry):
        raise SettingsError(f"{entry.name}: a contact sheet is made of a picture's recipe")
    words = shlex.split(command_for({"settings": dict(entry.settings)}))[2:]
    command = ("image", "--count", str(count), *words)
    return Wish(command, f"{entry.title} · {count} seeds")


def larger(place: Place, entry: Entry, scale: int, jobs: Jobs) -> Wish:
    """The film of an entry, or else its newest picture, made larger.

    Raises:
        SettingsError: by ``scale`` nothing can be enlarged.
        RunError: there is no picture yet.
    """
    if scale not in SCALES:
        raise SettingsError(f"scale: {scale}; there are 2, 3 and 4")
    source = entry.film or _newest(entry)
    output = free_name(place, f"{_stem(entry)}-x{scale}{_suffix(source)}", jobs)
    words = ("upscale", place.name_of(source), "-o", output, "--scale", str(scale))
    return Wish(words, f"{entry.title} · {scale} times as large")


def smoother(place: Place, entry: Entry, factor: int, jobs: Jobs) -> Wish:
    """The film of an entry with more pictures a second.

    Raises:
        SettingsError: ``factor`` is none of `FACTORS`.
        RunError: it is no film.
    """
    if factor not in FACTORS:
        raise SettingsError(f"factor: {factor}; there are 2, 4 and 8")
    if entry.film is None:
        raise RunError(f"{entry.title}: has no film yet; go on with it first")
    # The frames of a run are without loss, and its sound and recipe come along.
    source = entry.path if entry.is_run else entry.film
    output = free_name(place, f"{_stem(entry)}-{factor}fold.mp4", jobs)
    words = ("interpolate", place.name_of(source), "-o", output, "--factor", str(factor))
    return Wish(words, f"{entry.title} · {factor} times as smooth")


def settings_text(entry: Entry) -> str:
    """The settings of a run as they are changed for a fork: without where their paths begin.

    Raises:
        RunError: they can't be read.
    """
    lines = _lines(entry.path / SETTINGS)
    return "".join(line for line in lines if not line.startswith(f"{_PATHS_FROM}:")).rstrip() + "\n"


def fork(place: Place, entry: Entry, text: str, *, first: int | None = None) -> Wish:
    """Paint what changed settings change of a run, from frame ``first`` on, or where it is seen.

    Raises:
        MutoscopeError: something in them is wrong, in the command line's words.
    """
    if not entry.is_run:
        raise RunError(f"{entry.title}: is no run; only runs can be forked")
    origin = entry.settings.get(_PATHS_FROM) or _origin(entry.path / SETTINGS)
    if f"\n{_PATHS_FROM}:" not in f"\n{text}" and origin and place.holds(Path(origin)):
        text = with_value(text, _PATHS_FROM, str(origin))
    changed = check(text, place).settings
    if changed is not None and changed.to_dict(portable=True) == entry.settings:
        raise SettingsError("settings: nothing is changed yet, so the fork would be the same again")
    file = Drafts(place).keep(Draft("", text, 0))
    words: tuple[str, ...] = ("render", place.name_of(file), "--from", entry.name)
    if first is not None:
        words = (*words, "--frames", f"{first}..")
    where = "" if first is None else f" from frame {first}"
    return Wish(words, f"{entry.title} · forked{where}")


def go_on(entry: Entry) -> Wish:
    """Go on with a run or sheet that was stopped, such as one begun in a terminal.

    Raises:
        RunError: there is nothing to go on with.
    """
    if entry.state != "stopped" or entry.kind == "finished":
        raise RunError(f"{entry.title}: is {entry.state}; there is nothing to go on with")
    return Wish(("resume", "--", entry.name), entry.title)


def is_animated(entry: Entry) -> bool:
    """Whether its settings make a film."""
    return entry.kind == "film" or entry.settings.get("animation_mode", "off") not in ("off", False)


def free_name(place: Place, name: str, jobs: Jobs) -> str:
    """A name in ``finished`` that neither a file has nor a job of the queue will write.

    Raises:
        MediaError: the folder can't be made.
    """
    folder = place.root / FINISHED
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise MediaError(f"{FINISHED}: can't be made; nothing was queued") from error
    taken = set(_words(jobs))
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in range(1, 10_000):
        tried = f"{FINISHED}/{stem}{'' if number == 1 else f'({number})'}{suffix}"
        if tried not in taken and not (place.root / tried).exists():
            return tried
    raise MediaError(f"{FINISHED}: holds too many files called {name}; remove some")


def _words(jobs: Jobs) -> Iterable[str]:
    for job in jobs.all():
        yield from job.command


def _newest(entry: Entry) -> Path:
    if entry.picture is None:
        raise RunError(f"{entry.title}: has no picture yet")
    return entry.picture


def _stem(entry: Entry) -> str:
    return entry.path.stem if entry.kind == "finished" else entry.path.name


def _suffix(source: Path) -> str:
    return source.suffix.lower()


def _origin(settings: Path) -> str:
    """Where the relative paths of a run's settings begin, as they say it."""
    for line in _lines(settings):
        if line.startswith(f"{_PATHS_FROM}:"):
            return line.partition(":")[2].strip().strip("\"'")
    return ""


def _lines(settings: Path) -> list[str]:
    try:
        text = atomic.read_bounded(settings, MAX_KEPT_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{settings.name}: the settings of this run can't be read") from error
    return text.splitlines(keepends=True)
