"""What else a machine does to a run: no room, no permission, few files, little memory, odd clocks.

Each trial ends in one line and exit code 2, or as if nothing had been; and once the trouble is over
the same work ends in the bytes of the one that had none.

    python tests/trust/faults_disk.py
"""

import argparse
import contextlib
import ctypes
import errno
import itertools
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch
from faults import Nursery, contents, difference, emptied, preload
from faults_works import works

from mutoscope.perceptors.tiny import Tiny


def one_line(nursery, life, *said):
    """What is wrong with how a work gave up, "" for nothing."""
    lines = [line for line in nursery.printed.read_text().splitlines() if line.strip()]
    text = lines[-1] if lines else ""
    told = [line for line in lines if line.startswith("mutoscope: ")]
    if life.code == 2 and len(told) == 1 and told[0] == text and any(word in text for word in said):
        return ""
    return f"exit {life.code}: {lines[-3:]}"


def every(count, act):
    """Call ``act`` in this process at its flush number ``count`` (from 1), once."""
    fsync, calls = os.fsync, itertools.count(1)

    def counted(descriptor):
        if next(calls) == count:
            act()
        return fsync(descriptor)

    os.fsync = counted


# ── no room ──


@contextlib.contextmanager
def small_disk(place, kib):
    """A file system of so many KiB at ``place``; gives what makes it larger.

    Raises:
        OSError: nothing may be mounted here.
    """
    emptied(place)

    def mount(*options):
        done = subprocess.run(
            ["mount", *options, place],
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode:
            raise OSError(errno.EPERM, done.stderr)

    mount("-t", "tmpfs", "-o", f"size={kib}k,mode=777", "tmpfs")
    try:
        yield lambda: mount("-o", "remount,size=64m")
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def full_disk(nursery, work, whole, *, sizes):
    """A disk that is full after so many KiB, each in turn; then there is room, and it goes on."""
    for kib in sizes:
        with small_disk(nursery.place, kib) as enlarge:
            life = nursery.live(work.command)
            if life.code == 0:
                # Its quality may not have been measured, which is said; going on sees to that.
                wrong = difference(nursery, life, whole)
                if wrong and "quality was not measured" in nursery.printed.read_text():
                    enlarge()
                    wrong = difference(nursery, nursery.live(work.next(nursery.place)), whole)
                yield "the film fits", wrong
                return
            wrong = one_line(nursery, life, "the disk is full", "No space left")
            where = nursery.printed.read_text().splitlines()[-1].split(": ")[2:3]
            enlarge()
            wrong = wrong or difference(nursery, nursery.live(work.next(nursery.place)), whole)
            yield f"full, {kib} KiB: {''.join(where)}", wrong


def large_files_refused(nursery, work, whole, *, sizes):
    """No file may be longer than so many bytes."""
    for size in sizes:
        emptied(nursery.place)

        def limit(size=size):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        life = nursery.live(work.command, prepare=limit)
        wrong = ""
        if life.code != 0:
            wrong = one_line(nursery, life, "larger than is allowed", "disk", "written")
        yield (
            "no long files",
            wrong or difference(nursery, nursery.live(work.next(nursery.place)), whole),
        )


# ── no permission ──


def read_only(nursery, work, whole):
    """A file system that takes nothing, from the beginning."""
    with small_disk(nursery.place, 8192):
        subprocess.run(["mount", "-o", "remount,ro", nursery.place], check=True)
        life = nursery.live(work.command)
        wrong = one_line(nursery, life, "read-only", "permission is denied")
        subprocess.run(["mount", "-o", "remount,rw", nursery.place], check=True)
        yield (
            "read-only file system",
            wrong or difference(nursery, nursery.live(work.next(nursery.place)), whole),
        )


def obey_permissions():
    """Let this process, even if it is root's, go by what files permit (capabilities, Linux)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, twice 32 of each
    libc.capget(header, sets)
    for place in range(2):
        sets[place] &= ~0b110  # to override what is permitted, and to read and search
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def permission_lost(nursery, work, whole, *, flushes):
    """Every folder of the work becomes read-only in the midst of it."""
    for flush in flushes:
        emptied(nursery.place)
        nursery.place.chmod(0o777)

        def lose(flush=flush):
            obey_permissions()

            def close():
                for folder in nursery.place.rglob("*"):
                    if folder.is_dir():
                        folder.chmod(0o555)

            every(flush, close)

        life = nursery.live(work.command, prepare=lose)
        wrong = "" if life.code == 0 else one_line(nursery, life, "permission is denied")
        for folder in nursery.place.rglob("*"):
            if folder.is_dir():
                folder.chmod(0o755)
        yield (
            "folders lose their permission",
            wrong or difference(nursery, nursery.live(work.next(nursery.place)), whole),
        )


# ── few files, little memory ──


def few_files(nursery, work, whole, *, limits):
    """So many files may be opened beside those that are open."""
    for more in limits:
        emptied(nursery.place)

        def limit(more=more):
            held = len(list(Path("/proc/self/fd").iterdir()))
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (held + more, hard))

        life = nursery.live(work.command, prepare=limit)
        wrong = "" if life.code == 0 else one_line(nursery, life, "too many files open")
        yield (
            "few open files" if life.code else "few open files suffice",
            wrong or difference(nursery, nursery.live(work.next(nursery.place)), whole),
        )


def short_memory(nursery, work, whole):
    """The perceptor has memory for one cutout at a time from its tenth look on."""
    emptied(nursery.place)
    see, looks = Tiny.see, itertools.count()

    def plant(only=1, since=10):
        def narrow(self, batch):
            if next(looks) >= since and len(batch) > only:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to")
            return see(self, batch)

        Tiny.see = narrow

    life = nursery.live(work.command, prepare=plant)
    said = nursery.printed.read_text()
    split = contents(nursery.place)
    names = {n for n in {*whole, *split} if n.endswith((".yaml", ".json")) and "quality" not in n}
    wrong = "" if life.code == 0 and "memory is short" in said else f"exit {life.code}: {said}"
    wrong = wrong or "".join(n for n in names if whole.get(n) != split.get(n))
    yield "memory for one cutout: smaller parts", wrong
    # It is killed after it has learned that, and goes on where there is memory: as it had begun.
    emptied(nursery.place)
    killed = nursery.live(work.command, prepare=plant, aim=("checkpoint", 8, 0.0))
    assert killed.code == -signal.SIGKILL
    last = nursery.live(work.next(nursery.place))
    yield "memory for one cutout, killed, resumed", difference(nursery, last, split)
    emptied(nursery.place)
    life = nursery.live(work.command, prepare=lambda: plant(only=0, since=12))
    wrong = one_line(nursery, life, "not enough memory")
    yield (
        "memory for no cutout",
        wrong or difference(nursery, nursery.live(work.next(nursery.place)), whole),
    )


# ── time ──


def slow_disk(nursery, work, whole, *, seconds=0.03):
    """Each flush takes so long, and Ctrl-C comes in the midst."""

    def slow(interrupted=False):
        fsync = os.fsync

        def slept(descriptor):
            time.sleep(seconds)
            return fsync(descriptor)

        os.fsync = slept
        if interrupted:
            every(20, lambda: os.kill(os.getpid(), signal.SIGINT))

    emptied(nursery.place)
    yield "slow disk", difference(nursery, nursery.live(work.command, prepare=slow), whole)
    emptied(nursery.place)
    life = nursery.live(work.command, prepare=lambda: slow(interrupted=True))
    wrong = "" if life.code == 130 else f"exit {life.code}"
    yield (
        "slow disk, and Ctrl-C",
        wrong or difference(nursery, nursery.live(work.next(nursery.place)), whole),
    )


def clock_set_back(nursery, work, whole):
    """The clock goes back by an hour each time it is asked, and all inputs are of the future."""
    emptied(nursery.place)

    def turn_back():
        now = itertools.count(int(time.time()), -3600)
        time.time = lambda: float(next(now))
        time.time_ns = lambda: next(now) * 10**9

    life = nursery.live(work.command, prepare=turn_back, aim=("checkpoint", 5, 0.001))
    for path in nursery.place.rglob("*"):
        os.utime(path, (4e9, 4e9))
    if life.code == -signal.SIGKILL:
        life = nursery.live(work.next(nursery.place), prepare=turn_back)
    yield "clock set back", difference(nursery, life, whole)


# ── two at once ──


def two_at_once(nursery, work, whole, *, again=None):
    """A second process begins the same work, or goes on with it, while the first is at it."""
    emptied(nursery.place)
    note = nursery.place.with_name("second")

    def begin_second():
        def second():
            child = os.fork()
            if child == 0:
                for number in (1, 2):
                    os.dup2(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
                from mutoscope.cli import run

                code = run(list(again or work.next(nursery.place)))
                os.write(2, f"exit {code}\n".encode())
                os._exit(0)
            os.waitpid(child, 0)

        every(12, second)

    life = nursery.live(work.command, prepare=begin_second)
    lines = note.read_text().splitlines()
    said = [line for line in lines if line.startswith("mutoscope: ")]
    refused = lines[-1:] == ["exit 2"] and len(said) == 1 and "in use by process" in said[0]
    yield "the second of two", difference(nursery, life, whole) if refused else f"{lines}"


# Those in which a second process has something to go on with when the twelfth flush comes.
ALONE = ("film", "vqgan", "sheet", "walk", "interpolate", "train", "upscale", "restyle")
# KiB of the file systems on which other works than a film run out of room.
SIZES = {
    "train": (48, 160, 320, 480, 640),
    "train-vqgan": (64, 1200, 6000, 12000),
    "interpolate": (8, 16, 20, 28),
    "upscale": (8, 28, 44, 72),
    "smooth": (8, 16, 24),
    "smooth-film": (8, 20, 32),
    "process": (8, 20, 28),
    "restyle": (24, 60, 110, 170),
    "tiles": (16, 48, 80),
    "shards": (16, 64, 100),
    "join-heard": (8, 24, 40),
    "project": (4, 8),
}


def trials(nursery, work, whole, *, small=False):
    """Every trial of a work, what it was and what was wrong; or the quickest of them."""
    if work.name in SIZES and not small and may_mount(nursery.place):
        yield from full_disk(nursery, work, whole, sizes=SIZES[work.name])
    if work.name == "film":
        if not may_mount(nursery.place):
            yield "nothing can be mounted here: full disk not tried", ""
        else:
            sizes = (130,) if small else range(16, 400, 24)
            yield from full_disk(nursery, work, whole, sizes=sizes)
        if not small:
            if may_mount(nursery.place):
                yield from read_only(nursery, work, whole)
            yield from short_memory(nursery, work, whole)
            yield from permission_lost(nursery, work, whole, flushes=range(3, 90, 9))
            sizes = (1000, 2000, 3000, 6000, 9000, 15000)
            yield from large_files_refused(nursery, work, whole, sizes=sizes)
            yield from few_files(nursery, work, whole, limits=(0, 1, 2, 3, 4, 6, 9, 12))
            yield from clock_set_back(nursery, work, whole)
            yield from slow_disk(nursery, work, whole)
            overwriting = (*work.command, "allow_overwrite=true")
            yield from two_at_once(nursery, work, whole, again=overwriting)
    if work.name in ALONE:
        yield from two_at_once(nursery, work, whole)


def may_mount(place):
    """Whether a file system can be mounted here."""
    try:
        with small_disk(place, 64):
            return True
    except OSError:
        return False


def main():
    """Try all, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=())
    only = parser.parse_args().only
    preload()
    tried, wrong = Counter(), []
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        base.chmod(0o755)
        for work in works(base / "inputs"):
            if only and work.name not in only:
                continue
            nursery = Nursery(emptied(base / work.name))
            nursery.live(work.command)
            whole = contents(nursery.place)
            for what, failed in trials(nursery, work, whole):
                tried[what] += 1
                print(f"{work.name}: {what}", flush=True)
                if failed:
                    wrong.append(f"{work.name}: {what}: {failed}")
                    print("WRONG", wrong[-1], flush=True)
    for what, count in tried.items():
        print(f"{count:4}  {what}")
    print(f"\n{sum(tried.values())} trials, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
