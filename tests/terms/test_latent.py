import pytest
import torch
from torch import nn

from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.look import weigh
from mutoscope.terms.latent import HoldLatent, NearStart
from mutoscope.terms.masks import Still
from mutoscope.vqgan import Architecture, new_vqgan


class Grid(nn.Module):
    """A raster of two channels for squares of four pixels; its codes are the whole numbers."""

    size = (24, 16)

    def __init__(self, value=0.0, start=0.0):
        super().__init__()
        self.latent = nn.Parameter(torch.full((1, 2, 4, 6), value))
        self.origin = torch.full((1, 2, 4, 6), start)
        self.encoded = 0

    @property
    def quantised(self):
        return self.latent.detach().round() + (self.latent - self.latent.detach())

    def latent_of(self, image):
        self.encoded += 1
        mean = image.mean(1, keepdim=True)
        return nn.functional.avg_pool2d(mean, 4).mul(10).round().expand(-1, 2, -1, -1)

    def forward(self):
        return torch.full((1, 3, 16, 24), 0.5)


def plain(value, size=(24, 16)):
    return torch.full((1, 3, size[1], size[0]), value)


@pytest.fixture(scope="module")
def vqgan():
    """A canvas on a small model of random weights, f = 4."""
    architecture = Architecture(
        kind="vq", embed_dim=8, n_embed=200, z_channels=8, ch=32, ch_mult=(1, 1, 1),
        num_res_blocks=1, attn_resolutions=(), resolution=16,
    )  # fmt: skip
    rng = torch.Generator().manual_seed(0)
    model = new_vqgan(architecture, generator=rng).requires_grad_(False).eval()
    model.codes.normal_(generator=rng)
    return lambda seed=0, size=(24, 16): VqganCanvas(
        size, model=model, generator=torch.Generator().manual_seed(seed)
    )


# --- hold ----------------------------------------------------------------------------------------


def test_it_is_half_the_codes_difference_and_a_tenth_of_the_colours(tools):
    look = tools.look_at(Grid(1.2), image=plain(0.5))
    # Codes are 1 here and 3 there; colours 0.5 and 0.3.
    expected = 2**2 / 2 + 0.2**2 / 10
    assert HoldLatent("x", plain(0.3))(look).item() == pytest.approx(expected)


def test_it_pulls_at_codes_and_at_the_picture(tools):
    canvas, image = Grid(1.2), plain(0.5).requires_grad_()
    HoldLatent("x", plain(0.3))(tools.look_at(canvas, image=image)).backward()
    # d mse/2 = off / n, at the codes' 1, not at the raster's 1.2
    assert torch.allclose(canvas.latent.grad, torch.full_like(canvas.latent, -2 / 48))
    assert torch.allclose(image.grad, torch.full_like(image, 0.2 * 2 / 10 / image.numel()))


def test_weight_and_stop_are_those_of_every_term(tools):
    look = tools.look_at(Grid(1.2), image=plain(0.5))
    raw = HoldLatent("x", plain(0.3))(look).item()
    assert HoldLatent("x", plain(0.3), weight=lambda v: -3.0)(look).item() == pytest.approx(
        -3 * raw
    )
    for stop, pulls in ((raw - 0.01, True), (raw + 0.01, False)):
        canvas = Grid(1.2)
        HoldLatent("x", plain(0.3), stop=lambda v, s=stop: s)(
            tools.look_at(canvas, image=plain(0.5))
        ).backward()
        assert (canvas.latent.grad.abs().sum() > 0).item() is pulls
    idle = Grid()
    assert HoldLatent("x", plain(0.3), weight=lambda v: 0.0)(tools.look_at(idle)) == 0
    assert idle.encoded == 0


