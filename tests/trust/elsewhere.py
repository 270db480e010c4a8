"""A disk as Windows or macOS has it, played on one of Linux: what Python asks of it comes here.

Both find ``fox`` where ``Fox`` lies. Windows refuses names that it reserves, and paths of 260
letters; what is open or mapped is neither renamed, replaced nor removed; no folder is opened,
so none is flushed, and nothing that was opened for reading only; there are no links (there are on
NTFS, for some; none on exFAT). On macOS, with HFS+ the strictest, names are told decomposed (NFD),
and found in either form.

What libraries in C ask of the disk by themselves (FFmpeg, OpenCV) keeps Linux's rules; what they
hold open is seen.

    python tests/trust/elsewhere.py
"""

import builtins
import errno
import fcntl
import functools
import importlib.util
import io
import os
import re
import stat
import sys
import tempfile
import unicodedata
from pathlib import Path
from types import ModuleType

import pytest

from mutoscope import lock
from mutoscope.cli import run

_REFUSED = re.compile(r'[<>:"|?*\\\x00-\x1f]|[ .]$')
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE
)
_LONGEST = 259
# By which arguments a function is given paths.
_CALLS = {
    "mkdir": 1, "open": 1, "stat": 1, "lstat": 1, "scandir": 1, "listdir": 1, "unlink": 1,
    "remove": 1, "rename": 2, "replace": 2, "link": 2, "symlink": 2, "rmdir": 1, "truncate": 1,
    "utime": 1, "access": 1, "chmod": 1, "readlink": 1,
}  # fmt: skip
_CHANGES = ("unlink", "remove", "rename", "replace", "rmdir")


def windows_refuses(name):
    """Whether Windows can't have a file or folder of this name."""
    return bool(_REFUSED.search(name) or _DEVICE.fullmatch(name))


class Disk:
    """The folder ``root`` and all below it under another system's rules, until ``patch`` is undone.

    ``refusals``: what was asked and refused, by name of the call.
    """

    def __init__(self, root, system, patch):
        self.root, self.system, self.refusals = Path(root), system, []
        self._listdir = os.listdir
        self._exists = functools.partial(self._there, os.lstat)
        self._isdir = functools.partial(self._folder, os.stat)
        for name, count in _CALLS.items():
            patch.setattr(os, name, self._ruled(name, getattr(os, name), count))
        opened = self._ruled("open", io.open, 1)
        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)
        patch.setattr(os, "fsync", self._flushed(os.fsync))
        patch.setattr(sys, "platform", system)
        if system == "win32":
            patch.setattr(lock, "_take", on_windows("mutoscope.lock", patch)._take)

    @staticmethod
    def _there(look, path):
        try:
            look(path)
        except (OSError, ValueError):
            return False
        return True

    @staticmethod
    def _folder(look, path):
        try:
            return stat.S_ISDIR(look(path).st_mode)
        except OSError:
            return False

    def _ruled(self, call, original, count):
        @functools.wraps(original)
        def ruled(*given, **options):
            paths = [self._found(path) for path in given[:count]]
            if any(ours for _, ours in paths):
                self._judge(call, [path for path, _ in paths])
            answer = original(*(path for path, _ in paths), *given[count:], **options)
            if call == "listdir" and self.system == "darwin" and paths and paths[0][1]:
                return [unicodedata.normalize("NFD", name) for name in answer]
            return answer

        return ruled

    def _found(self, path):
        """The path as it lies on the disk, and whether it is in our folder."""
        if not isinstance(path, str | os.PathLike) or isinstance(path, bytes):
            return path, False
        whole = Path(os.path.abspath(os.fspath(path)))  # noqa: PTH100 - resolve asks the disk
        if not whole.is_relative_to(self.root):
            return path, False
        there = self.root
        for part in whole.relative_to(self.root).parts:
            there = there / self._name(there, part)
        return str(there), True

    def _name(self, folder, part):
        """The name in a folder that this system takes for ``part``; itself where there is none."""
        if self._exists(folder / part) or not self._exists(folder):
            return part
        try:
            names = self._listdir(folder)
        except OSError:
            return part
        return next((name for name in names if self._form(name) == self._form(part)), part)

    def _form(self, name):
        if self.system == "darwin":
            name = unicodedata.normalize("NFC", name)
        return name.casefold()

    def _judge(self, call, paths):
        if self.system != "win32":
            return
        for path in paths:
            if len(path) > _LONGEST:
                self._refuse(call, errno.ENOENT, path)
            if windows_refuses(Path(path).name):
                self._refuse(call, errno.EINVAL, path)
        if call in ("link", "symlink"):
            self._refuse(call, errno.EPERM, paths[0])
        if call == "open" and self._isdir(paths[0]):
            self._refuse(call, errno.EACCES, paths[0])
        if call in _CHANGES and (held := in_use(paths)):
            self._refuse(call, errno.EACCES, held)

    def _refuse(self, call, number, path):
        self.refusals.append((call, Path(path).name))
        raise OSError(number, os.strerror(number), path)

    def _flushed(self, original):
        def flushed(descriptor):
            if self.system == "win32":
                mode = os.fstat(descriptor).st_mode
                reads = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
                if stat.S_ISDIR(mode) or reads:
                    self.refusals.append(("fsync", str(descriptor)))
                    raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return original(descriptor)

        return flushed


