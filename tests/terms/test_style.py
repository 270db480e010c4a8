import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from mutoscope.terms import style as module
from mutoscope.terms.style import SIDE, SMALLEST, Style


def rng_of(purpose):
    return torch.Generator().manual_seed(sum(map(ord, purpose)))


class Layers:
    """Two random convolutions that remember which sizes they saw."""

    def __init__(self):
        rng = torch.Generator().manual_seed(0)
        self.first = torch.randn(6, 3, 3, 3, generator=rng) / 3
        self.second = torch.randn(9, 6, 3, 3, generator=rng) / 4
        self.sizes = []

    def __call__(self, image):
        self.sizes.append((image.shape[-1], image.shape[-2]))
        x = F.conv2d(image, self.first, stride=2, padding=1).relu()
        return [x, F.conv2d(x, self.second, stride=2, padding=1).relu()]


def stripes(size=(64, 64), period=8, across=True, dark=(0.1, 0.2, 0.6), light=(0.9, 0.9, 0.7)):
    """A picture of smooth stripes of two colours."""
    width, height = size
    places = torch.arange(width).expand(height, -1) if across else torch.arange(height)[:, None]
    wave = 0.5 + 0.5 * torch.sin(2 * torch.pi * places / period).expand(height, width)
    ends = [torch.tensor(colour)[:, None, None] for colour in (dark, light)]
    return (ends[0] + (ends[1] - ends[0]) * wave)[None]


def noise(size=(64, 64), seed=0):
    return torch.rand(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(seed))


def term(picture, **changes):
    return Style(picture, Layers(), **{"rng_of": rng_of, **changes})


@pytest.fixture
def judge(tools):
    def value(style, image, step=0):
        return style(tools.look_at(None, image=image.requires_grad_(), step=step)).item()

    return value


def test_a_picture_has_its_own_style(judge):
    assert judge(term(stripes()), stripes()) < 0.02 * judge(term(stripes()), noise())


def test_where_things_are_is_no_matter_of_style(judge):
    style = term(noise())
    moved = noise().roll((20, 31), dims=(2, 3)).flip(3)
    # Only what is drawn across the seams differs, and the directions of what was mirrored.
    assert judge(style, moved) < 0.15 * judge(style, stripes())


@pytest.mark.parametrize(
    "other",
    [
        {"dark": (0.6, 0.2, 0.1)},  # the colours
        {"period": 3},  # the scale
        {"across": False},  # the direction
    ],
)
def test_colour_scale_and_direction_are(judge, other):
    style = term(stripes())
    assert judge(style, stripes(**other)) > 10 * judge(style, stripes())


def test_without_a_network_strokes_are_still_told_apart(judge):
    style = Style(stripes(), None, rng_of=rng_of)
    assert judge(style, stripes(across=False)) > 10 * judge(style, stripes())


def test_it_descends(tools):
    tools.assert_descends(term(stripes()), tools.Pixels((32, 32)))


def test_a_picture_takes_over_the_colours(tools):
    canvas, style = tools.Pixels((32, 32)), term(stripes())
    optimizer = torch.optim.Adam(canvas.parameters(), lr=0.08)
    for step in range(40):
        optimizer.zero_grad()
        drawn = canvas()
        image = drawn.detach().requires_grad_()
        style(tools.look_at(canvas, image=image, step=step)).backward()
        drawn.backward(image.grad)
        optimizer.step()
    wanted, got = stripes().mean((0, 2, 3)), canvas().mean((0, 2, 3))
    torch.testing.assert_close(got, wanted, atol=0.03, rtol=0)
    assert canvas()[0, 2].std() < 0.15  # blue varies little in the stripes, by 0.04


def test_what_a_step_looks_at_hangs_on_its_number_alone(judge):
    style = term(stripes())
    first, second = (judge(style, noise(), step) for step in (0, 1))
    assert first != second
    assert judge(term(stripes()), noise(), 1) == second
    assert judge(style, noise(), 0) == first


def test_the_looks_own_random_numbers_are_left_alone(tools):
    look = tools.look_at(None, image=noise().requires_grad_())
    before = look._rng.get_state()
    term(stripes())(look)
    assert torch.equal(look._rng.get_state(), before)


def test_the_style_is_worked_out_once_for_each_size(judge):
    layers = Layers()
    style = Style(stripes((64, 64)), layers, rng_of=rng_of)
    for step, side in enumerate((48, 48, 64, 48, 64)):
        judge(style, noise((side, side)), step)
    assert len(layers.sizes) == 5 + 2


def test_a_larger_style_is_shrunk_to_the_pictures_area_and_a_smaller_one_left(judge):
    for given, beside in (((200, 100), (57, 28)), ((32, 40), (32, 40))):
        layers = Layers()
        judge(Style(noise(given), layers, rng_of=rng_of), noise((40, 40)))
        style_size, picture_size = layers.sizes
        assert picture_size == (40, 40)
        assert style_size == (max(beside[0], SMALLEST), max(beside[1], SMALLEST))


def test_large_pictures_are_judged_at_a_bounded_size(judge):
    layers = Layers()
    judge(Style(noise((400, 300)), layers, rng_of=rng_of), noise((640, 320)))
    assert all(width * height <= 1.01 * SIDE**2 for width, height in layers.sizes)
    width, height = layers.sizes[1]
    assert width / height == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("picture", [(32, 32), (32, 400), (301, 33), (8, 8), (97, 64)])
@pytest.mark.parametrize("canvas", [(32, 32), (24, 16), (130, 40), (33, 95)])
def test_any_size_and_shape_will_do(tools, picture, canvas):
    image = noise(canvas, seed=1).requires_grad_()
    value = term(noise(picture))(tools.look_at(None, image=image))
    value.backward()
    assert value.isfinite()
    assert image.grad.isfinite().all()
    assert image.grad.abs().sum() > 0


def test_a_flat_style_has_a_finite_gradient(tools):
    image = noise().requires_grad_()
    value = term(torch.full((1, 3, 40, 40), 0.3))(tools.look_at(None, image=image))
    value.backward()
    assert value.isfinite()
    assert image.grad.isfinite().all()


def test_the_weight_scales_it_and_zero_looks_at_nothing(tools):
    layers = Layers()
    style = Style(stripes(), layers, rng_of=rng_of, weight=lambda values: values["t"])

    def at(t):
        moment = tools.moment_at(t=t)
        return style(tools.look_at(None, image=noise().requires_grad_(), moment=moment))

    assert at(0.0) == 0
    assert not layers.sizes
    torch.testing.assert_close(3 * at(1.0), at(3.0))


def test_it_comes_in_over_its_opening(judge):
    whole, opening = term(stripes()), term(stripes(), opening=10)
    for step, share in ((0, 0.1), (4, 0.5), (9, 1.0), (30, 1.0)):
        expected = share * judge(whole, noise(), step)
        assert judge(opening, noise(), step) == pytest.approx(expected)


def test_quantiles_are_those_of_the_sorted_numbers():
    numbers = torch.arange(100.0)[None].sort().values
    fewer = module._resampled(numbers, 10)
    torch.testing.assert_close(fewer, torch.arange(4.5, 100, 10)[None])
