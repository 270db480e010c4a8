"""How much of ncnn's own speed is left when Mutoscope upscales, and whether tiles leave seams.

A picture is upscaled tile by tile twice in each repeat: once by calling ncnn directly on just those
tiles, each a NumPy array that lies ready, and once by Mutoscope with all that it does around them
(cutting, converting, running the last layers apart, putting together). The ratio of the two is the
figure; seconds depend on the machine. Which goes first alternates. Beside it stands the greatest
difference between tiled and whole, in steps of 255.

    python benchmarks/upscale.py                                  # a made-up picture
    python benchmarks/upscale.py --picture photo.jpg --model realesrgan-x4plus --size 256
    python benchmarks/upscale.py --threads 2

Needs the extra ``upscale``.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a line for each model."""
    parser = argparse.ArgumentParser(description="Measure upscaling against ncnn itself.")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="instead of a made-up one")
    parser.add_argument("--size", type=int, default=96, help="side of the square (96)")
    parser.add_argument("--tile", type=int, default=48, help="side of a tile (48)")
    parser.add_argument("--model", action="append", help="only this one; may be given again")
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many counts (3)")
    parser.add_argument("--threads", type=int, default=1, help="of ncnn (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    options = parser.parse_args(arguments)
    if min(options.size, options.repeats, options.threads) < 1 or options.tile < 16:
        parser.error("--size, --repeats, --threads: 1 or more; --tile: 16 or more")
    results = measure(options)
    print(f"{'':26}{'ncnn s':>8}{'ours s':>8}{'ratio':>8}{'seam':>8}")
    for name, row in results.items():
        print(f"{name:26}{row['ncnn']:8.3f}{row['ours']:8.3f}{row['ratio']:8.3f}{row['seam']:8.3f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """CPU seconds of both, ncnn's over ours, and the seam, for each model."""
    from mutoscope.process import prepare

    prepare()  # before torch is loaded, as the program does
    from mutoscope.finish.upscale import EMBEDDED

    image = picture(options.picture, options.size)
    return {name: of_model(name, image, options) for name in options.model or EMBEDDED}


def of_model(name: str, image: Any, options: argparse.Namespace) -> dict[str, float]:
    """The figures of one model."""
    import ncnn
    import numpy as np

    from mutoscope.finish.upscale import EMBEDDED, load_upscaler
    from mutoscope.finish.upscale.models import model_files
    from mutoscope.finish.upscale.tiles import grid

    given: dict[str, Any] = {"scale": 4, "device": "cpu", "threads": options.threads}
    ours = load_upscaler(name, tile=options.tile, **given)
    param, weights = model_files(EMBEDDED[name], 4)
    net = ncnn.Net()
    net.opt.num_threads = options.threads
    net.load_param(str(param))
    net.load_model(str(weights))
    size = (image.shape[-1], image.shape[-2])
    places = grid(size, options.tile, ours.engine.overlap)
    tiles = [
        np.ascontiguousarray(
            image[0, :, down.seen_from : down.seen_to, across.seen_from : across.seen_to].numpy()
        )
        for down, across in places
    ]

    def direct() -> None:
        for tile in tiles:
            extractor = net.create_extractor()
            extractor.input("data", ncnn.Mat(tile))
            failed, _ = extractor.extract("output")
            assert not failed

    both: list[tuple[str, Callable[[], Any]]] = [("ncnn", direct), ("ours", lambda: ours(image))]
    counts: dict[str, list[float]] = {"ncnn": [], "ours": []}
    direct()  # to warm up
    for repeat in range(options.repeats):
        for key, call in both if repeat % 2 else both[::-1]:
            start = time.process_time()
            call()
            counts[key].append(time.process_time() - start)
    took = {key: statistics.median(values) for key, values in counts.items()}
    whole = load_upscaler(name, tile=0, **given)(image)
    seam = float((ours(image) - whole).abs().max()) * 255
    return {**took, "ratio": took["ncnn"] / took["ours"], "seam": seam}


def picture(path: Path | None, size: int) -> Any:
    """A square of a picture, or a made-up one with edges, slopes and fine texture."""
    import torch

    from mutoscope.images import load_image

    if path is not None:
        image = load_image(path)
        top, left = ((side - size) // 2 for side in image.shape[-2:])
        if min(top, left) < 0:
            raise SystemExit(f"{path}: is smaller than {size} × {size}; give a smaller --size")
        return image[..., top : top + size, left : left + size].contiguous()
    line = torch.linspace(0, 1, size)
    across, down = line.expand(size, size), line[:, None].expand(size, size)
    disc = ((across - 0.5) ** 2 + (down - 0.5) ** 2 < 0.1).float()
    weave = 0.5 + 0.5 * torch.sin(across * size / 2) * torch.sin(down * size / 3)
    return torch.stack([across * 0.5 + 0.5 * disc, down, weave])[None]


if __name__ == "__main__":
    main()
