"""What is fuzzed of files: pictures, films, sounds, shards, and networks.

Every example is made here, as small as its format lets it be; networks are in `fuzz_networks`.
"""

import contextlib
import io
import itertools
import json
import struct
import tarfile
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
from fuzz_change import (
    Change,
    Mend,
    changed_bytes,
    mend_png,
    mend_records,
    mend_riff,
    mend_tar,
    mended,
)
from fuzz_networks import TARGETS as NETWORKS
from fuzz_networks import Evil
from fuzz_words import Target, file_call
from PIL import Image, PngImagePlugin

from mutoscope import provenance
from mutoscope.drawings import shards
from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.checksum import masked
from mutoscope.drawings.scans import read_page
from mutoscope.errors import MediaError
from mutoscope.frames.clip import ClipSource
from mutoscope.images import load_image, load_mask
from mutoscope.sound.midi import play
from mutoscope.sound.reading import SoundFile

PIXELS = 2_000_000  # that a picture may have here; the limit itself is the caller's
PICTURES = 1500  # that a film of twelve may turn into
_RECIPE = {
    "program": "mutoscope",
    "version": "0.1.0",
    "frame": 1,
    "perceptors": ["tiny"],
    "settings": {"scenes": "a fox | night", "width": 32, "height": 32, "seed": 7},
}


