"""Large tensors in files that nobody sees."""

import errno
import gc

import pytest
import torch

from mutoscope.errors import RunError
from mutoscope.vqgan import spacious as module
from mutoscope.vqgan.spacious import folder, leave, lies_in_a_file, spacious

SHAPE = (1, 5, 6, 7)


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """An empty folder for the files, into which all tensors go."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # where it is remembered
    monkeypatch.setattr(module, "ENOUGH", 1)
    return tmp_path


def test_a_large_tensor_lies_in_a_file_without_a_name(scratch):
    assert folder() == scratch
    x = spacious(SHAPE, torch.zeros(1, dtype=torch.float64))
    assert (x.shape, x.dtype, x.abs().max()) == (SHAPE, torch.float64, 0)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert lies_in_a_file(x)
    assert lies_in_a_file(x[..., 2:])
    assert not list(scratch.iterdir())
    values = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)).double()
    x.copy_(values)
    leave(x, values)
    assert torch.equal(x, values)
    x[..., 1:3].add_(1)
    leave(x)
    assert torch.equal(x[..., 1:3], values[..., 1:3] + 1)
    assert torch.equal(x[..., 3:], values[..., 3:])


def test_the_space_is_free_when_the_tensor_is_gone(scratch):
    x = spacious(SHAPE, torch.zeros(1))
    part, address = x[..., 1:], x.data_ptr()
    del x
    gc.collect()
    assert address in module._MAPPINGS
    del part
    gc.collect()
    assert address not in module._MAPPINGS


def test_a_small_one_lies_in_memory():
    x = spacious(SHAPE, torch.zeros(1))
    assert not lies_in_a_file(x)
    assert torch.equal(x, torch.zeros(SHAPE))
    leave(x)


def test_a_full_disk_is_told(scratch, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(RunError, match=r"GB can't be kept there .* the disk is full; set TMPDIR"):
        spacious(SHAPE, torch.zeros(1))