def test_a_mask_acts_on_codes_and_colours_and_the_means_stay_over_everything(tools):
    mask = torch.zeros(16, 24)
    mask[:, :8] = 1  # two squares of six
    canvas, image = Grid(1.2), plain(0.5).requires_grad_()
    look = tools.look_at(canvas, image=image)
    loss = HoldLatent("x", plain(0.3), mask=Still(mask))(look)
    loss.backward()
    whole = 2**2 / 2 + 0.2**2 / 10
    assert loss.item() == pytest.approx(whole / 3)
    assert image.grad[..., 8:].abs().max() == 0
    assert canvas.latent.grad[..., 2:].abs().max() == 0
    inverted = HoldLatent("x", plain(0.3), mask=Still(mask), inverted=True)(look)
    assert inverted.item() == pytest.approx(2 * whole / 3)


def test_the_target_is_encoded_once_for_each_size(tools):
    canvas, term = Grid(1.2), HoldLatent("x", plain(0.3, (50, 30)))
    for _ in range(3):
        term(tools.look_at(canvas, image=plain(0.5)))
    assert canvas.encoded == 1
    canvas.latent = nn.Parameter(torch.full((1, 2, 8, 12), 1.2))
    value = term(tools.look_at(canvas, image=plain(0.5, (48, 32))))
    assert canvas.encoded == 2
    assert value.item() == pytest.approx(2**2 / 2 + 0.2**2 / 10)


def test_it_is_zero_at_its_own_picture_and_descends_elsewhere(tools, vqgan):
    canvas = vqgan()
    canvas.encode(plain(0.4))
    term = HoldLatent("x", plain(0.4))
    values = weigh(tools.look_at(canvas, image=canvas.image()), [term])
    colours = (canvas.image() - 0.4).square().mean() / 10
    assert values["x"].item() == pytest.approx(colours.item())
    tools.assert_descends(term, vqgan(1), steps=12, lr=0.2)
    tools.assert_descends(
        HoldLatent("x", plain(0.4), weight=lambda v: -1.0), vqgan(1), steps=12, lr=0.2
    )


# --- near the start ------------------------------------------------------------------------------


def test_original_is_half_the_squared_distance_to_the_start(tools):
    canvas = Grid(1.2, start=0.2)
    term = NearStart("init", weight=lambda v: 3.0)
    loss = term(tools.look_at(canvas))
    assert loss.item() == pytest.approx(3 / 2)
    loss.backward()
    assert torch.allclose(canvas.latent.grad, torch.full_like(canvas.latent, 3 / 48))


def test_decay_pulls_to_zero_ever_less(tools):
    term = NearStart("init", method="decay", weight=lambda v: 2.0)
    losses = [term(tools.look_at(Grid(1.0, start=9.0), step=step)).item() for step in range(4)]
    assert losses[2] == pytest.approx(1 / 7)  # the third step
    assert losses == pytest.approx([1 / 3, 1 / 5, 1 / 7, 1 / 9])


def test_both_descend_on_the_canvas(tools, vqgan):
    away = vqgan()
    with torch.no_grad():
        away.latent.add_(0.5)
    tools.assert_descends(NearStart("init"), away)
    tools.assert_descends(NearStart("init", method="decay"), vqgan())


def test_it_begins_anew_where_the_raster_does(tools, vqgan):
    canvas, term = vqgan(), NearStart("init")

    def away():
        with torch.no_grad():
            canvas.latent.add_(0.3)
        return term(tools.look_at(canvas)).item()

    assert term(tools.look_at(canvas)).item() == 0
    assert away() == pytest.approx(0.09 / 2, rel=1e-5)
    for change in (lambda: canvas.grow((32, 24)), lambda: canvas.encode(plain(0.4))):
        change()
        assert term(tools.look_at(canvas)).item() == 0
        assert away() == pytest.approx(0.09 / 2, rel=1e-5)


def test_weight_zero_is_nothing(tools):
    canvas = Grid(1.0)
    values = weigh(tools.look_at(canvas), [NearStart("init", weight=lambda v: 0.0)])
    assert values["init"] == 0
    assert canvas.latent.grad is None
