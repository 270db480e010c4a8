"""How near the pictures made between two are to those that were there.

    python benchmarks/interpolate.py clip.mp4 another.mp4
    python benchmarks/interpolate.py clip.mp4 --rife flownet.pkl

Every second picture of a film is dropped and made again of its neighbours: by showing half of each
(blend), by FFmpeg's motion-compensated filter (minterpolate, as it is and at its most careful), by
the flow of this program, and by RIFE where its weights are given. PSNR (dB) and SSIM are means over
the pictures; the errors' ratio compares root mean square errors with those of the blend. The time
is that of the CPU for a picture that is made.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import mean

import av
import cv2
import numpy as np
import numpy.typing as npt

from mutoscope.finish.interpolate import Between, FlowBetween, load_between
from mutoscope.frames import ClipSource
from mutoscope.images import Pixels, from_bytes, to_bytes

FILTERS = {
    "minterpolate": "mi_mode=mci",
    "minterpolate, careful": "mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1",
}
_RATE = 10  # pictures a second that the filter is told it gets; any would do


@dataclass(frozen=True)
class Row:
    """The figures of one way for one film; ``error`` is compared with that of the blend."""

    film: str
    way: str
    pictures: int
    psnr: float
    ssim: float
    error: float
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all ways for each film and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--pictures", type=int, default=241, help="at most so many of each film")
    parser.add_argument("--rife", type=Path, help="RIFE's weights")
    parser.add_argument("--json", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    rows = []
    print(f"{'film':22}{'way':24}{'n':>5}{'PSNR':>8}{'SSIM':>8}{'error':>7}{'s':>8}")
    for film in given.films:
        for row in measured(film, given.pictures, given.rife):
            rows.append(row)
            print(
                f"{row.film:22.21}{row.way:24}{row.pictures:5}{row.psnr:8.2f}{row.ssim:8.4f}"
                f"{row.error:7.3f}{row.seconds:8.3f}",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps([vars(row) for row in rows], indent=1), encoding="utf-8")


def measured(film: Path, most: int, rife: Path | None = None) -> Iterator[Row]:
    """A row for each way."""
    shown = itertools.islice(ClipSource(film), most)
    pictures = [to_bytes(picture) for picture in shown]
    kept = pictures[::2]
    # The filter makes nothing after its last pictures but one, so those are not compared.
    truth = pictures[1::2][: len(kept) - 2]
    if not truth:
        raise SystemExit(f"{film}: has too few pictures to leave out some of them")
    ways: dict[str, Callable[[], list[Pixels]]] = {"blend": lambda: blended(kept)}
    for name, options in FILTERS.items():
        ways[name] = lambda options=options: filtered(kept, options)  # type: ignore[misc]
    ways["mutoscope, flow"] = lambda: made(kept, FlowBetween())
    if rife is not None:
        network, _ = load_between(str(rife))
        ways["mutoscope, RIFE"] = lambda: made(kept, network)
    base = None
    for name, way in ways.items():
        began = time.process_time()
        found = way()[: len(truth)]
        seconds = (time.process_time() - began) / len(found)
        pairs = list(zip(truth, found, strict=True))
        error = mean(mean_square(*pair) ** 0.5 for pair in pairs)
        base = base or error
        quality = mean(psnr(*pair) for pair in pairs), mean(ssim(*pair) for pair in pairs)
        yield Row(film.stem, name, len(pairs), *quality, error / base if base else 1.0, seconds)


def blended(kept: Sequence[Pixels]) -> list[Pixels]:
    """Half of each of two neighbours."""
    return [
        ((one.astype(np.uint16) + two + 1) // 2).astype(np.uint8)
        for one, two in itertools.pairwise(kept)
    ]


def made(kept: Sequence[Pixels], between: Between) -> list[Pixels]:
    """What lies halfway between neighbours."""
    return [
        to_bytes(between(from_bytes(one), from_bytes(two))(0.5))
        for one, two in itertools.pairwise(kept)
    ]


def filtered(kept: Sequence[Pixels], options: str) -> list[Pixels]:
    """What FFmpeg's filter puts between neighbours."""
    height, width = kept[0].shape[:2]
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width,
        height=height,
        format=av.VideoFormat("yuv444p", width, height),
        time_base=Fraction(1, _RATE),
    )
    middle = graph.add("minterpolate", f"fps={2 * _RATE}:{options}")
    sink = graph.add("buffersink")
    source.link_to(middle)
    middle.link_to(sink)
    graph.configure()
    found: dict[int, Pixels] = {}
    for number, pixels in enumerate((*kept, None)):
        if pixels is None:
            graph.push(None)
        else:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv444p")
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            graph.push(frame)
        while True:
            try:
                got = graph.pull()
            except (av.BlockingIOError, av.EOFError):
                break
            assert isinstance(got, av.VideoFrame)
            assert got.pts is not None
            assert got.time_base is not None
            place = round(got.pts * got.time_base * 2 * _RATE)
            found[place] = np.asarray(got.to_ndarray(format="rgb24"), np.uint8)
    return [found[place] for place in range(1, 2 * len(kept) - 3, 2)]


def mean_square(one: Pixels, two: Pixels) -> float:
    """The mean squared difference, in squared 255ths."""
    return float(np.square(one.astype(np.float32) - two).mean(dtype=np.float64))


def psnr(one: Pixels, two: Pixels) -> float:
    """The peak signal-to-noise ratio in dB, 100 at most."""
    return float(10 * np.log10(255**2 / max(mean_square(one, two), 255**2 * 1e-10)))


def ssim(one: Pixels, two: Pixels) -> float:
    """The structural similarity of lightness (Wang, Bovik, Sheikh, Simoncelli 2004).

    With their Gaussian window of 11 pixels (σ 1.5), without the border that it doesn't fill.
    """
    first, second = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float32) for p in (one, two))
    mean_1, mean_2 = _local(first), _local(second)
    spread_1 = _local(first * first) - mean_1**2
    spread_2 = _local(second * second) - mean_2**2
    both = _local(first * second) - mean_1 * mean_2
    small, smaller = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (2 * mean_1 * mean_2 + small) * (2 * both + smaller)
    alike /= (mean_1**2 + mean_2**2 + small) * (spread_1 + spread_2 + smaller)
    return float(alike[5:-5, 5:-5].mean())


def _local(raster: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(raster, (11, 11), 1.5), np.float32)


if __name__ == "__main__":
    main()
