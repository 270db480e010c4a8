"""Recipes and viewers' fields in finished pictures: seen by other readers, and no pixel touched."""

import io
import struct
import xml.etree.ElementTree as ET

import av
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin

from mutoscope.errors import MediaError
from mutoscope.frames import FilmSink
from mutoscope.images import encode, save_image
from mutoscope.provenance import copy_metadata, exif, read_fields, read_recipe, stamped
from mutoscope.provenance.reading import said_by
from mutoscope.sheet import Sheet

PROMPT = 'a fox & a <b>boat</b> | "snö":0.5 狐'
RECIPE = {
    "program": "mutoscope",
    "version": "0.1.0",
    "settings": {"scenes": PROMPT, "seed": 7},
    "step": 120,
    "frame": 3,
}
STILLS = [".png", ".jpg", ".webp"]
SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}


def noise(width=32, height=24, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def pixels(data):
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGBA").tobytes()


def stream(data):
    """The bytes of a file that hold its pixels, found by hand."""
    if data.startswith(b"\x89PNG"):
        found, at = b"", 8
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            if data[at + 4 : at + 8] in (b"IHDR", b"PLTE", b"IDAT", b"fcTL", b"fdAT", b"IEND"):
                found += data[at : at + 12 + length]
            at += 12 + length
        return found
    if data.startswith(b"\xff\xd8"):
        at = 2
        while data[at + 1] != 0xDA:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        return data[at:]
    found, at = b"", 12
    while at < len(data):
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"):
            found += data[at : at + 8 + length + length % 2]
        at += 8 + length + length % 2
    return found


# ── what viewers see ──


def test_a_png_tells_viewers_its_prompt_and_program():
    with Image.open(io.BytesIO(encode(noise(), ".png", recipe=RECIPE))) as picture:
        told = {key: str(value) for key, value in picture.info.items()}
    assert told["Title"] == told["Description"] == PROMPT
    assert told["Software"] == "Mutoscope 0.1.0"
    assert told["Comment"] == "seed 7, frame 3, step 120"


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_exif_tells_viewers_the_prompt_and_program(suffix):
    with Image.open(io.BytesIO(encode(noise(), suffix, recipe=RECIPE))) as picture:
        told = picture.getexif()
        # Pillow takes the bytes for Latin-1; they are UTF-8, as most other readers have it.
        assert told[0x010E].encode("latin-1").decode() == PROMPT
        assert told[0x0131] == "Mutoscope 0.1.0"
        assert told.get_ifd(0x8769)[0x9286].startswith(b'ASCII\0\0\0{"frame": 3')


@pytest.mark.parametrize("suffix", STILLS)
def test_xmp_tells_viewers_the_prompt_and_program(suffix):
    with Image.open(io.BytesIO(encode(noise(), suffix, recipe=RECIPE))) as picture:
        packet = picture.info["xmp"]
    root = ET.fromstring(packet.strip(b"\0"))  # noqa: S314 - our own
    for name in ("title", "description"):
        item = root.find(f".//dc:{name}/rdf:Alt/rdf:li", SPACES)
        assert item.text == PROMPT
        assert item.attrib == {"{http://www.w3.org/XML/1998/namespace}lang": "x-default"}
    assert root.find(".//xmp:CreatorTool", SPACES).text == "Mutoscope 0.1.0"


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".mkv"])
def test_a_film_tells_players_its_prompt(tmp_path, suffix):
    for title, path in ((None, tmp_path / f"a{suffix}"), ("A fox", tmp_path / f"b{suffix}")):
        with FilmSink(path, 12, recipe=RECIPE, title=title) as film:
            film.write(noise())
        with av.open(str(path)) as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["title"] == (title or PROMPT)
        assert tags["description"] == PROMPT
        assert read_recipe(path) == RECIPE


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_an_animation_tells_viewers_too(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with FilmSink(path, 12, recipe=RECIPE) as film:
        for seed in (1, 2, 3):
            film.write(noise(seed=seed))
    assert read_recipe(path) == RECIPE
    assert PROMPT in read_fields(path).values()
    with Image.open(path) as picture:
        assert picture.n_frames == 3


def test_a_sheet_tells_viewers_its_prompt():
    recipe = {**RECIPE, "sheet": {"prompt": "a {red|blue} fox"}}
    del recipe["step"], recipe["frame"]
    with Image.open(io.BytesIO(Sheet([["a", "b"]], (32, 32)).png(recipe))) as picture:
        assert picture.info["Description"] == "a {red|blue} fox"
        assert picture.info["Comment"] == "seed 7"


@pytest.mark.parametrize("suffix", STILLS)
def test_a_prompt_of_any_characters_goes_in(tmp_path, suffix):
    for prompt in (
        "",
        "\0\x1b[2J\x07\u202e\ufffe\ud800 ]]> <!-- & \U0001f98a\r\n\t fox\u2028",
        "狐" * 5_000,
        "&" * 5_000,
        "<" * 70_000,
    ):
        recipe = {**RECIPE, "settings": {"scenes": prompt}}
        path = tmp_path / f"a{suffix}"
        save_image(noise(), path, recipe=recipe)
        assert read_recipe(path) == recipe
        for text in read_fields(path).values():
            assert text.isprintable()
            assert len(text) <= 2_000
        with Image.open(path) as picture:
            ET.fromstring(picture.info["xmp"].strip(b"\0"))  # noqa: S314 - our own
            picture.load()


@pytest.mark.parametrize("suffix", STILLS)
def test_equal_pictures_and_recipes_are_equal_bytes_and_equal_pixels(suffix):
    bare, told = encode(noise(), suffix), encode(noise(), suffix, recipe=RECIPE)
    assert told == encode(noise(), suffix, recipe=dict(reversed(RECIPE.items())))
    assert stream(told) == stream(bare) != b""
    assert pixels(told) == pixels(bare)
    assert stamped(told, RECIPE) == told


def test_a_webp_of_one_colour_or_with_alpha_is_still_one():
    for mode, lossless in (("RGB", True), ("RGBA", True), ("RGBA", False), ("RGB", False)):
        buffer = io.BytesIO()
        plain = Image.effect_noise((301, 17), 50).convert(mode)
        if mode == "RGBA":
            plain.putalpha(Image.linear_gradient("L").resize((301, 17)))
        plain.save(buffer, "WEBP", lossless=lossless)
        told = stamped(buffer.getvalue(), RECIPE)
        assert pixels(told) == pixels(buffer.getvalue())
        with Image.open(io.BytesIO(told)) as picture:
            assert (picture.size, picture.mode) == ((301, 17), mode)
        assert int.from_bytes(told[4:8], "little") == len(told) - 8


def test_what_is_no_picture_is_not_stamped():
    with pytest.raises(MediaError, match="PNG, JPEG or WebP"):
        stamped(b"GIF89a", RECIPE, "a.gif")


# ── copying ──


@pytest.mark.parametrize("to", STILLS)
@pytest.mark.parametrize("of", [*STILLS, ".gif", ".mp4"])
def test_a_recipe_goes_to_a_picture_of_any_kind(tmp_path, of, to):
    source, target = tmp_path / f"source{of}", tmp_path / f"target{to}"
    if of in STILLS:
        save_image(noise(), source, recipe=RECIPE)
    else:
        with FilmSink(source, 12, recipe=RECIPE) as film:
            film.write(noise())
    save_image(noise(64, 48, seed=1), target)
    before = target.read_bytes()
    for _ in range(2):
        assert copy_metadata(source, target) is True
        after = target.read_bytes()
        assert read_recipe(target) == RECIPE
        assert PROMPT in read_fields(target).values()
        assert stream(after) == stream(before)
        assert pixels(after) == pixels(before)
        # the same bytes as if it had been written so
        assert after == encode(noise(64, 48, seed=1), to, recipe=RECIPE)
    assert {path.name for path in tmp_path.iterdir()} == {source.name, target.name}


def test_a_kind_is_what_the_contents_say(tmp_path):
    save_image(noise(), tmp_path / "a.png", recipe=RECIPE)
    (tmp_path / "small.jpg").write_bytes(encode(noise(), ".png"))
    copy_metadata(tmp_path / "a.png", tmp_path / "small.jpg")
    assert (tmp_path / "small.jpg").read_bytes() == (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("suffix", STILLS)
def test_profile_and_orientation_of_the_target_stay(tmp_path, suffix):
    source, target = tmp_path / "source.png", tmp_path / f"target{suffix}"
    save_image(noise(), source, recipe=RECIPE)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    turned = Image.Exif()
    turned[0x0112], turned[0x0131] = 6, "another program"
    Image.new("RGB", (8, 9)).save(target, icc_profile=profile, exif=turned.tobytes())
    copy_metadata(source, target)
    with Image.open(target) as picture:
        assert picture.info["icc_profile"] == profile
        assert picture.getexif()[0x0112] == 6
    assert read_recipe(target) == RECIPE


def test_pictures_of_an_animation_stay_as_they_are(tmp_path):
    save_image(noise(), tmp_path / "a.png", recipe=RECIPE)
    for suffix in (".png", ".webp"):
        film = tmp_path / f"film{suffix}"
        with FilmSink(film, 12) as sink:
            for seed in (1, 2):
                sink.write(noise(seed=seed))
        before = film.read_bytes()
        copy_metadata(tmp_path / "a.png", film)
        assert read_recipe(film) == RECIPE
        assert stream(film.read_bytes()) == stream(before)


def test_a_jpeg_whose_segments_are_led_in_by_fill_bytes_is_one_too(tmp_path):
    save_image(noise(), tmp_path / "a.png", recipe=RECIPE)
    plain = encode(noise(), ".jpg")
    scan = plain.index(b"\xff\xda")
    table = plain.index(b"\xff\xdb")
    filled = plain[:table] + b"\xff" * 3 + plain[table:scan] + b"\xff" * 5 + plain[scan:]
    (tmp_path / "b.jpg").write_bytes(filled)
    copy_metadata(tmp_path / "a.png", tmp_path / "b.jpg")
    assert read_recipe(tmp_path / "b.jpg") == RECIPE
    assert pixels((tmp_path / "b.jpg").read_bytes()) == pixels(plain)


def foreign(path):
    """A picture as another program leaves it."""
    if path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        for key, text in {"text_prompts": "a fox", "seed": "7", "Description": "snö 狐"}.items():
            info.add_text(key, text)
        Image.new("RGB", (8, 8)).save(path, pnginfo=info)
        return
    block = Image.Exif()
    block[0x010E], block[0x9C9C] = "a fox", "seed: 7".encode("utf-16-le")
    block[0x0112] = 8
    block.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + "snö 狐".encode("utf-16-le")
    Image.new("RGB", (8, 8)).save(path, exif=block.tobytes())


@pytest.mark.parametrize("to", STILLS)
@pytest.mark.parametrize("of", STILLS)
def test_fields_of_other_programs_go_over_as_they_are(tmp_path, of, to):
    source, target = tmp_path / f"source{of}", tmp_path / f"target{to}"
    foreign(source)
    save_image(noise(), target)
    before = target.read_bytes()
    assert copy_metadata(source, target) is True
    assert read_recipe(target) is None
    told = read_fields(target)
    if of == ".png" and to != ".png":
        assert told["UserComment"] == "text_prompts: a fox, seed: 7, Description: snö 狐"
        assert told["ImageDescription"] == "snö 狐"
    else:
        assert told == read_fields(source)
    assert pixels(target.read_bytes()) == pixels(before)
    # The source was held sideways; the target's pixels are as they are meant to be seen.
    assert exif.orientation_of(said_by(target).exif) == 1


def test_nothing_to_copy_is_said_and_leaves_the_target(tmp_path):
    save_image(noise(), tmp_path / "bare.jpg")
    save_image(noise(), tmp_path / "a.png", recipe=RECIPE)
    before = (tmp_path / "a.png").read_bytes()
    assert copy_metadata(tmp_path / "bare.jpg", tmp_path / "a.png") is False
    assert (tmp_path / "a.png").read_bytes() == before


def test_what_cannot_be_copied_to_is_refused_and_stays(tmp_path):
    save_image(noise(), tmp_path / "a.png", recipe=RECIPE)
    whole = {suffix: encode(noise(), suffix) for suffix in STILLS}
    broken = {
        "a.gif": b"GIF89a\0\0\0\0\0\0\0;",
        "b.png": whole[".png"][:-20],
        "b.jpg": whole[".jpg"][:100],
        "b.webp": whole[".webp"][:40],
        "c.webp": b"RIFF\x12\0\0\0WEBPVP8L\0\0\0\0",
        "b.txt": b"hello",
    }
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MediaError, match=name):
            copy_metadata(tmp_path / "a.png", tmp_path / name)
        assert (tmp_path / name).read_bytes() == data
    for name in ("missing.png", "."):
        with pytest.raises(MediaError):
            copy_metadata(tmp_path / "a.png", tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", *broken}


def test_a_packet_too_large_for_a_jpeg_is_refused(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "<a>" + "x" * 70_000 + "</a>")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=info)
    save_image(noise(), tmp_path / "b.jpg")
    with pytest.raises(MediaError, match=r"b\.jpg.*does not fit"):
        copy_metadata(tmp_path / "a.png", tmp_path / "b.jpg")


def test_a_chunk_of_a_picture_written_so_has_a_sound_checksum():
    import zlib

    data, at = encode(noise(), ".png", recipe=RECIPE), 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(body)
        at += 12 + length
