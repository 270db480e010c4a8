"""Small files that would take much memory, and tensors of forms that no reader expects."""

import io
import zipfile

import pytest
import torch

from mutoscope.errors import WeightsError
from mutoscope.finish.upscale import engines
from mutoscope.perceptors import clip_weights
from mutoscope.perceptors.heads import load_head
from mutoscope.weights import plain

READERS = (load_head, clip_weights.read_checkpoint, engines.read_checkpoint)
readers = pytest.mark.parametrize("read", READERS, ids=lambda read: read.__module__)


def refused(read, path, state):
    torch.save(state, path)
    with pytest.raises(WeightsError) as told:
        read(path)
    return str(told.value)


@readers
def test_one_number_is_not_a_tensor_of_gigabytes(tmp_path, read):
    one = torch.zeros(1, dtype=torch.float16).expand(1000, 1000, 1000, 1000)
    message = refused(read, tmp_path / "a.pt", {"state_dict": {"weight": one}})
    assert "speaks of 2,000,000,000,000 bytes of numbers and has" in message


@readers
def test_nor_are_a_few_numbers_that_are_used_very_often(tmp_path, read):
    some = torch.zeros(1, 20_000)
    message = refused(read, tmp_path / "a.pt", {f"{n}.weight": some for n in range(40)})
    assert "speaks of 3,200,000 bytes of numbers" in message


def test_what_two_layers_share_is_read(tmp_path):
    some = torch.ones(1, 200)
    torch.save({"a": some, "b": some}, tmp_path / "a.pt")
    loaded = plain.load_plain(tmp_path / "a.pt")
    assert plain.strange(loaded, tmp_path / "a.pt") == ""


@readers
def test_no_numbers_in_very_many_rows_are_refused(tmp_path, read):
    """They take no memory, and what is made in their shape takes terabytes."""
    message = refused(read, tmp_path / "a.pt", {"weight": torch.zeros(2**40, 0)})
    assert "holds weight of 1,099,511,627,776 numbers along a side" in message


@pytest.mark.filterwarnings("ignore:.*(prototype|quantize|torch.ao|beta)")
@pytest.mark.parametrize("form", ["sparse", "meta", "complex", "nested", "quantised"])
@readers
def test_tensors_of_other_forms_are_refused(tmp_path, read, form):
    tensor = {
        "sparse": lambda: torch.eye(3).to_sparse(),
        "meta": lambda: torch.empty(1, 8, device="meta"),
        "complex": lambda: torch.zeros(1, 8, dtype=torch.complex64),
        "nested": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        "quantised": lambda: torch.quantize_per_tensor(torch.ones(1, 8), 0.1, 0, torch.qint8),
    }[form]()
    message = refused(read, tmp_path / "a.pt", {"weight": tensor, "bias": torch.zeros(1)})
    assert "holds weight in a form that is not read here" in message


@readers
def test_an_archive_that_unpacks_to_far_more_is_not_unpacked(tmp_path, read, monkeypatch):
    monkeypatch.setattr(plain, "_PACKED", 1000)
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(1, 4000), "bias": torch.zeros(1)}, buffer)
    path = tmp_path / "a.pt"
    with (
        zipfile.ZipFile(buffer) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with pytest.raises(WeightsError):
        read(path)
    with pytest.raises(ValueError, match="unpacks to"):
        plain.load_plain(path)


@readers
def test_a_pickle_that_ends_within_a_number_is_damaged(tmp_path, read):
    """`torch.load` lets ``struct.error`` through, which is no ValueError."""
    path = tmp_path / "a.pt"
    path.write_bytes(b"\x80\x02J\x01\x02")
    with pytest.raises(WeightsError):
        read(path)
