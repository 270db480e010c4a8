import io
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from mutoscope import images
from mutoscope.errors import MediaError
from mutoscope.images import (
    contact_sheet,
    from_bytes,
    load_image,
    load_mask,
    luma,
    resize,
    save_image,
    to_bytes,
)


def noise(height=20, width=30, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def grey(values):
    return torch.tensor(values, dtype=torch.float32)[None, None].expand(1, 3, -1, -1)


def test_eight_bits_survive_a_round_trip_exactly(tmp_path):
    every = torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16).expand(1, 3, 16, 16) / 255
    save_image(every, tmp_path / "a.png")
    assert torch.equal(load_image(tmp_path / "a.png"), every)
    assert torch.equal(from_bytes(to_bytes(every)), every)


def test_values_are_rounded_not_cut_and_clamped():
    assert to_bytes(grey([[0.5 / 255 + 1e-4, 0.999, -1.0, 2.0]]))[0, :, 0].tolist() == [
        1,
        255,
        0,
        255,
    ]


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1, width=32))
def test_rounding_is_to_the_nearest(value):
    assert abs(int(to_bytes(grey([[value]]))[0, 0, 0]) - value * 255) <= 0.5 + 1e-4


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused(wrong):
    for image in (grey([[0.5, wrong]]), grey([[0.5, wrong]]).contiguous()):
        with pytest.raises(MediaError, match="learning_rate"):
            to_bytes(image)


