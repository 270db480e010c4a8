"""The state of a run as one file: tensors and JSON together, so that one rename replaces both.

The file is safetensors, which is data and never code. Its metadata hold one JSON text under one
key (several keys would be written in random order), with a digest of the tensors: a bit that
flipped on the disk is noticed, not painted on.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from mutoscope import atomic
from mutoscope.atomic import reason
from mutoscope.errors import RunError

KEY = "mutoscope"
SUFFIX = ".safetensors"
_MAX_HEADER = 64 * 2**20


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
        tensors: By name; they are copied to the CPU.
        meta: Anything that JSON can hold.
        log_bytes: How long the log was at that moment.

    Raises:
        OSError: It can't be written.
    """
    copies = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    text = json.dumps(
        {
            "number": number,
            "log_bytes": log_bytes,
            "digest": _digest(copies),
            "meta": dict(meta),
        },
        sort_keys=True,
    )
    atomic.write_bytes(path, safetensors.torch.save(copies, {KEY: text}))


def read_state(path: Path) -> Saved:
    """The state in a file, checked against its digest.

    Raises:
        RunError: It is missing, cut off, changed, or no state.
    """
    data = _read(path)
    header = _header(data[8:], path, int.from_bytes(data[:8], "little"))
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
            return _header(file.read(min(length, _MAX_HEADER)), path, length)
    except OSError as error:
        raise RunError(f"{path}: can't be read: {reason(error)}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: can't be read: {reason(error)}") from error


def _header(data: bytes, path: Path, length: int) -> Header:
    """Safetensors begin with the length of a JSON object, 8 bytes, and that object."""
    try:
        if not 0 < length <= min(_MAX_HEADER, len(data)):
            raise ValueError("it is cut off")
        ours = json.loads(json.loads(data[:length])["__metadata__"][KEY])
        header = Header(
            int(ours["number"]), int(ours["log_bytes"]), str(ours["digest"]), dict(ours["meta"])
        )
        if header.number < 0 or header.log_bytes < 0:
            raise ValueError("a number in it is negative")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(f"{path}: is damaged or no state of a run ({error})") from error
    return header


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """A digest over names, types, shapes and bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
