"""How long the colouring of a drawing takes, beside one search for connected components.

    python benchmarks/process.py                 # shapes drawn here, 1024 × 1024
    python benchmarks/process.py page.png --runs 9

CPU time of this process on one thread, the median of the runs. The drawing is read before the
clock starts, and nothing is written. The ratio is to OpenCV's ``connectedComponents`` of the same
drawing, the one step that no way of doing this can leave out.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from mutoscope.finish.fill import Shapes, painted, regions_of
from mutoscope.finish.process import Grey, Tone, to_grey
from mutoscope.finish.region_colours import PaletteColours, Steady
from mutoscope.images import load_image, to_bytes

SIDE = 1024
PALETTE = ((0.15, 0.27, 0.33), (0.16, 0.62, 0.56), (0.91, 0.77, 0.42), (0.91, 0.44, 0.32))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each step, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("drawing", nargs="?", type=Path, help="a drawing, else one is made")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    drawing = to_grey(to_bytes(load_image(given.drawing))) if given.drawing else loops(SIDE)
    figures = measured(drawing, given.runs)
    height, width = drawing.shape
    print(f"{width} × {height}, {regions_of(drawing, Shapes()).count} regions")
    base = figures["connected components"]
    for name, seconds in figures.items():
        print(f"{name:<28}{seconds * 1000:8.1f} ms{seconds / base:8.1f} ×")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def measured(drawing: Grey, runs: int) -> dict[str, float]:
    """CPU seconds of each step."""
    colours = PaletteColours(PALETTE)
    paper = (drawing > Shapes().threshold).astype(np.uint8)

    def filled(shapes: Shapes) -> None:
        regions = regions_of(drawing, shapes)
        painted(drawing, regions, colours(regions), shapes)

    seen = Steady(colours).after(regions_of(drawing, Shapes()))[1]

    def next_frame() -> None:
        regions = regions_of(drawing, Shapes())
        painted(drawing, regions, seen.after(regions)[0], Shapes())

    tone = Tone(invert=True, min_value=32)
    steps: dict[str, Callable[[], object]] = {
        "connected components": lambda: cv2.connectedComponents(paper, connectivity=4),
        "inverted and lifted": lambda: tone(drawing),
        "filled, gaps left open": lambda: filled(Shapes(gap=0)),
        "filled": lambda: filled(Shapes()),
        "filled, lines kept": lambda: filled(Shapes(keep_lines=True)),
        "filled as a film's frame": next_frame,
    }
    return {name: median(timed(step) for _ in range(runs)) for name, step in steps.items()}


def timed(step: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    step()
    return time.process_time() - start


def loops(side: int) -> Grey:
    """Wavy closed lines over one another, (side, side)."""
    rng = np.random.default_rng(3)
    paper = np.full((side, side), 255, np.uint8)
    angles = np.linspace(0, 2 * np.pi, 400)
    for _ in range(24):
        radius = side * rng.uniform(0.05, 0.35)
        waves = np.zeros_like(angles)
        for number in range(2, 6):
            waves += rng.uniform(0, 0.15) * np.sin(number * angles + rng.uniform(0, 6))
        turn = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        line = rng.uniform(0.1, 0.9, 2) * side + turn * (radius * (1 + waves))[:, None]
        points = (line * 16).round().astype(np.int32)
        cv2.polylines(paper, [points], True, 0, 3, cv2.LINE_AA, 4)  # in sixteenths of a pixel
    return paper


if __name__ == "__main__":
    main()
