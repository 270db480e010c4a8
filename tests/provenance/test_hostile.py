"""Files from strangers: the answer is a recipe, nothing, or one of our errors."""

import contextlib
import random
import struct
import tracemalloc
import zlib

import pytest
import torch
from PIL import Image

from mutoscope.errors import MediaError, MutoscopeError
from mutoscope.frames import FilmSink
from mutoscope.images import encode
from mutoscope.provenance import (
    MAX_BYTES,
    copy_metadata,
    read_fields,
    read_recipe,
)
from mutoscope.provenance.exif import USER_COMMENT, exif_block, exif_texts, exif_values

RECIPE = {"program": "mutoscope", "version": "0.1.0", "settings": {"scenes": "a 狐", "seed": 7}}
BIG = 400_000_000


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """No flushing to the disk, thousands of times."""
    monkeypatch.setattr("mutoscope.atomic.os.fsync", lambda descriptor: None)


def noise():
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def asked_of(path):
    """What a file says; each question has an answer or ends in one of our errors."""
    for ask in (read_recipe, read_fields):
        with contextlib.suppress(MutoscopeError):
            ask(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif"])
def test_mutated_pictures_get_an_answer(tmp_path, suffix):
    """750 of each kind: bytes changed, cut out, doubled, lengths forged."""
    rng = random.Random(suffix)  # noqa: S311
    if suffix == ".gif":
        with FilmSink(tmp_path / "a.gif", 10, recipe=RECIPE) as film:
            film.write(noise())
        whole = (tmp_path / "a.gif").read_bytes()
    else:
        whole = encode(noise(), suffix, recipe=RECIPE)
    path = tmp_path / f"b{suffix}"
    for _ in range(750):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at, size = rng.randrange(len(data)), rng.choice((1, 4, 30))
            match rng.randrange(4):
                case 0:
                    data[at : at + size] = rng.randbytes(size)
                case 1:
                    del data[at : at + size]
                case 2:
                    data[at:at] = data[at : at + size]
                case 3:
                    data[at : at + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
            data = data or bytearray(whole)
        path.write_bytes(data)
        asked_of(path)
        try:
            copy_metadata(path, path)
        except MutoscopeError:
            assert path.read_bytes() == data


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_mutated_films_get_an_answer(tmp_path, suffix):
    rng = random.Random(suffix)  # noqa: S311
    with FilmSink(tmp_path / f"a{suffix}", 10, recipe=RECIPE) as film:
        film.write(noise())
    whole = (tmp_path / f"a{suffix}").read_bytes()
    path = tmp_path / f"b{suffix}"
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(4):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        asked_of(path)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(path, *chunks):
    Image.new("RGB", (4, 4)).save(path)
    png = path.read_bytes()
    path.write_bytes(png[:33] + b"".join(chunks) + png[33:])


@pytest.mark.parametrize("kind", ["png text", "png recipe", "png xmp", "png exif", "webp", "riff"])
def test_giant_chunks_take_no_memory(tmp_path, kind):
    path = tmp_path / "giant"
    inside = {"png text": b"Title\0", "png recipe": b"mutoscope\0", "png exif": b"II*\0"}
    with path.open("wb") as file:
        if kind.startswith("png"):
            name = b"eXIf" if kind == "png exif" else b"tEXt"
            file.write(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", BIG) + name)
            file.write(inside.get(kind, b"XML:com.adobe.xmp\0"))
        else:
            name = b"EXIF" if kind == "webp" else b"XMP "
            file.write(b"RIFF\xff\xff\xff\x7fWEBP" + name + struct.pack("<I", BIG))
        file.truncate(BIG + 100)  # a hole: it takes no room on the disk either
    tracemalloc.start()
    try:
        assert read_recipe(path) is None
        assert kind != "png recipe"
    except MediaError:
        assert kind == "png recipe"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * MAX_BYTES


def test_bombs_in_texts_of_others_are_left_alone(tmp_path):
    zeros = zlib.compress(b" " * 100_000_000, 9)
    path = tmp_path / "a.png"
    with_chunks(path, chunk(b"zTXt", b"a\0\0" + zeros[:60_000]), chunk(b"tEXt", b"b\0fox"),
                chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros))  # fmt: skip
    tracemalloc.start()
    assert read_recipe(path) is None
    assert read_fields(path) == {"b": "fox"}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * MAX_BYTES


def test_a_crowd_of_texts_is_cut_off(tmp_path):
    with_chunks(tmp_path / "a.png", *(chunk(b"tEXt", f"k{n}\0x".encode()) for n in range(5_000)))
    assert len(read_fields(tmp_path / "a.png")) == 64


def test_texts_that_are_no_utf8_are_read_as_far_as_they_go(tmp_path):
    with_chunks(
        tmp_path / "a.png",
        chunk(b"iTXt", b"Title\0\0\0\0\0fox \xff\xfe \xed\xa0\x80"),
        chunk(b"iTXt", b"mutoscope\0\0\0\0\0{\xff\0}"),
    )
    assert read_fields(tmp_path / "a.png")["Title"].startswith("fox �")
    with pytest.raises(MediaError, match="damaged"):
        read_recipe(tmp_path / "a.png")


# ── Exif ──


def test_an_exif_block_comes_back():
    values = {0x010E: "snö 狐".encode(), 0x0131: b"M", USER_COMMENT: b"ASCII\0\0\0fox"}
    block = exif_block(values, orientation=6)
    assert exif_values(block) == {**values, 0x0112: b"\6\0"}
    assert exif_texts(exif_values(b"Exif\0\0" + block)) == {
        "ImageDescription": "snö 狐", "Software": "M", "UserComment": "fox",
    }  # fmt: skip
    told = Image.Exif()
    told.load(block)
    assert told[0x0112] == 6
    assert told.get_ifd(0x8769)[USER_COMMENT] == b"ASCII\0\0\0fox"


def test_folders_that_lead_in_circles_or_nowhere_end():
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)  # the inner folder is the outer one
    assert exif_values(b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)) == {}
    huge = struct.pack("<HHII", 0x010E, 2, 0xFFFFFFFF, 8)
    assert exif_values(b"II*\0" + struct.pack("<IH", 8, 0xFFFF) + huge * 9) == {}
    assert exif_values(b"II*\0" + b"\xff" * 40) == {}


def test_mutated_exif_blocks_are_read_as_far_as_they_go():
    whole = exif_block({0x010E: b"a fox in the snow", USER_COMMENT: b"UNICODE\0f\0o\0x\0"})
    rng = random.Random(0)  # noqa: S311
    for _ in range(3_000):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 2, 8, 0x69, 0x87, 0xFF))
        exif_texts(exif_values(bytes(data[: rng.randrange(len(data) + 1)])))


def test_the_reader_of_exif_agrees_with_pillow():
    for text in ("a", "abc", "abcd", "a fox in the snow"):
        block = Image.Exif()
        block[0x010E], block[0x0131] = text, text * 3
        assert exif_texts(exif_values(block.tobytes())) == {
            "ImageDescription": text, "Software": text * 3,
        }  # fmt: skip


def test_a_comment_that_only_looks_like_a_recipe_is_called_damaged(tmp_path):
    comment = b'ASCII\0\0\0I made it with "mutoscope"'
    block = Image.Exif()
    block.get_ifd(0x8769)[USER_COMMENT] = comment
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", exif=block.tobytes())
    with pytest.raises(MediaError, match="damaged"):
        read_recipe(tmp_path / "a.jpg")
