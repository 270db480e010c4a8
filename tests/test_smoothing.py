"""Smoothing over time: weights by the formula, and films drawn from means of codes."""

import pytest
import torch

from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.errors import SettingsError
from mutoscope.smoothing import LatentSmoother, Window
from mutoscope.vqgan import Architecture, new_vqgan
from mutoscope.vqgan.codebook import look_up, nearest_indices

pytestmark = pytest.mark.usefixtures("single_thread")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


# --- the window ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "alpha", "weights"),
    [
        (3, 0.6, (0.2222, 0.5556, 0.2222)),
        (3, 0.7, (0.1875, 0.625, 0.1875)),
        (3, 0.9, (0.0833, 0.8333, 0.0833)),
        (5, 0.9, (0.0082, 0.082, 0.8197, 0.082, 0.0082)),
        (5, 1, (0, 0, 1, 0, 0)),
        (5, 0, (0.2, 0.2, 0.2, 0.2, 0.2)),
        (1, 0.7, (1,)),
    ],
)
def test_weights_are_those_that_are_documented(length, alpha, weights):
    assert Window(length, alpha).weights() == pytest.approx(weights, abs=5e-5)
    assert sum(Window(length, alpha).weights()) == pytest.approx(1)


def means(window, numbers):
    values = [torch.tensor([float(number)]) for number in numbers]
    return [window.mean(values, middle).item() for middle in range(len(values))]


def test_means_are_centred_and_narrow_toward_both_ends():
    assert means(Window(3, 0.7), [10, 100, 1000, 10_000]) == pytest.approx(
        [10, 251.875, 2518.75, 10_000]
    )
    wide = means(Window(5, 0.5), [1, 2, 4, 8, 16, 32])
    near = Window(3, 0.5).mean([torch.tensor([x]) for x in (1.0, 2.0, 4.0)], 1).item()
    assert wide[:2] == pytest.approx([1, near])
    assert wide[2] == pytest.approx((0.25 + 1 + 4 + 4 + 4) / 2.5)


def test_a_straight_line_stays_one_to_its_ends():
    assert means(Window(7, 0.3), range(12)) == pytest.approx(list(range(12)))


@pytest.mark.parametrize("length", [0, 2, 4, -3])
def test_windows_without_a_middle_are_refused(length):
    with pytest.raises(SettingsError, match=f"a window of {length} frames has no middle"):
        Window(length)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_alphas_out_of_range_are_refused(alpha):
    with pytest.raises(SettingsError, match="allowed is 0"):
        Window(3, alpha)


# --- films of codes ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    architecture = Architecture(
        kind="vq", embed_dim=8, n_embed=40, z_channels=8, ch=32, ch_mult=(1, 1, 1),
        num_res_blocks=1, attn_resolutions=(4,), resolution=16,
    )  # fmt: skip
    made = new_vqgan(architecture, generator=rng()).requires_grad_(False).eval()
    made.codes.normal_(generator=rng(1))
    made.decoder.conv_out.weight.mul_(6)
    return made


def painted(model, count, size=(24, 16)):
    """The canvas as it stands after each of ``count`` frames."""
    canvas = VqganCanvas(size, model=model, generator=rng())
    for seed in range(count):
        canvas.average.normal_(generator=rng(100 + seed))
        canvas._forget()
        yield canvas


def smoothed(model, window, count, stop=None):
    """Pictures by number; with ``stop``, of a film that was stopped after so many frames."""
    canvas = VqganCanvas((24, 16), model=model, generator=rng())
    smoother, film = LatentSmoother(canvas, window), {}
    for number, now in enumerate(painted(model, count), 1):
        canvas.average.copy_(now.average)
        film |= smoother.add(number)
        if number == stop:
            film |= smoother.rest()  # what is shown of a film that stops here
            kept = smoother.tensors()
            smoother = LatentSmoother(canvas, window)
            smoother.recall(kept)
    return film | dict(smoother.rest())


def test_the_decoder_draws_the_mean_of_the_codes_as_it_is(model):
    shown = [nearest_indices(now.average, model.codes) for now in painted(model, 5)]
    codes = [look_up(indices, model.codes) for indices in shown]
    film = smoothed(model, Window(3, 0.7), 5)
    assert list(film) == [1, 2, 3, 4, 5]
    for number in (2, 3, 4):
        before, middle, after = codes[number - 2 : number + 1]
        mean = 0.1875 * before + 0.625 * middle + 0.1875 * after
        assert torch.allclose(film[number], model.decode(mean).clamp(0, 1), atol=1e-5)
        assert not torch.allclose(film[number], model.decode(model.nearest(mean)), atol=0.02)


@pytest.mark.parametrize("window", [Window(1, 0.2), Window(5, 1)])
def test_a_window_of_the_middle_alone_draws_what_the_canvas_shows(model, window):
    film = smoothed(model, window, 4)
    for number, now in enumerate(painted(model, 4), 1):
        assert torch.equal(film[number], now.image())


def test_frames_come_as_soon_as_their_window_is_whole(model):
    canvas = VqganCanvas((24, 16), model=model, generator=rng())
    smoother = LatentSmoother(canvas, Window(5, 0.5))
    given = [[number for number, _ in smoother.add(n)] for n in range(1, 7)]
    assert given == [[], [], [1], [2], [3], [4]]
    assert [number for number, _ in smoother.rest()] == [5, 6]
    assert [number for number, _ in smoother.rest()] == [5, 6]


@pytest.mark.parametrize("stop", range(1, 8))
def test_a_film_that_was_stopped_is_the_film_never_stopped(model, stop):
    whole = smoothed(model, Window(5, 0.5), 8)
    resumed = smoothed(model, Window(5, 0.5), 8, stop=stop)
    assert list(whole) == sorted(resumed)
    assert all(torch.equal(whole[number], resumed[number]) for number in whole)


def test_smoothing_leaves_less_change_between_frames(model):
    def change(film):
        return sum((film[n + 1] - film[n]).square().mean().item() for n in range(3, 9))

    films = [smoothed(model, Window(5, alpha), 12) for alpha in (1, 0.9, 0.7, 0.5, 0.3)]
    changes = [change(film) for film in films]
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] < 0.7 * changes[0]


def test_frames_of_other_sizes_are_not_mixed_in(model):
    canvas = VqganCanvas((8, 8), model=model, generator=rng())
    smoother, film = LatentSmoother(canvas, Window(5, 0)), {}
    for number in (1, 2, 3):
        if number == 3:
            canvas.grow((16, 8))
        shown = canvas.image()
        film |= smoother.add(number)
    film |= smoother.rest()
    assert [film[number].shape[-1] for number in (1, 2, 3)] == [8, 8, 16]
    assert torch.equal(film[3], shown)


@pytest.mark.parametrize(
    "kept",
    [
        {"numbers": torch.tensor([1])},
        {"numbers": torch.tensor([1]), "0": torch.full((2, 2), 40)},
        {"numbers": torch.tensor([1]), "0": torch.full((2, 2), -1)},
        {"numbers": torch.tensor([1, 2, 3]), **{str(i): torch.zeros(2, 2) for i in range(3)}},
    ],
)
def test_what_another_smoother_kept_is_refused(model, kept):
    canvas = VqganCanvas((8, 8), model=model, generator=rng())
    with pytest.raises(ValueError, match="smoothing remembers"):
        LatentSmoother(canvas, Window(3)).recall(kept)
