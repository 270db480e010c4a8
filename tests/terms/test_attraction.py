import colorsys

import pytest
import torch

from mutoscope.look import weigh
from mutoscope.terms import attraction
from mutoscope.terms.attraction import (
    SCALE,
    SOFTNESS,
    Attraction,
    distance,
    main_colours,
    metric,
)

FEW = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 1]])


def random_palette(k, seed=0):
    return torch.rand(k, 3, generator=torch.Generator().manual_seed(seed))


def plainly(image, palette):
    """The same number from a table of all pixels and colours, and its gradient from its graph."""
    apart = image[0].flatten(1).T[:, None] - palette  # (n, k, 3)
    squares = torch.einsum("nki,ij,nkj->nk", apart, metric().to(image), apart)
    return -SOFTNESS * torch.logsumexp(-squares / SOFTNESS, 1).mean()


@pytest.mark.parametrize("k", [1, 2, 16, 256])
@pytest.mark.parametrize("pairs", [64, 1 << 18])
def test_value_and_gradient_are_those_of_the_plain_table(monkeypatch, k, pairs):
    monkeypatch.setattr(attraction, "PAIRS", pairs)
    image = torch.rand(1, 3, 7, 5, dtype=torch.float64, requires_grad=True)
    palette = random_palette(k).double()
    blockwise, whole = distance(image, palette, metric().double()), plainly(image, palette)
    torch.testing.assert_close(blockwise, whole)
    (one,) = torch.autograd.grad(3 * blockwise, image)
    (other,) = torch.autograd.grad(3 * whole, image)
    torch.testing.assert_close(one, other)


