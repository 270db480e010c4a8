"""What is fuzzed of files: pictures, films, sounds, networks, shards, what a run's folder holds.

Every example is made here, as small as its format lets it be.
"""

import contextlib
import io
import itertools
import json
import pickle
import random
import struct
import tarfile
import wave
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import torch
from fuzz_change import (
    Change,
    Mend,
    changed_bytes,
    mend_png,
    mend_records,
    mend_riff,
    mend_tar,
    mend_tensors,
    mend_zip,
    mended,
)
from fuzz_words import Target, file_call
from PIL import Image, PngImagePlugin
from safetensors.torch import save

from mutoscope import provenance
from mutoscope.drawings import shards
from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.checksum import masked
from mutoscope.drawings.scans import read_page
from mutoscope.errors import MediaError
from mutoscope.finish.upscale.engines import read_checkpoint as read_upscaler
from mutoscope.frames.clip import ClipSource
from mutoscope.gan.files import read_generator, read_origin, write_generator
from mutoscope.gan.generator import Generator
from mutoscope.gan.shape import Shape
from mutoscope.images import load_image, load_mask
from mutoscope.perceptors.clip_weights import read_checkpoint
from mutoscope.perceptors.heads import load_head
from mutoscope.run.checkpoint import read_header, read_state, write_state
from mutoscope.sound.midi import play
from mutoscope.sound.reading import SoundFile
from mutoscope.vqgan import Architecture, load_vqgan, new_vqgan, write_architecture
from mutoscope.vqgan.pickled import PickleError, read_pickle
from mutoscope.vqgan.tensors import read_tensors
from mutoscope.walk.directions import Directions, read_directions, write_directions

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


# ── networks ──


def _state() -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return {
        "a.weight": torch.randn(4, 3, generator=rng),
        "a.bias": torch.zeros(4),
        "half": torch.ones(2, dtype=torch.float16),
    }


def _checkpoints(_: Path) -> Sequence[bytes]:
    both = []
    for zipped in (True, False):
        buffer = io.BytesIO()
        torch.save(
            {"state_dict": _state(), "epoch": 3}, buffer, _use_new_zipfile_serialization=zipped
        )
        both.append(buffer.getvalue())
    return both


class _Evil:
    """What must never be called."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.name, self.arguments = name, arguments

    def __reduce__(self) -> tuple[object, ...]:
        import builtins
        import os
        import subprocess

        place, _, name = self.name.rpartition(".")
        where = {"os": os, "builtins": builtins, "subprocess": subprocess}[place]
        return getattr(where, name), self.arguments


_EVIL = (
    ("os.system", "true"),
    ("builtins.eval", "1"),
    ("builtins.exec", "pass"),
    ("os.mkdir", "ran"),
    ("builtins.open", "ran", "w"),
    ("subprocess.Popen", ["true"]),
    ("builtins.__import__", "this"),
)


def changed_pickle(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A pickle with instructions put in, taken out, repeated, and calls that must not be made."""
    import pickletools

    if rng.random() < 0.2:
        return changed_bytes(rng, seeds)
    data = rng.choice(seeds)
    if rng.random() < 0.15:
        name, *arguments = rng.choice(_EVIL)
        return pickle.dumps({"state_dict": _Evil(name, *arguments)}, rng.randrange(6))
    try:
        places = [at for _, _, at in pickletools.genops(data) if at is not None]
    except ValueError:
        return changed_bytes(rng, seeds)
    pieces = [data[a:b] for a, b in itertools.pairwise([*places, len(data)])]
    for _ in range(rng.choice((1, 2, 4, 10))):
        at = rng.randrange(len(pieces))
        match rng.randrange(5):
            case 0:
                pieces.insert(at, rng.choice(pickletools.opcodes).code.encode("latin-1"))
            case 1:
                del pieces[at : at + rng.choice((1, 1, 3))]
            case 2:
                stop = at + rng.choice((1, 2, 6))
                pieces[at:at] = pieces[at:stop] * rng.choice((1, 2, 100, 5000))
            case 3:
                pieces.insert(
                    at,
                    rng.choice(
                        (
                            b"cos\nsystem\n",
                            b"(S'true'\ntR",
                            b"\x8c\x02os\x8c\x06system\x93",
                            b"\x85R",
                            b"}",
                            b"]",
                            b"(",
                            b"t",
                            b"b",
                            b"Q",
                            b"\x8a\xff" + b"\xff" * 255,
                            b"J\xff\xff\xff\x7f",
                            b"2",
                            b"0",
                            b"\x94",
                            b"h\x00",
                            b"\x8b\xff\xff\xff\x7f",
                            b"B\xff\xff\xff\x7f",
                            b"I" + b"9" * 5000 + b"\n",
                            b"ctorch\nFloatStorage\n",
                            b"ccollections\nOrderedDict\n",
                            b"K\xff",
                            b"\x86",
                            b"P1\n",
                        )
                    ),
                )
            case 4:
                other = rng.randrange(len(pieces))
                pieces[at], pieces[other] = pieces[other], pieces[at]
        pieces = pieces[:100_000] or [b"."]
    return b"".join(pieces)[:400_000]


