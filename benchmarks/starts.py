"""How the frames of a film had best start: what the optimiser knows, cleared, carried or warped.

    python benchmarks/starts.py --vqgan my-vqgan --frames 10 --seeds 1 2 3

For each canvas, camera and seed one first frame is painted, and from its very state the rest of the
film, once for each way. Cleared: the optimiser begins anew at each move. Carried: its moments stay
at the places where they were, while the picture leaves them. Warped: they go along. With a VQGAN
there is a way more, latent: the raster itself is warped, where the canvas as it is draws the
picture, warps that and encodes it; the optimiser is cleared in both.

Flicker is the mean squared difference between each frame and the one before it, moved by the
camera, where that was in view already; 0 for a film that only moves. The prompt's loss is that of
the saved frames, over the last quarter of them, through the same cutouts for all ways. A smaller
step gives less of the one and more of the other, whatever the way: so there are ``--rates``, in
shares of the canvas's own. Any settings key may be given as KEY=VALUE.
"""

import argparse
import copy
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor

from mutoscope.build import Parts, build
from mutoscope.canvas.base import Canvas, Warp
from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.descent import Descent, Stride
from mutoscope.look import Look
from mutoscope.motion.base import Warp as Moved
from mutoscope.paint import Frame, State, animate, rng_for
from mutoscope.schedule import Shot
from mutoscope.settings import load_settings

BASE = {
    "scenes": "a red fox in the snow",
    "perceptors": "labels",
    "width": 160,
    "height": 128,
    "animation_mode": "2D",
    "cutouts": 4,
    "augmentation": "gentle",
    "cutout_border": 0,
    "smoothing_weight": 1,
    "device": "cpu",
}
MODELS = ("Unlimited Palette", "Limited Palette", "Fourier")
CAMERAS: dict[str, dict[str, float]] = {
    "zoom": {"zoom_x_2d": 1.6, "zoom_y_2d": 1.28, "translate_x": 2},  # by 1 %
    "turn": {"rotate_2d": 1, "translate_x": 2, "translate_y": 1},
}
WAYS = ("cleared", "carried", "warped", "latent")
JUDGED = 16  # cutouts by which a finished frame is judged

Row = dict[str, Any]


class Carried(Descent):
    """Moments that stay where they are when the picture moves away beneath them."""

    def start(self, canvas: Canvas) -> Stride:
        """See `Descent.start`."""
        return Rooted(self, canvas)


class Rooted(Stride):
    """The memory of `Carried`."""

    def move(self, warp: Moved) -> None:
        """Nothing goes anywhere."""


class LatentWarp(VqganCanvas):
    """A canvas that warps its raster, and neither draws nor encodes."""

    @torch.no_grad()
    def move(self, warp: Warp) -> None:
        """See `Canvas.move`."""
        for raster in (self.latent, self.average):
            raster.copy_(warp(raster))
        self.origin.copy_(self.latent)
        self._forget()


