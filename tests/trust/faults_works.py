"""The works that are killed, cut off and put to trouble, each as small as it can be.

A work is a command that goes on after it was stopped: a film, one of a VQGAN's whose frames are
smoothed, a sheet, a walk, an interpolated film, a training; a sweep, a film painted anew, frames
and films that are smoothed, enlarged or coloured, a VQGAN's training, tiles. A few do not go on,
and are begun anew.
"""

import json
import wave
from dataclasses import dataclass

import av
import numpy as np
import torch
from PIL import Image

from mutoscope.frames.mux import add_sound
from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.sound import SoundFile
from mutoscope.vqgan import Architecture, new_vqgan, write_architecture

TOY = {
    "perceptors": "tiny", "width": 32, "height": 32, "cutouts": 2, "seed": 7,
    "file_namespace": "toy", "device": "cpu",
}  # fmt: skip
FILM = TOY | {
    "scenes": "a fox || a boat", "steps_per_scene": 9, "animation_mode": "2D",
    "pre_animation_steps": 3, "steps_per_frame": 3, "save_every": 3, "zoom_x_2d": 1,
    "rotate_2d": 2, "backups": 2, "resume_points": 1, "display_every": 2, "frames_per_second": 12,
}  # fmt: skip
KEYS = (
    "z=8", "w=8", "cbase=64", "cmax=4", "batch=4", "images=24", "tick=8", "compared=8",
    "path_every=2", "penalty_every=3", "augment_images=64",
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """A command, and what begins to go on with it once that is there (else it is given again).

    ``crew``: whether it has processes of its own. ``anew``: whether it makes no promise to go on; a
    kill may then leave hidden parts beside what it makes.
    """

    name: str
    command: tuple[str, ...]
    folder: str = ""
    begun: str = ""
    crew: bool = False
    anew: bool = False

    def next(self, place):
        """What a user types now."""
        there = self.begun and (place / self.folder / self.begun).exists()
        return ("resume", self.folder) if there else self.command


def works(inputs):
    """Every kind of work that goes on after a kill; ``inputs`` are made in that folder."""
    inputs.mkdir(parents=True)
    _write_song(inputs / "song.wav")
    rng = torch.Generator().manual_seed(0)
    architecture = Architecture(
        kind="vq", embed_dim=8, n_embed=32, z_channels=8, ch=32, ch_mult=(1, 1, 1),
        num_res_blocks=1, attn_resolutions=(), resolution=32,
    )  # fmt: skip
    for name in ("vqgan", "trained", "tiles"):
        (inputs / name).mkdir()
    write_architecture(architecture, inputs / "vqgan/model.yaml")
    network = new_vqgan(architecture, generator=rng)
    torch.save({"state_dict": network.state_dict()}, inputs / "vqgan/model.ckpt")
    shape = Shape(size=32, channels=1, z=8, w=8, cbase=64, cmax=8, mapping_layers=1)
    write_generator(inputs / "trained" / "generator.safetensors", Generator(shape, rng))
    for index in range(6):
        pixels = np.full((40, 40), 255, np.uint8)
        pixels[:, 4 + 5 * index : 7 + 5 * index] = 10
        Image.fromarray(pixels).save(inputs / "tiles" / f"{index}.png")
    (inputs / "pages").mkdir()
    for index in range(2):
        pixels = np.full((150, 150), 255, np.uint8)
        for at in range(6):
            pixels[10 + 24 * at : 13 + 24 * at, 8:-8] = pixels[8:-8, 9 + 20 * at + index] = 0
        Image.fromarray(pixels).save(inputs / "pages" / f"{index}.png", dpi=(100, 100))
    _write_clip(inputs / "clip.mkv")
    add_sound(inputs / "clip.mkv", SoundFile(inputs / "song.wav"), inputs / "heard.mkv")

    def settings(name, values):
        path = inputs / f"{name}.yaml"
        path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items()))
        return str(path)

    folder, about = "images_out/toy/toy", "run.json"
    heard = FILM | {"input_audio": str(inputs / "song.wav")}
    drawn = FILM | {
        "image_model": "VQGAN", "vqgan_model": str(inputs / "vqgan"), "steps_per_scene": 6,
        "z_smoother": True, "z_smoother_buffer_len": 3,
    }  # fmt: skip
    small = [f"{key}={value}" for key, value in TOY.items()]
    walk = ("walk", str(inputs / "trained"), "-o", "walk.mkv", "--keys", "2,5", "--frames", "6")
    train = ("train", str(inputs / "tiles"), "--preset", "smoke")
    return [
        Work("film", ("render", settings("film", heard)), folder, about),
        Work("vqgan", ("render", settings("vqgan", drawn)), folder, about),
        Work(
            "sheet", ("image", "a fox", "--count", "3", *small, "steps_per_scene=4"),
            "images_out/toy", "sheet.json",
        ),
        Work("walk", (*walk, "--pace", "raw", "--device", "cpu")),
        Work(
            "interpolate",
            ("interpolate", str(inputs / "clip.mkv"), "-o", "more.mkv", "--factor", "2"),
        ),
        Work("train", (*train, "-o", "out", "--device", "cpu", *KEYS)),
        *_finished(inputs),
        Work(
            "restyle",
            ("restyle", str(inputs / "heard.mkv"), "a fox ^ a boat", "-o", "painted.mkv",
             *small, "height=24", "pre_animation_steps=3", "steps_per_frame=2"),
        ),
        Work(
            "sweep",
            ("sweep", "--prompt", "a fox", "--workers", "1", "--threads", "1",
             *(one for one in small if "seed" not in one), "seed=1,2", "steps_per_scene=6",
             "save_every=2", "resume_points=1"),
            "images_out/toy", "sheet.json", crew=True,
        ),
        Work(
            "train-vqgan",
            ("train-vqgan", str(inputs / "tiles"), "-o", "out", "--steps", "12", "--size", "32",
             "--batch", "2", "--device", "cpu"),
        ),
    ]  # fmt: skip


