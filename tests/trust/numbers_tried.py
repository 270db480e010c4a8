"""Learning rates and sizes far beyond use, and terms that are no numbers: what comes of them.

    python tests/trust/numbers_tried.py                every canvas, optimiser, rate and size
    python tests/trust/numbers_tried.py --steps 20     the same, longer

A run either is painted, with pictures that can be shown, or ends in an error of ours.
"""

import argparse
import itertools
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mutoscope.build import build
from mutoscope.descent import OPTIMIZERS
from mutoscope.errors import MutoscopeError
from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.settings import load_settings
from mutoscope.vqgan import Architecture, new_vqgan, write_architecture

RATES = (1e-6, 1e-3, 0.1, 1.0, 10.0)
SIZES = (16, 64, 256, 1024, 2048)
TOY = {
    "scenes": "a fox",
    "perceptors": "tiny",
    "cutouts": 2,
    "gradient_accumulation_steps": 1,
    "seed": 7,
    "save_every": 0,
    "compile": "no",
}


@dataclass(frozen=True)
class Outcome:
    """What came of a run: how many steps it made, and the error that ended it, or ""."""

    steps: int
    error: str
    seconds: float


def canvases(folder: Path) -> dict[str, dict[str, Any]]:
    """The settings of every canvas; the networks of two lie in ``folder`` afterwards."""
    rng = torch.Generator().manual_seed(0)
    architecture = Architecture(
        kind="vq", embed_dim=8, n_embed=32, z_channels=8, ch=32, ch_mult=(1, 1, 1),
        num_res_blocks=1, attn_resolutions=(), resolution=32,
    )  # fmt: skip
    write_architecture(architecture, folder / "model.yaml")
    weights = new_vqgan(architecture, generator=rng).state_dict()
    torch.save({"state_dict": weights, "epoch": 3}, folder / "model.ckpt")
    shape = Shape(size=32, channels=1, z=16, w=16, cbase=256, cmax=16, mapping_layers=2)
    generator = Generator(shape, rng)
    generator.track(generator.map(torch.randn(500, 16, generator=rng)))
    write_generator(folder / "generator.safetensors", generator)
    return {
        "Unlimited Palette": {"image_model": "Unlimited Palette"},
        "Limited Palette": {"image_model": "Limited Palette", "palettes": 3, "palette_size": 4},
        "Fourier": {"image_model": "Fourier"},
        "VQGAN": {"image_model": "VQGAN", "vqgan_model": str(folder)},
        "GAN": {"image_model": "GAN", "gan_model": str(folder)},
    }


def tried(settings: dict[str, Any]) -> Outcome:
    """Paint a still in memory, and look at every picture and number of it.

    Raises:
        AssertionError: a picture or a number was given out that is none.
        Exception: it broke in a way that is no error of ours; a warning counts as that.
    """
    begun, steps = time.process_time(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            for frame in build(load_settings(TOY | settings)).animate():
                steps = frame.steps
                values = [frame.image, *frame.state.tensors.values()]
                assert all(bool(value.isfinite().all()) for value in values), settings
                assert 0 <= float(frame.image.min()) <= float(frame.image.max()) <= 1, settings
        except MutoscopeError as error:
            return Outcome(steps, str(error), time.process_time() - begun)
    return Outcome(steps, "", time.process_time() - begun)


def rates(
    kinds: dict[str, dict[str, Any]], *, optimizers: list[str], steps: int
) -> Iterator[tuple[str, str, float, Outcome]]:
    """Every canvas with every optimiser at every rate, at 32²: those three, and what came of it."""
    for (name, kind), optimizer, rate in itertools.product(kinds.items(), optimizers, RATES):
        small = {"width": 32, "height": 32, "steps_per_scene": steps, "learning_rate": rate}
        yield name, optimizer, rate, tried({**kind, **small, "optimizer": optimizer})


def sizes(
    kinds: dict[str, dict[str, Any]], *, steps: int
) -> Iterator[tuple[str, int, float, Outcome]]:
    """Every canvas in every size, at the least and the greatest rate: the three, and what came."""
    for (name, kind), size, rate in itertools.product(kinds.items(), SIZES, (RATES[0], RATES[-1])):
        few = {"width": size, "height": size, "steps_per_scene": steps, "learning_rate": rate}
        if name == "VQGAN" and size >= 1024:
            # In pieces, so that it fits beside whatever else the machine does; minutes a step.
            few |= {"piece_size": 256, "steps_per_scene": 1}
        yield name, size, rate, tried({**kind, **few})


def main() -> None:
    """Try all of them and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--only", nargs="*", help="these canvases")
    given = parser.parse_args()
    steps = given.steps
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        kinds = canvases(Path(folder))
        kinds = {name: kinds[name] for name in given.only or kinds}
        painted = refused = 0
        both = itertools.chain(
            rates(kinds, optimizers=list(OPTIMIZERS), steps=steps), sizes(kinds, steps=2)
        )
        for name, what, rate, outcome in both:
            told = outcome.error or f"{outcome.steps} steps"
            print(f"{name:18} {what!s:9} {rate:7g}  {outcome.seconds:6.2f} s  {told}", flush=True)
            painted, refused = painted + (not outcome.error), refused + bool(outcome.error)
    print(f"{painted} were painted, {refused} ended in an error of ours, none in another")


if __name__ == "__main__":
    main()
