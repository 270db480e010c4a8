"""The tensors in a checkpoint file, read without running anything that the file says.

Three forms are read: PyTorch's zip archives (since 1.6), its older files of pickles with the
numbers behind them, and safetensors. The numbers stay in the file, mapped into memory, until a
tensor is used: a checkpoint of four gigabytes, most of it optimiser and loss, costs nothing.
"""

import io
import math
import mmap
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mutoscope.atomic import reason
from mutoscope.errors import WeightsError, printable
from mutoscope.vqgan.files import nature, read_head
from mutoscope.vqgan.pickled import PickleError, Storage, StoredTensor, read_pickle

MAX_PICKLE = 16 * 2**20  # bytes; those of published checkpoints have less than two million
_MAX_DIMENSIONS = 8
_MAGIC = 0x1950A86A20F9469CFC6C  # PyTorch's mark on its older files
_LOCAL_HEADER = struct.Struct("<26xHH")  # … the lengths of the name and of the extra field


def read_tensors(
    path: Path, *, wanted: Callable[[str], bool] = lambda _name: True
) -> dict[str, Tensor]:
    """The named tensors of a checkpoint, mapped from the file: they must not be written to.

    They are those of its ``state_dict`` where it has one, else of the whole file, as far as their
    names are ``wanted``. A mapped tensor is worth nothing once the file has been cut short or
    written to, so copy what is to last.

    Raises:
        WeightsError: It is not there, damaged, cut short, or no checkpoint.
    """
    head = read_head(path)
    if what := nature(head):
        raise _unreadable(path, what)
    try:
        if head[8:9] == b"{":  # behind the length of safetensors' table
            return {name: t for name, t in load_file(path).items() if wanted(name)}
        return _tensors(path, head, wanted)
    except _BrokenError as error:
        raise _unreadable(path, str(error)) from error
    except (
        PickleError, SafetensorError, zipfile.BadZipFile, ValueError, EOFError, OverflowError,
        RuntimeError, KeyError, struct.error,  # as zipfile has it of encrypted entries, and torch
    ) as error:  # fmt: skip
        raise _unreadable(path, f"is damaged or cut short ({_line(error)})") from error
    except OSError as error:
        raise _unreadable(path, f"can't be read ({reason(error)})") from error


class _BrokenError(ValueError):
    """What a file is or lacks, as the verb of a message."""


@dataclass(frozen=True)
class _Checkpoint:
    """A pickle's value, and where in the file are the numbers that it speaks of."""

    value: Any
    storages: Mapping[str, tuple[int, int]]  # start and length in bytes


