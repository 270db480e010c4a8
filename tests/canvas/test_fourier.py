import pytest
import torch

from mutoscope.canvas.fourier import DARKEST, FourierCanvas, spectrum_scale

SIZES = [(32, 24), (31, 17), (24, 33), (2, 2), (2, 9)]


def canvas(size=(32, 24), seed=0, **options):
    return FourierCanvas(size, generator=torch.Generator().manual_seed(seed), **options)


def picture(size, seed=1):
    width, height = size
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", SIZES)
def test_it_draws_what_the_contract_says(size):
    drawn = canvas(size)()
    assert drawn.shape == (1, 3, size[1], size[0])
    assert drawn.dtype == torch.float32
    assert drawn.requires_grad
    image = canvas(size).image()
    assert not image.requires_grad
    assert 0 <= image.min() <= image.max() <= 1


@pytest.mark.parametrize("size", SIZES)
def test_it_gives_back_what_it_encodes(size):
    drawing, image = canvas(size), picture(size)
    drawing.encode(image)
    torch.testing.assert_close(drawing.image(), image, atol=DARKEST + 1e-4, rtol=0)


def test_encoding_twice_changes_nothing_more():
    drawing = canvas()
    drawing.encode(picture((32, 24)))
    once = drawing.image()
    drawing.encode(once)
    torch.testing.assert_close(drawing.image(), once, atol=1e-4, rtol=0)


def test_black_and_white_stay_finite():
    drawing = canvas((4, 4))
    drawing.encode(torch.eye(4).expand(1, 3, 4, 4))
    assert drawing.waves.isfinite().all()


def test_another_size_is_resized():
    drawing = canvas()
    drawing.encode(torch.full((1, 3, 60, 80), 0.3))
    torch.testing.assert_close(drawing.image(), torch.full((1, 3, 24, 32), 0.3), atol=1e-4, rtol=0)


def test_the_same_seed_is_the_same_picture_and_another_is_not():
    assert canvas(seed=3).image().equal(canvas(seed=3).image())
    assert not canvas(seed=3).image().equal(canvas(seed=4).image())


def test_the_state_is_all_that_is_needed():
    first, second = canvas(seed=1), canvas(seed=2)
    second.load_state_dict(first.state_dict())
    assert second.image().equal(first.image())


@pytest.mark.parametrize("size", [(64, 64), (65, 33), (128, 128)])
def test_waves_of_deviation_one_make_logits_of_deviation_one(size):
    drawings = [canvas(size, seed, start=1.0) for seed in range(12)]
    power = torch.stack([(d.logits() @ torch.eye(size[0])).square().mean() for d in drawings])
    expected = drawings[0].colours.square().sum() / 3
    assert power.mean().item() == pytest.approx(expected.item(), rel=0.35)


def test_a_waves_reach_falls_with_frequency():
    scale = spectrum_scale((64, 64), 1.5)
    torch.testing.assert_close(scale[0, 4] / scale[0, 16], torch.tensor(8.0))
    assert scale[0, 0] == scale[0, 1]


def test_descent_reaches_another_picture():
    drawing, goal = canvas((16, 16)), picture((16, 16)) * 0.5 + 0.25
    optimizer = torch.optim.Adam(drawing.parameters(), lr=drawing.lr)
    start = (drawing() - goal).square().mean().item()
    for _ in range(60):
        optimizer.zero_grad()
        (drawing() - goal).square().mean().backward()
        optimizer.step()
        drawing.constrain()
    assert (drawing() - goal).square().mean().item() < start / 4


def test_moving_is_drawing_warping_and_encoding():
    drawing = canvas()
    drawing.encode(picture((32, 24)))
    before = drawing.image()
    drawing.move(lambda image: image.flip(-1))
    torch.testing.assert_close(drawing.image(), before.flip(-1), atol=1e-4, rtol=0)


def test_fine_waves_fade_in_over_the_opening():
    drawing = canvas((64, 64), start=1.0, opening=10)

    def detail():
        image = drawing.image()
        return (image[..., 1:] - image[..., :-1]).abs().mean().item()

    closed = detail()
    for _ in range(5):
        drawing.constrain()
    half = detail()
    for _ in range(5):
        drawing.constrain()
    opened = detail()
    assert closed < 0.8 * half < 0.8 * opened
    assert drawing.image().equal(canvas((64, 64), start=1.0).image())


