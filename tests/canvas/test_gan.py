import copy

import pytest
import torch

from mutoscope.canvas.gan import GanCanvas
from mutoscope.gan.generator import Generator
from mutoscope.gan.search import REACH
from mutoscope.gan.shape import Shape

pytestmark = pytest.mark.usefixtures("single_thread")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=[1, 3])
def model(request):
    shape = Shape(size=32, channels=request.param, z=16, w=16, cbase=256, cmax=16, mapping_layers=2)
    made = Generator(shape, rng(1)).requires_grad_(False)
    made.track(made.map(torch.randn(500, 16, generator=rng(2))))
    return made


def drawn(model, seed):
    """A picture that the generator can draw."""
    z = torch.randn(1, 16, generator=rng(seed))
    image = model.synthesise(model.truncate(model.map(z), 0.7))
    return ((image.expand(-1, 3, -1, -1) + 1) / 2).clamp(0, 1)


def test_it_starts_as_a_sample_and_draws_colours_in_range(model):
    one, same, other = (GanCanvas(model, generator=rng(seed)) for seed in (3, 3, 4))
    assert one.size == (32, 32)
    assert one.image().shape == (1, 3, 32, 32)
    assert torch.equal(one.image(), same.image())
    assert not torch.equal(one.image(), other.image())
    mean = GanCanvas(model, generator=rng(3), truncation=0)
    assert torch.allclose(mean.styles[0, 0], model.mean)


def test_steps_follow_the_gradient_through_the_generator_and_leave_it_alone(model):
    canvas, weights = GanCanvas(model, generator=rng()), copy.deepcopy(model.state_dict())
    wanted = drawn(model, 9)
    optimizer = torch.optim.Adam(canvas.parameters(), lr=canvas.lr)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = (canvas() - wanted).square().mean()
        loss.backward()
        optimizer.step()
        canvas.constrain()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert [name for name, _ in canvas.named_parameters()] == ["away"]


def test_encode_comes_near_a_picture_that_the_generator_can_draw(model):
    canvas, wanted = GanCanvas(model, generator=rng()), drawn(model, 9)
    before = float((canvas.image() - wanted).square().mean())
    canvas.encode(wanted)
    after = float((canvas.image() - wanted).square().mean())
    assert after < 0.2 * before
    assert torch.equal(canvas.image(), canvas.image())


def test_styles_stay_where_the_generator_has_learned(model):
    canvas = GanCanvas(model, generator=rng())
    near = canvas.styles.detach().clone()
    canvas.constrain()
    assert torch.allclose(canvas.styles, near, atol=1e-6)
    with torch.no_grad():
        canvas.away.add_(100.0)
    canvas.constrain()
    away = canvas.away.square().mean(2).sqrt()
    assert torch.allclose(away, torch.full_like(away, REACH), rtol=1e-4)


def test_it_follows_a_move_from_where_it_is(model):
    canvas = GanCanvas(model, generator=rng(5))
    still = canvas.styles.detach().clone()
    canvas.move(lambda picture: picture)
    assert torch.equal(canvas.styles, still)
    wanted = torch.roll(canvas.image(), 1, dims=3)
    before = float((canvas.image() - wanted).square().mean())
    canvas.move(lambda picture: torch.roll(picture, 1, dims=3))
    assert float((canvas.image() - wanted).square().mean()) < before


def test_its_state_is_all_that_is_needed_and_a_copy_shares_the_generator(model):
    canvas, again = GanCanvas(model, generator=rng(5)), GanCanvas(model, generator=rng(6))
    again.load_state_dict(canvas.state_dict())
    assert torch.equal(again.image(), canvas.image())
    assert copy.deepcopy(canvas).model is model


def test_it_has_one_size(model):
    canvas = GanCanvas(model, generator=rng())
    canvas.grow((32, 32))
    with pytest.raises(ValueError, match="can't draw"):
        canvas.grow((64, 64))