def in_use(paths):
    """The first file at or below one of ``paths`` that this process has open or mapped, or none."""
    held = set()
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            held.add(os.readlink(f"/proc/self/fd/{number}"))  # noqa: PTH115
        except OSError:
            continue  # it was the one by which the folder was read
    with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        held |= {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if paths[0] in line}
    return next(
        (one for one in sorted(held) for path in paths if f"{one}/".startswith(f"{path}/")), None
    )


class _Msvcrt(ModuleType):
    """What of ``msvcrt`` locks files: as Windows does, a file that is open twice locks twice."""

    LK_NBLCK = 2

    @staticmethod
    def locking(descriptor, mode, count):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from error


def on_windows(name, patch):
    """A module of ours as Windows imports it: without the modules and signals of POSIX."""
    import signal
    import subprocess

    with pytest.MonkeyPatch.context() as now:
        now.setattr(sys, "platform", "win32")
        for absent in ("fcntl", "resource", "pwd", "grp", "termios", "pty"):
            now.setitem(sys.modules, absent, None)
        now.delattr(signal, "SIGKILL")
        patch.setitem(sys.modules, "msvcrt", _Msvcrt("msvcrt"))
        patch.setattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT, raising=False)
        patch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 512, raising=False)
        spec = importlib.util.find_spec(name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def done_elsewhere(system, place, commands):
    """Run commands in a folder under another system's rules; gives their codes and the refusals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        refusals = [] if system == "linux" else Disk(place, system, patch).refusals
        return [run([str(part) for part in command]) for command in commands], refusals


def main():
    """Do every kind of work by each system's rules, and compare it with Linux's, to the byte."""
    from faults import contents, preload
    from faults_works import works

    preload()
    wrong = 0
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary).resolve()
        for work in works(base / "inputs"):
            if work.name == "sweep":  # its workers are other processes, without these rules
                continue
            made = {}
            for system in ("linux", "darwin", "win32"):
                place = base / work.name  # by the same paths, which settings keep
                place.mkdir()
                # The second time it goes on with what is there, or says that it is.
                answer = done_elsewhere(system, place, [work.command, work.next(place)])
                made[system] = {str(one.relative_to(place)): b"" for one in place.rglob("*")}
                made[system] |= contents(place)
                place.rename(base / f"{work.name}-{system}")
                one, other = made["linux"], made[system]
                apart = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
                wrong += bool(apart)
                print(f"{work.name} on {system}: {answer[0]}, refused {answer[1]}; differ: {apart}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
