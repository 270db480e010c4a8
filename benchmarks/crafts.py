"""The tables of all that is not painting: walks, tiles, training, upscaling, frames between, moves.

Each calls the script beside this one that measures it, and tells its figures as ratios. Training
alone has its rival here: a plain loop of the very same networks.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import turns
from mutoscope import process
from table import Case, Orders, Setup, Table, percent, seconds, times
from turns import Figures, Order, Turn


def measure(order: Order, turn: Turn) -> Figures:
    """Measure one case of one craft."""
    process.prepare()
    import torch

    torch.set_num_threads(order["threads"])
    turn()
    with tempfile.TemporaryDirectory(dir=order["folder"]) as folder:
        return CRAFTS[order["craft"]](order, Path(folder))


# --- walks ---------------------------------------------------------------------------------------


def walk(order: Order, folder: Path) -> Figures:
    """Frames a second of a walk and of its film, beside the generator's."""
    import torch

    import walk as script

    size, frames = order["size"], order["frames"]
    run = script.made(folder, size, 256 if order["quick"] else 4096)
    renderer = script.load_renderer(run, torch.device(order["device"]))
    return script.measure(renderer, frames, 1 if order["quick"] else 3, folder)


def walk_cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    (found,) = figures
    return [
        f"{found['generator']:.1f}",
        *(percent(found[kind] / found["generator"]) for kind in ("walk", "mp4", "command")),
    ]


# --- tiles ---------------------------------------------------------------------------------------


def tiles(order: Order, folder: Path) -> Figures:
    """Tiles cut from scans, beside OpenCV's and Pillow's bare resampling."""
    import tiles as script

    return script.measure(folder, argparse.Namespace(
        pages=2 if order["quick"] else 12, size=order["size"], channels=order["channels"],
        jitter=1.0, blank=0.1, workers=order["threads"], rounds=2 if order["quick"] else 20,
    ))  # fmt: skip


def tile_cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    (found,) = figures
    ours = found["tiles_cpu_ms"]
    return [
        f"{found['tiles_per_second']:.0f}",
        f"{ours:.2f}",
        percent(found["bare_cpu_ms"] / ours),
        times(found["pillow_cpu_ms"] / ours),
    ]


# --- training ------------------------------------------------------------------------------------


def training(order: Order, _folder: Path) -> Figures:
    """Images a second of a training's lessons, and of a plain loop of the same networks."""
    import torch

    import train as script

    torch.manual_seed(0)
    quick = order["quick"]
    case = script.Case(order["size"], 4 if quick else 16, 8 if quick else 64, 8 if quick else 64,
                       2 if quick else 8)  # fmt: skip
    players = [script.our_phases(case, order["device"]), plain_phases(case, order["device"])]
    found = script.measure(players, 1 if quick else 8, order["device"])
    rates = {}
    for player in players:
        took = found[player.name]
        rates[player.name] = case.batch / sum(
            took[name] * share for name, (_, share) in player.phases.items()
        )
    return rates


