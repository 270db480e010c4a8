"""PyTorch's files of tensors, read so that they cost no more than they hold.

``weights_only`` keeps a file from running anything, not from being large: an archive may be packed
a thousandfold, and one number may stand for a tensor of any size, which is whole once it is copied.
"""

import math
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mutoscope.errors import printable

_PACKED = 64 * 2**20  # bytes beyond the file's own: TorchScript packs its source
_SHARED = 4  # times that a file's numbers may be used: layers share some, seldom all of them
_SHOWN = 80
_DTYPES = {
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn),
    *(torch.float8_e5m2, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
    torch.bool,
}


def load_plain(path: Path) -> Any:
    """What `torch.load` makes of ``path`` with weights only, on the CPU.

    Raises:
        ValueError: it is damaged, or unpacks to far more than it has bytes.
        Exception: whatever else `torch.load` raises.
    """
    try:
        _refuse_packed(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old file forms
            return torch.load(path, map_location="cpu", weights_only=True)
    except (struct.error, zipfile.BadZipFile) as error:
        raise ValueError(f"is damaged or cut short ({error})") from error


def strange(tensors: Mapping[str, Tensor], path: Path) -> str:
    """Why ``tensors`` of ``path`` can't be used, as the verb of a message; nothing if they can."""
    size = path.stat().st_size
    for name, tensor in tensors.items():
        plain = tensor.layout is torch.strided and not tensor.is_nested and not tensor.is_meta
        if not plain or tensor.dtype not in _DTYPES:
            return f"holds {printable(name[:_SHOWN])} in a form that is not read here"
        if max(tensor.shape, default=0) > size:  # beside a side of 0
            return f"holds {printable(name[:_SHOWN])} of {max(tensor.shape):,} numbers along a side"
    told = sum(math.prod(tensor.shape) * tensor.itemsize for tensor in tensors.values())
    if told > _SHARED * size:
        return f"speaks of {told:,} bytes of numbers and has {size:,}"
    return ""


def _refuse_packed(path: Path) -> None:
    """Refuse an archive that would take far more memory than it has bytes."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
        with zipfile.ZipFile(file) as archive:
            whole = sum(entry.file_size for entry in archive.infolist())
    size = path.stat().st_size
    if whole > size + _PACKED:
        raise ValueError(f"unpacks to {whole:,} bytes and has {size:,}")
