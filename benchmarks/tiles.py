"""How many tiles a second are cut from the memory-mapped pages, beside bare OpenCV.

    python benchmarks/tiles.py
    python benchmarks/tiles.py --pages 24 --size 512 --channels 3 --json tiles.json

Pages of noise-like line-work, 4800 × 3300, are written as PNG and laid out as training lays them
out. Then batches are cut by as many threads as are asked for, in turns with the same number of
bare ``cv2.warpAffine`` calls on one array in memory, one after another with OpenCV on one thread,
and with as many of Pillow's ``Image.transform`` on a page that is held in memory. All are counted
by the clock and by the processor time spent; the ratio of the latter is what finding the place,
reading the map and filling the batch cost beyond the resampling itself.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mutoscope.drawings.cache import PageCache
from mutoscope.drawings.cutting import cut
from mutoscope.drawings.inked import Inked
from mutoscope.drawings.scans import pages_of
from mutoscope.drawings.sheets import lay_out
from mutoscope.drawings.tiles import Blobs, Tiles

PAGE = (3300, 4800)
BATCH = 32


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--channels", type=int, choices=(1, 3), default=1)
    parser.add_argument("--jitter", type=float, default=1.0)
    parser.add_argument("--blank", type=float, default=0.1, help="share of blank tiles that stay")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), given)
    print(
        f"{given.pages} pages, {given.channels} channels, {given.size}², {given.workers} threads\n"
        f"tiles        {found['tiles_per_second']:8.0f} a second, "
        f"{found['tiles_cpu_ms']:.2f} ms of processor each\n"
        f"warpAffine   {found['bare_per_second']:8.0f} a second, "
        f"{found['bare_cpu_ms']:.2f} ms of processor each (one thread)\n"
        f"Pillow       {found['pillow_per_second']:8.0f} a second, "
        f"{found['pillow_cpu_ms']:.2f} ms of processor each (one thread)\n"
        f"ratio of processor time {found['ratio']:.2f}"
    )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def measure(folder: Path, given: argparse.Namespace) -> dict[str, float]:
    """The rates of both, taken in turns."""
    scans = folder / "scans"
    scans.mkdir()
    for number in range(given.pages):
        _, data = cv2.imencode(".png", page(number), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        (scans / f"{number:02d}.png").write_bytes(data.tobytes())
    cache = PageCache(folder / "cache")
    sheets = lay_out(pages_of(scans), cache, channels=given.channels, dpi=300, margins="0px")
    places = Inked(Blobs(sheets, given.size, jitter=given.jitter), blank=given.blank)
    held = np.array(sheets[0].pixels)
    matrix = np.array([[0.8, -0.6, 2000.3], [0.6, 0.8, 1200.7]])
    size = (given.size, given.size)

    def bare() -> None:
        for _ in range(BATCH):
            cv2.warpAffine(held, matrix, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)

    image, rows = Image.fromarray(held), tuple(matrix.flatten())

    def plain() -> None:
        for _ in range(BATCH):
            np.asarray(
                image.transform(
                    size, Image.Transform.AFFINE, rows, resample=Image.Resampling.BICUBIC
                )
            )

    cv2.setNumThreads(1)
    pillow: list[tuple[float, float]] = []
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    with Tiles(places, given.size, workers=given.workers) as tiles:
        tiles.crops(range(BATCH))
        bare()
        for turn in range(1, given.rounds + 1):
            first = turn * BATCH
            ours.append(timed(lambda first=first: tiles.crops(range(first, first + BATCH))))
            theirs.append(timed(bare))
            pillow.append(timed(plain))
        assert np.array_equal(
            tiles.tile(7),
            cut(places.sheets[tiles.place(7).page].pixels, tiles.place(7), given.size),
        )
    ours_wall, ours_cpu = np.median(ours, axis=0) / BATCH
    bare_wall, bare_cpu = np.median(theirs, axis=0) / BATCH
    pillow_wall, pillow_cpu = np.median(pillow, axis=0) / BATCH
    return {
        "tiles_per_second": 1 / ours_wall,
        "bare_per_second": 1 / bare_wall,
        "pillow_per_second": 1 / pillow_wall,
        "pillow_cpu_ms": 1e3 * pillow_cpu,
        "tiles_cpu_ms": 1e3 * ours_cpu,
        "bare_cpu_ms": 1e3 * bare_cpu,
        "ratio": ours_cpu / bare_cpu,
    }


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock, and of processors, that ``work`` takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def page(seed: int) -> np.ndarray:
    """A page full of lines."""
    rng = np.random.default_rng(seed)
    paper = np.full(PAGE, 255, np.uint8)
    height, width = PAGE
    for _ in range(600):
        points = rng.normal(0, 60, (40, 2)).cumsum(0) + rng.uniform((0, 0), (width, height))
        cv2.polylines(paper, [points.astype(np.int32)], isClosed=False, color=0, thickness=4)
    return paper


if __name__ == "__main__":
    main()
