"""Cuts the power while the real program writes, at every change to the disk, and goes on.

What a file system promises is kept in a model: what was flushed of a file is there, and so are a
folder's entries as they were when the folder was flushed. Of all else anything may be there: an
entry or the one before it, a file's newest bytes, those that were flushed, or a piece. After each
cut the least that was promised is put on the disk, and mixtures by chance; the program goes on from
there, and must end in the bytes of the work never cut off.

    python tests/trust/faults_power.py
"""

import argparse
import contextlib
import os
import pickle
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from faults import Nursery, Tally, contents, difference, emptied, half_made, preload
from faults_works import works

CUT_OFF = ("least", "names", "mixed")
# What may be lost with the power though it is there at the end: it is made anew by whoever goes on.
SHOWN = ("latest.png",)
SPARED = "cache/"  # pages that are kept for speed alone


@dataclass(frozen=True)
class Tree:
    """Folders and files by their number on the disk: entries of the one, bytes of the other."""

    folders: dict
    files: dict


@dataclass(frozen=True)
class Moment:
    """What is promised to be on the disk, what is to be seen, and what was just done."""

    promised: Tree
    seen: Tree
    done: str


class Disk:
    """The model of the disk under a folder, told of every flush."""

    def __init__(self, root):
        self.root = root
        self.held = {}  # open files, so that no number is given twice
        self.moments = []
        # What is there at the beginning has been there for long.
        seen = self.look()
        self.folders, self.files = dict(seen.folders), dict(seen.files)

    def look(self):
        """All that is to be seen now."""
        folders, files, waiting = {}, {}, [self.root]
        while waiting:
            folder = waiting.pop()
            entries = folders[self.number(folder)] = {}
            for path in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):  # another thread is at work
                    number = entries[path.name] = self.number(path)
                    if path.is_dir():
                        waiting.append(path)
                    else:
                        files[number] = path.read_bytes()
        return Tree(folders, files)

    def number(self, path):
        number = path.stat().st_ino
        if number not in self.held:
            self.held[number] = os.open(path, os.O_RDONLY)
        return number

    def flushed(self, descriptor):
        number = os.fstat(descriptor).st_ino
        path = Path(f"/proc/self/fd/{descriptor}")
        target = path.readlink()
        if target.is_dir():
            self.folders[number] = {path.name: self.number(path) for path in target.iterdir()}
        else:
            if number not in self.held:  # opened anew: a copy would keep a lock that is let go
                self.held[number] = os.open(path, os.O_RDONLY)
            self.files[number] = path.read_bytes()

    def note(self, done):
        promised = Tree(dict(self.folders), dict(self.files))
        self.moments.append(Moment(promised, self.look(), done))

    def watch(self):
        """Note every change of this process from now on."""

        def noted(function, name):
            def wrapper(*args, **kwargs):
                if name in ("fsync", "sync"):
                    self.note(f"before {name}")
                result = function(*args, **kwargs)
                if name == "fsync":
                    self.flushed(args[0])
                if name == "sync":
                    seen = self.look()
                    self.folders, self.files = dict(seen.folders), dict(seen.files)
                self.note(f"{name} {args[0].name if args and isinstance(args[0], Path) else ''}")
                return result

            return wrapper

        for owner, name in (
            (os, "fsync"), (os, "sync"), (os, "truncate"), (os, "ftruncate"), (os, "rename"),
            (os, "replace"), (Path, "replace"), (Path, "rename"), (Path, "unlink"),
            (Path, "mkdir"), (Path, "rmdir"),
        ):  # fmt: skip
            setattr(owner, name, noted(getattr(owner, name), name))


def recorded(nursery, command):
    """The moments of a work that is done from beginning to end."""
    kept = nursery.place.with_name("moments")

    def prepare():
        disk = Disk(nursery.place)
        disk.watch()
        return lambda: kept.write_bytes(pickle.dumps((disk.root.stat().st_ino, disk.moments)))

    life = nursery.live(command, prepare=prepare)
    if life.code:
        raise SystemExit(f"exit {life.code}: {nursery.printed.read_text()}")
    return pickle.loads(kept.read_bytes())  # noqa: S301 - our own


def put_on_disk(place, root, moment, how, chance):
    """What is left in ``place`` after the power is gone: the least, or more of it."""
    promised, seen = moment.promised, moment.seen

    def either(old, new):
        if old == new or how == "least":
            return old
        return new if how == "names" else chance.choice((old, new))

    def write(path, number):
        if number in promised.folders or number in seen.folders:
            path.mkdir(exist_ok=True)
            old, new = promised.folders.get(number, {}), seen.folders.get(number, {})
            for name in sorted({*old, *new}):
                entry = either(old.get(name), new.get(name))
                if entry is not None:
                    write(path / name, entry)
            return
        old = promised.files.get(number, b"")
        new = seen.files.get(number, old)
        if how == "mixed" and old != new:
            old = chance.choice((old, new, new[: chance.randrange(len(new) + 1)]))
        path.write_bytes(old)

    write(emptied(place), root)


def cut(nursery, work, whole, *, chance, most=None, say=print):
    """Cut the power at every moment (or ``most`` of them) in every way; what went wrong."""
    emptied(nursery.place)
    root, moments = recorded(nursery, work.command)
    wrong = []
    put_on_disk(nursery.place, root, moments[-1], "least", chance)
    found = contents(nursery.place)
    lost = [name for name in whole if found.get(name) != whole[name]]
    if lost := sorted(name for name in lost
                      if Path(name).name not in SHOWN and not name.startswith(SPARED)):  # fmt: skip
        wrong.append(f"{work.name}: when it had ended, not all of it was on the disk: {lost}")
    chosen = list(enumerate(moments))
    if most is not None and most < len(chosen):
        chosen = chance.sample(chosen, most)
    cuts = 0
    for index, moment in chosen:
        for how in CUT_OFF:
            put_on_disk(nursery.place, root, moment, how, chance)
            half = half_made(work, nursery.place, whole, Tally())
            life = nursery.live(work.next(nursery.place))
            cuts += 1
            if lost := half or difference(nursery, life, whole, but=SHOWN):
                wrong.append(f"{work.name}: cut at {index} ({moment.done}; {how}): {lost}")
    say(f"{work.name}: {len(moments)} moments, {cuts} cuts, {len(wrong)} wrong")
    return cuts, wrong


def main():
    """Cut as often as is asked for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, help="moments of each work; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=())
    asked = parser.parse_args()
    begun, cuts, wrong = time.perf_counter(), 0, []
    preload()
    chance = random.Random(asked.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        for work in works(base / "inputs"):
            if work.crew or (asked.only and work.name not in asked.only):
                continue  # what the workers of a crew do to the disk is not seen
            nursery = Nursery(emptied(base / work.name))
            nursery.live(work.command)
            whole = contents(nursery.place)
            more, failed = cut(nursery, work, whole, chance=chance, most=asked.most)
            cuts, wrong = cuts + more, wrong + failed
    print(
        f"\n{cuts} losses of power; {cuts - len(wrong)} ended in the bytes of the work never cut "
        f"off ({time.perf_counter() - begun:.0f} s)"
    )
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
