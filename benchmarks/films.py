"""The table of films: what comes between the frames, as a share of a frame of fifty steps.

A film of a few short frames is painted into a run's folder, as the program does, from the move to
the file. The steps before its first move tell what a step takes; whatever the film took beyond its
steps is what its frames cost: motion, depth, flow, encoding the picture, state, PNG and MP4.
"""

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import turns
from table import Case, Orders, Setup, Table, percent, seconds
from turns import Clock, Figures, Order, Turn

if TYPE_CHECKING:
    from mutoscope.settings import Settings

STEPS = 50
MODES: dict[str, dict[str, Any]] = {
    "2D": {"animation_mode": "2D", "zoom_x_2d": 5, "zoom_y_2d": 5, "rotate_2d": 1},
    "3D": {"animation_mode": "3D", "translate_z_3d": 20, "depth_model": "relief"},
    "Video Source": {"animation_mode": "Video Source"},
}
TOLD = f"""\
What comes between two frames of a film (motion, with the estimate of depth by `relief` in 3D and
of flow by DIS along a video, encoding, state, PNG and MP4), in seconds of the processor, and as a
share of a frame of {STEPS} steps with it. *Waiting* is the same share by the clock. Each film is
painted into a run's folder from the first move to the closed file, in frames of a few steps; a step
is what the same run takes for one before the first move."""
HEADS = ("mode", "canvas", "perceptor", "size", "s/step", "s between frames", "share", "waiting")


def cases(setup: Setup) -> list[Case]:
    """Each mode with the fastest perceptor, where the share is largest, and one with CLIP."""
    if setup.quick:
        return [case(setup, mode, "Unlimited Palette", "tiny", 32) for mode in MODES]
    fast = [case(setup, mode, "Unlimited Palette", "labels", 512) for mode in MODES]
    others = [case(setup, "3D", "Fourier", "labels", 512),
              case(setup, "3D", "Limited Palette", "labels", 512),
              case(setup, "3D", "Unlimited Palette", "ViT-B/32", 512),
              case(setup, "3D", "VQGAN f16", "labels", 256)]  # fmt: skip
    return [*fast, *others]


def case(setup: Setup, mode: str, canvas: str, perceptor: str, size: int) -> Case:
    """One line of the table."""
    needs = tuple(name for name in (canvas, perceptor) if name in ("VQGAN f16", "ViT-B/32"))

    def orders(files: dict[str, str]) -> Orders:
        model = {"image_model": canvas}
        if canvas in files:
            model = {"image_model": "VQGAN", "vqgan_model": files[canvas]}
        told = {"mode": mode, "settings": {**model, "perceptors": [files.get(perceptor, perceptor)],
                "width": size, "height": size, "cutouts": 2 if setup.quick else 16},
                "frames": 2 if setup.quick else 4, "steps": 2, "first": 3 if setup.quick else 8,
                "overrides": list(setup.overrides)}  # fmt: skip
        return [("films.py", {**setup.common, **told})]

    return Case((mode, canvas, perceptor, f"{size}²"), orders, needs)


def measure(order: Order, turn: Turn) -> Figures:
    """Paint one film."""
    from mutoscope import process

    process.prepare()
    import torch

    from mutoscope.build import build
    from mutoscope.paint import Watch
    from mutoscope.perform import perform, start_run

    torch.set_num_threads(order["threads"])
    clock = Clock(order["device"])
    with tempfile.TemporaryDirectory(dir=order["folder"]) as name:
        folder = Path(name)
        settings = settings_of(order, folder)
        parts = build(settings)
        turn()
        ticks = [clock.now()]
        with start_run(parts, folder) as run:
            watch = Watch(step=lambda _done, _losses: ticks.append(clock.now()))
            for _ in perform(parts, run, watch=watch):
                pass
        ticks.append(clock.now())
    steps, frames = order["steps"], order["frames"]
    # Of the steps before the first move, the first sets up threads and memory.
    still = [(ticks[i + 1].wall - ticks[i].wall, ticks[i + 1].cpu - ticks[i].cpu)
             for i in range(1, order["first"])]  # fmt: skip
    step = [statistics.median(column) for column in zip(*still, strict=True)]
    begun = ticks[order["first"]]
    took = ticks[-1].wall - begun.wall, ticks[-1].cpu - begun.cpu
    wall, cpu = (
        max(0.0, (whole - frames * steps * one) / frames)
        for whole, one in zip(took, step, strict=True)
    )
    return {
        "step": step[1],
        "between": cpu,
        "share": cpu / (cpu + STEPS * step[1]),
        "waiting": wall / (wall + STEPS * step[0]),
    }


def settings_of(order: Order, folder: Path) -> "Settings":
    """Those of the film: ``first`` steps before it, then ``frames`` frames of ``steps``."""
    from mutoscope.settings import load_settings

    steps, first, frames = order["steps"], order["first"], order["frames"]
    values = {
        "scenes": "a red fox in the snow", "seed": 1, "device": order["device"],
        "steps_per_frame": steps, "save_every": steps, "pre_animation_steps": first,
        "steps_per_scene": first + frames * steps, "display_every": 0,
        **MODES[order["mode"]], **order["settings"],
    }  # fmt: skip
    if order["mode"] == "Video Source":
        values["video_path"] = str(clip(folder / "clip.mp4", values["width"], frames + 2))
    return load_settings(values, order["overrides"])


def clip(path: Path, side: int, count: int) -> Path:
    """A film of something that turns before a slope."""
    import math

    import torch

    from mutoscope.frames import FilmSink

    line = torch.linspace(0, 1, side)
    x, y = line.expand(side, side), line[:, None].expand(side, side)
    weave = 0.1 * torch.sin(40 * x) * torch.sin(33 * y)
    with FilmSink(path, 12) as sink:
        for number in range(count):
            angle = number / 6
            near = (x - 0.5 - 0.2 * math.cos(angle)) ** 2 + (y - 0.5 - 0.2 * math.sin(angle)) ** 2
            disc = (near < 0.03).float()
            sink.write((torch.stack([x, y, 1 - x]) * 0.7 + 0.2 * disc + weave)[None].clamp(0, 1))
    return path


def cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    (found,) = figures
    return [
        seconds(found["step"]),
        seconds(found["between"]),
        percent(found["share"]),
        percent(found["waiting"]),
    ]


TABLE = Table(
    "films", "Frames of a film", TOLD, HEADS, cases, cells,
    "under 10 % of a frame in each mode.", devices=("cpu", "cuda"),
)  # fmt: skip

if __name__ == "__main__":
    turns.play(measure)
