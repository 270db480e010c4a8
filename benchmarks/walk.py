"""How fast walks are rendered, next to the bare generator, in one run.

    python benchmarks/walk.py                        a generator of random weights, 256 × 256
    python benchmarks/walk.py my-drawings-gan --frames 512 --rounds 5

Four figures: the generator alone (styles in, images out, batch after batch); the frames of a walk,
as they come for a film, from the path's vectors to RGB pictures; those written as an MP4; and the
whole command, with the measuring of the path before it and the pieces that a stop leaves.

Each turn of one of them lies between two turns of the generator alone, so that whatever else the
machine does strikes both. A share is the generator's time for a frame through the other's: the
median over all turns, with the quartiles. What counts on a CPU is the processor's time, that of all
threads together, the encoder's too; shares by the clock are told beside it.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles

import torch

from mutoscope import process
from mutoscope.frames import FilmSink
from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.walk import Filming, Renderer, Route, Walk, load_renderer, plan, walk_to_film
from turns import Clock, Lap

SHORT = 8  # frames in a turn of what needs no beginning, about
KINDS = ("walk", "mp4", "command")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, nargs="?", help="a training's folder or a file")
    parser.add_argument("--size", type=int, default=256, help="of random weights")
    parser.add_argument("--cbase", type=int, default=4096, help="of random weights")
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of the networks")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    process.prepare()  # as the command does
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or made(Path(folder), given.size, given.cbase)
        renderer = load_renderer(run, torch.device(given.device), batch=given.batch)
        figures = measure(renderer, given.frames, given.rounds, Path(folder), kinds=given.kinds)
    print(f"generator {figures['generator']:9.2f} frames a second")
    for kind in given.kinds:
        share, by_clock = figures[kind] / figures["generator"], figures[f"{kind}_by_clock"]
        low, high = figures[f"{kind}_low"], figures[f"{kind}_high"]
        print(
            f"{kind:<9} {figures[kind]:9.2f} frames a second, {share:6.1%} of the generator's "
            f"({low:.1%} to {high:.1%}; by the clock {by_clock:.1%})"
        )
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def made(folder: Path, size: int, cbase: int) -> Path:
    """The file of a generator of random weights."""
    shape = Shape(size=size, channels=1, z=512, w=512, cbase=cbase, cmax=512, mapping_layers=2)
    path = folder / "generator.safetensors"
    write_generator(path, Generator(shape, torch.Generator().manual_seed(0)))
    return path


def measure(
    renderer: Renderer, frames: int, rounds: int, folder: Path, *, kinds: Sequence[str] = KINDS
) -> dict[str, float]:
    """Frames a second of each kind, through which the shares are those of the medians.

    Beside each kind there is the share by the clock, and the quartiles of its share.
    """
    short = min(max(SHORT, 2 * renderer.batch), frames)
    walk = plan(Route(segments=4, total=frames, pace="raw"), renderer)

    def bare() -> None:
        alone(renderer, walk, short)

    def rendered() -> None:
        for _ in renderer.frames(short, walk.points, walk.space)(0):
            pass

    def encoded() -> None:
        with FilmSink(folder / "alone.mp4", 30, overwrite=True) as sink:
            for picture in renderer.frames(walk.total, walk.points, walk.space)(0):
                sink.write(picture)

    def whole() -> None:
        even = Route(segments=4, total=frames)
        walk_to_film(folder / "whole.mp4", even, renderer, Filming(overwrite=True))

    turns = [("walk", rendered, short)] * max(1, frames // short)
    turns += [("mp4", encoded, frames), ("command", whole, frames)]
    turns = [turn for turn in turns if turn[0] in kinds]
    clock = Clock(renderer.device.type)
    bare()  # what is set up once is not counted
    before = lap_of(bare, clock, short)
    laps = [before]
    shares: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, work, count in turns:
            taken = lap_of(work, clock, count)
            after = lap_of(bare, clock, short)
            both = before + after
            shares[kind].append((both.cpu / 2 / taken.cpu, both.wall / 2 / taken.wall))
            laps.append(before := after)
    return figures_of(1 / median(lap.cpu for lap in laps), shares)


def figures_of(
    generator: float, shares: Mapping[str, Sequence[tuple[float, float]]]
) -> dict[str, float]:
    """What `measure` gives, of the generator's speed and the shares of each turn, by two clocks."""
    figures = {"generator": generator}
    for kind, found in shares.items():
        ours = [share for share, _ in found]
        low, _, high = quantiles(ours, n=4, method="inclusive") if len(ours) > 1 else ours * 3
        figures |= {
            kind: median(ours) * generator,
            f"{kind}_low": low,
            f"{kind}_high": high,
            f"{kind}_by_clock": median(share for _, share in found),
        }
    return figures


@torch.no_grad()
def alone(renderer: Renderer, walk: Walk, count: int) -> None:
    """The generator, batch after batch, for vectors that lie ready; images stay where they are."""
    styles = walk.points(0, count)[0].to(renderer.device, torch.float32)
    for first in range(0, len(styles), renderer.batch):
        batch = styles[first : first + renderer.batch]
        renderer.generator.synthesise(batch, noise="constant")


def lap_of(work: Callable[[], None], clock: Clock, count: int) -> Lap:
    """How long each of ``count`` frames takes."""
    start = clock.now()
    work()
    taken = clock.since(start)
    return Lap(taken.wall / count, taken.cpu / count)


if __name__ == "__main__":
    main()