def _finished(inputs):
    """What is made of films, pictures and scans that are there."""
    tiles, heard, clip = (str(inputs / name) for name in ("tiles", "heard.mkv", "clip.mkv"))
    cut = ("drawings", "tiles", str(inputs / "pages"), "--size", "32", "--dpi", "100")
    cut = (*cut, "--cache", "cache")
    return [
        Work("smooth", ("smooth", tiles, "-o", "calm", "--buffer", "3")),
        Work("smooth-film", ("smooth", heard, "-o", "calm.mkv", "--buffer", "3")),
        Work(
            "upscale", ("upscale", heard, "-o", "large.mkv", "--scale", "2", "--device", "cpu")
        ),
        Work("process", ("process", heard, "-o", "filled.mkv", "--fill", "teal, coral, white")),
        Work("process-folder", ("process", tiles, "-o", "inverted", "--invert")),
        Work("tiles", (*cut, "-o", "cut")),
        Work("shards", (*cut, "-o", "shards", "--form", "webdataset", "--per-shard", "5")),
        Work("join", ("film", clip, tiles, "-o", "joined.mkv", "--fit"), anew=True),
        Work("join-heard", ("film", heard, "-o", "joined.mp4"), anew=True),
        Work(
            "project",
            ("project", f"{tiles}/0.png", str(inputs / "trained"), "-o", "likeness.png",
             "--keys", "found.json", "--steps", "6"), anew=True,
        ),
    ]  # fmt: skip


def _write_song(path):
    with wave.open(str(path), "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(2)
        song.setframerate(8000)
        song.writeframes((9000 * np.sin(np.arange(16000) / 8)).astype("<i2").tobytes())


def _write_clip(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=6)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        for number in range(8):
            pixels = np.full((24, 32, 3), 20 + 20 * number, np.uint8)
            pixels[8:16, 2 * number : 2 * number + 9] = (250, 40, 90)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
