"""The works that are killed, cut off and put to trouble, each as small as it can be.

A work is a command that goes on after it was stopped: a film, one of a VQGAN's whose frames are
smoothed, a sheet, a walk, an interpolated film, a training.
"""

import json
import wave
from dataclasses import dataclass

import av
import numpy as np
import torch
from PIL import Image

from mutoscope.gan import Generator, Shape, write_generator
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
    """A command, and what begins to go on with it once that is there (else it is given again)."""

    name: str
    command: tuple[str, ...]
    folder: str = ""
    begun: str = ""

    def next(self, place):
        """What a user types now."""
        there = self.begun and (place / self.folder / self.begun).exists()
        return ("resume", self.folder) if there else self.command


def works(inputs):
    """Every kind of work that goes on after a kill; ``inputs`` are made in that folder."""
    inputs.mkdir(parents=True)
    with wave.open(str(inputs / "song.wav"), "wb") as song:
        song.setnchannels(1)
        song.setsampwidth(2)
        song.setframerate(8000)
        song.writeframes((9000 * np.sin(np.arange(16000) / 8)).astype("<i2").tobytes())
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
    with av.open(str(inputs / "clip.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=6)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        for number in range(8):
            pixels = np.full((24, 32, 3), 20 + 20 * number, np.uint8)
            pixels[8:16, 2 * number : 2 * number + 9] = (250, 40, 90)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))

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
    ]  # fmt: skip
