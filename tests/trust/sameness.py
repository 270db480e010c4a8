"""The same settings painted again under other conditions: how near the pictures come.

    python tests/trust/sameness.py           networks of toys
    python tests/trust/sameness.py --labels  the embedded perceptor too, which takes minutes
    python tests/trust/sameness.py --lowered a small CLIP, in float32, bf16 and int8

Every picture is painted by a process of its own: with other numbers of threads, other instructions
of the processor (as another machine would have), another hash seed, in other chunks.
"""

import argparse
import functools
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mutoscope.build import build
from mutoscope.images import to_bytes
from mutoscope.paint import Watch
from mutoscope.settings import load_settings
from mutoscope.vqgan import Architecture, new_vqgan, write_architecture

TOY = {
    "scenes": "a fox in the snow | a red boat:0.5",
    "perceptors": "tiny",
    "width": 64,
    "height": 48,
    "cutouts": 10,
    "gradient_accumulation_steps": 1,
    "seed": 7,
    "steps_per_scene": 50,
    "save_every": 0,
    "compile": "no",
    "precision": "float32",
}
MARKS = (1, 50)  # steps after which pictures are compared
CONDITIONS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "again": ({}, {}),
    "another hash seed": ({}, {"PYTHONHASHSEED": "12345"}),
    "2 chunks": ({"gradient_accumulation_steps": 2}, {}),
    "5 chunks": ({"gradient_accumulation_steps": 5}, {}),
    "2 threads": ({}, {"OMP_NUM_THREADS": "2"}),
    "3 threads": ({}, {"OMP_NUM_THREADS": "3"}),
    "AVX2": ({}, {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "no AVX": ({}, {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}),
}


@dataclass(frozen=True)
class Nearness:
    """How near two pictures are: the largest and the mean distance of a value, in [0, 1].

    ``bytes_apart`` is the share of the values of a saved picture that differ at all.
    """

    largest: float
    mean: float
    bytes_apart: float

    def __str__(self) -> str:
        if self.largest == 0:
            return "equal to the bit"
        rms = f"largest {self.largest:.1e}, mean {self.mean:.1e}"
        return f"{rms}, {100 * self.bytes_apart:.2f} % of the bytes differ"


def nearness(one: Tensor, other: Tensor) -> Nearness:
    """How near two pictures of one size are."""
    apart = (one - other).abs()
    odd = (to_bytes(one) != to_bytes(other)).mean()
    largest = float(apart.max())
    assert math.isfinite(largest)
    return Nearness(largest, float(apart.mean()), float(odd))


def painted(settings: Mapping[str, Any], marks: tuple[int, ...] = MARKS) -> dict[int, Tensor]:
    """The pictures of a run after so many steps each."""
    parts, seen = build(load_settings(dict(settings))), dict[int, Tensor]()

    def step(done: int, _losses: object) -> None:
        if done in marks:
            seen[done] = parts.canvas.image().clone()

    for _ in parts.animate(watch=Watch(step=step)):
        pass
    return seen


def painted_elsewhere(
    settings: Mapping[str, Any], env: Mapping[str, str], marks: tuple[int, ...] = MARKS
) -> dict[int, Tensor]:
    """The same, by a process of its own with ``env``; one thread, if that doesn't say otherwise.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "pictures.pt"
        command = [sys.executable, __file__, "--paint", json.dumps(dict(settings))]
        subprocess.run(
            [*command, "--into", str(out), "--marks", *map(str, marks)],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"} | dict(env),
            check=True,
        )  # fmt: skip
        pictures: dict[int, Tensor] = torch.load(out, weights_only=True)
    return pictures


def small_vqgan(folder: Path) -> Path:
    """The folder, with the files of a small VQGAN with random weights in it."""
    architecture = Architecture(
        kind="vq", embed_dim=8, n_embed=32, z_channels=8, ch=32, ch_mult=(1, 1, 1),
        num_res_blocks=1, attn_resolutions=(), resolution=32,
    )  # fmt: skip
    model = new_vqgan(architecture, generator=torch.Generator().manual_seed(0))
    write_architecture(architecture, folder / "model.yaml")
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, folder / "model.ckpt")
    return folder


def resumed(settings: Mapping[str, Any], *, at: int) -> tuple[Tensor, Tensor]:
    """The last pictures of a run, and of the same gone on with by new parts after step ``at``."""
    told = load_settings({**settings, "display_every": at})
    first, *_, last = build(told).animate()
    assert first.steps == at
    *_, again = build(told).animate(resume=first.state)
    return last.image, again.image


def small_clip(folder: Path) -> Path:
    """A CLIP of three blocks of width 64 with random weights, with its vocabulary beside it."""
    draw = functools.partial(torch.randn, generator=torch.Generator().manual_seed(3))
    width, patch, grid, out, context = 64, 8, 3, 16, 40
    letters = [chr(code) for code in range(33, 127)]
    pieces = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    state = {
        "visual.conv1.weight": draw(width, 3, patch, patch) / 14,
        "visual.class_embedding": draw(width),
        "visual.positional_embedding": draw(grid**2 + 1, width),
        "visual.proj": draw(width, out) / 8,
        "token_embedding.weight": draw(len(pieces), width),
        "positional_embedding": draw(context, width),
        "text_projection": draw(width, out) / 8,
    }
    norms = ["visual.ln_pre", "visual.ln_post", "ln_final"]
    for name, count in (("visual.transformer", 3), ("transformer", 1)):
        for block in (f"{name}.resblocks.{number}" for number in range(count)):
            norms += [f"{block}.ln_1", f"{block}.ln_2"]
            for part, (into, of) in {
                "attn.in_proj_": (3 * width, width), "attn.out_proj.": (width, width),
                "mlp.c_fc.": (4 * width, width), "mlp.c_proj.": (width, 4 * width),
            }.items():  # fmt: skip
                state[f"{block}.{part}weight"] = draw(into, of) / of**0.5
                state[f"{block}.{part}bias"] = draw(into) / 5
    for norm in norms:
        state |= {f"{norm}.weight": torch.ones(width), f"{norm}.bias": torch.zeros(width)}
    torch.save(state, folder / "clip-openai.pt")
    told = {"model": {"vocab": {piece: n for n, piece in enumerate(pieces)}, "merges": []}}
    (folder / "tokenizer.json").write_text(json.dumps(told), encoding="utf-8")
    return folder / "clip-openai.pt"


def main() -> None:
    """Paint under every condition, and print how near the pictures come to those under none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", action="store_true")
    parser.add_argument("--lowered", action="store_true")
    parser.add_argument("--paint", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--marks", type=int, nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.paint is not None:
        torch.save(painted(given.paint, tuple(given.marks)), given.into)
        return
    with tempfile.TemporaryDirectory() as folder:
        kinds: dict[str, dict[str, Any]] = {
            "pixels": {},
            "limited palette": {"image_model": "Limited Palette"},
            "waves": {"image_model": "Fourier"},
            "VQGAN": {"image_model": "VQGAN", "vqgan_model": str(small_vqgan(Path(folder)))},
        }
        if given.labels:
            kinds = {"waves, labels": {"image_model": "Fourier", "perceptors": "labels",
                                       "width": 160, "height": 160, "cutouts": 5}}  # fmt: skip
        if given.lowered:
            clip = {"image_model": "Fourier", "perceptors": str(small_clip(Path(folder)))}
            kinds = {name: clip | {"precision": name} for name in ("float32", "bf16", "int8")}
        for name, kind in kinds.items():
            settings = TOY | kind
            plain = painted_elsewhere(settings, {})
            for condition, (changes, env) in CONDITIONS.items():
                other = painted_elsewhere(settings | changes, env)
                for mark in MARKS:
                    told = nearness(plain[mark], other[mark])
                    steps = "after 1 step" if mark == 1 else f"after {mark} steps"
                    print(f"{name}, {condition}, {steps}: {told}", flush=True)


if __name__ == "__main__":
    main()