def _pickles(_: Path) -> Sequence[bytes]:
    with zipfile.ZipFile(io.BytesIO(_checkpoints(Path())[0])) as archive:
        found = archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))
    plain = {"a": [1, 2.5, None, True, "x", b"y", (1,), {"b": {2: 3}}], "c": {1, 2}, "n": 2**80}
    return [found, *(pickle.dumps(plain, protocol) for protocol in range(6))]


def changed_checkpoint(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A checkpoint whose bytes are spoilt, or a sound archive around a spoilt pickle."""
    if rng.random() < 0.4:
        return mended(changed_bytes, mend_zip)(rng, seeds)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(seeds[0])) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.endswith("data.pkl"):
                content = changed_pickle(rng, [content])
            elif rng.random() < 0.1:
                content = changed_bytes(rng, [content]) if content else b"x"
            new.writestr(entry.filename, content)
    return buffer.getvalue()


def _pickle_call(data: bytes, _: Path) -> None:
    try:
        read_pickle(io.BytesIO(data))
    except PickleError as error:
        raise MediaError(str(error)) from error  # as whoever reads a checkpoint does


def _numbers(path: Path) -> int:
    tensors = read_tensors(path)
    return sum(
        int(tensor.clone().float().sum() != 0) + tensor.nbytes for tensor in tensors.values()
    )


def _sizes(tensors: object) -> int:
    assert isinstance(tensors, dict)
    return sum(tensor.nbytes for tensor in tensors.values())


def _heads(_: Path) -> Sequence[bytes]:
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(1, 8), "bias": torch.zeros(1)}, buffer)
    return [buffer.getvalue()]


def _vqgans(room: Path) -> Sequence[bytes]:
    architecture = Architecture(
        kind="vq",
        embed_dim=8,
        n_embed=32,
        z_channels=8,
        ch=32,
        ch_mult=(1,),
        num_res_blocks=1,
        attn_resolutions=(),
        resolution=8,
    )
    model = new_vqgan(architecture, generator=torch.Generator().manual_seed(0))
    write_architecture(architecture, room / "model.yaml")
    buffer = io.BytesIO()
    torch.save({"state_dict": model.state_dict()}, buffer)
    return [buffer.getvalue()]


def _vqgan(data: bytes, room: Path) -> None:
    (room / "model.ckpt").write_bytes(data)
    load_vqgan(room / "seeds" / "model.yaml", room / "model.ckpt")


def _tensor_files(_: Path) -> Sequence[bytes]:
    return [save(_state()), save(_state(), {"mark": "x"})]


def changed_tensors(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Safetensors with a spoilt header of the length it says, or with spoilt bytes."""
    from fuzz_change import changed_json

    data = rng.choice(seeds)
    if rng.random() < 0.4:
        return mended(changed_bytes, mend_tensors, 0.3)(rng, seeds)
    length = int.from_bytes(data[:8], "little")
    header = changed_json(rng, [data[8 : 8 + length]])
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def _generators(room: Path) -> Sequence[bytes]:
    shape = Shape(size=32, channels=1, z=8, w=8, cbase=64, cmax=8, mapping_layers=1)
    write_generator(room / "g.safetensors", Generator(shape, torch.Generator().manual_seed(0)))
    return [(room / "g.safetensors").read_bytes()]


def _generator(path: Path) -> None:
    try:
        read_origin(path)
    finally:
        read_generator(path)


def _states(room: Path) -> Sequence[bytes]:
    write_state(room / "s.safetensors", 3, _state(), {"seed": 7, "rate": 0.5}, log_bytes=10)
    return [(room / "s.safetensors").read_bytes()]


def _resumed(path: Path) -> None:
    try:
        read_header(path)
    finally:
        read_state(path)


def _direction_files(room: Path) -> Sequence[bytes]:
    vectors = torch.nn.functional.normalize(torch.randn(2, 8), dim=1)
    directions = Directions(("sefa-1", "pca-1"), vectors, torch.ones(2), "sha256:0")
    return [write_directions(room, directions).read_bytes()]


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
    np.save(buffer, np.array([_Evil("os.system", "true")], object), allow_pickle=True)
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
    Target("pickles", _pickles, changed_pickle, _pickle_call, pure=True),
    Target("VQGAN checkpoints", _checkpoints, changed_checkpoint, file_call("m.ckpt", _numbers)),
    Target("VQGANs", _vqgans, changed_checkpoint, _vqgan),
    Target("safetensors", _tensor_files, changed_tensors, file_call("m.safetensors", _numbers)),
    Target(
        "CLIP in PyTorch's form",
        _checkpoints,
        changed_checkpoint,
        file_call("clip.pt", lambda path: _sizes(read_checkpoint(path))),
    ),
    Target(
        "CLIP in safetensors",
        _tensor_files,
        changed_tensors,
        file_call("clip.safetensors", lambda path: _sizes(read_checkpoint(path))),
    ),
    Target("heads", _heads, changed_checkpoint, file_call("head.pth", load_head)),
    Target(
        "upscalers",
        _checkpoints,
        changed_checkpoint,
        file_call("up.pth", lambda path: _sizes(read_upscaler(path))),
    ),
    Target("generators", _generators, changed_tensors, file_call("g.safetensors", _generator)),
    Target("states of runs", _states, changed_tensors, file_call("s.safetensors", _resumed)),
    Target(
        "directions",
        _direction_files,
        changed_tensors,
        file_call(
            "directions.safetensors",
            lambda path: read_directions(path.parent, generator="sha256:0", w=8),
        ),
    ),
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
