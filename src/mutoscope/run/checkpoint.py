"""The state of a run as one file: tensors and JSON together, so that one rename replaces both.

The file is safetensors, which is data and never code. Its metadata hold one JSON text under one
key (several keys would be written in random order), with a digest of the tensors: a bit that
flipped on the disk is noticed, not painted on.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from mutoscope import atomic
from mutoscope.atomic import reason
from mutoscope.errors import RunError
from mutoscope.memory import total_memory

KEY = "mutoscope"
SUFFIX = ".safetensors"
_MAX_HEADER = 64 * 2**20
MAX_BYTES = 16 * 2**30
"""Of a state: that of the largest picture, 16,384², with two moments of each value, has 9.7 GB."""
_TYPES = {  # in the order in which the library lays them
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


class Saved(NamedTuple):
    """A state that was kept: after which frame, its tensors, and what else was noted."""

    number: int
    tensors: dict[str, Tensor]
    meta: dict[str, Any]


@dataclass(frozen=True)
class Header:
    """What a state's file says of itself, beside its tensors."""

    number: int
    log_bytes: int
    digest: str
    meta: dict[str, Any]


def write_state(
    path: Path,
    number: int,
    tensors: Mapping[str, Tensor],
    meta: Mapping[str, Any],
    *,
    log_bytes: int,
) -> None:
    """Write a state, whole or not at all; equal states are equal bytes.

    Args:
        path: Where.
        number: The frame that it follows.
        tensors: By name; those that are not on the CPU are copied there.
        meta: Anything that JSON can hold.
        log_bytes: How long the log was at that moment.

    Raises:
        OSError: It can't be written.
    """
    copies = _apart(tensors)
    text = json.dumps(
        {
            "number": number,
            "log_bytes": log_bytes,
            "digest": _digest(copies),
            "meta": dict(meta),
        },
        sort_keys=True,
    )
    with atomic.replacing(path) as file:
        for part in _file_parts(copies, {KEY: text}):
            file.write(part)


def _file_parts(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> Iterator[bytes | memoryview]:
    """The bytes of a safetensors file, one after the other: the library makes them all at once.

    They are those that it makes: the widest numbers come first, so that each is aligned.
    """
    places = {kind: place for place, kind in enumerate(_TYPES)}
    ordered = sorted(tensors, key=lambda name: (places[tensors[name].dtype], name))
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name in ordered:
        value = tensors[name]
        start, end = end, end + value.nbytes
        about = {"dtype": _TYPES[value.dtype], "shape": list(value.shape)}
        header[name] = {**about, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little")
    yield text
    for name in ordered:
        yield _bytes_of(tensors[name])


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` on the CPU as they are to be written, each the whole of a storage of its own.

    Only those that are not are copied: a large canvas and its moments are gigabytes.
    """
    apart, taken = dict[str, Tensor](), set[int]()
    for name, value in tensors.items():
        whole = value.detach().cpu().contiguous()
        storage = whole.untyped_storage()
        if storage.nbytes() != whole.nbytes or storage.data_ptr() in taken:
            whole = whole.clone()
        taken.add(whole.untyped_storage().data_ptr())
        apart[name] = whole
    return apart


def read_state(path: Path) -> Saved:
    """The state in a file, checked against its digest.

    Raises:
        RunError: It is missing, cut off, changed, or no state.
    """
    header = read_header(path)
    data = _read(path)
    try:
        tensors = safetensors.torch.load(data)
    except Exception as error:
        # Whatever the bytes do to the parser, they are not a state.
        raise RunError(f"{path}: is damaged ({' '.join(str(error).split())})") from error
    if _digest(tensors) != header.digest:
        raise RunError(f"{path}: is damaged (its contents are not those that were written)")
    return Saved(header.number, tensors, header.meta)


def read_header(path: Path) -> Header:
    """What a state's file says of itself; its tensors are not read.

    Raises:
        RunError: As in `read_state`, as far as the header shows it.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            data = file.read(min(length, _MAX_HEADER))
            return _header(data, path, length, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise RunError(f"{path}: can't be read: {reason(error)}") from error


def _read(path: Path) -> bytes:
    """The bytes of a file of which the header is sound."""
    try:
        # No run that this machine could go on with has a state larger than its memory.
        return atomic.read_bounded(path, min(MAX_BYTES, total_memory() or MAX_BYTES))
    except OSError as error:
        raise RunError(f"{path}: can't be read: {reason(error)}") from error


def _header(data: bytes, path: Path, length: int, size: int) -> Header:
    """Safetensors begin with the length of a JSON object, 8 bytes, and that object.

    ``size`` is that of the whole file: it must be what the object says, before more is read.
    """
    try:
        if not 0 < length <= min(_MAX_HEADER, len(data)):
            raise ValueError("it is cut off")
        told = json.loads(data[:length])
        ours = json.loads(told["__metadata__"][KEY])
        ends = [about["data_offsets"][1] for name, about in told.items() if name != "__metadata__"]
        if size != 8 + length + max(ends, default=0):
            raise ValueError("it is longer or shorter than it says")
        header = Header(
            int(ours["number"]), int(ours["log_bytes"]), str(ours["digest"]), dict(ours["meta"])
        )
        if header.number < 0 or header.log_bytes < 0:
            raise ValueError("a number in it is negative")
    except (
        ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError,
    ) as error:  # fmt: skip
        raise RunError(f"{path}: is damaged or no state of a run ({error})") from error
    return header


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """A digest over names, types, shapes and bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(_bytes_of(value))
    return digest.hexdigest()


def _bytes_of(value: Tensor) -> memoryview:
    """The bytes of a tensor that is contiguous and on the CPU, where they lie."""
    data: memoryview = value.reshape(-1).view(torch.uint8).numpy().data
    return data