def test_no_table_of_all_pairs_is_made_or_kept(monkeypatch):
    made, kept, addmm = [], [], torch.addmm

    def watched(*tensors):
        made.append(addmm(*tensors))
        return made[-1]

    monkeypatch.setattr(torch, "addmm", watched)
    image = torch.rand(1, 3, 96, 128, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        distance(image, random_palette(256), metric()).backward()
    assert sum(table.numel() for table in made) == 256 * 96 * 128
    assert max(table.numel() for table in made) <= attraction.PAIRS
    assert sum(tensor.numel() for tensor in kept) == image.numel()


def test_one_colour_is_the_plain_mean_of_squares():
    image = torch.zeros(1, 3, 4, 4)
    white = distance(image, torch.ones(1, 3), metric())
    assert white.item() == pytest.approx(0.5053, abs=1e-4)


def test_every_pixel_is_pulled_to_its_nearest_colour():
    image = torch.tensor([[0.1, 0, 0], [0.8, 0.1, 0], [0.9, 0.9, 1]]).T.reshape(1, 3, 1, 3)
    image.requires_grad_()
    distance(image, FEW, metric()).backward()
    # Less the gradient, through the inverse of the metric: the way each pixel goes, times 2 / 3.
    way = -torch.linalg.solve(metric(), image.grad[0, :, 0]) * 3 / 2
    torch.testing.assert_close(image.detach()[0, :, 0] + way, FEW.T, atol=0.02, rtol=0)


def test_a_pixel_between_two_colours_is_not_torn():
    image = torch.full((1, 3, 1, 1), 0.5, requires_grad=True)
    distance(image, torch.tensor([[0.0] * 3, [1.0] * 3]), metric()).backward()
    assert image.grad.abs().max() < 1e-4


@pytest.mark.parametrize("k", [1, 3, 40])
def test_it_descends_to_the_palette_and_from_it(tools, k):
    for size in [(2, 2), (3, 2), (32, 24)]:
        palette = random_palette(k)
        tools.assert_descends(Attraction(palette), tools.Pixels(size))
        tools.assert_descends(Attraction(palette, weight=lambda v: -1.0), tools.Pixels(size))


def test_a_picture_of_the_palette_stays_as_it_is(tools):
    image = FEW[torch.randint(3, (6, 5))].permute(2, 0, 1)[None].clone().requires_grad_()
    value = weigh(tools.look_at(tools.Pixels(), image=image), [Attraction(FEW)])
    assert value["palette attraction"].item() == pytest.approx(0, abs=1e-5)
    assert image.grad.abs().max() < 1e-4


def test_far_from_all_colours_there_is_still_a_pull():
    image = torch.full((1, 3, 2, 2), 0.0, requires_grad=True)
    distance(image, torch.tensor([[1.0, 1, 1], [1, 1, 0.9]]), metric()).backward()
    assert (image.grad < -1e-2).all()
    assert image.grad.isfinite().all()


def test_what_is_no_palette_is_refused():
    for shape in [(0, 3), (3,), (4, 4)]:
        with pytest.raises(ValueError, match=r"\(k, 3\)"):
            Attraction(torch.zeros(shape))


def test_the_weight_follows_time_and_zero_does_nothing(tools):
    term = Attraction(FEW, weight=lambda v: v["t"])
    looks = [tools.look_at(tools.Pixels(), moment=tools.moment_at(t=t)) for t in (0.0, 3.0)]
    idle, busy = (weigh(look, [term])["palette attraction"] for look in looks)
    assert idle == 0
    assert looks[0].image.grad is None
    wanted = 3 * SCALE * distance(looks[1].image, FEW, metric())
    torch.testing.assert_close(busy, wanted.detach())


# ── the space ──


def test_the_metric_is_the_published_one():
    """White to black differs in Y alone, and Y counts 0.5053; a grey has neither I nor Q."""
    assert (metric().sum()).item() == pytest.approx(0.5053, abs=1e-4)
    torch.testing.assert_close(metric(), metric().T)
    assert torch.linalg.eigvalsh(metric()).min() > 0


# ── main colours ──


def dots(colours, counts, noise=0.0):
    """A picture in which each colour has so many pixels, shuffled: (1, 3, 1, n)."""
    rng = torch.Generator().manual_seed(3)
    pixels = torch.tensor(colours).float().repeat_interleave(torch.tensor(counts), 0)
    pixels = pixels + noise * torch.randn(pixels.shape, generator=rng)
    pixels = pixels[torch.randperm(len(pixels), generator=rng)]
    return pixels.clamp(0, 1).T[None, :, None]


def test_main_colours_are_those_of_most_pixels_first():
    colours = [[0.9, 0.1, 0.1], [0.1, 0.2, 0.8], [0.9, 0.9, 0.8]]
    found = main_colours(dots(colours, [200, 3000, 900], noise=0.02), 3)
    wanted = torch.tensor([colours[1], colours[2], colours[0]])
    torch.testing.assert_close(found, wanted, atol=0.03, rtol=0)


def test_a_picture_of_fewer_colours_gives_those_exactly():
    found = main_colours(dots([[0.2, 0.4, 0.6], [1, 1, 1]], [60, 40]), 16)
    torch.testing.assert_close(found, torch.tensor([[0.2, 0.4, 0.6], [1, 1, 1]]))
    assert main_colours(torch.zeros(1, 3, 2, 2), 5).tolist() == [[0, 0, 0]]


def test_main_colours_are_always_the_same_and_leave_the_random_numbers_alone():
    image = torch.rand(1, 3, 150, 150, generator=torch.Generator().manual_seed(5))
    torch.manual_seed(7)
    wanted = torch.rand(1)
    torch.manual_seed(7)
    first, second = main_colours(image, 12), main_colours(image, 12)
    assert torch.equal(first, second)
    assert torch.equal(torch.rand(1), wanted)
    assert first.shape == (12, 3)
    assert first.min() >= 0
    assert first.max() <= 1


def test_more_colours_serve_a_picture_better():
    hues = [colorsys.hsv_to_rgb(i / 1200, 0.8, 0.4 + 0.5 * (i % 7) / 7) for i in range(1200)]
    image = dots(hues, [1] * 1200)
    served = [distance(image, main_colours(image, k), metric()).item() for k in (1, 4, 16)]
    assert served[0] > 2 * served[1] > 4 * served[2]
