import hashlib
import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file, save_file

from mutoscope.errors import WeightsError
from mutoscope.gan import read_generator, write_generator
from mutoscope.gan.files import KEY, ORIGIN, _with_note, file_digest, read_origin
from mutoscope.gan.origin import Listing, Origin, Stretch


@pytest.fixture
def written(networks, tmp_path):
    """A generator and its file."""
    network, _ = networks()
    path = tmp_path / "drawn.safetensors"
    write_generator(path, network)
    return network, path


@torch.no_grad()
def test_a_generator_comes_back_as_it_was(written, rng):
    network, path = written
    read = read_generator(path)
    assert read.shape == network.shape
    w = read.map(torch.randn(2, 16, generator=rng))
    assert torch.equal(read.synthesise(w), network.synthesise(w))
    assert all(not tensor.is_meta for tensor in read.state_dict().values())
    assert all(parameter.requires_grad for parameter in read.parameters())


def refused(path):
    with pytest.raises(WeightsError) as raised:
        read_generator(path)
    told = str(raised.value)
    assert told.startswith(str(path))
    assert "\n" not in told
    assert len(told) < len(str(path)) + 300
    return told


def rewritten(path, *, shape=None, tensors=None, key=KEY):
    """The file with another header, or with tensors changed."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        old = json.loads(file.read(length))["__metadata__"][KEY]
    held = {**load_file(path), **(tensors or {})}
    save_file({k: v for k, v in held.items() if v is not None}, path, {key: shape or old})
    return path


def test_what_is_not_there_or_no_file_is_told(tmp_path):
    assert "does not exist" in refused(tmp_path / "none.safetensors")
    assert "folder" in refused(tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 100, 5000, -1])
def test_a_file_cut_short_is_told(written, kept):
    _, path = written
    path.write_bytes(path.read_bytes()[:kept])
    assert "damaged, cut short or not safetensors" in refused(path)


@pytest.mark.parametrize("data", [b"\x80\x02}q\x00.", b"\xff" * 64, b"\x00" * 64, b"{}" * 500])
def test_another_file_is_told(tmp_path, data):
    path = tmp_path / "other"
    path.write_bytes(data)
    refused(path)


def test_a_file_too_large_is_not_read(written, monkeypatch):
    _, path = written
    monkeypatch.setattr("mutoscope.gan.files.MAX_FILE", 1000)
    assert "at most 1,000 are read" in refused(path)


def test_safetensors_of_something_else_is_told(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    assert "isn't a generator's" in refused(path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "NaN",
        "[" * 999,
        " " * 100_000,
        '{"size": ' + "9" * 5000 + "}",
        '{"size": 32}',
        "\x1b[2J\n\n",
    ],
)
def test_a_shape_that_is_none_is_told(written, text):
    _, path = written
    told = refused(rewritten(path, shape=text))
    assert "shape" in told
    assert told.isprintable()


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 33},
        {"size": 10**12},
        {"size": "32"},
        {"z": -1},
        {"w": 1.5},
        {"channels": True},
        {"cmax": [8]},
        {"cbase": None},
        {"extra": 1},
        {"mapping_layers": 10**6},
    ],
)
def test_a_shape_that_can_not_be_is_told(written, changes):
    network, path = written
    told = refused(rewritten(path, shape=json.dumps({**asdict(network.shape), **changes})))
    assert "shape" in told


def test_a_shape_that_asks_for_much_costs_nothing(written):
    """The largest that a shape may be: fifteen gigabytes of weights that are never made."""
    network, path = written
    huge = {**asdict(network.shape), "size": 1024, "cbase": 1 << 20, "cmax": 4096}
    told = refused(rewritten(path, shape=json.dumps(huge)))
    assert "lacks tensors" in told


def test_other_tensors_than_the_shape_asks_for_are_told(written):
    network, path = written
    name = "levels.0.styled.0.weight"
    whole = path.read_bytes()
    for tensors, told in (
        ({name: None}, f"lacks tensors: 1, such as {name}"),
        ({"foreign": torch.zeros(1)}, "has foreign tensors: 1, such as foreign"),
        ({name: torch.zeros(8, 8, 3)}, "[8, 8, 3]; its shape asks for [8, 8, 3, 3]"),
        ({name: torch.zeros(8, 8, 3, 3, dtype=torch.int64)}, "as I64; F32 is wanted"),
        ({name: torch.full((8, 8, 3, 3), torch.nan)}, "not finite"),
    ):
        path.write_bytes(whole)
        assert told in refused(rewritten(path, tensors=tensors))
    other = json.dumps({**asdict(network.shape), "channels": 3})
    path.write_bytes(whole)
    assert "its shape asks for" in refused(rewritten(path, shape=other))


def test_a_place_that_can_not_be_written_is_told(networks, tmp_path):
    network, _ = networks()
    with pytest.raises(WeightsError, match="can't be written"):
        write_generator(tmp_path / "none" / "drawn.safetensors", network)
    assert not list(tmp_path.iterdir())


# ── origin ──


def test_a_file_says_where_its_generator_comes_from(written, tmp_path):
    network, plain = written
    digest = "a" * 64
    files = Listing(1, digest, {"a.png": digest})
    origin = Origin("lines", digest, "tiny", 8, (Stretch(0, "scans", "pages", files),))
    paths = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    for path in paths:
        write_generator(path, network, origin=origin)
    assert read_origin(paths[0]) == origin
    assert read_origin(plain) is None
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert file_digest(paths[0]) == f"sha256:{hashlib.sha256(paths[0].read_bytes()).hexdigest()}"
    ours, theirs = (read_generator(path).state_dict() for path in (paths[0], plain))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_damaged_origin_is_told_and_the_generator_still_read(written, caplog):
    _, path = written
    data = _with_note(path.read_bytes(), ORIGIN, '{"run": 3}')
    path.write_bytes(data)
    assert read_origin(path) is None
    assert "origin is damaged" in caplog.text
    assert read_generator(path).shape.size == 32


def test_an_origin_is_read_of_generators_alone(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "no.safetensors").write_bytes(b"no")
    for name in ("other.safetensors", "no.safetensors", "none.safetensors", "."):
        with pytest.raises(WeightsError):
            read_origin(tmp_path / name)
    with pytest.raises(WeightsError, match="can't be read"):
        file_digest(tmp_path / "none.safetensors")