def test_grey_that_was_only_expanded_has_the_bytes_of_three_channels():
    expanded = noise()[:, :1].expand(-1, 3, -1, -1)
    wanted = to_bytes(expanded.contiguous())
    assert (to_bytes(expanded) == wanted).all()
    assert to_bytes(expanded).flags.c_contiguous
    assert (wanted[..., 0] == wanted[..., 2]).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_equal_pictures_are_equal_files(tmp_path, suffix):
    for name in "ab":
        save_image(noise(), tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize(("suffix", "error"), [(".jpg", 0.02), (".webp", 0.06), (".png", 0.002)])
def test_a_picture_comes_back_nearly_as_it_went(tmp_path, suffix, error):
    smooth = resize(noise(6, 8), (64, 48))
    save_image(smooth, tmp_path / f"a{suffix}")
    assert (load_image(tmp_path / f"a{suffix}") - smooth).abs().mean() < error


def test_other_suffixes_and_missing_folders_are_refused(tmp_path):
    with pytest.raises(MediaError, match=r"\.gif.*\.png"):
        save_image(noise(), tmp_path / "a.gif")
    with pytest.raises(MediaError, match="no folder"):
        save_image(noise(), tmp_path / "nowhere" / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_transparent_parts_lie_on_white_and_are_black_in_a_mask(tmp_path, caplog):
    caplog.set_level("INFO", "mutoscope")
    picture = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    picture.putpixel((1, 0), (255, 0, 0, 0))
    picture.save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png")[0, :, 0, 1].tolist() == [1, 1, 1]
    assert load_mask(tmp_path / "a.png")[0].tolist() == pytest.approx([0.299, 0])
    assert "transparent" in caplog.text


def test_a_palette_with_transparency_and_a_grey_picture_with_alpha(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "p.png", transparency=1)
    assert load_image(tmp_path / "p.png")[0, :, 0].T.tolist() == [[1, 0, 0], [1, 1, 1]]
    Image.new("LA", (1, 1), (0, 51)).save(tmp_path / "la.png")
    assert load_image(tmp_path / "la.png").flatten().tolist() == pytest.approx([0.8] * 3, abs=1e-6)


def test_every_mode_becomes_three_channels(tmp_path):
    modes = "1.png L.png P.gif CMYK.jpg YCbCr.jpg RGB.bmp RGB.ppm RGB.tga CMYK.tif RGB.jp2"
    for mode, suffix in (name.split(".") for name in modes.split()):
        path = tmp_path / f"{mode}.{suffix}"
        Image.new("RGB", (8, 8), "white").convert(mode).save(path)
        image = load_image(path)
        assert image.shape == (1, 3, 8, 8)
        assert image.dtype == torch.float32
        assert image.min() > 0.98, path


def test_sixteen_bits_keep_their_fineness(tmp_path):
    values = np.array([[0, 1000, 32_768, 65_535]], dtype=np.uint16)
    for suffix in ("png", "tif"):
        Image.fromarray(values).save(tmp_path / f"a.{suffix}")
        loaded = load_image(tmp_path / f"a.{suffix}")[0, 1, 0]
        assert loaded.tolist() == pytest.approx((values[0] / 65_535).tolist(), abs=1e-6)


def test_a_camera_held_sideways_is_turned(tmp_path):
    picture = Image.new("RGB", (4, 2), "black")
    picture.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90° to view
    picture.save(tmp_path / "a.png", exif=exif)
    image = load_image(tmp_path / "a.png")
    assert image.shape == (1, 3, 4, 2)
    assert image[0, 0].argmax() == 1  # the top left corner is now at the top right


def test_a_colour_profile_is_converted(tmp_path):
    # A profile in which red and blue have changed places, made from that of sRGB.
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for one, other in ((b"rXYZ", b"bXYZ"), (b"rTRC", b"bTRC")):
        swapped = swapped.replace(one, b"?").replace(other, one).replace(b"?", other)
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    plain = Image.new("RGB", (4, 4), (200, 30, 60))
    for picture in (plain, plain.convert("RGBA"), plain.quantize(2)):
        picture.save(tmp_path / "a.png", icc_profile=swapped)
        loaded = to_bytes(load_image(tmp_path / "a.png"))[0, 0].astype(int)
        assert abs(loaded - [60, 30, 200]).max() <= 2, picture.mode


def test_a_colour_profile_that_does_not_fit_is_ignored(tmp_path, caplog):
    caplog.set_level("INFO", "mutoscope")
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.new("RGB", (4, 4), (200, 30, 60))
    for name, profile in (("srgb", srgb), ("lab", lab), ("junk", b"junk")):
        picture.save(tmp_path / f"{name}.png", icc_profile=profile)
        loaded = to_bytes(load_image(tmp_path / f"{name}.png"))
        assert loaded[0, 0].tolist() == [200, 30, 60]
    assert "junk.png" in caplog.text


def test_of_an_animation_the_first_frame_is_taken(tmp_path, caplog):
    caplog.set_level("INFO", "mutoscope")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert load_image(tmp_path / "a.gif")[0, :, 0, 0].tolist() == [1, 0, 0]
    assert "first frame" in caplog.text


def header_only_png(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", 900662814)
    )


@pytest.mark.parametrize("size", [(10_000, 10_000), (60_000, 60_000)])
def test_a_bomb_is_refused_by_its_header(tmp_path, monkeypatch, size):
    (tmp_path / "bomb.png").write_bytes(header_only_png(*size))
    # Nothing may be decoded.
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(MediaError, match=r"bomb\.png.*megapixels.*smaller") as caught:
        load_image(tmp_path / "bomb.png")
    assert "\n" not in str(caught.value)


def test_the_limit_can_be_set(tmp_path):
    save_image(noise(10, 10), tmp_path / "a.png")
    assert load_image(tmp_path / "a.png", max_pixels=100).shape == (1, 3, 10, 10)
    with pytest.raises(MediaError, match="10 × 10"):
        load_image(tmp_path / "a.png", max_pixels=99)


def test_what_is_no_picture_is_refused_with_its_name(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    # Ghostscript is never started on a stranger's file.
    (tmp_path / "b.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    for name in ("a.png", "empty.png", "b.eps"):
        with pytest.raises(MediaError, match=f"{name}: .*none of PNG"):
            load_image(tmp_path / name)
    for name, why in (("no.png", "does not exist"), (".", "folder")):
        with pytest.raises(MediaError, match=why) as caught:
            load_image(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))


def test_a_pipe_is_not_waited_for(tmp_path):
    import os

    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(MediaError, match="not a file"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_damaged_files_end_in_our_errors_only(tmp_path, form):
    buffer = io.BytesIO()
    Image.fromarray(to_bytes(noise())).save(buffer, form)
    data = buffer.getvalue()
    rng = np.random.default_rng(0)
    path = tmp_path / "a.img"
    complaints = []
    for trial in range(60):
        changed = bytearray(data[: rng.integers(1, len(data))] if trial % 2 else data)
        for place in rng.integers(0, len(changed), 3):
            changed[place] = rng.integers(0, 256)
        path.write_bytes(changed)
        try:
            image = load_image(path, max_pixels=10_000)
        except MediaError as error:
            complaints.append(str(error))
        else:
            assert bool(torch.isfinite(image).all())
    assert complaints
    assert not any("\n" in complaint for complaint in complaints)


def test_a_truncated_picture_is_named(tmp_path):
    save_image(noise(200, 200), tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"a\.png.*truncated"):
        load_image(tmp_path / "a.png")


def test_luma_weighs_the_channels():
    assert luma(torch.ones(1, 3, 2, 2)).tolist() == pytest.approx(np.ones((2, 2)))
    red = torch.zeros(1, 3, 1, 1)
    red[:, 0] = 1
    assert luma(red).item() == pytest.approx(0.299)


def test_resizing_is_antialiased_and_keeps_flat_pictures_flat():
    stripes = (torch.arange(64) % 2).float().expand(1, 3, 64, 64)
    assert (resize(stripes, (8, 8)) - 0.5).abs().max() < 0.05
    assert resize(stripes, (64, 64)) is stripes
    flat = torch.full((1, 3, 7, 5), 0.3)
    assert torch.allclose(resize(flat, (50, 70)), torch.tensor(0.3), atol=1e-5)
    assert resize(flat, (50, 70)).shape == (1, 3, 70, 50)


def test_a_contact_sheet_holds_every_picture():
    pictures = [torch.full((1, 3, 20, 30), value) for value in (0.0, 0.4, 0.8)]
    sheet = contact_sheet(pictures, columns=2, labels=["one", "two", "a label far too long to fit"])
    assert sheet.shape == (1, 3, 2 * (20 + 22 + 8) + 8, 2 * (30 + 8) + 8)
    assert sheet[0, 0, 18, 20] == 0
    assert sheet[0, 0, 18, 60] == pytest.approx(0.4, abs=0.002)
    assert sheet[0, 0, 68, 20] == pytest.approx(0.8, abs=0.002)
    assert sheet[0, 0, -1, -1] == 1
    assert contact_sheet(pictures[:1], gap=0).shape == (1, 3, 20, 30)


def test_long_labels_are_cut_with_an_ellipsis():
    font = images.ImageFont.load_default(size=14)
    cut = images.shortened("a very long label\nin two lines", font, 80)
    assert cut.endswith("…")
    assert font.getlength(cut) <= 80
    assert images.shortened("ok", font, 80) == "ok"
