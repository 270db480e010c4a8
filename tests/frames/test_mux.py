from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from mutoscope.errors import MediaError
from mutoscope.frames import FilmSink
from mutoscope.frames.mux import add_sound
from mutoscope.provenance import read_recipe
from mutoscope.sound import SoundFile

RECIPE = {"program": "mutoscope", "version": "1", "settings": {"scenes": "a fox"}}


class Clicks:
    """A sound with a click at one moment, of any length."""

    def __init__(self, click, rate=44_100, channels=2):
        self.path, self.rate, self.channels = None, rate, channels
        self.click = round(click * rate)

    def blocks(self, start, stop, *, size, channels=None):
        for at in range(start, stop, size):
            block = np.zeros((channels or self.channels, size), np.float32)
            if at <= self.click < at + size:
                block[:, self.click - at :][:, :32] = 0.9
            yield block


def film(path, frames=30, flash=17, rate=12, **options):
    with FilmSink(path, rate, **options) as sink:
        for n in range(frames):
            sink.write(torch.full((1, 3, 32, 48), float(n == flash)))
    return path


def seen_and_heard(path):
    """When the flash is shown, when the click is heard, and how long each stream is."""
    with av.open(str(path)) as container:
        shown = [
            (float(frame.time), frame.to_ndarray().mean()) for frame in container.decode(video=0)
        ]
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        rate = frames[0].sample_rate
        samples = np.concatenate([np.abs(frame.to_ndarray()).max(axis=0) for frame in frames])
        first = float(frames[0].time)
    flash = max(shown, key=lambda pair: pair[1])[0]
    return flash, first + samples.argmax() / rate, len(shown), first + len(samples) / rate


def packets(path):
    with av.open(str(path)) as container:
        return [
            (packet.pts * packet.time_base, packet.dts * packet.time_base, bytes(packet))
            for packet in container.demux(video=0)
            if packet.dts is not None
        ]


@pytest.mark.parametrize("rate", [12, 25, 60])
@pytest.mark.parametrize(
    ("sampling", "channels"), [(44_100, 2), (48_000, 1), (22_050, 2), (96_000, 1)]
)
def test_a_click_is_heard_with_its_flash(tmp_path, rate, sampling, channels):
    path = film(tmp_path / "a.mp4", rate=rate)
    add_sound(path, Clicks(17 / rate, sampling, channels))
    flash, click, shown, seconds = seen_and_heard(path)
    assert flash == pytest.approx(17 / rate, abs=1e-4)
    assert abs(click - flash) < min(0.5 / rate, 0.003)
    assert shown == 30
    assert seconds == pytest.approx(30 / rate, abs=0.03)  # a packet of AAC is 21 ms


@pytest.mark.parametrize("offset", [2.25, -0.75, 100.0])
def test_the_offset_is_where_the_film_begins(tmp_path, offset):
    path = film(tmp_path / "a.mp4")
    add_sound(path, Clicks(17 / 12 + offset), offset=offset)
    flash, click, _, _ = seen_and_heard(path)
    assert abs(click - flash) < 0.003