def test_an_encoded_picture_is_sharp_at_once():
    drawing, image = canvas(opening=100), picture((32, 24))
    drawing.encode(image)
    torch.testing.assert_close(drawing.image(), image, atol=DARKEST + 1e-4, rtol=0)


def test_how_far_it_has_opened_is_part_of_the_state():
    first, second = canvas(start=1.0, opening=10), canvas(start=1.0, opening=10)
    first.constrain()
    second.load_state_dict(first.state_dict())
    assert second.image().equal(first.image())


def test_what_stands_at_one_edge_does_not_glow_at_the_other():
    drawing = canvas((64, 64))
    drawing.encode(torch.full((1, 3, 64, 64), 0.5))
    optimizer = torch.optim.Adam(drawing.parameters(), lr=0.05)
    for _ in range(10):
        optimizer.zero_grad()
        (-drawing()[..., :2]).mean().backward()  # brighten the left edge
        optimizer.step()
    rows = drawing.image().mean(dim=(0, 1, 2)) - 0.5
    assert rows[-1] < 0.7 * rows[0]


def test_an_encoded_ramp_closes_without_a_jump():
    """Else the jump would ring through all waves, and a step would show it."""
    drawing = canvas((64, 64))
    ramp = torch.linspace(0.1, 0.9, 64).expand(1, 3, 64, 64)
    drawing.encode(ramp)
    width, height = drawing.sheet
    spectrum = torch.view_as_complex(drawing.waves.detach()) * drawing._reach()
    line = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")[0, height // 2]
    steps = (line - line.roll(1)).abs()
    assert steps.max() < 0.5 * (line.max() - line.min())


def seam(image, axis):
    """The mean step across the seam over the mean step inside."""
    inside = image.diff(dim=axis).abs().mean()
    return ((image.select(axis, 0) - image.select(axis, -1)).abs().mean() / inside).item()


@pytest.mark.parametrize("tile", [(True, True), (True, False), (False, True)])
def test_along_tiled_axes_the_picture_is_the_whole_drawing_and_repeats(tile):
    seams = []
    for seed in range(8):
        drawing = canvas((64, 48), seed, start=1.0, tile=tile)
        assert drawing().shape == (1, 3, 48, 64)
        seams.append([seam(drawing.image(), axis) for axis in (-1, -2)])
    assert drawing.sheet == (64 if tile[0] else 72, 48 if tile[1] else 56)
    for ratio, tiled in zip(torch.tensor(seams).mean(0).tolist(), tile, strict=True):
        assert ratio < 1.25 if tiled else ratio > 2


@pytest.mark.parametrize("size", [(32, 24), (31, 17), (2, 9)])
@pytest.mark.parametrize("tile", [(True, True), (True, False), (False, True)])
def test_a_tile_gives_back_what_it_encodes(size, tile):
    drawing, image = canvas(size, tile=tile), picture(size)
    drawing.encode(image)
    torch.testing.assert_close(drawing.image(), image, atol=DARKEST + 1e-4, rtol=0)


def test_a_tile_has_no_beginning():
    drawing, rolled = canvas(tile=(True, True)), canvas(tile=(True, True))
    drawing.encode(picture((32, 24)))
    rolled.encode(picture((32, 24)).roll((5, 9), (2, 3)))
    for each in (drawing, rolled):
        with torch.no_grad():
            each.waves.mul_(0.5)  # whatever is done to the waves alike
    there = drawing.image().roll((5, 9), (2, 3))
    torch.testing.assert_close(rolled.image(), there, atol=1e-4, rtol=0)


def test_a_tile_that_grows_stays_one():
    drawing = canvas((32, 24), tile=(True, False))
    drawing.encode(picture((32, 24)))
    drawing.grow((64, 48))
    assert drawing.tile == (True, False)
    assert drawing.sheet == (64, 48 + 2 * 4)
    assert drawing().shape == (1, 3, 48, 64)