def _noise(size: tuple[int, int] = (16, 12), seed: int = 0) -> Image.Image:
    shape = (size[1], size[0], 3)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def _made(form: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    _noise().convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


# ── pictures ──


def _pictures(form: str, *modes: str, **options: object) -> Callable[[Path], Sequence[bytes]]:
    return lambda _: [_made(form, mode, **options) for mode in modes or ("RGB",)]


def _pngs(_: Path) -> Sequence[bytes]:
    said = PngImagePlugin.PngInfo()
    said.add_itxt("title", "a fox", zip=True)
    said.add_text("comment", "x" * 200, zip=True)
    more = [_noise(seed=n) for n in (1, 2)]
    return [
        *(_made("PNG", mode) for mode in ("RGB", "RGBA", "P", "1", "I;16")),
        _made("PNG", pnginfo=said, icc_profile=_profile()),
        _made("PNG", save_all=True, append_images=more, duration=80),
    ]


def _profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()


def _jpegs(_: Path) -> Sequence[bytes]:
    exif = Image.Exif()
    exif[0x112] = 6
    return [
        _made("JPEG", exif=exif, icc_profile=_profile()),
        _made("JPEG", "CMYK"),
        _made("JPEG", "L", progressive=True),
    ]


def _webps(_: Path) -> Sequence[bytes]:
    more = [_noise(seed=n) for n in (1, 2)]
    return [
        _made("WEBP"),
        _made("WEBP", "RGBA", lossless=True),
        _made("WEBP", save_all=True, append_images=more, duration=80),
    ]


def _gifs(_: Path) -> Sequence[bytes]:
    more = [_noise(seed=n) for n in (1, 2)]
    return [_made("GIF", "P"), _made("GIF", save_all=True, append_images=more, duration=80)]


def _tiffs(_: Path) -> Sequence[bytes]:
    return [
        _made("TIFF"),
        _made("TIFF", compression="tiff_lzw"),
        _made("TIFF", "1", compression="group4"),
        _made("TIFF", compression="tiff_adobe_deflate", dpi=(300, 300)),
        _made("TIFF", "F"),
        _made("TIFF", compression="jpeg"),
        _made("TIFF", "L", save_all=True, append_images=[_noise(seed=1)]),
    ]


def _picture(path: Path) -> int:
    load_mask(path, max_pixels=PIXELS)
    image = load_image(path, max_pixels=PIXELS)
    return image.numel() * 4


def _page(path: Path) -> int:
    pages = read_page(path, max_pixels=PIXELS)
    return sum(page.pixels().nbytes for page in pages[:20])


def _picture_target(
    form: str, suffix: str, seeds: Callable[[Path], Sequence[bytes]], change: Change = changed_bytes
) -> Target:
    return Target(
        form, seeds, change, file_call(f"picture{suffix}", _picture), seconds=4, megabytes=200
    )


# ── recipes ──


def _stamped(*pictures: bytes) -> Callable[[Path], Sequence[bytes]]:
    return lambda _: [provenance.stamped(data, _RECIPE) for data in pictures]


def _said(path: Path) -> None:
    """What a file says, and the file with something else said in it."""
    with contextlib.suppress(MediaError):
        provenance.stamped(path.read_bytes(), _RECIPE)
    try:
        provenance.read_fields(path)
    finally:
        provenance.read_recipe(path)


# ── films and sounds ──


def _film(
    suffix: str, codec: str, pixels: str, count: int = 6
) -> Callable[[Path], Sequence[bytes]]:
    def make(room: Path) -> Sequence[bytes]:
        path = room / f"made{suffix}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=12)
            stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
            container.metadata["comment"] = json.dumps(_RECIPE)
            for number in range(count):
                frame = av.VideoFrame.from_image(_noise((32, 24), number))
                container.mux(stream.encode(frame.reformat(format=pixels)))
            container.mux(stream.encode())
        return [path.read_bytes()]

    return make


def _watched(path: Path) -> int:
    source = ClipSource(path, max_pixels=PIXELS)
    pictures = sum(1 for _ in itertools.islice(source, PICTURES + 1))
    return 2**40 if pictures > PICTURES else 0


def _sound(suffix: str, codec: str, rate: int = 8000) -> Callable[[Path], Sequence[bytes]]:
    def make(room: Path) -> Sequence[bytes]:
        path = room / f"made{suffix}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate)
            stream.layout = "mono"
            tone = np.sin(np.arange(rate // 2) / 9).astype(np.float32)[None] / 2
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.rate = rate
            resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or 1024)
            for part in (*resampler.resample(frame), *resampler.resample(None)):
                container.mux(stream.encode(part))
            container.mux(stream.encode())
        return [path.read_bytes()]

    return make


def _wavs(room: Path) -> Sequence[bytes]:
    path = room / "made.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.zeros(4000, "<i2").tobytes())
    return [path.read_bytes()]


def _heard(path: Path) -> int:
    sound = SoundFile(path)
    return sum(block.nbytes for block in sound.blocks(0, 4 * sound.rate, size=1024))


def _midis(_: Path) -> Sequence[bytes]:
    events = (
        b"\x00\xff\x51\x03\x07\xa1\x20\x00\x90\x3c\x64\x60\x80\x3c\x00\x00\xb0\x01\x40"
        b"\x10\xe0\x00\x50\x00\x99\x24\x7f\x30\x24\x00\x00\xff\x2f\x00"
    )
    track = b"MTrk" + struct.pack(">I", len(events)) + events
    bare = b"MThd" + struct.pack(">IHHH", 6, 1, 2, 96) + track + track
    timed = b"MThd" + struct.pack(">IHH", 6, 0, 1) + b"\xe7\x28" + track
    riff = b"RIFF" + struct.pack("<I", len(bare) + 12) + b"RMIDdata" + struct.pack("<I", len(bare))
    return [bare, timed, riff + bare]


def _played(path: Path) -> None:
    midi = play(path, duration=2.0, frames_per_second=12)
    for time in (0.0, 0.5, 1e6):
        midi.values(time)


# ── shards and caches ──


def _tars(room: Path) -> Sequence[bytes]:
    tiles = [(f"{n:08d}", np.full((8, 8), n, np.uint8), {"page": "01"}) for n in range(3)]
    made = []
    for form, ending in shards.ENDINGS.items():
        shards.write_shard(room / f"made{ending}", form, tiles)
        made.append((room / f"made{ending}").read_bytes())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind in (
            ("../x.png", tarfile.REGTYPE),
            ("y.png", tarfile.SYMTYPE),
            ("ü" * 120 + ".json", tarfile.REGTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = 2 if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(b"{}"))
    return [made[0], buffer.getvalue()]


def _records(room: Path) -> Sequence[bytes]:
    _tars(room)
    return [(room / "made.tfrecord").read_bytes()]


def _shard(path: Path) -> int:
    found = 0
    try:
        for offset in shards.skim_shard(path)[:50]:
            shards.read_at(path, offset)
    except MediaError:
        pass
    for stored in itertools.islice(shards.read_shard(path), 500):
        try:
            found += shards.decoded(path, stored).nbytes
        except MediaError:
            continue
    return found


def _cached(data: bytes, room: Path) -> int:
    """A page whose decoded copy somebody spoilt."""
    scan = room / "scan.png"
    scan.write_bytes(_SCAN)
    (page,) = read_page(scan)
    cache = PageCache(room / "cache")
    entry = cache.path(page, channels=1, dpi=300.0)
    entry.parent.mkdir(exist_ok=True)
    entry.write_bytes(data)
    pixels = cache.open(page, channels=1, dpi=300.0)
    assert pixels.shape == (12, 16)
    assert pixels.dtype == np.uint8
    return int(pixels.sum())


_SCAN = _made("PNG", "L")


def _arrays(_: Path) -> Sequence[bytes]:
    made = []
    for array in (np.zeros((12, 16), np.uint8), np.zeros((12, 16), np.float64)):
        buffer = io.BytesIO()
        np.save(buffer, array)
        made.append(buffer.getvalue())
    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil("os.system", "true")], object), allow_pickle=True)
    return [*made, buffer.getvalue()]


