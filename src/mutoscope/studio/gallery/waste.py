"""The wastebasket: what was deleted, until it is emptied.

.studio/waste/<id>/was.json    what it was called, and when it was deleted
.studio/waste/<id>/<name>      the run's or sheet's folder, or the file, as it was
"""

import contextlib
import json
import re
import secrets
import shutil
import time
from dataclasses import dataclass

from mutoscope import atomic
from mutoscope.errors import RunError
from mutoscope.studio.gallery.catalogue import Entry
from mutoscope.studio.place import Place
from mutoscope.studio.queue.jobs import Jobs

_WAS = "was.json"
_ID = re.compile(r"[0-9a-f]{12}")
_BUSY = ("waiting", "running", "stopping")


@dataclass(frozen=True)
class Wasted:
    """Something in the wastebasket: its ``name`` in the place, its title, when it was deleted."""

    id: str
    name: str
    title: str
    when: float


def throw_away(place: Place, entry: Entry, jobs: Jobs) -> str:
    """Move what an entry stands for into the wastebasket; returns its id there.

    Raises:
        RunError: it is being painted, is to be, or can't be moved.
    """
    if entry.state == "running" or any(
        job.state in _BUSY and (job.run == entry.name or _names(entry, job.command))
        for job in jobs.all()
    ):
        raise RunError(f"{entry.title}: is being worked on; stop it first, then delete it")
    path = place.inside(entry.name)
    bag = place.own / "waste" / secrets.token_hex(6)
    told = {"name": entry.name, "title": entry.title, "when": time.time()}
    try:
        bag.mkdir(parents=True)
        atomic.write_text(bag / _WAS, json.dumps(told))
        path.rename(bag / path.name)
    except OSError as error:
        shutil.rmtree(bag, ignore_errors=True)
        raise RunError(f"{entry.title}: can't be deleted: {atomic.reason(error)}") from error
    if path.parent not in (place.root, place.runs):
        with contextlib.suppress(OSError):  # the folder of a namespace, once nothing is in it
            path.parent.rmdir()
    return bag.name


def wasted(place: Place) -> list[Wasted]:
    """What lies in the wastebasket, the newest first."""
    found = []
    for bag in (place.own / "waste").glob("*"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            told = json.loads(atomic.read_bounded(bag / _WAS, 2**20))
            if _ID.fullmatch(bag.name):
                found.append(
                    Wasted(bag.name, str(told["name"]), str(told["title"]), float(told["when"]))
                )
    return sorted(found, key=lambda one: -one.when)


def restore(place: Place, id: str) -> str:  # noqa: A002 - the word for it
    """Put something back where it was; returns its name.

    Raises:
        RunError: it is not there any more, or something else has its name now.
    """
    one = next((each for each in wasted(place) if each.id == id), None)
    if one is None:
        raise RunError("it is not in the wastebasket any more")
    try:
        target = place.inside(one.name)
        if target.exists():
            raise RunError(f"{one.name}: there is another of that name now; rename that one first")
        bag = place.own / "waste" / id
        target.parent.mkdir(parents=True, exist_ok=True)
        (bag / target.name).rename(target)
        shutil.rmtree(bag)
    except OSError as error:
        raise RunError(f"{one.title}: can't be put back: {atomic.reason(error)}") from error
    return one.name


def empty(place: Place) -> int:
    """Delete for good what lies in the wastebasket; returns how many things those were.

    Raises:
        RunError: some can't be deleted.
    """
    there = wasted(place)
    try:
        for one in there:
            shutil.rmtree(place.own / "waste" / one.id)
    except OSError as error:
        raise RunError(f"the wastebasket can't be emptied: {atomic.reason(error)}") from error
    return len(there)


def _names(entry: Entry, command: tuple[str, ...]) -> bool:
    """Whether a command reads what an entry stands for, or something in it."""
    return any(word == entry.name or word.startswith(f"{entry.name}/") for word in command)
