"""Files that are either whole or not there, even after a power cut.

New bytes go into a hidden part file in the same folder; they are flushed to the disk, the part
file is renamed over the target, and the folder is flushed too, in that order. Whoever reads the
target sees the old file or the new one, never a piece.
"""

import contextlib
import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PART = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}\.part(\.[A-Za-z0-9]+)?")

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EISDIR: "it is a folder",
    errno.EMFILE: "this process has too many files open",
    errno.ENFILE: "this machine has too many files open",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EFBIG: "the file would be larger than is allowed here",
}

_SHORT = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EFBIG),
    *(errno.EIO, errno.ENOMEM),
}


def reason(error: OSError) -> str:
    """What an operating system error means, as a clause for a message: "the disk is full"."""
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    return error.strerror or str(error) or type(error).__name__


def read_bounded(path: Path, most: int) -> bytes:
    """What is in a file of a size that can be meant; a larger one is refused before it is read.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        OSError: it can't be read, or is larger.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1) if size <= most else b""  # it makes room for all of that
    if max(size, len(data)) > most:
        raise OSError(
            f"it is larger than the {most / 2**20:g} MiB that it may have; remove it, or put back "
            "the one that was written"
        )
    return data


def may_pass(error: OSError) -> bool:
    """Whether it is the machine that is short of something, and not the file that is wrong."""
    return error.errno in _SHORT


def part_path(path: Path) -> Path:
    """A hidden name beside `path` that no other process and no other call uses.

    The name is cut where the file system would refuse it (255 bytes).
    """
    stem = path.name.encode()[:180].decode(errors="ignore")
    return path.with_name(f".{stem}.{os.getpid()}-{secrets.token_hex(4)}.part")


def part_of_kind(path: Path) -> Path:
    """As `part_path`, with the ending of `path`: for who tells by that how a file is written."""
    part = part_path(path)
    return part.with_name(part.name + path.suffix)


def is_part(path: Path) -> bool:
    """Whether `path` has the name of a part file, one that a killed process may have left."""
    return _PART.fullmatch(path.name) is not None


def sweep_parts(folder: Path) -> None:
    """Remove the part files in `folder`. Only for a folder that nobody else is writing to."""
    for path in folder.iterdir():
        if is_part(path):
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system knows how to (not on Windows)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems can't flush a folder; the rename itself stands.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sync_upward(folder: Path, levels: int) -> None:
    """Flush a folder, and those above it in which it, or one that holds it, may be new."""
    sync_folder(folder)
    for above in folder.absolute().parents[:levels]:
        with contextlib.suppress(PermissionError):  # it may be entered and not read, and is old
            sync_folder(above)


def sync_all() -> None:
    """Flush whatever has been written and not flushed, where the system knows how to (not Windows).

    For very many small files, to wait for each of which would take longer than to make them.
    """
    if sys.platform != "win32":
        os.sync()


def settle(part: Path, path: Path, *, durable: bool = True) -> None:
    """Rename a finished part file to `path`, after its bytes and before its folder reach the disk.

    Args:
        part: The part file, closed.
        path: What it is to be called; an existing file of that name is replaced.
        durable: Whether to wait for the disk. Without, the file is still whole or absent after
            a crash of the program, but not after one of the machine.
    """
    if durable:
        with part.open("rb+") as file:
            os.fsync(file.fileno())
    part.replace(path)
    if durable:
        sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends, and vanishes if the block fails.

    Raises:
        OSError: The folder can't be written to, or the disk is full. `path` is then as it was.
    """
    part = part_path(path)
    try:
        with part.open("xb") as file:
            yield file
        settle(part, path, durable=durable)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a whole file so that it is there completely or not at all; see `replacing`."""
    with replacing(path, durable=durable) as file:
        file.write(data)


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a whole UTF-8 file, its line ends as they are on every system; see `replacing`."""
    write_bytes(path, text.encode(), durable=durable)