def plain_phases(case: Any, device: str) -> Any:
    """The same networks in a loop as tutorials have it.

    Whole batches for every penalty, no weights at rest, Adam as it comes; neither augmentation nor
    averaged weights, which ours has.
    """
    import torch
    import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
    from torch import Tensor

    import train as script
    from mutoscope.gan import Discriminator, Generator, Shape

    rng = torch.Generator(device).manual_seed(0)
    shape = Shape(size=case.size, channels=3, z=case.z, w=case.z, cbase=case.channels * case.size,
                  cmax=case.widest, mapping_layers=case.depth)  # fmt: skip
    nets = Generator(shape, rng), Discriminator(shape, rng)
    generator, discriminator = nets
    adams = [torch.optim.Adam(net.parameters(), lr=0.0025, betas=(0.0, 0.99)) for net in nets]
    picture = (case.batch, 3, case.size, case.size)

    def images() -> tuple[Tensor, Tensor]:
        w = generator.map(torch.randn(case.batch, case.z, device=device))
        ws = w[:, None].expand(-1, generator.layers, -1)
        return generator.synthesise(ws, noise="random", generator=rng), ws

    def drawings() -> Tensor:
        return torch.rand(picture, device=device) * 2 - 1

    def judging() -> Tensor:
        fake = discriminator(images()[0].detach())
        return F.softplus(fake).mean() + F.softplus(-discriminator(drawings())).mean()

    def drawing() -> Tensor:
        return F.softplus(-discriminator(images()[0])).mean()

    def calming() -> Tensor:
        seen = drawings().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(seen).sum(), seen, create_graph=True)
        return slope.square().sum(dim=(1, 2, 3)).mean()

    def straightening() -> Tensor:
        made, ws = images()
        pull = torch.randn_like(made) / case.size
        (slope,) = torch.autograd.grad((made * pull).sum(), ws, create_graph=True)
        lengths = slope.square().sum(dim=2).mean(dim=1).sqrt()
        return (lengths - lengths.detach().mean()).square().mean()

    return script.Contestant(
        "plain",
        {
            "D": (script.learning(adams[1], judging), 1),
            "G": (script.learning(adams[0], drawing), 1),
            "R1": (script.learning(adams[1], calming), 1 / 16),
            "path": (script.learning(adams[0], straightening), 1 / 4),
        },
    )


def training_cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    (found,) = figures
    return [f"{found['ours']:.1f}", times(found["ours"] / found["plain"])]


# --- upscaling, frames between, moves ------------------------------------------------------------


def upscaling(order: Order, _folder: Path) -> Figures:
    """Upscaling beside ncnn itself, on the same tiles."""
    import upscale as script

    image = script.picture(None, order["size"])
    given = argparse.Namespace(
        tile=24 if order["quick"] else 96, threads=order["threads"],
        repeats=1 if order["quick"] else 3,
    )  # fmt: skip
    return script.of_model(order["model"], image, given)


def upscaling_cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    (found,) = figures
    return [seconds(found["ours"]), percent(found["ratio"]), f"{found['seam']:.2f}"]


def between(order: Order, folder: Path) -> Figures:
    """Frames made between others, each way."""
    import interpolate as script
    from films import clip

    film = clip(folder / "film.mp4", order["size"], 9 if order["quick"] else 25)
    return {row.way: {"psnr": row.psnr, "seconds": row.seconds} for row in
            script.measured(film, 25)}  # fmt: skip


def between_cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    (found,) = figures
    ours, careful = found["mutoscope, flow"], found["minterpolate, careful"]
    return [
        f"{1000 * ours['seconds']:.0f}",
        times(careful["seconds"] / ours["seconds"]),
        *(f"{found[way]['psnr']:.1f}" for way in ("mutoscope, flow", "minterpolate, careful",
                                                  "blend")),
    ]  # fmt: skip


def moves(order: Order, _folder: Path) -> Figures:
    """Moves in space, beside one plain resampling."""
    import space as script

    given = argparse.Namespace(
        size=order["size"], threads=order["threads"], repeats=1 if order["quick"] else 7,
        picture=None,
    )  # fmt: skip
    return {name: cpu for name, (cpu, _) in script.measure(given).items()}


def move_cells(figures: list[Figures]) -> list[str]:
    """The figures of one line."""
    (found,) = figures
    return [
        f"{1000 * found['forward, 40 px']:.1f}",
        *(f"{found[name] / found['remap']:.1f}" for name in
          ("relief", "forward, 40 px", "forward, 300 px", "orbit")),
    ]  # fmt: skip


# --- the tables ----------------------------------------------------------------------------------

CRAFTS: dict[str, Callable[[Order, Path], Figures]] = {
    "walk": walk, "tiles": tiles, "training": training, "upscaling": upscaling,
    "between": between, "moves": moves,
}  # fmt: skip


def case(setup: Setup, craft: str, *words: str, **order: Any) -> Case:
    """One line of a table."""

    def orders(_files: dict[str, str]) -> Orders:
        return [("crafts.py", {**setup.common, "craft": craft, **order})]

    return Case(words, orders)


def _walks(setup: Setup) -> list[Case]:
    sizes = (32,) if setup.quick else (128, 256)
    frames = 16 if setup.quick else 96
    return [case(setup, "walk", f"{size}²", size=size, frames=frames) for size in sizes]