def main(arguments: Sequence[str] | None = None) -> None:
    """Paint the films, print a line for each, and the means over cameras and seeds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--models", nargs="*", default=MODELS, metavar="MODEL")
    parser.add_argument("--vqgan", metavar="FOLDER", help="and a VQGAN; only a trained one tells")
    parser.add_argument("--cameras", nargs="+", default=list(CAMERAS), choices=CAMERAS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--steps", type=int, default=8, help="of each frame")
    parser.add_argument("--first", type=int, default=16, help="steps of the first frame")
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--rates", nargs="+", type=float, default=[1.0])
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows: list[Row] = []
    for model, camera, seed in product(kinds(given), given.cameras, given.seeds):
        for row in films(model, camera, seed, given):
            rows.append(row)
            print(line(row), flush=True)
    print("\n" + "\n".join(summary(rows)))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def kinds(given: argparse.Namespace) -> list[dict[str, str]]:
    """The settings of each canvas."""
    models = [{"image_model": name} for name in given.models]
    if given.vqgan:
        folder = str(Path(given.vqgan).absolute())
        models.append({"image_model": "VQGAN", "vqgan_model": folder})
    return models


def films(
    model: dict[str, str], camera: str, seed: int, given: argparse.Namespace
) -> Iterator[Row]:
    """The film in each way, from the same first frame."""
    values = {
        **BASE,
        **model,
        **CAMERAS[camera],
        "seed": seed,
        "pre_animation_steps": given.first,
        "steps_per_frame": given.steps,
        "save_every": given.steps,
        "steps_per_scene": given.first + (given.frames - 1) * given.steps,
    }
    parts = build(load_settings(values, given.overrides))
    fresh = copy.deepcopy(parts.canvas)
    first = next(parts.animate())
    every = ways(replace(parts, canvas=fresh))
    for way, rate in product((way for way in given.ways if way in every), given.rates):
        made = at_rate(every[way], rate)
        start = time.process_time()
        frames = [first, *paint(made, first.state)]
        seconds = (time.process_time() - start) / (given.frames - 1)
        yield {
            "model": model["image_model"], "camera": camera, "seed": seed, "way": way, "rate": rate,
            **judge(made, frames), "seconds": seconds,
        }  # fmt: skip


def ways(parts: Parts) -> dict[str, Parts]:
    """The parts for each way."""
    warped = replace(parts.descent, fresh_each_frame=False)
    descents = {
        "cleared": replace(parts.descent, fresh_each_frame=True),
        "carried": Carried(**vars(warped)),
        "warped": warped,
    }
    made = {way: replace(parts, descent=descent) for way, descent in descents.items()}
    if isinstance(old := parts.canvas, VqganCanvas):
        canvas = LatentWarp(old.size, model=old.model, generator=torch.Generator().manual_seed(0))
        made["latent"] = replace(made["cleared"], canvas=canvas)
    return made


def at_rate(parts: Parts, share: float) -> Parts:
    """Parts that descend at a share of the usual rate, on a canvas of their own."""
    rate = share * (parts.descent.rate or parts.canvas.lr)
    return replace(
        parts, descent=replace(parts.descent, rate=rate), canvas=copy.deepcopy(parts.canvas)
    )


def paint(parts: Parts, state: State) -> Iterator[Frame]:
    """The frames after ``state``."""
    return animate(
        parts.canvas, parts.schedule, parts.ask, parts.cutouts, motion=parts.motion,
        sizes=parts.sizes, descent=parts.descent, seed=parts.settings.seed, resume=state,
    )  # fmt: skip


def judge(parts: Parts, frames: Sequence[Frame]) -> dict[str, float]:
    """Flicker, and the prompt's loss at the end."""
    shots = list(parts.schedule.shots())
    apart = []
    for index in range(1, len(frames)):
        assert parts.motion is not None
        before = frames[index - 1].image
        warp = parts.motion(before, shots[index])
        seen = in_view(warp, before)
        off = (frames[index].image - warp(before).clamp(0, 1)).square().mean(1)
        apart.append(float(off[0][seen].mean()))
    last = range(len(frames) - max(1, len(frames) // 4), len(frames))
    return {
        "flicker": mean(apart),
        "prompt": mean(prompt_loss(parts, frames[n].image, shots[n]) for n in last),
    }


def in_view(warp: Moved, picture: Tensor) -> Tensor:
    """Where the moved picture shows what was in the picture before: (H, W)."""
    height, width = picture.shape[-2:]
    places = warp.sources((width, height))  # (2, H, W)
    return ((places > 0) & (places < 1)).all(dim=0)


@torch.no_grad()
def prompt_loss(parts: Parts, picture: Tensor, shot: Shot) -> float:
    """How far ``picture`` is from the prompt, through cutouts that hang on the seed alone."""
    label = parts.settings.script.scenes[0].prompts[0].label
    term = next(term for term in parts.ask(shot) if term.name == label)
    look = Look(
        picture, canvas=parts.canvas, cutouts=replace(parts.cutouts, count=JUDGED),
        moment=shot.moment, rng=rng_for(parts.settings.seed, "judge"),
    )  # fmt: skip
    return float(term(look))


def line(row: Row) -> str:
    """One film in words."""
    return (
        f"{row['model']:<18} {row['camera']} {row['seed']:>3}  {row['way']:<8} "
        f"rate {row['rate']:<4g} flicker {row['flicker']:.5f}  prompt {row['prompt']:.3f}  "
        f"CPU {row['seconds']:.2f} s a frame"
    )


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """For each canvas, way and rate the means, and how each film stands to the first one."""
    firsts = {film(row): row for row in reversed(rows)}
    for kind in dict.fromkeys(kind_of(row) for row in rows):
        chosen = [row for row in rows if kind_of(row) == kind]
        ratios = [row["flicker"] / firsts[film(row)]["flicker"] for row in chosen]
        gaps = [row["prompt"] - firsts[film(row)]["prompt"] for row in chosen]
        yield (
            f"{kind[0]:<18} {kind[1]:<8} rate {kind[2]:<4g} "
            f"flicker {mean(row['flicker'] for row in chosen):.5f} ({spread(ratios)} of the first) "
            f" prompt {mean(row['prompt'] for row in chosen):.3f} ({spread(gaps, '+')})"
        )


def film(row: Row) -> tuple[str, str, int]:
    """What the ways of one film share."""
    return row["model"], row["camera"], row["seed"]


def kind_of(row: Row) -> tuple[str, str, float]:
    """What the films of one line of the summary share."""
    return row["model"], row["way"], row["rate"]


def spread(values: Sequence[float], sign: str = "") -> str:
    """The mean, and the standard deviation where there is one."""
    about = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    return f"{mean(values):{sign}.2f}{about}"


if __name__ == "__main__":
    main()
