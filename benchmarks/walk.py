"""How fast walks are rendered, next to the bare generator, in one run.

    python benchmarks/walk.py                        a generator of random weights, 256 × 256
    python benchmarks/walk.py my-drawings-gan --frames 512 --rounds 3

Four figures, in frames a second: the generator alone (styles in, images out, batch after batch);
the frames of a walk, as they come for a film, from the path's vectors to RGB pictures; those
written as an MP4; and the MP4 with all that comes before it, of which measuring the path is most.
The first two take turns, so that both see the same machine; of each the best round counts.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from mutoscope.frames import FilmSink
from mutoscope.gan import Generator, Shape, write_generator
from mutoscope.walk import Filming, Renderer, Route, Walk, load_renderer, plan, walk_to_film


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, nargs="?", help="a training's folder or a file")
    parser.add_argument("--size", type=int, default=256, help="of random weights")
    parser.add_argument("--cbase", type=int, default=4096, help="of random weights")
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or made(Path(folder), given.size, given.cbase)
        renderer = load_renderer(run, torch.device(given.device), batch=given.batch)
        figures = measure(renderer, given.frames, given.rounds, Path(folder))
    for name, value in figures.items():
        share = f"  {value / figures['generator']:6.1%} of the generator"
        print(f"{name:<12} {value:9.2f} frames/s{share}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def made(folder: Path, size: int, cbase: int) -> Path:
    """The file of a generator of random weights."""
    shape = Shape(size=size, channels=1, z=512, w=512, cbase=cbase, cmax=512, mapping_layers=2)
    path = folder / "generator.safetensors"
    write_generator(path, Generator(shape, torch.Generator().manual_seed(0)))
    return path


def measure(renderer: Renderer, frames: int, rounds: int, folder: Path) -> dict[str, float]:
    """Frames a second of each kind."""
    route = Route(segments=4, total=frames, pace="raw")
    walk = plan(route, renderer)

    def bare() -> None:
        alone(renderer, walk)

    def rendered() -> None:
        for _ in renderer.frames(walk.total, walk.points, walk.space)(0):
            pass

    def encoded() -> None:
        with FilmSink(folder / "alone.mp4", 30, overwrite=True) as sink:
            for picture in renderer.frames(walk.total, walk.points, walk.space)(0):
                sink.write(picture)

    def whole() -> None:
        even = Route(segments=4, total=frames)
        walk_to_film(folder / "whole.mp4", even, renderer, Filming(overwrite=True))

    kinds = {"generator": bare, "walk": rendered, "mp4": encoded, "command": whole}
    bare()  # what is set up once is not counted
    best = dict.fromkeys(kinds, float("inf"))
    for _ in range(rounds):
        for name, kind in kinds.items():
            best[name] = min(best[name], seconds(kind))
    return {name: frames / took for name, took in best.items()}


@torch.no_grad()
def alone(renderer: Renderer, walk: Walk) -> None:
    """The generator, batch after batch, for vectors that lie ready; images stay where they are."""
    styles = walk.points(0, walk.total)[0].to(renderer.device, torch.float32)
    for first in range(0, len(styles), renderer.batch):
        batch = styles[first : first + renderer.batch]
        renderer.generator.synthesise(batch, noise="constant")
    if renderer.device.type == "cuda":
        torch.cuda.synchronize(renderer.device)


def seconds(kind: Callable[[], None]) -> float:
    """How long something takes."""
    start = time.perf_counter()
    kind()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