def _tensors(path: Path, head: bytes, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    with path.open("rb") as file:
        # A private mapping: pages are read when they are wanted, and the file can't be changed.
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        checkpoint = _read_zip(file, data) if head.startswith(b"PK") else _read_old(data)
    stored = {k: v for k, v in _state(checkpoint.value).items() if isinstance(v, StoredTensor)}
    if not stored:
        raise _BrokenError("holds no named tensors")
    return {
        name: _mapped(name, tensor, checkpoint.storages, data)
        for name, tensor in stored.items()
        if wanted(name)
    }


def _state(value: Any) -> dict[str, Any]:
    """The dictionary of tensors in what a training script saved."""
    for key in ("state_dict", "model"):
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    return value if isinstance(value, dict) else {}


# --- the two forms -------------------------------------------------------------------------------


def _read_zip(file: BinaryIO, data: mmap.mmap) -> _Checkpoint:
    """PyTorch's zip archive: ``NAME/data.pkl``, and its numbers as ``NAME/data/KEY``."""
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise _BrokenError(
            f"is cut short or damaged: its {len(data):,} bytes have no end"
        ) from error
    entries = {entry.filename: entry for entry in archive.infolist()}
    root = next(
        (
            n.removesuffix("/data.pkl")
            for n in entries
            if n.count("/") == 1 and n.endswith("/data.pkl")
        ),
        None,
    )
    if root is None:
        raise _BrokenError("is a zip archive without a data.pkl, so not one of PyTorch's")
    if (
        f"{root}/byteorder" in entries
        and _small(archive, entries[f"{root}/byteorder"]) != b"little"
    ):
        raise _BrokenError("was written on a big-endian machine, which is not read here")
    places = {
        name.removeprefix(f"{root}/data/"): _place(entry, data)
        for name, entry in entries.items()
        if name.startswith(f"{root}/data/")
    }
    text = _small(archive, entries[f"{root}/data.pkl"])
    return _Checkpoint(read_pickle(io.BytesIO(text)).value, places)


def _small(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The whole of one of the archive's descriptions, as opposed to its numbers."""
    if entry.file_size > MAX_PICKLE or entry.compress_type != zipfile.ZIP_STORED:
        raise _BrokenError(f"has a {entry.filename} that is too large or compressed")
    return archive.read(entry)


def _place(entry: zipfile.ZipInfo, data: mmap.mmap) -> tuple[int, int]:
    """Where an entry's bytes are: start and length."""
    if entry.compress_type != zipfile.ZIP_STORED:
        raise _BrokenError("is a zip archive that was compressed again")
    header = data[entry.header_offset : entry.header_offset + _LOCAL_HEADER.size]
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
        raise _BrokenError(f"is damaged: {printable(entry.filename)} is not where it should be")
    name, extra = _LOCAL_HEADER.unpack(header)
    start = entry.header_offset + _LOCAL_HEADER.size + name + extra
    if start + entry.file_size > len(data):
        raise _BrokenError(f"is cut short: {printable(entry.filename)} is not whole")
    return start, entry.file_size


def _read_old(data: mmap.mmap) -> _Checkpoint:
    """The form before 1.6: five pickles, then of each storage its count and its numbers."""
    file = io.BytesIO(data[:MAX_PICKLE])
    try:
        magic = read_pickle(file).value
    except PickleError:
        magic = None
    if magic != _MAGIC:
        raise _BrokenError("is neither a PyTorch checkpoint nor safetensors")
    _protocol, system = read_pickle(file).value, read_pickle(file).value
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise _BrokenError("was written on a big-endian machine, which is not read here")
    checkpoint, keys = read_pickle(file), read_pickle(file).value
    if not isinstance(keys, list):
        raise _BrokenError("is damaged: it has no list of storages")
    places, start = {}, file.tell()
    for key in keys:
        storage = checkpoint.storages.get(key) if isinstance(key, str) else None
        count = int.from_bytes(data[start : start + 8], "little")
        length = count * _dtype(storage).itemsize if storage is not None else len(data)
        start += 8
        if start + length > len(data):
            raise _BrokenError("is cut short or damaged: it has fewer numbers than it speaks of")
        places[key] = (start, length)
        start += length
    return _Checkpoint(checkpoint.value, places)


# --- one tensor ----------------------------------------------------------------------------------


def _mapped(
    name: str, stored: StoredTensor, places: Mapping[str, tuple[int, int]], data: mmap.mmap
) -> Tensor:
    """A tensor whose numbers are in the file, once all that describes it has been checked."""
    storage, offset, size, stride = stored.storage, stored.offset, stored.size, stored.stride
    if not _fits(storage.count, offset, size, stride):
        raise _BrokenError(f"is damaged: {printable(name[:80])} reaches beyond its numbers")
    dtype = _dtype(storage)
    start, length = places.get(storage.key, (0, -1))
    if storage.count * dtype.itemsize > length:
        raise _BrokenError(f"is damaged: {printable(name[:80])} lacks its numbers")
    if 0 in size:
        return torch.empty(size, dtype=dtype)
    if start % dtype.itemsize:  # in the old form; the numbers must begin where a processor wants
        raw = torch.frombuffer(
            data, dtype=torch.uint8, count=storage.count * dtype.itemsize, offset=start
        )
        numbers = raw.clone().view(dtype)
    else:
        numbers = torch.frombuffer(data, dtype=dtype, count=storage.count, offset=start)
    return numbers.as_strided(size, stride, offset)


def _fits(count: int, offset: Any, size: Any, stride: Any) -> bool:
    """Whether ``count`` numbers hold a tensor that is so described, none of them several times."""
    paired = isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride)
    if not paired or len(size) > _MAX_DIMENSIONS:
        return False
    if any(type(value) is not int or value < 0 for value in (offset, *size, *stride)):
        return False
    if 0 in size:
        return bool(max(size) < 2**31)
    last: int = offset + sum((side - 1) * step for side, step in zip(size, stride, strict=True))
    return last < count and bool(math.prod(size) <= count)


def _dtype(storage: Storage) -> torch.dtype:
    dtype = getattr(torch, storage.dtype)  # of a fixed table; see `pickled`
    assert isinstance(dtype, torch.dtype)  # noqa: S101 - what the type checker can't know
    return dtype


def _line(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:120])


def _unreadable(path: Path, what: str) -> WeightsError:
    return WeightsError(
        f"{path}: {what}; give a .ckpt, .pt, .pth or .safetensors file of a VQGAN, or delete "
        "this one and fetch it again"
    )
