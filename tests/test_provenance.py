import json
import struct
import zlib

import pytest
import torch
from PIL import Image, PngImagePlugin

from mutoscope import provenance
from mutoscope.errors import MediaError
from mutoscope.frames import FilmSink
from mutoscope.images import save_image
from mutoscope.provenance import MAX_BYTES, parse_recipe, read_recipe, recipe_text

RECIPE = {
    "program": "mutoscope",
    "version": "0.1.0",
    "settings": {"scenes": 'a fox | "snö":0.5 狐', "seed": 7, "smoothing_weight": 0.02},
    "step": 120,
    "frame": 3,
}


def picture():
    return torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp"])
def test_what_a_picture_was_made_of_can_be_read_from_it(tmp_path, suffix):
    path = tmp_path / f"fox{suffix}"
    save_image(picture(), path, recipe=RECIPE)
    assert read_recipe(path) == RECIPE


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_without_recipe_has_none(tmp_path, suffix):
    save_image(picture(), tmp_path / f"fox{suffix}")
    assert read_recipe(tmp_path / f"fox{suffix}") is None


def test_a_film_carries_its_recipe(tmp_path):
    long = {**RECIPE, "settings": {"scenes": "fox " * 30_000}}
    with FilmSink(tmp_path / "fox.mp4", 12, recipe=long) as film:
        film.write(picture())
    with FilmSink(tmp_path / "bare.mp4", 12) as film:
        film.write(picture())
    assert read_recipe(tmp_path / "fox.mp4") == long
    assert read_recipe(tmp_path / "bare.mp4") is None


def test_the_comment_of_a_gif_is_found_wherever_it_stands(tmp_path):
    comments = [b"made at the harbour", recipe_text(RECIPE).encode()]
    for place in ("front", "end"):
        path = tmp_path / f"{place}.gif"
        Image.new("P", (8, 8)).save(path, comment=comments[1] if place == "front" else comments[0])
        if place == "end":
            assert read_recipe(path) is None
            pieces = [comments[1][at : at + 255] for at in range(0, len(comments[1]), 255)]
            blocks = b"".join(bytes([len(piece)]) + piece for piece in pieces)
            path.write_bytes(path.read_bytes()[:-1] + b"\x21\xfe" + blocks + b"\0;")
        assert read_recipe(path) == RECIPE


def test_a_huge_comment_of_a_gif_is_refused_and_a_crowd_of_blocks_ends(tmp_path, monkeypatch):
    Image.new("P", (8, 8)).save(tmp_path / "a.gif")
    start = (tmp_path / "a.gif").read_bytes()[:-1]
    text = b'{"program": "mutoscope", "x": "' + b"x" * MAX_BYTES
    blocks = b"".join(b"\xff" + text[at : at + 255].ljust(255) for at in range(0, len(text), 255))
    (tmp_path / "a.gif").write_bytes(start + b"\x21\xfe" + blocks + b"\0;")
    with pytest.raises(MediaError, match="larger than"):
        read_recipe(tmp_path / "a.gif")
    monkeypatch.setattr(provenance, "_MAX_BLOCKS", 100)
    assert read_recipe(tmp_path / "a.gif") is None


def test_the_user_comment_of_a_camera_is_no_recipe(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0taken at the harbour"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    assert read_recipe(tmp_path / "a.jpg") is None


def test_a_recipe_too_long_for_exif_is_left_out_and_said(tmp_path, caplog):
    long = {**RECIPE, "settings": {"scenes": "x" * 70_000}}
    save_image(picture(), tmp_path / "a.jpg", recipe=long)
    save_image(picture(), tmp_path / "a.png", recipe=long)
    assert "a.jpg" in caplog.text
    assert read_recipe(tmp_path / "a.jpg") is None
    assert read_recipe(tmp_path / "a.png") == long


def test_equal_recipes_are_equal_text():
    shuffled = dict(reversed(RECIPE.items()))
    assert recipe_text(RECIPE) == recipe_text(shuffled)
    assert recipe_text(RECIPE).isascii()


def with_chunk(path, kind, data):
    """A small PNG with one more chunk before its pixels."""
    Image.new("RGB", (4, 4)).save(path)
    png = path.read_bytes()
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(png[:33] + chunk + png[33:])


def test_a_compressed_recipe_is_read_and_a_bomb_is_not_inflated(tmp_path):
    small, bomb = tmp_path / "small.png", tmp_path / "bomb.png"
    text = recipe_text(RECIPE).encode()
    with_chunk(small, b"zTXt", b"mutoscope\0\0" + zlib.compress(text))
    assert read_recipe(small) == RECIPE
    zeros = zlib.compress(b" " * 100_000_000, 9)
    for kind, head in ((b"zTXt", b"mutoscope\0\0"), (b"iTXt", b"mutoscope\0\1\0\0\0")):
        with_chunk(bomb, kind, head + zeros)
        with pytest.raises(MediaError, match=rf"bomb\.png.*larger than {MAX_BYTES}"):
            read_recipe(bomb)


def test_a_recipe_after_the_pixels_is_found(tmp_path):
    path = tmp_path / "late.png"
    Image.new("RGB", (4, 4)).save(path)
    png = path.read_bytes()
    data = b"mutoscope\0" + recipe_text(RECIPE).encode()
    chunk = struct.pack(">I", len(data)) + b"tEXt" + data + b"\0\0\0\0"
    path.write_bytes(png[:-12] + chunk + png[-12:])
    assert read_recipe(path) == RECIPE


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "null",
        '{"program": "other", "version": "1", "settings": {}}',
        '{"program": "mutoscope", "version": 1, "settings": {}}',
        '{"program": "mutoscope", "version": "1", "settings": []}',
        '{"program": "mutoscope", "version": "1", "settings": {"seed": NaN}}',
        "[" * 100_000,
        '{"program": ' + "9" * 10_000 + "}",
        "x" * (MAX_BYTES + 1),
        "\udcff",
    ],
    ids=range(11),
)
def test_hostile_recipes_are_refused_in_one_line(text):
    with pytest.raises(MediaError) as caught:
        parse_recipe(text, "fox.png")
    assert str(caught.value).startswith("fox.png: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "recipe", [{}, {**RECIPE, "settings": {"a": float("nan")}}, RECIPE | {"x": {1}}]
)
def test_only_recipes_are_written(recipe):
    with pytest.raises(MediaError):
        recipe_text(recipe)


def test_files_that_carry_no_recipes_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    for path, why in (
        (tmp_path, "folder"),
        (tmp_path / "b.png", "exist"),
        (tmp_path / "a.txt", "PNG"),
    ):
        with pytest.raises(MediaError, match=why):
            read_recipe(path)


def test_every_truncation_of_a_file_ends_in_an_answer(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_itxt(provenance.KEYWORD, json.dumps(RECIPE))
    for suffix in (".png", ".jpg", ".webp", ".mp4", ".gif", ".mkv"):
        whole = tmp_path / f"whole{suffix}"
        if suffix in (".mp4", ".gif", ".mkv"):
            with FilmSink(whole, 12, recipe=RECIPE) as film:
                film.write(picture())
        else:
            save_image(picture(), whole, recipe=RECIPE)
        data = whole.read_bytes()
        cut = tmp_path / f"cut{suffix}"
        for length in range(0, len(data), max(1, len(data) // 40)):
            cut.write_bytes(data[:length])
            try:
                found = read_recipe(cut)
            except MediaError:
                continue
            assert found in (None, RECIPE)
