"""Pages of every kind that scanners and phones write, and files that are none."""

import contextlib
import hashlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from mutoscope.drawings import scans
from mutoscope.drawings.scans import page_paths, pages_of, read_page
from mutoscope.errors import MediaError

RAMP = np.linspace(0, 255, 40 * 30).round().astype(np.uint8).reshape(30, 40)


def test_a_header_tells_size_resolution_and_mode(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png", dpi=(300, 300))
    (page,) = read_page(tmp_path / "a.png")
    assert (page.size, page.dpi, page.mode, page.channels) == ((40, 30), 300.0, "L", 1)
    assert page.digest == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    assert (page.pixels() == RAMP).all()


def test_pixels_are_read_on_demand_only(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    (page,) = read_page(tmp_path / "a.png")
    Image.fromarray(RAMP.T.copy()).save(tmp_path / "a.png")
    with pytest.raises(MediaError, match=r"a\.png: has changed"):
        page.pixels()


def test_grey_and_colour_go_into_each_other(tmp_path):
    colour = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], 2)
    Image.fromarray(colour).save(tmp_path / "c.png")
    (page,) = read_page(tmp_path / "c.png")
    assert page.channels == 3
    assert (page.pixels() == colour).all()
    luma = colour @ np.array([0.299, 0.587, 0.114])
    assert abs(page.pixels(channels=1) - luma).max() <= 1
    Image.fromarray(RAMP).save(tmp_path / "g.png")
    (page,) = read_page(tmp_path / "g.png")
    assert (page.pixels(channels=3) == RAMP[..., None]).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_rounded_to_eight(tmp_path, suffix):
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(path)
    (page,) = read_page(path)
    assert page.channels == 1
    assert (page.pixels() == RAMP).all()


def test_one_bit_and_palettes(tmp_path):
    Image.fromarray(RAMP).convert("1", dither=Image.Dither.NONE).save(tmp_path / "bit.tif")
    (page,) = read_page(tmp_path / "bit.tif")
    assert (page.mode, page.channels) == ("1", 1)
    assert (page.pixels() == np.where(RAMP > 127, 255, 0)).all()
    grey = Image.fromarray(RAMP).quantize(256)
    grey.save(tmp_path / "p.gif")
    assert read_page(tmp_path / "p.gif")[0].channels == 1
    Image.new("RGB", (8, 8), "red").quantize(4).save(tmp_path / "red.gif")
    assert read_page(tmp_path / "red.gif")[0].channels == 3


def test_cmyk_and_profiles_become_srgb(tmp_path):
    Image.new("CMYK", (8, 8), (0, 0, 0, 0)).save(tmp_path / "k.jpg")
    (page,) = read_page(tmp_path / "k.jpg")
    assert (page.mode, page.channels) == ("CMYK", 3)
    assert (page.pixels() >= 253).all()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    Image.new("RGB", (8, 8), "white").save(tmp_path / "odd.png", icc_profile=lab)
    assert read_page(tmp_path / "odd.png")[0].pixels().shape == (8, 8, 3)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_is_paper(tmp_path, mode):
    picture = Image.new(mode, (8, 8), 0)
    picture.putpixel((3, 4), (0, 255) if mode == "LA" else (0, 0, 0, 255))
    picture.save(tmp_path / "a.png")
    pixels = read_page(tmp_path / "a.png")[0].pixels(channels=1)
    assert pixels[4, 3] == 0
    assert (pixels == 255).sum() == 63


def test_a_photograph_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to view
    Image.fromarray(RAMP).save(tmp_path / "a.png", exif=exif)
    (page,) = read_page(tmp_path / "a.png")
    assert page.size == (30, 40)
    assert (page.pixels() == np.rot90(RAMP, -1)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_upright_as_well(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RAMP).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(RAMP).save(tmp_path / "b.tif", exif=exif, compression="tiff_lzw")
    one, two = pages_of(tmp_path)
    assert one.size == two.size
    assert one.pixels().shape == (one.size[1], one.size[0])
    assert (one.pixels() == two.pixels()).all()


def test_no_sideways_tiff_is_ever_scrambled(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RAMP).save(tmp_path / "b.tif", exif=exif)
    (page,) = read_page(tmp_path / "b.tif")
    # Pillow 13 mixes up its rows and columns; another version may read it as it is meant.
    found = None
    with contextlib.suppress(MediaError):
        found = page.pixels()
    assert found is None or (found == np.rot90(RAMP, -1)).all()


def test_each_page_of_a_tiff_is_one(tmp_path):
    first, second = Image.fromarray(RAMP), Image.fromarray(255 - RAMP[:20])
    first.save(tmp_path / "feed.tif", save_all=True, append_images=[second], dpi=(150, 150))
    one, two = pages_of(tmp_path)
    assert (one.name, two.name) == ("feed.tif page 1", "feed.tif page 2")
    assert (two.size, two.dpi) == ((40, 20), 150.0)
    assert (two.pixels() == 255 - RAMP[:20]).all()
    assert one.digest != two.digest


def test_pages_come_in_the_order_of_their_numbers(tmp_path):
    for name in ("b10.png", "b2.png", "A1.png", ".hidden.png"):
        Image.fromarray(RAMP).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("none")
    assert [page.name for page in pages_of(tmp_path)] == ["A1.png", "b2.png", "b10.png"]


@pytest.mark.parametrize("dpi", [(0, 0), (1, 1), (1e6, 1e6)])
def test_senseless_resolutions_count_as_none(tmp_path, dpi):
    Image.fromarray(RAMP).save(tmp_path / "a.png", dpi=dpi)
    assert read_page(tmp_path / "a.png")[0].dpi is None


def test_every_page_that_cannot_be_read_is_named(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "good.png")
    (tmp_path / "bad1.png").write_bytes(b"not a picture")
    (tmp_path / "bad2.tif").write_bytes(b"II*\0\xff\xff\xff\x7f")
    with pytest.raises(MediaError) as caught:
        pages_of(tmp_path)
    assert "bad1.png" in str(caught.value)
    assert "bad2.tif" in str(caught.value)
    assert "good" not in str(caught.value)


def test_a_page_cut_short_is_named_when_it_is_read(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    (page,) = read_page(tmp_path / "a.png")
    with pytest.raises(MediaError, match=r"a\.png"):
        page.pixels()


def test_a_huge_page_is_refused_by_its_header(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    with pytest.raises(MediaError, match=r"a\.png: 40 × 30 .* lower resolution"):
        pages_of(tmp_path, max_pixels=1000)


def test_pillows_own_limit_is_lifted_for_scans_and_stands_again_after(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # above twice that Pillow raises
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    assert (read_page(tmp_path / "a.png")[0].pixels() == RAMP).all()
    assert Image.MAX_IMAGE_PIXELS == 100
    with pytest.raises(MediaError):
        read_page(tmp_path / "none.png")
    assert Image.MAX_IMAGE_PIXELS == 100


def test_folders_without_pages(tmp_path, caplog):
    with pytest.raises(MediaError, match="no picture in it"):
        page_paths(tmp_path)
    with pytest.raises(MediaError, match="does not exist"):
        page_paths(tmp_path / "none")
    (tmp_path / "phone.heic").write_bytes(b"x")
    with pytest.raises(MediaError):
        page_paths(tmp_path)
    assert "phone.heic can't be read" in caplog.text


def test_a_page_of_another_number_of_channels_is_a_mistake_of_ours(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="1 or 3"):
        read_page(tmp_path / "a.png")[0].pixels(channels=4)
    assert scans.MAX_PIXELS > 16.5 * 1200 * 11.7 * 1200  # A3 at 1200 dpi
