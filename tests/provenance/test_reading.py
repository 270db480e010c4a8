import base64
import io
import json
import struct
import zlib

import pytest
import torch
from PIL import Image, PngImagePlugin

from mutoscope.errors import MediaError
from mutoscope.frames import FilmSink
from mutoscope.images import save_image
from mutoscope.provenance import (
    KEYWORD,
    MAX_BYTES,
    exif,
    gif,
    parse_recipe,
    png,
    read_fields,
    read_recipe,
    recipe_text,
)
from mutoscope.provenance.reading import said_by
from mutoscope.provenance.said import Said, composed
from mutoscope.provenance.writing import said_in_png

RECIPE = {
    "program": "mutoscope",
    "version": "0.1.0",
    "settings": {"scenes": 'a fox | "snö":0.5 狐', "seed": 7, "smoothing_weight": 0.02},
    "step": 120,
    "frame": 3,
}


BOMB = base64.b64encode(zlib.compress(b" " * 50_000_000, 9)).decode()


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
    monkeypatch.setattr(gif, "_MAX_BLOCKS", 100)
    assert read_recipe(tmp_path / "a.gif") is None


def test_the_user_comment_of_a_camera_is_no_recipe(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0taken at the harbour"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    assert read_recipe(tmp_path / "a.jpg") is None


def test_a_long_recipe_is_compressed_where_there_is_little_room(tmp_path):
    long = {**RECIPE, "settings": {"scenes": "fox " * 40_000}}
    for suffix in (".png", ".jpg", ".webp"):
        save_image(picture(), tmp_path / f"a{suffix}", recipe=long)
        assert read_recipe(tmp_path / f"a{suffix}") == long
    assert (tmp_path / "a.jpg").stat().st_size < 10_000


def test_a_recipe_too_long_even_compressed_is_left_out_and_said(tmp_path, caplog):
    noise = torch.randint(256, (100_000,), generator=torch.Generator().manual_seed(0)).tolist()
    long = {**RECIPE, "settings": {"scenes": bytes(noise).hex()}}
    for suffix in (".png", ".jpg", ".webp"):
        save_image(picture(), tmp_path / f"a{suffix}", recipe=long)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        str(tmp_path / "a.jpg")
    ]
    assert read_recipe(tmp_path / "a.jpg") is None
    assert read_recipe(tmp_path / "a.png") == read_recipe(tmp_path / "a.webp") == long


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
        '{"program": "mutoscope", "zlib": "¤"}',
        '{"program": "mutoscope", "zlib": "AAAA"}',
        '{"program": "mutoscope", "zlib": "' + BOMB + '"}',
        "x" * (MAX_BYTES + 1),
        "\udcff",
    ],
    ids=range(14),
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
    info.add_itxt(KEYWORD, json.dumps(RECIPE))
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


# ── the order of places ──


def test_our_own_place_counts_before_exif_and_exif_before_xmp(tmp_path):
    first, second, third = ({**RECIPE, "step": step} for step in (1, 2, 3))
    packet = said_in_png(third).xmp
    values = {exif.USER_COMMENT: exif.user_comment(recipe_text(second))}
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    bare = (tmp_path / "a.png").read_bytes()
    for said, expected in (
        (Said(recipe=recipe_text(first), exif=values, xmp=packet), first),
        (Said(exif=values, xmp=packet), second),
        (Said(xmp=packet), third),
        (Said(texts={"Title": "a fox"}), None),
    ):
        path = tmp_path / "b.png"
        path.write_bytes(composed(bare, png.edited(io.BytesIO(bare), said, "a.png")))
        assert read_recipe(path) == expected


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_that_kept_its_xmp_alone_has_its_recipe(tmp_path, suffix):
    path = tmp_path / f"fox{suffix}"
    save_image(picture(), path, recipe=RECIPE)
    packet = said_by(path).xmp
    assert packet
    with Image.open(path) as kept:
        # Pillow, saving again, writes nothing of what a PNG says unless it is told.
        if suffix == ".png":
            info = PngImagePlugin.PngInfo()
            info.add_itxt("XML:com.adobe.xmp", packet.decode())
            kept.save(path, pnginfo=info)
        else:
            kept.save(path, exif=b"", xmp=packet)
    said = said_by(path)
    assert (said.recipe, said.comment) == (None, None)
    assert read_recipe(path) == RECIPE


def test_a_recipe_that_another_program_wrote_into_exif_is_read(tmp_path):
    """Big-endian, with other tags about, as libraries write it."""
    for order in (None, b"MM\0*"):
        block = Image.Exif()
        if order:
            block._loaded = True
            block.endian = ">"
        block[0x010F], block[0x0112] = "a camera", 6
        block.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + recipe_text(RECIPE).encode()
        Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=block.tobytes())
        assert read_recipe(tmp_path / "a.jpg") == RECIPE


# ── fields of others ──


def test_the_fields_that_other_programs_leave_in_a_png_are_read(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("text_prompts", "[['a fox']]")
    info.add_text("image_prompts", "")
    info.add_itxt("Description", "snö 狐")
    info.add_text("long", "x" * 1_000, zip=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=info)
    assert read_recipe(tmp_path / "a.png") is None
    assert read_fields(tmp_path / "a.png") == {
        "text_prompts": "[['a fox']]", "Description": "snö 狐", "long": "x" * 1_000,
    }  # fmt: skip


def test_the_fields_that_other_programs_leave_in_a_jpeg_are_read(tmp_path):
    """As vqgan-clip-generator has them: UTF-16, and a user comment without character code."""
    comment = "text_prompts: [['a snö fox']], seed: 7"
    block = Image.Exif()
    block[0x0131] = "https://example.org"
    block[0x9C9B] = "a snö fox".encode("utf-16-le")
    block[0x9C9C] = comment.encode("utf-16-le")
    block.get_ifd(0x8769)[0x9286] = comment.encode("utf-16-le")
    block.get_ifd(0x8769)[0x9003] = "2099:09:29 10:10:10"
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", exif=block.tobytes())
    assert read_fields(tmp_path / "a.jpg") == {
        "Software": "https://example.org", "XPTitle": "a snö fox", "XPComment": comment,
        "DateTimeOriginal": "2099:09:29 10:10:10",
    }  # fmt: skip


def test_the_fields_of_a_film_are_its_tags(tmp_path):
    with FilmSink(tmp_path / "a.mp4", 12, title="A fox") as film:
        film.write(picture())
    assert read_fields(tmp_path / "a.mp4") == {"title": "A fox"}


def test_a_picture_of_ours_has_no_recipe_among_its_fields(tmp_path):
    for suffix in (".png", ".jpg", ".webp"):
        save_image(picture(), tmp_path / f"a{suffix}", recipe=RECIPE)
        assert "settings" not in str(read_fields(tmp_path / f"a{suffix}"))
