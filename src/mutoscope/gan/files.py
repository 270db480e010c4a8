"""The file that a generator lives in: safetensors, with its `Shape` as JSON in the header.

Beside the shape stands its `Origin`, where that is known; older files have none.

What the header says is compared with what the shape asks for, name by name, before a single number
is read, so a file that lies costs nothing.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mutoscope.atomic import reason, write_bytes
from mutoscope.errors import SettingsError, WeightsError, printable
from mutoscope.gan.generator import Generator
from mutoscope.gan.origin import Origin
from mutoscope.gan.shape import Shape

log = logging.getLogger("mutoscope")

NAME = "generator.safetensors"
"""What the generator is called in the folder of its training."""

KEY = "mutoscope.generator"
ORIGIN = "mutoscope.origin"
MAX_FILE = 4 * 2**30  # bytes; the largest preset takes about 120 MB
_MAX_JSON = 1000  # characters; a shape takes some hundred
_SHOWN = 80


def generator_file(path: Path) -> Path:
    """The file that is meant by the folder of a training, or by a file."""
    return path / NAME if path.is_dir() else path


def write_generator(path: Path, generator: Generator, *, origin: Origin | None = None) -> None:
    """Write a generator, so that the file is there completely or not at all.

    Args:
        path: where.
        generator: what.
        origin: where it comes from, for the file's header.

    Raises:
        WeightsError: The file can't be written.
    """
    tensors = {
        name: tensor.detach().to("cpu", torch.float32).contiguous()
        for name, tensor in generator.state_dict().items()
    }
    data = save(tensors, {KEY: json.dumps(asdict(generator.shape))})
    if origin is not None:
        data = _with_note(data, ORIGIN, origin.to_json())
    try:
        write_bytes(path, data)
    except OSError as error:
        raise WeightsError(
            f"{path}: the generator can't be written ({reason(error)}); choose another place"
        ) from error


def read_generator(path: Path) -> Generator:
    """The generator in a file that `write_generator` wrote, on the CPU, in training mode.

    Raises:
        WeightsError: The file is not there, too large, damaged, cut short, not a generator's, or
            its tensors are not those that its shape asks for.
    """
    try:
        if path.is_dir():
            raise _wrong(path, "is a folder")
        size = path.stat().st_size
        if size > MAX_FILE:
            raise _wrong(path, f"is {size:,} bytes large; at most {MAX_FILE:,} are read")
        with safe_open(path, framework="pt") as file:
            network = _empty(path, file.metadata())
            wanted = {name: tuple(t.shape) for name, t in network.state_dict().items()}
            _compare(path, wanted, {name: _form(file, name) for name in file.keys()})  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in wanted}
    except SafetensorError as error:
        raise _wrong(path, f"is damaged, cut short or not safetensors ({_line(error)})") from error
    except OSError as error:
        raise _wrong(path, f"can't be read ({reason(error)})") from error
    _finite(path, tensors)
    network.load_state_dict(tensors, assign=True)
    return network


def read_origin(path: Path) -> Origin | None:
    """Where the generator in a file comes from, by its header, or None where it doesn't say.

    Raises:
        WeightsError: The file is not there, damaged, or not a generator's.
    """
    try:
        if path.is_dir():
            raise _wrong(path, "is a folder")
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise _wrong(path, f"is damaged, cut short or not safetensors ({_line(error)})") from error
    except OSError as error:
        raise _wrong(path, f"can't be read ({reason(error)})") from error
    if KEY not in metadata:
        raise _wrong(path, f"has no {KEY!r} in its header, so it isn't a generator's")
    try:
        return Origin.from_json(metadata[ORIGIN]) if ORIGIN in metadata else None
    except ValueError as error:
        log.warning("%s: what it says of its origin is damaged: %s", path, _line(error))
        return None


def file_digest(path: Path) -> str:
    """The SHA-256 of a generator's file, ``sha256:`` and 64 digits.

    Raises:
        WeightsError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise _wrong(path, f"can't be read ({reason(error)})") from error


def _with_note(data: bytes, key: str, text: str) -> bytes:
    """Safetensors with one more text in the header, which then is the last.

    The library writes several of them in an order of its own each time, so equal generators would
    not be equal files.
    """
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"][key] = text
    told = json.dumps(header, separators=(",", ":")).encode()
    told += b" " * (-len(told) % 8)  # as the format wants it
    return len(told).to_bytes(8, "little") + told + data[8 + length :]


def _empty(path: Path, metadata: Mapping[str, str] | None) -> Generator:
    """A generator of the shape that the header gives, without numbers and without their memory."""
    text = (metadata or {}).get(KEY)
    if text is None:
        raise _wrong(path, f"has no {KEY!r} in its header, so it isn't a generator's")
    if len(text) > _MAX_JSON:
        raise _wrong(path, f"has a shape of {len(text):,} characters in its header")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"has a shape that is not JSON: {_shown(text)}") from error
    names = {field.name for field in fields(Shape)}
    if not isinstance(values, dict) or set(values) != names:
        raise _wrong(path, f"has a shape without exactly {', '.join(sorted(names))}")
    try:
        shape = Shape(**values)
    except SettingsError as error:
        raise _wrong(path, f"has a shape that can't be: {_shown(str(error))}") from error
    with torch.device("meta"):
        return Generator(shape, None)


def _form(file: Any, name: str) -> tuple[str, tuple[int, ...]]:
    """Type and sizes of a tensor, from the header alone."""
    piece = file.get_slice(name)
    return piece.get_dtype(), tuple(piece.get_shape())


def _compare(
    path: Path,
    wanted: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[str, tuple[int, ...]]],
) -> None:
    for what, names in (
        ("lacks", wanted.keys() - found.keys()),
        ("has foreign", found.keys() - wanted.keys()),
    ):
        if names:
            raise _wrong(path, f"{what} tensors: {len(names)}, such as {_shown(min(names))}")
    for name, sizes in wanted.items():
        dtype, stored = found[name]
        if dtype != "F32":
            raise _wrong(path, f"holds {name} as {dtype}; F32 is wanted")
        if stored != sizes:
            raise _wrong(path, f"holds {name} of {list(stored)}; its shape asks for {list(sizes)}")


def _finite(path: Path, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise _wrong(path, f"holds numbers in {name} that are not finite")


def _wrong(path: Path, what: str) -> WeightsError:
    return WeightsError(f"{path}: {what}; give a generator that Mutoscope wrote")


def _shown(text: str) -> str:
    return printable(text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …")


def _line(error: Exception) -> str:
    return _shown((str(error).splitlines() or [type(error).__name__])[0])
