"""A disk as Windows or macOS has it, played on one of Linux: what Python asks of it goes through here.

Both find ``fox`` where ``Fox`` lies. Windows refuses names that it reserves, and paths of 260
letters; what is open or mapped is neither renamed, replaced nor removed; no folder is opened,
so none is flushed, and nothing that was opened for reading only; there are no links (there are on
NTFS, for some; none on exFAT). On macOS, with HFS+ the strictest, names are told decomposed (NFD),
and found in either form.

What libraries in C ask of the disk by themselves (FFmpeg, OpenCV) keeps Linux's rules; what they
hold open is seen.
"""

import builtins
import errno
import functools
import io
import os
import re
import stat
import sys
import unicodedata
from pathlib import Path

_REFUSED = re.compile(r'[<>:"|?*\\\x00-\x1f]|[ .]$')
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE)
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
        self._listdir, self._lexists = os.listdir, os.path.lexists
        self._exists = functools.partial(self._there, os.lstat)
        for name, count in _CALLS.items():
            patch.setattr(os, name, self._ruled(name, getattr(os, name), count))
        opened = self._ruled("open", io.open, 1)
        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)
        patch.setattr(os, "fsync", self._flushed(os.fsync))
        patch.setattr(sys, "platform", system)

    @staticmethod
    def _there(look, path):
        try:
            look(path)
        except (OSError, ValueError):
            return False
        return True

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
        if call == "open" and Path(paths[0]).is_dir():
            self._refuse(call, errno.EACCES, paths[0])
        if call in _CHANGES and (held := in_use(paths)):
            self._refuse(call, errno.EACCES, held)

    def _refuse(self, call, number, path):
        self.refusals.append((call, Path(path).name))
        raise OSError(number, os.strerror(number), path)

    def _flushed(self, original):
        def flushed(descriptor):
            if self.system == "win32":
                import fcntl

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
        held |= {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if "/" in line}
    return next(
        (one for one in sorted(held) for path in paths if f"{one}/".startswith(f"{path}/")), None
    )
