import contextlib
import json
import os
import tracemalloc

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.errors import RunError
from mutoscope.run import checkpoint
from mutoscope.run.checkpoint import read_header, read_state, write_state

TENSORS = {
    "canvas.pixels": torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0)),
    "adam.0.step": torch.tensor(12.0),
    "half": torch.arange(6).to(torch.float16).reshape(2, 3).T,  # not contiguous
    "rng": torch.Generator().manual_seed(3).get_state(),
    "empty": torch.zeros(0, 3),
    "flags": torch.tensor([True, False]),
    "whole": torch.tensor([2**60, -1]),
}
META = {"steps": 12, "best": 0.1, "name": "snö", "list": [1, [2.5, None]]}


def write(path, number=4, **changes):
    write_state(path, number, TENSORS | changes, META, log_bytes=99)
    return path


def test_what_is_written_is_read_to_the_bit(tmp_path):
    saved = read_state(write(tmp_path / "4.safetensors"))
    assert (saved.number, saved.meta) == (4, META)
    assert saved.tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert saved.tensors[name].dtype == value.dtype
        assert torch.equal(saved.tensors[name], value)
    header = read_header(tmp_path / "4.safetensors")
    assert (header.number, header.log_bytes, header.meta) == (4, 99, META)


def test_tensors_that_share_memory_are_kept_apart(tmp_path):
    base = torch.arange(6.0)
    saved = read_state(write(tmp_path / "a", one=base, two=base[2:]))
    assert saved.tensors["two"].tolist() == [2, 3, 4, 5]


def test_equal_states_are_equal_bytes(tmp_path):
    write(tmp_path / "a")
    write_state(
        tmp_path / "b",
        4,
        dict(reversed(TENSORS.items())),
        dict(reversed(META.items())),
        log_bytes=99,
    )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_state_is_what_the_library_would_write(tmp_path):
    """Which makes a copy of it all first."""
    kinds = {f"ä.{kind}": torch.arange(3).to(kind) for kind in checkpoint._TYPES}
    write(tmp_path / "a", **kinds)
    data = (tmp_path / "a").read_bytes()
    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    whole = {name: value.contiguous() for name, value in (TENSORS | kinds).items()}
    assert data == safetensors.torch.save(whole, metadata)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_is_noticed(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    whole = write(folder / "whole").read_bytes()
    changed = bytearray(whole)
    if data.draw(st.booleans(), label="cut"):
        del changed[data.draw(st.integers(0, len(whole) - 1), label="at") :]
    else:
        place = data.draw(st.integers(0, len(whole) - 1), label="place")
        changed[place] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    (folder / "changed").write_bytes(changed)
    try:
        saved = read_state(folder / "changed")
    except RunError as error:
        message = str(error)
    else:
        # A flipped bit may fall into the padding or change a name in the notes, but no tensor.
        assert all(torch.equal(saved.tensors[name], TENSORS[name]) for name in TENSORS)
        return
    assert "\n" not in message


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 8, b"\xff" * 100, b"\2\0\0\0\0\0\0\0{}", b"PK\3\4 pickle"]
)
def test_what_is_no_state_is_refused(tmp_path, content):
    (tmp_path / "1.safetensors").write_bytes(content)
    for read in (read_state, read_header):
        with pytest.raises(RunError, match=r"1\.safetensors"):
            read(tmp_path / "1.safetensors")
    with pytest.raises(RunError, match="does not exist"):
        read_state(tmp_path / "2.safetensors")


def test_tensors_that_share_their_memory_are_written_apart(tmp_path):
    whole = torch.rand(3, 4)
    tensors = {"a": whole, "again": whole, "part": whole[:2], "turned": whole.T}
    write_state(tmp_path / "1.safetensors", 1, tensors, {}, log_bytes=0)
    read = read_state(tmp_path / "1.safetensors").tensors
    assert set(read) == set(tensors)
    assert all(torch.equal(read[name], value) for name, value in tensors.items())


@pytest.mark.parametrize("key", ["number", "log_bytes"])
def test_a_number_beyond_all_bounds_is_refused(tmp_path, key):
    path = tmp_path / "1.safetensors"
    told = {"number": 1, "log_bytes": 0, "digest": "", "meta": {}, key: float("inf")}
    path.write_bytes(safetensors.torch.save({"a": torch.ones(1)}, {"mutoscope": json.dumps(told)}))
    for read in (read_state, read_header):
        with pytest.raises(RunError, match="is damaged"):
            read(path)


def sparse(path, told, size, *, meta='{"number":1,"log_bytes":0,"digest":"","meta":{}}'):
    """A state that claims the tensors ``told``, in a file of a size that takes no room."""
    header = json.dumps({"__metadata__": {checkpoint.KEY: meta}, **told}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, size or path.stat().st_size)
    return len(header) + 8


@pytest.mark.parametrize("read", [read_state, read_header])
@pytest.mark.parametrize("size", [0, 3 * 2**30])
def test_a_state_of_another_size_than_it_says_is_refused_before_it_is_read(tmp_path, size, read):
    path = tmp_path / "1.safetensors"
    claimed = {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 2**40]}
    sparse(path, {"canvas": claimed}, size)
    with untouched(), pytest.raises(RunError, match="it is longer or shorter than it says"):
        read(path)


def test_a_state_larger_than_any_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "1.safetensors"
    length = checkpoint.MAX_BYTES + 4
    claimed = {"dtype": "F32", "shape": [length // 4], "data_offsets": [0, length]}
    start = sparse(path, {"canvas": claimed}, 0)
    os.truncate(path, start + length)
    monkeypatch.setattr(checkpoint, "total_memory", lambda: 2**60)
    with untouched(), pytest.raises(RunError, match="it is larger than the 16384 MiB"):
        read_state(path)
    monkeypatch.setattr(checkpoint, "total_memory", lambda: 2**30)
    with untouched(), pytest.raises(RunError, match="it is larger than the 1024 MiB"):
        read_state(path)


@contextlib.contextmanager
def untouched():
    """That no more than a header's memory is taken."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("ends", [[[0]], [["x", "y"]], [None], [{}]])
def test_a_header_whose_places_are_none_is_refused(tmp_path, ends):
    path = tmp_path / "1.safetensors"
    sparse(path, {"canvas": {"dtype": "F32", "shape": [1], "data_offsets": ends[0]}}, 0)
    with pytest.raises(RunError, match="damaged"):
        read_header(path)
