"""Films made by a crew: each task is some of their pictures, as pieces in its folder.

A piece is a checkpoint. The pictures are those that one process alone would make, to the bit: what
makes them is made of the same order everywhere, and none depends on where one began.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mutoscope.elsewhere import brought
from mutoscope.errors import RunError
from mutoscope.finish.interpolate import Pace, load_between, pictures
from mutoscope.finish.pieces import fill, pieces_in, without_gap
from mutoscope.finish.upscale import load_upscaler
from mutoscope.finish.upscale.jobs import enlarged_frames
from mutoscope.run.material import Clip, Stills
from mutoscope.walk import load_renderer

if TYPE_CHECKING:
    from mutoscope.crew.kinds import Bench

PATH = "path.safetensors"
"""In the folder of a ``walk``: its vectors and truncations."""

Frames = Callable[[int], Iterator[Tensor]]


def walk(bench: "Bench") -> Generator[None, None, bool]:
    """Draw pictures of a walk, whose path lies in the folder.

    Its order: ``generator`` (a file), ``device``, ``size``, ``batch``, ``space``.
    """
    order = bench.order

    def load() -> Any:
        return load_renderer(
            brought(Path(order["generator"])),
            torch.device(order["device"]),
            size=order["size"],
            batch=order["batch"],
        )

    renderer = _kept(bench, "walk", ("generator", "device", "size", "batch"), load)
    try:
        path = load_file(bench.folder / PATH)
        vectors, truncations = path["vectors"], path["truncations"]
    except (OSError, SafetensorError, KeyError) as error:
        raise RunError(f"{bench.folder / PATH}: can't be read ({error})") from error

    begin = order["first"] - order["first"] % renderer.batch

    def points(first: int, last: int) -> tuple[Tensor, Tensor]:
        return vectors[first - begin : last - begin], truncations[first - begin : last - begin]

    total = begin + len(vectors)
    return (yield from _fill(bench, renderer.frames(total, points, order["space"])))


def interpolate(bench: "Bench") -> Generator[None, None, bool]:
    """Make pictures of a film at another rate.

    Its order: ``source`` (a film) or ``paths`` (pictures), ``own`` and ``wanted`` (rates),
    ``model`` ("flow" or a file), ``device`` (or None).
    """
    order = bench.order

    def load() -> Any:
        model, device = order["model"], order["device"]
        between, _ = load_between(
            model if model == "flow" else str(brought(Path(model))),
            device=None if device is None else torch.device(device),
        )
        return between

    between = _kept(bench, "interpolate", ("model", "device"), load)
    source = brought(Path(order["source"]))
    paths = [brought(Path(path)) for path in order["paths"]]
    material = Stills(source, paths) if paths else Clip(source)
    pace = Pace(Fraction(order["own"]), Fraction(order["wanted"]))
    frames = lambda start: pictures(material, pace, between, start)  # noqa: E731
    return (yield from _fill(bench, frames))


def upscale(bench: "Bench") -> Generator[None, None, bool]:
    """Make pictures of a film larger.

    Its order: ``source`` (a film), ``model``, ``scale``, ``tile``, ``device``, ``faces``.
    """
    order = bench.order

    def load() -> Any:
        model = Path(order["model"])
        return load_upscaler(
            brought(model) if model.is_absolute() else order["model"],
            scale=order["scale"],
            tile=order["tile"],
            device=order["device"],
            faces=order["faces"],
        )

    upscaler = _kept(bench, "upscale", ("model", "scale", "tile", "device", "faces"), load)
    clip = Clip(brought(Path(order["source"])))
    return (yield from _fill(bench, enlarged_frames(clip, upscaler)))


def _kept(bench: "Bench", kind: str, keys: tuple[str, ...], load: Callable[[], Any]) -> Any:
    """What an order needs that takes long to load: ready from the task before, or loaded."""
    named = {key: bench.order[key] for key in keys}
    place = kind, json.dumps(named, sort_keys=True)
    if place not in bench.shelf:
        bench.shelf[place] = load()
    return bench.shelf[place]


def _range(order: Mapping[str, Any]) -> tuple[int, int]:
    return int(order["first"]), int(order["end"])


def _fill(bench: "Bench", frames: Frames) -> Generator[None, None, bool]:
    """Make what is missing of the pictures ``first`` up to ``end`` of the order."""
    first, end = _range(bench.order)
    there = without_gap(pieces_in(bench.folder), first)
    done = there[-1].last + 1 if there else first
    bench.tell(done - first, end - first, {})
    return (
        yield from fill(
            bench.folder,
            frames,
            done,
            end,
            progress=lambda now: bench.tell(now - first, end - first, {}),
            stopped=bench.stopped,
        )
    )
