"""How long a move in space takes: CPU seconds, and how many plain resamplings that is.

Each move is timed whole, with the reading of the picture, at a depth that is known beforehand; the
estimate of that depth by `relief` is a line of its own. The measure beside it, taken in the same
run, is OpenCV's `remap` of the same picture, bicubic: what any program must do that moves a
picture at all. Seconds depend on the machine, that ratio hardly.

    python benchmarks/space.py                           # a made-up scene, 512²
    python benchmarks/space.py --picture photo.jpg --size 768
    python benchmarks/space.py --threads 2

With several threads, ``CPU s`` counts all of them, and ``wall s`` is what one waits.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MOVES: dict[str, dict[str, str]] = {
    "forward, 40 px": {"z": "40"},
    "forward, 300 px": {"z": "300"},
    "sideways, 100 px": {"x": "100"},
    "orbit": {"x": "100", "rotate": "[1, 0, 0.03, 0]"},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description="Measure moves in space.")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="instead of a made-up scene")
    parser.add_argument("--size", type=int, default=512, help="side of the square (512)")
    parser.add_argument("--repeats", type=int, default=7, help="the median of so many counts (7)")
    parser.add_argument("--threads", type=int, default=1, help="of torch and OpenCV (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    options = parser.parse_args(arguments)
    if min(options.size, options.repeats, options.threads) < 1:
        parser.error("--size, --repeats, --threads: each must be 1 or more")
    results = measure(options)
    print(f"{'':18}{'CPU s':>8}{'wall s':>8}{'remaps':>8}")
    for name, (cpu, wall) in results.items():
        print(f"{name:18}{cpu:8.4f}{wall:8.4f}{cpu / results['remap'][0]:8.1f}")
    if options.json:
        told = {name: {"cpu": cpu, "wall": wall} for name, (cpu, wall) in results.items()}
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def measure(options: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """CPU and wall seconds of a remap, of relief and of each move."""
    from mutoscope.process import prepare

    prepare()  # before torch is loaded, as the program does
    import cv2
    import numpy as np
    import torch

    from mutoscope.depth.relief import Relief

    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    image = picture(options)
    pixels = np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())
    columns, rows = np.meshgrid(*[np.arange(options.size, dtype=np.float32) * 0.97 + 3] * 2)
    relief = Relief()
    depth = relief.estimate(image)
    jobs: dict[str, Callable[[], Any]] = {
        "remap": lambda: cv2.remap(pixels, columns, rows, cv2.INTER_CUBIC),
        "relief": lambda: relief.estimate(image),
    }
    for name, move in MOVES.items():
        jobs[name] = moving(image, depth, **move)
    return {name: timed(job, options.repeats) for name, job in jobs.items()}


def picture(options: argparse.Namespace) -> Any:
    """The picture that is moved, (1, 3, size, size): a file's, or posts on a meadow."""
    import torch

    from mutoscope.images import load_image, resize

    side = options.size
    if options.picture:
        return resize(load_image(options.picture), (side, side))
    image = torch.empty(1, 3, side, side)
    image[:] = torch.tensor([0.55, 0.7, 0.9])[:, None, None]
    image[..., side // 2 :, :] = torch.tensor([0.25, 0.45, 0.2])[:, None, None]
    for foot, left, wide in ((0.6, 0.15, 0.06), (0.75, 0.4, 0.15), (0.9, 0.7, 0.2)):
        top, across = (
            round(side * (foot - 0.5)),
            slice(round(side * left), round(side * (left + wide))),
        )
        image[..., top : round(side * foot), across] = torch.tensor([0.8, 0.1, 0.1])[:, None, None]
    grain = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return (image + 0.05 * grain).clamp(0, 1)


def moving(
    image: Any, depth: Any, *, x: str = "0", z: str = "0", rotate: str = "[1, 0, 0, 0]"
) -> Callable[[], Any]:
    """A move of ``image`` (1, 3, H, W) at a known ``depth``, to be called again and again."""
    from mutoscope.curves import parse_curve, parse_vector
    from mutoscope.motion.space import Space
    from mutoscope.schedule import Moment, Shot

    side = image.shape[-1]
    camera = Space(
        parse_curve(x, place="translate_x"),
        parse_curve("0", place="translate_y"),
        parse_curve(z, place="translate_z_3d"),
        parse_vector(rotate, size=4, place="rotate_3d"),
        lambda _: depth,
        (side, side),
        lock_camera=False,
        infill="mirror",
    )
    moment = Moment(step=0, scene=0, scene_step=0, frame=1, t=0.0)
    shot = Shot(steps=range(1), scene=0, moves=True, saves=None, moment=moment)
    return lambda: camera(image, shot)(image)


def timed(job: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """The medians of CPU and wall seconds of ``job``; the first call doesn't count."""
    job()
    cpu, wall = [], []
    for _ in range(repeats):
        before = time.process_time(), time.perf_counter()
        job()
        cpu.append(time.process_time() - before[0])
        wall.append(time.perf_counter() - before[1])
    return sorted(cpu)[repeats // 2], sorted(wall)[repeats // 2]


if __name__ == "__main__":
    main()
