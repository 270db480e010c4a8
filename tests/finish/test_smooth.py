"""Smoothing along the motion: less flicker and grain, no ghosts, and from wherever one starts."""

import math
from itertools import pairwise

import pytest
import torch
from torch.nn.functional import avg_pool2d

from mutoscope.finish.smooth import smoothed
from mutoscope.images import from_bytes, resize, to_bytes
from mutoscope.quality.steps import flicker
from mutoscope.smoothing import Window

pytestmark = pytest.mark.usefixtures("single_thread")

SIZE = (96, 64)
COUNT = 9
WINDOW = Window(5, 0.4)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def texture(seed=0, size=(160, 128)):
    """Blotches of several sizes, (1, 3, H, W), with edges."""
    generator = rng(seed)
    layers = [
        resize(torch.rand(1, 3, size[1] // grain, size[0] // grain, generator=generator), size)
        for grain in (4, 8, 16)
    ]
    return ((sum(layers) / 3 - 0.5) * 2.5 + 0.5).clamp(0, 1)


def panned(seed=0, count=COUNT, pace=2):
    """A scene that goes by: whole pixels a frame, drawn from a larger one and shrunk by half."""
    wide, (width, height) = texture(seed, (320, 256)), SIZE
    for number in range(count):
        at = 3 * number * pace // 2
        yield avg_pool2d(wide[..., at : at + 2 * height, at : at + 2 * width], 2)


def spoiled(frames, seed=1, grain=0.05, light=0.06):
    """The frames with light that flickers in each colour, and with grain."""
    generator = rng(seed)
    for frame in frames:
        gain = 1 + light * torch.randn(1, 3, 1, 1, generator=generator)
        noise = grain * torch.randn(frame.shape, generator=generator)
        yield (frame * gain + noise).clamp(0, 1)


def smooth(frames, window=WINDOW, start=0):
    frames = list(frames)
    return list(smoothed(lambda first: iter(frames[first:]), window)(start))


def psnr(one, two):
    return -10 * math.log10((one - two).square().mean().item())


def sharpness(frame):
    return (frame.diff(dim=-1).square().mean() + frame.diff(dim=-2).square().mean()).item()


def raster(frame):
    return frame[0].permute(1, 2, 0).contiguous().numpy()


def flicker_of(frames):
    return sum(flicker(raster(old), raster(new)) for old, new in pairwise(frames))


@pytest.mark.parametrize("window", [Window(3), Window(7, 0)])
def test_a_still_film_stays_to_the_bit(window):
    frame = next(panned())
    assert all(torch.equal(each, frame) for each in smooth([frame] * 5, window))


@pytest.mark.parametrize("window", [Window(1, 0), Window(5, 1)])
def test_a_window_of_the_middle_alone_changes_nothing(window):
    frames = list(spoiled(panned()))
    assert all(torch.equal(*pair) for pair in zip(smooth(frames, window), frames, strict=True))


def test_flicker_and_grain_go_and_what_moves_stays_sharp():
    clean = list(panned())
    rough = list(spoiled(clean))
    calm = smooth(rough)
    gains = [
        psnr(new, truth) - psnr(old, truth)
        for new, old, truth in zip(calm, rough, clean, strict=True)
    ]
    assert min(gains) > 1
    assert sum(gains) / COUNT > 3
    assert flicker_of(calm) < 0.5 * flicker_of(rough)
    # As sharp as the truth; a mean of the frames where they are is a smear.
    sharp = sum(map(sharpness, calm)) / sum(map(sharpness, clean))
    assert 0.9 < sharp < 1.1
    smear = torch.stack(rough[2:7]).mean(dim=0)
    assert sharpness(smear) < 0.6 * sharpness(clean[4])


def test_a_clean_film_loses_little():
    clean = list(panned())
    calm = smooth(clean)
    assert min(psnr(*pair) for pair in zip(calm, clean, strict=True) if pair[0] is not pair[1]) > 34
    assert sum(map(sharpness, calm)) > 0.9 * sum(map(sharpness, clean))


def test_light_alone_is_evened_out():
    frame = next(panned()) * 0.8 + 0.1
    film = [frame + 0.05 * (-1) ** number for number in range(7)]
    calm = smooth(film, Window(5, 0))
    for number in (2, 3, 4):
        # Of five, three are on one side and two on the other.
        assert (calm[number] - frame).abs().mean() == pytest.approx(0.01, abs=2e-3)


def test_nothing_is_carried_across_a_cut():
    one, two = list(panned(seed=0, count=4)), list(panned(seed=7, count=4))
    film = list(spoiled([*one, *two]))
    calm = smooth(film)
    apart = [*smooth(film[:4]), *smooth(film[4:])]
    assert all(torch.equal(*pair) for pair in zip(calm, apart, strict=True))


def test_little_shines_through_a_cut_that_is_missed(monkeypatch):
    monkeypatch.setattr("mutoscope.motion.flow.is_cut", lambda *_: False)
    film = [*panned(seed=0, count=4), *panned(seed=7, count=4)]
    calm = smooth(film)
    assert min(psnr(*pair) for pair in zip(calm[2:6], film[2:6], strict=True)) > 25


def test_a_thing_that_comes_from_nowhere_leaves_no_ghost():
    """A bright disc that shows in one frame alone, on a scene that stands."""
    scene = next(panned()) * 0.6
    x, y = torch.meshgrid(torch.arange(96.0), torch.arange(64.0), indexing="xy")
    disc = ((x - 50).square() + (y - 30).square() < 81).float()
    film = list(spoiled([scene] * 5, light=0, grain=0.02))
    film[2] = film[2] * (1 - disc) + disc
    calm = smooth(film, Window(5, 0))
    inner = ((x - 50).square() + (y - 30).square() < 49).expand(1, 3, 64, 96)
    assert (calm[2] - film[2])[inner].abs().mean() < 0.05
    for number in (1, 3):
        assert (calm[number] - scene)[inner].abs().mean() < 0.03
        outer = (disc == 0).expand(1, 3, 64, 96)
        assert psnr(calm[number][outer], scene[outer]) > psnr(film[number][outer], scene[outer]) + 3


@pytest.mark.parametrize("start", range(1, COUNT + 1))
def test_each_picture_is_the_same_wherever_one_starts(start):
    film = list(spoiled(panned()))
    whole, rest = smooth(film), smooth(film, start=start)
    assert len(rest) == COUNT - start
    assert all(torch.equal(*pair) for pair in zip(rest, whole[start:], strict=True))


def test_a_cut_falls_the_same_wherever_one_starts():
    other = [frame.flip(1) * 0.5 for frame in panned(seed=3, count=4)]
    film = list(spoiled([*panned(count=4), *other]))
    whole = smooth(film)
    for start in range(8):
        rest = smooth(film, start=start)
        assert all(torch.equal(*pair) for pair in zip(rest, whole[start:], strict=True))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_films_shorter_than_the_window(count):
    film = list(spoiled(panned(count=count)))
    calm = smooth(film, Window(7, 0.2))
    assert len(calm) == count
    assert all(frame.min() >= 0 and frame.max() <= 1 for frame in calm)
    if count == 1:
        assert torch.equal(calm[0], film[0])


def test_few_pictures_are_held_at_a_time():
    read, film = [], list(spoiled(panned()))

    def source(start):
        for number in range(start, COUNT):
            read.append(number)
            yield film[number]

    frames = smoothed(source, WINDOW)(4)
    next(frames)
    assert read == [2, 3, 4, 5, 6]
    next(frames)
    assert read[-1] == 7


def test_eight_bits_of_a_still_film_stay():
    frame = from_bytes(to_bytes(next(panned())))
    assert all((to_bytes(each) == to_bytes(frame)).all() for each in smooth([frame] * 4))
