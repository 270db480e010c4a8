"""Pictures are read before networks are loaded, and what can't be read is refused in one line."""

import pytest

from mutoscope.build import build, parts
from mutoscope.errors import MediaError

NAMED = {
    "init_image": {"init_image": "{}"},
    "target_palette": {"image_model": "Limited Palette", "target_palette": "{}"},
    "image prompt": {"scenes": "[{}]"},
    "image mask": {"scenes": "a fox:1_[{}]"},
    "direct image prompt": {"direct_image_prompts": "{}"},
    "mask of a direct image prompt": {"direct_image_prompts": "fox.png:1_[{}]"},
    "mask of an init weight": {"init_image": "fox.png", "direct_init_weight": "1_[{}]"},
    "mask of what perceptors see": {"init_image": "fox.png", "semantic_init_weight": "1_[{}]"},
}


@pytest.fixture(autouse=True)
def no_network_is_loaded(monkeypatch):
    def load(name, **_):
        pytest.fail(f"{name} was loaded before the pictures were read")

    monkeypatch.setattr(parts, "load_perceptor", load)


@pytest.mark.parametrize("changes", NAMED.values(), ids=NAMED.keys())
@pytest.mark.parametrize("name", ["missing.png", "broken.png", "folder.png", "bomb.png"])
def test_a_bad_picture_is_refused_first(toy, draw, tmp_path, changes, name):
    draw("fox.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and then nothing")
    (tmp_path / "folder.png").mkdir()
    bomb(tmp_path / "bomb.png")
    settings = toy(**{key: value.format(name) for key, value in changes.items()})
    with pytest.raises(MediaError) as refused:
        build(settings)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def bomb(path):
    """A PNG of 100 megapixels in a few kilobytes."""
    import struct
    import zlib

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", 10_000, 10_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1251) * 10_000)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("content", [None, b"", b"no film at all" * 100])
def test_a_bad_mask_video_is_refused_first(toy, tmp_path, content):
    if content is not None:
        (tmp_path / "mask.mp4").write_bytes(content)
    with pytest.raises(MediaError, match=r"mask\.mp4"):
        build(toy(scenes="a fox:1_[mask.mp4]"))


def test_a_film_of_sound_alone_is_no_mask(toy, tmp_path):
    import av
    import numpy as np

    with av.open(str(tmp_path / "mask.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        sound.sample_rate = 44_100
        for packet in [*stream.encode(sound), *stream.encode()]:
            container.mux(packet)
    with pytest.raises(MediaError, match=r"mask\.mp4: has no pictures in it"):
        build(toy(scenes="a fox:1_[mask.mp4]"))
