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