def _tiles(setup: Setup) -> list[Case]:
    kinds = ((32, 1),) if setup.quick else ((256, 1), (256, 3), (512, 3))
    return [
        case(setup, "tiles", f"{size}²", str(channels), size=size, channels=channels)
        for size, channels in kinds
    ]


def _trainings(setup: Setup) -> list[Case]:
    return [
        case(setup, "training", f"{size}²", size=size)
        for size in ((32,) if setup.quick else (32, 64, 128))
    ]


def _upscalings(setup: Setup) -> list[Case]:
    models = ("realesr-animevideov3", "realesrgan-x4plus-anime", "realesrgan-x4plus")
    size = 32 if setup.quick else 192
    return [
        case(setup, "upscaling", model, f"{size}²", model=model, size=size)
        for model in (models[:1] if setup.quick else models)
    ]


def _betweens(setup: Setup) -> list[Case]:
    size = 64 if setup.quick else 512
    return [case(setup, "between", f"{size}²", size=size)]


def _moves(setup: Setup) -> list[Case]:
    sizes = (64,) if setup.quick else (256, 512)
    return [case(setup, "moves", f"{size}²", size=size) for size in sizes]


TABLES = (
    Table(
        "walks", "Walks through a generator",
        """\
A walk's frames beside the bare generator (styles in, images out, batch after batch), in processor
time of all threads together, on a GPU by the clock: as pictures, as an MP4, and as the whole
command with the measuring of the path before it. Weights
are random; the walk is of 96 frames, and what it costs once weighs less in a longer one.""",
        ("size", "generator, frames/s", "pictures", "MP4", "command"), _walks, walk_cells,
        devices=("cpu", "cuda"),
    ),
    Table(
        "tiles", "Tiles from scans",
        """\
Turned tiles cut from memory-mapped pages of 4800 × 3300, in processor time each: *resampling alone*
is bare `cv2.warpAffine` on an array in memory, as a share of ours, which also finds the place and
refuses blank paper; *Pillow* is a plain loop of `Image.transform` on a page in memory, as a
multiple of ours.""",
        ("size", "channels", "tiles/s", "ms each", "resampling alone", "Pillow"), _tiles,
        tile_cells,
    ),
    Table(
        "training", "Training a generator",
        """\
Images a second of a whole training step (discriminator, generator, R1 every 16th, path length every
4th) beside a plain loop of the very same networks with the same intervals, whole batches for every
penalty, every weight open and Adam as it comes. Ours augments its pictures and averages its weights
on top, the plain loop does neither. Batches of 8, 16 to 64 channels.""",
        ("size", "images/s", "of the plain loop"), _trainings, training_cells,
        devices=("cpu", "cuda"),
    ),
    Table(
        "upscaling", "Upscaling",
        """\
Processor seconds for a picture, four times as wide, with the embedded Real-ESRGAN models; beside
ncnn itself on just the tiles that ours cuts, as a share of ours. *Seam* is the greatest difference
between tiled and whole, in steps of 255.""",
        ("model", "size", "s", "ncnn alone", "seam"), _upscalings, upscaling_cells,
    ),
    Table(
        "between", "Frames between frames",
        """\
Every second frame of a made-up film, in which a disc moves before a slope, is dropped and made
again: milliseconds of the processor for each by our flow, how many times that FFmpeg's
`minterpolate` takes at its most careful, and the PSNR of ours, of that filter and of a plain
blend.""",
        ("size", "ms a frame", "minterpolate", "PSNR, ours", "PSNR, minterpolate", "PSNR, blend"),
        _betweens, between_cells,
    ),
    Table(
        "moves", "Moves in space",
        """\
Processor time of a move forward in 3D, and how many plain resamplings (OpenCV's `remap`, bicubic,
of the same picture) the estimate of depth and each move take.""",
        ("size", "ms forward", "relief", "forward, 40 px", "forward, 300 px", "orbit"), _moves,
        move_cells,
    ),
)  # fmt: skip

if __name__ == "__main__":
    turns.play(measure)