def _both(*makers: Callable[[Path], Sequence[bytes]]) -> Callable[[Path], Sequence[bytes]]:
    return lambda room: [data for make in makers for data in make(room)]


def _watch(
    name: str, suffix: str, *makers: Callable[[Path], Sequence[bytes]], mend: Mend | None = None
) -> Target:
    change = changed_bytes if mend is None else mended(changed_bytes, mend)
    return Target(
        name, _both(*makers), change, file_call(f"film{suffix}", _watched), seconds=6, megabytes=200
    )


def _hear(name: str, suffix: str, *makers: Callable[[Path], Sequence[bytes]]) -> Target:
    return Target(
        name,
        _both(*makers),
        changed_bytes,
        file_call(f"sound{suffix}", _heard),
        seconds=6,
        megabytes=100,
    )


_PNG, _WEBP = mended(changed_bytes, mend_png), mended(changed_bytes, mend_riff)

TARGETS: tuple[Target, ...] = (
    _picture_target("PNG", ".png", _pngs, _PNG),
    _picture_target("JPEG", ".jpg", _jpegs),
    _picture_target("WebP", ".webp", _webps, _WEBP),
    _picture_target("GIF", ".gif", _gifs),
    _picture_target("BMP", ".bmp", _pictures("BMP", "RGB", "P", "1")),
    _picture_target("TIFF", ".tif", _tiffs),
    _picture_target("PNM", ".ppm", _pictures("PPM", "RGB", "L", "1")),
    _picture_target("AVIF", ".avif", _pictures("AVIF")),
    _picture_target("TGA", ".tga", _both(_pictures("TGA"), _pictures("TGA", "P", "L", rle=True))),
    _picture_target("JPEG 2000", ".jp2", _pictures("JPEG2000", "RGB", "RGBA")),
    Target(
        "scans",
        _both(_tiffs, _pngs, _jpegs),
        changed_bytes,
        file_call("scan.tif", _page),
        seconds=4,
    ),
    Target("recipes in PNG", _stamped(_made("PNG")), _PNG, file_call("r.png", _said), pure=True),
    Target(
        "recipes in JPEG",
        _stamped(_made("JPEG")),
        changed_bytes,
        file_call("r.jpg", _said),
        pure=True,
    ),
    Target(
        "recipes in WebP", _stamped(_made("WEBP")), _WEBP, file_call("r.webp", _said), pure=True
    ),
    Target("recipes in GIF", _gifs, changed_bytes, file_call("r.gif", _said), pure=True),
    Target(
        "recipes in MP4",
        _film(".mp4", "libx264", "yuv420p", 2),
        changed_bytes,
        file_call("r.mp4", _said),
    ),
    _watch("MP4", ".mp4", _film(".mp4", "libx264", "yuv420p"), _film(".mov", "mpeg4", "yuv420p")),
    _watch(
        "WebM and MKV", ".mkv", _film(".mkv", "ffv1", "bgr0"), _film(".webm", "libvpx", "yuv420p")
    ),
    _watch("AVI", ".avi", _film(".avi", "mjpeg", "yuvj420p")),
    _watch("animations", ".gif", _gifs, _film(".gif", "gif", "rgb8")),
    _watch("animated PNG", ".png", _film(".apng", "apng", "rgb24"), mend=mend_png),
    _hear("WAV", ".wav", _wavs),
    _hear("FLAC", ".flac", _sound(".flac", "flac")),
    _hear("Ogg", ".ogg", _sound(".ogg", "libopus", 48_000)),
    _hear("M4A", ".m4a", _sound(".m4a", "aac")),
    _hear("MP3", ".mp3", _sound(".mp3", "libmp3lame")),
    Target("MIDI", _midis, changed_bytes, file_call("music.mid", _played), pure=True),
    *NETWORKS,
    Target("WebDataset", _tars, mended(changed_bytes, mend_tar), file_call("00000.tar", _shard)),
    Target(
        "TFRecord",
        _records,
        mended(changed_bytes, mend_records(masked)),
        file_call("00000.tfrecord", _shard),
        pure=True,
    ),
    Target("cached pages", _arrays, changed_bytes, _cached),
)
