"""Small pictures: of films, but not of what a file only names."""

import struct
import zlib

import av
import numpy as np
import pytest
from PIL import Image

from mutoscope.errors import MediaError
from mutoscope.studio import thumbs
from mutoscope.studio.gallery.pictures import size
from mutoscope.studio.thumbs import small

PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile secret.mp4\n",
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 9\n",
}


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "secret.mp4"
    with av.open(str(path), "w") as made:
        stream = made.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), 200, np.uint8))
        for packet in [*stream.encode(frame), *stream.encode()]:
            made.mux(packet)
    return path


def test_a_film_has_one(film):
    assert small(film, 160).startswith(b"\xff\xd8")
    assert size(film) == (32, 24)


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_a_list_of_other_files_is_no_film(film, tmp_path, kind, ending):
    path = tmp_path / f"list{ending}"
    path.write_text(PLAYLISTS[kind])
    with pytest.raises(MediaError):
        small(path, 160)
    assert size(path) is None


def bomb(width, height):
    """A PNG that says that it is so large, and isn't."""
    shape = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        for body in (shape, b"IDAT" + zlib.compress(bytes(99)), b"IEND")
    )


@pytest.mark.parametrize("shape", [(12_000, 10_000), (2**31 - 1, 2**31 - 1), (170_000_000, 1)])
def test_what_would_be_huge_is_refused_before_it_is_read(tmp_path, monkeypatch, shape):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(*shape))
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("was read"))
    with pytest.raises(MediaError):
        small(path, 160)


def test_one_large_picture_is_read_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(thumbs, "_MANY", 5)
    Image.new("RGB", (3, 3)).save(tmp_path / "a.png")
    held = []
    whole = Image.Image.thumbnail
    monkeypatch.setattr(
        Image.Image, "thumbnail", lambda *a: (held.append(thumbs._LARGE.locked()), whole(*a))
    )
    small(tmp_path / "a.png", 160)
    assert held == [True]
    assert not thumbs._LARGE.locked()


@pytest.mark.parametrize(("turn", "shape"), [(1, (160, 80)), (6, (160, 320)), (3, (160, 80))])
def test_it_lies_as_the_picture_says(tmp_path, turn, shape):
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.new("RGB", (400, 200)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "small.jpg").write_bytes(small(tmp_path / "a.jpg", 160))
    with Image.open(tmp_path / "small.jpg") as image:
        assert image.size == shape