@pytest.mark.parametrize(
    ("suffix", "codec", "kept"),
    [(".mov", "pcm_s24le", 22_050), (".mkv", "flac", 22_050), (".webm", "opus", 48_000)],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_container_keeps_them_together(tmp_path, suffix, codec, kept, channels):
    path = film(tmp_path / f"a{suffix}", recipe=RECIPE, title="A fox")
    before = packets(path)
    add_sound(path, Clicks(17 / 12, 22_050, channels))
    add_sound(path, Clicks(17 / 12 + 1, 22_050, channels), offset=1.0)
    assert packets(path) == before
    assert read_recipe(path) == RECIPE
    sound = SoundFile(path)
    assert (sound.rate, sound.channels) == (kept, channels)
    samples = np.concatenate(list(sound.blocks(0, 3 * kept, size=kept)), axis=1)
    assert np.abs(samples[0]).argmax() / kept == pytest.approx(17 / 12, abs=0.002)
    assert sound.ends == pytest.approx(2.5, abs=0.03)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name.startswith(codec)
        assert len(container.streams) == 2
        tags = {key.lower(): value for key, value in container.metadata.items()}
        assert tags["title"] == "A fox"


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_takes_no_sound(tmp_path, suffix):
    path = film(tmp_path / f"a{suffix}", frames=3)
    before = path.read_bytes()
    with pytest.raises(MediaError, match=r"no sound; \.mp4, \.mov, \.webm, \.mkv have"):
        add_sound(path, Clicks(1))
    assert path.read_bytes() == before


def test_the_pictures_are_copied_and_the_recipe_stays(tmp_path):
    path = film(tmp_path / "a.mp4", recipe=RECIPE, title="A fox")
    before = packets(path)
    add_sound(path, Clicks(1), tmp_path / "b.mp4")
    assert packets(tmp_path / "b.mp4") == before == packets(path)
    assert read_recipe(tmp_path / "b.mp4") == RECIPE
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.metadata["title"] == "A fox"
        sound = container.streams.audio[0].codec_context
        assert (sound.name, sound.rate, sound.layout.name) == ("aac", 44_100, "stereo")
    data = (tmp_path / "b.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_equal_films_and_sounds_give_equal_bytes_and_old_sound_is_replaced(tmp_path):
    path = film(tmp_path / "a.mp4")
    add_sound(path, Clicks(1), tmp_path / "b.mp4")
    add_sound(path, Clicks(2), tmp_path / "c.mp4")
    add_sound(tmp_path / "c.mp4", Clicks(1), tmp_path / "d.mp4")
    written = (tmp_path / "b.mp4").read_bytes()
    assert (tmp_path / "c.mp4").read_bytes() != written
    assert (tmp_path / "d.mp4").read_bytes() == written


def test_sound_and_pictures_lie_side_by_side(tmp_path):
    path = film(tmp_path / "a.mp4", frames=120)
    add_sound(path, Clicks(1))
    ahead = 0.0
    with av.open(str(path)) as container:
        latest = {"video": 0.0, "audio": 0.0}
        for packet in sorted(
            (packet for packet in container.demux() if packet.dts is not None),
            key=lambda packet: packet.pos,
        ):
            latest[packet.stream.type] = float(packet.dts * packet.time_base)
            ahead = max(ahead, abs(latest["video"] - latest["audio"]))
    assert ahead < 1.5


class Broken(Clicks):
    def blocks(self, start, stop, *, size, channels=None):
        yield np.zeros((2, size), np.float32)
        raise MediaError("song.mp3: is damaged")


def test_a_failure_leaves_the_film_as_it_was(tmp_path):
    path = film(tmp_path / "a.mp4")
    before = path.read_bytes()
    with pytest.raises(MediaError, match=r"song\.mp3: is damaged"):
        add_sound(path, Broken(1))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_what_is_refused(tmp_path):
    path = film(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes(b"mine")
    with pytest.raises(MediaError, match=r"b\.mp4: exists already"):
        add_sound(path, Clicks(1), tmp_path / "b.mp4")
    with pytest.raises(MediaError, match="does not exist"):
        add_sound(tmp_path / "c.mp4", Clicks(1))
    with pytest.raises(MediaError, match="can't be"):
        add_sound(tmp_path / "b.mp4", Clicks(1))
    with pytest.raises(MediaError, match="can't be written"):
        add_sound(path, Clicks(1), tmp_path / "nowhere" / "b.mp4")
    assert (tmp_path / "b.mp4").read_bytes() == b"mine"
    add_sound(path, Clicks(1), tmp_path / "b.mp4", overwrite=True)
    assert seen_and_heard(tmp_path / "b.mp4")[2] == 30


def test_a_film_that_claims_to_last_for_days_gets_no_sound(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for time in (0, 40, 90_000_000):
            frame = av.VideoFrame.from_ndarray(np.zeros((24, 32, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    before = path.read_bytes()
    with pytest.raises(MediaError, match=r"a\.mkv: says that it lasts 90000 s.*up to 86400 s"):
        add_sound(path, Clicks(1))
    assert path.read_bytes() == before
