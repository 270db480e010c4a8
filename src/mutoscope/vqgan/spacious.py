"""Tensors that lie in files, so that memory is left for what is worked on.

What a picture in pieces keeps between its levels grows with the picture, and only a piece of it is
looked at at a time. On a CPU it is mapped from a file that has no name: its space is free again as
soon as the tensor is gone, however the process ends. The file lies in ``TMPDIR``, else in
``/var/tmp``, which is on a disk where ``/tmp`` may be in memory.
"""

import mmap
import os
import tempfile
from pathlib import Path
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from mutoscope.atomic import reason
from mutoscope.errors import RunError

ENOUGH = 64 * 2**20
"""Bytes of a tensor from which on it lies in a file."""

# By the address at which they begin; a mapping lives as long as the tensor that is read from it.
_MAPPINGS: WeakValueDictionary[int, mmap.mmap] = WeakValueDictionary()


def spacious(shape: tuple[int, int, int, int], like: Tensor) -> Tensor:
    """Zeros of ``shape`` (b, c, h, w), channels last, in a file where they are many.

    Of the type of ``like`` and on its device; on a GPU they are in its memory.

    Raises:
        RunError: there is no space for them on the disk.
    """
    b, c, h, w = shape
    size = b * c * h * w * like.element_size()
    if like.device.type != "cpu" or size < ENOUGH:
        return like.new_zeros(shape).contiguous(memory_format=torch.channels_last)
    mapping = _mapped(size)
    flat = torch.frombuffer(mapping, dtype=like.dtype)
    _MAPPINGS[flat.data_ptr()] = mapping
    return flat.view(b, h, w, c).permute(0, 3, 1, 2)


def lies_in_a_file(x: Tensor) -> bool:
    """Whether ``x`` was made by `spacious`, and is large."""
    return x.untyped_storage().data_ptr() in _MAPPINGS


def leave(*tensors: Tensor) -> None:
    """Let go of the memory through which those in files were read and written; they stay."""
    for tensor in tensors:
        mapping = _MAPPINGS.get(tensor.untyped_storage().data_ptr())
        if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)


def folder() -> Path:
    """Where the files lie."""
    lasting = Path("/var/tmp")  # noqa: S108 - nothing in it has a name
    if "TMPDIR" not in os.environ and os.access(lasting, os.W_OK):
        return lasting
    return Path(tempfile.gettempdir())


def _mapped(size: int) -> mmap.mmap:
    """A file of so many zeros without a name, mapped."""
    try:
        with tempfile.TemporaryFile(dir=folder()) as file:
            # A mapped page for which there is no space on the disk would end the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise RunError(
            f"{folder()}: {size / 1e9:.1f} GB can't be kept there while a picture is drawn in "
            f"pieces: {reason(error)}; set TMPDIR to a folder on a disk with more space, or make "
            "the picture smaller"
        ) from error
