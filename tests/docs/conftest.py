"""A folder that holds, at toy size, what the pages' commands name."""

import shutil
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from mutoscope.cli import run
from mutoscope.finish.upscale import upscaler
from mutoscope.frames.mux import add_sound
from mutoscope.images import resize
from mutoscope.sound import SoundFile
from mutoscope.train_gan import lesson as gan_lesson
from mutoscope.train_vqgan import lesson as vqgan_lesson
from mutoscope.train_vqgan import presets
from mutoscope.vqgan import Architecture

ROOT = Path(__file__).parents[2]
FILM = """scenes: a harbour || a fox
perceptors: tiny
width: 32
height: 32
cutouts: 2
animation_mode: 2D
zoom_x_2d: 1
pre_animation_steps: 2
steps_per_frame: 2
save_every: 2
steps_per_scene: 6
interpolation_steps: 2
file_namespace: {}
"""
DRUMS = FILM.format("drums") + "input_audio: song.wav\n"
FLIGHT = FILM.format("flight").replace("2D", "3D").replace("zoom_x_2d", "translate_z_3d")
FLIGHT += "depth_model: relief\ninit_image: astronaut.png\ninfill_mode: mirror\n"
RUNS = ("film", "harbour", "ship", "fox", "dawn", "noon", "ns")
TRAINED = (
    "z=8", "w=8", "cbase=64", "cmax=4", "batch=4", "images=8", "tick=4", "compared=8",
    "augment_images=64",
)  # fmt: skip
TOY = presets.Preset(
    about="a toy",
    architecture=Architecture(
        kind="vq", embed_dim=4, n_embed=16, z_channels=4, ch=32, ch_mult=(1, 1, 1, 1),
        num_res_blocks=1, attn_resolutions=(), resolution=32,
    ),
    size=32, batch=1, rate=1e-3, critic=8, minutes=1,
)  # fmt: skip


class Stretched:
    """Stands for an upscaling network."""

    name, overlap, memory = "stretched", 4, 100

    def __init__(self, _model, factor, **_):
        self.factor = factor

    def __call__(self, image):
        return resize(image, (self.factor * image.shape[-1], self.factor * image.shape[-2]))


def no_network(patch, home):
    """Nothing is fetched, and no cache of this machine is found."""
    for name in ("HF_HUB_CACHE", "XDG_CACHE_HOME"):
        patch.delenv(name, raising=False)
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.setenv("HOME", str(home))
    patch.setattr(upscaler, "NcnnEngine", Stretched)
    patch.setattr(gan_lesson, "embedded_embedding", lambda: None)
    patch.setattr(vqgan_lesson, "SHOWN", 32)
    patch.setitem(presets.PRESETS, "toy", TOY)


def done(command, *more):
    """Run a command that prepares."""
    assert run([*command.split(), *more]) == 0, command


def pictures(folder, names, size=(40, 32)):
    """Pictures of noise."""
    Path(folder).mkdir()
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(Path(folder) / name)


def scans(folder):
    """Two small pages with drawn frames and strokes."""
    Path(folder).mkdir()
    for number in range(2):
        sheet = Image.new("L", (480, 360), 255)
        pen = ImageDraw.Draw(sheet)
        pen.ellipse((130, 90, 300 + 15 * number, 240), outline=0, width=4)
        pen.line((50, 300, 430, 290 + 10 * number), fill=0, width=4)
        sheet.save(Path(folder) / f"page-{number}.png", dpi=(75, 75))


def song(path, seconds):
    """A beat of a tone."""
    time = np.arange(int(seconds * 8000)) / 8000
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        loud = 16000 * np.sin(2 * np.pi * 100 * time) * (time % 0.25 < 0.1)
        file.writeframes(loud.astype("<i2").tobytes())


def film(name):
    """Six frames with a sound."""
    with av.open("silent.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for number in range(6):
            pixels = np.random.default_rng(number // 3).integers(0, 256, (32, 32, 3), np.uint8)
            pixels[:, 4 * number : 4 * number + 4] = 255
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    add_sound(Path("silent.mp4"), SoundFile(Path("song.wav")), name)


@pytest.fixture
def without_network(tmp_path, monkeypatch):
    """Nothing of this machine but the program, for a test."""
    no_network(monkeypatch, tmp_path / "home")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory, small_vqgan):
    """What the pages' commands take, made by commands wherever one makes it."""
    place = tmp_path_factory.mktemp("workshop")
    with pytest.MonkeyPatch.context() as patch:
        no_network(patch, tmp_path_factory.mktemp("home"))
        patch.chdir(place)
        shutil.copytree(ROOT / "recipes", "recipes")
        song("song.wav", 0.5)
        shutil.copy("song.wav", "song.mp3")
        for name in ("clip.mp4", "dancer.mp4", "painted.mp4", "ship.mp4", "calm.mp4", "day.mp4",
                     "fluent.mp4", "coloured.mp4"):  # fmt: skip
            film(name)
        pictures("pictures", ["1.png", "2.png", "3.png"])
        for name in ("frames", "photographs", "drawings"):
            shutil.copytree("pictures", name)
        for name in ("bird.png", "frame.png", "astronaut.png"):
            shutil.copy("pictures/1.png", name)
        for name in ("scans", "ready", "photos", "weeds", "in"):
            scans(name)
        done("drawings sample pages --pages 2 --dpi 40")
        done("drawings grid pages -o grid.png --write adj_xy.json")
        done("drawings specimens pages")
        done("drawings tiles pages --size 64 --form tfrecord -o records")
        done("train pages --preset smoke -o my-lines", *TRAINED)
        for name in ("my-drawings-gan", "lines"):
            shutil.copytree("my-lines", name)
        done("atlas my-drawings-gan --bookmark bird=42 --bookmark storm=17")
        shutil.copytree(small_vqgan, "my-vqgan")
        for name in RUNS:
            Path(f"{name}.yaml").write_text(FILM.format(name), encoding="utf-8")
            done(f"render {name}.yaml", *(("--frames", "..1") if name == "ns" else ()))
        Path("drums.yaml").write_text(DRUMS, encoding="utf-8")
        Path("flight-photo.yaml").write_text(FLIGHT, encoding="utf-8")
        still = "perceptors=tiny width=32 height=32 cutouts=2 steps_per_scene=2"
        done(f"image fox -o fox.png {still}")
        done(f"image fox --count 2 -o sheet.png {still}")
        done("walk my-lines -o walk.mp4 --keys 3,17 --frames 3")
        shutil.copy("walk.mp4", "old.mp4")
    return place
