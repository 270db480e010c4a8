"""A VQGAN's canvas, on small models of random weights."""

import copy

import pytest
import torch

from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.cutouts import Cutouts
from mutoscope.descent import Descent
from mutoscope.paint import animate
from mutoscope.perceptors.tiny import Tiny
from mutoscope.schedule import Schedule
from mutoscope.terms.toward import Toward
from mutoscope.vqgan import Architecture, new_vqgan

pytestmark = pytest.mark.usefixtures("single_thread")

KINDS = ("vq", "gumbel")


class Rolled:
    """A warp that rolls a picture by three pixels."""

    anew = None

    def __call__(self, raster):
        return raster.roll(3, 3)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def small_model(kind="vq", seed=0):
    """f = 4, eight channels, forty codes that are far enough apart to look different."""
    architecture = Architecture(
        kind=kind, embed_dim=8, n_embed=40, z_channels=8, ch=32, ch_mult=(1, 1, 1),
        num_res_blocks=1, attn_resolutions=(4,), resolution=16,
    )  # fmt: skip
    model = new_vqgan(architecture, generator=rng(seed)).requires_grad_(False).eval()
    model.codes.normal_(generator=rng(seed + 1))
    for last in (model.decoder.conv_out, model.quant_conv):
        last.weight.mul_(6)  # fresh weights draw nearly grey, and encode all as one
    return model


@pytest.fixture(scope="module")
def model():
    return small_model()


def canvas(model, size=(24, 16), seed=0, **options):
    return VqganCanvas(size, model=model, generator=rng(seed), **options)


def picture(width=24, height=16, seed=1):
    return torch.rand(1, 3, height, width, generator=rng(seed))


def set_latent(drawn, value):
    with torch.no_grad():
        drawn.latent.fill_(value)


def codes_only(model, latent):
    """Whether every cell is one of the codes, to the bit."""
    cells = latent.permute(0, 2, 3, 1).reshape(-1, 1, model.channels)
    return bool((cells == model.codes).all(2).any(1).all())


# --- drawing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_it_starts_as_codes_from_its_generator(kind):
    model = small_model(kind)
    one, same, other = (canvas(model, seed=seed) for seed in (0, 0, 1))
    assert one.latent.shape == (1, 8, 4, 6)
    assert codes_only(model, one.latent)
    assert len(one.latent[0].flatten(1).unique(dim=1).T) > 10
    assert torch.equal(one.latent, same.latent)
    assert not torch.equal(one.latent, other.latent)


@pytest.mark.parametrize("kind", KINDS)
def test_it_draws_what_the_contract_says(kind):
    model = small_model(kind)
    drawn = canvas(model)()
    assert drawn.shape == (1, 3, 16, 24)
    assert drawn.dtype == torch.float32
    assert 0 <= drawn.min() < drawn.max() <= 1
    shown = canvas(model).image()
    assert torch.equal(shown, model.decode(canvas(model).latent.detach()).clamp(0, 1))
    assert torch.allclose(shown, drawn, atol=1e-5)  # rounded otherwise where nothing is learnt
    assert shown.is_contiguous()
    assert not canvas(model).image().requires_grad


def test_rates_are_those_that_suit_each_kind():
    assert [canvas(small_model(kind)).lr for kind in KINDS] == [0.1, 0.15]


@pytest.mark.parametrize("size", [(22, 16), (24, 15), (0, 16), (2, 2)])
def test_sizes_that_are_no_squares_are_refused(model, size):
    with pytest.raises(ValueError, match="multiples of 4"):
        canvas(model, size)
    drawn = canvas(model)
    with pytest.raises(ValueError, match="multiples of 4"):
        drawn.grow(size)
    assert drawn().shape == (1, 3, 16, 24)


def test_the_gradient_passes_the_codes_as_if_they_were_not_there(model):
    drawn = canvas(model)
    with torch.no_grad():
        drawn.latent.add_(torch.randn(drawn.latent.shape, generator=rng(3)) * 0.1)
    pull = torch.randn(1, 3, 16, 24, generator=rng(4))
    drawn().backward(pull)

    codes = model.nearest(drawn.latent).requires_grad_()
    assert not torch.equal(codes, drawn.latent)
    shown = model.decode(codes)
    # The clamp's own rule: outside, only what leads back in.
    pull = pull * (pull * (shown - shown.clamp(0, 1)) >= 0)
    shown.backward(pull)
    assert torch.allclose(drawn.latent.grad, codes.grad, atol=1e-6)
    assert all(p.grad is None for p in model.parameters())


def test_what_terms_see_of_the_codes_is_what_was_drawn_with_the_raster_s_gradient(model):
    drawn = canvas(model)
    with torch.no_grad():
        drawn.latent.add_(0.05)
    drawn()
    quantised = drawn.quantised
    assert torch.equal(quantised, model.nearest(drawn.latent))
    (quantised * 3).sum().backward()
    assert torch.equal(drawn.latent.grad, torch.full_like(drawn.latent, 3))


def test_codes_are_looked_up_once_a_step_and_never_left_from_another_raster(model, monkeypatch):
    drawn, asked = canvas(model), []
    nearest = model.nearest
    monkeypatch.setattr(model, "nearest", lambda z: asked.append(1) or nearest(z))
    drawn()
    for _ in range(3):
        drawn.quantised  # noqa: B018
    assert len(asked) == 1

    def changed(change):
        drawn()
        change()
        return torch.equal(drawn.quantised, nearest(drawn.latent))

    other = canvas(model, seed=5)
    assert changed(lambda: drawn.encode(picture()))
    assert changed(lambda: drawn.load_state_dict(other.state_dict()))
    assert changed(lambda: drawn.grow((16, 16)))
    assert changed(lambda: (set_latent(drawn, 0.7), drawn.constrain()))
    set_latent(drawn, -0.7)  # by an optimiser, say, and nobody told
    drawn()
    assert torch.equal(drawn.quantised, nearest(drawn.latent))


# --- the running average -------------------------------------------------------------------------


def test_the_average_is_without_bias(model):
    drawn = canvas(model)
    set_latent(drawn, 1.0)
    drawn.average.fill_(1.0)
    assert drawn.average.mean().item() == 1.0
    set_latent(drawn, 2.0)
    drawn.constrain()
    assert drawn.average.mean().item() == pytest.approx(1.50252, abs=1e-5)


def test_the_average_is_that_of_the_formula_after_many_steps(model):
    drawn = canvas(model)
    start = drawn.latent.detach().clone()
    biased, left = 0.01 * start.double(), 0.99
    for step in range(300):
        latent = start * (1 + step / 100)
        with torch.no_grad():
            drawn.latent.copy_(latent)
        drawn.constrain()
        biased, left = 0.99 * biased + 0.01 * latent.double(), 0.99 * left
    assert torch.allclose(drawn.average.double(), biased / (1 - left), rtol=1e-4)


def test_the_average_is_what_is_shown_with_codes_in_its_place(model):
    drawn = canvas(model)
    before = drawn.image()
    with torch.no_grad():
        drawn.latent.copy_(canvas(model, seed=1).latent)
    assert torch.equal(drawn.image(), before)
    for _ in range(3):
        drawn.constrain()
    assert not codes_only(model, drawn.average)
    shown = model.decode(model.nearest(drawn.average)).clamp(0, 1)
    assert torch.equal(drawn.image(), shown)
    assert not torch.equal(drawn.image(), before)


def test_the_average_begins_anew_with_every_new_raster(model):
    def restarts(change):
        drawn = canvas(model)
        for value in (1.0, 2.0, 3.0):
            set_latent(drawn, value)
            drawn.constrain()
        change(drawn)
        assert torch.equal(drawn.average, drawn.latent)
        start = drawn.latent.detach().clone()
        with torch.no_grad():
            drawn.latent.add_(1)
        drawn.constrain()
        expected = start + 0.01 / (0.01 + 0.99 * 0.01)
        return torch.allclose(drawn.average, expected, atol=1e-5)

    assert restarts(lambda drawn: drawn.encode(picture()))
    assert restarts(lambda drawn: drawn.move(lambda raster: raster.flip(3)))
    assert restarts(lambda drawn: drawn.grow((32, 32)))


def test_what_is_shown_can_be_painted_over_by_whoever_asked(model):
    drawn = canvas(model)
    before = drawn.image().clone()
    drawn.image().zero_()
    assert torch.equal(drawn.image(), before)


def test_showing_draws_once_until_something_changes(model, monkeypatch):
    drawn, decodes = canvas(model), []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z: decodes.append(1) or decode(z))
    for _ in range(3):
        drawn.image()
    assert len(decodes) == 1
    drawn.constrain()
    drawn.image()
    assert len(decodes) == 2
    drawn.load_state_dict(canvas(model, seed=9).state_dict())
    assert torch.equal(drawn.image(), canvas(model, seed=9).image())


def test_clamping_keeps_each_channel_within_the_codes(model):
    free, bound = canvas(model), canvas(model, clamp_codes=True)
    for drawn in (free, bound):
        set_latent(drawn, 50.0)
        drawn.constrain()
    assert free.latent.min() == 50
    assert torch.equal(bound.latent[0, :, 0, 0], model.codes.max(0).values)
    assert bound.average.max() < 50
    set_latent(bound, -50.0)
    bound.constrain()
    assert torch.equal(bound.latent[0, :, 2, 3], model.codes.min(0).values)


# --- becoming a picture --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_gives_the_codes_of_the_picture_always_the_same(kind):
    model = small_model(kind)
    image = picture()
    one, other = canvas(model), canvas(model, seed=1)
    parameter = one.latent
    one.encode(image)
    other.encode(image)
    assert one.latent is parameter
    assert codes_only(model, one.latent)
    assert torch.equal(one.latent, model.encode(image))
    assert torch.equal(one.latent, other.latent)
    assert torch.equal(one.image(), model.decode(model.encode(image)).clamp(0, 1))
    one.encode(picture(seed=2))
    assert not torch.equal(one.latent, other.latent)


def test_pictures_of_other_sizes_are_resized(model):
    drawn = canvas(model)
    plain = torch.full((1, 3, 50, 70), 0.3)
    drawn.encode(plain)
    assert torch.equal(drawn.latent, model.encode(plain[..., :16, :24]))
    assert drawn.latent_of(picture(31, 17)).shape == drawn.latent.shape


def test_moving_encodes_what_the_warp_makes_of_the_shown_picture(model):
    drawn = canvas(model)
    for value in (0.4, 0.5):
        set_latent(drawn, value)
        drawn.constrain()
    expected = model.encode(drawn.image().flip(3))
    drawn.move(lambda raster: raster.flip(3))
    assert torch.equal(drawn.latent, expected)


def test_no_motion_changes_nothing(model):
    drawn = canvas(model)
    set_latent(drawn, 0.4)
    drawn.constrain()
    before = {name: value.clone() for name, value in drawn.state_dict().items()}
    drawn.move(lambda raster: raster)
    assert all(torch.equal(value, before[name]) for name, value in drawn.state_dict().items())


# --- growing -------------------------------------------------------------------------------------


def test_growing_goes_on_from_the_shown_picture_on_a_new_parameter(model):
    drawn = canvas(model)
    set_latent(drawn, 0.4)
    drawn.constrain()
    shown, before = drawn.image(), drawn.latent
    drawn.grow((48, 32))
    assert drawn.size == (48, 32)
    assert drawn().shape == drawn.image().shape == (1, 3, 32, 48)
    assert drawn.latent is not before
    assert isinstance(drawn.latent, torch.nn.Parameter)
    assert [p.shape for p in drawn.parameters()] == [(1, 8, 8, 12)]
    assert torch.equal(drawn.latent, drawn.latent_of(shown))
    drawn().sum().backward()
    assert drawn.latent.grad.abs().sum() > 0


def test_growing_to_its_own_size_changes_nothing(model):
    drawn = canvas(model)
    before, parameter = drawn.latent.detach().clone(), drawn.latent
    drawn.grow((24, 16))
    assert drawn.latent is parameter
    assert torch.equal(drawn.latent, before)


def test_what_has_grown_takes_the_state_of_what_is_as_large(model):
    grown, large = canvas(model), canvas(model, (48, 32), seed=3)
    grown.grow((48, 32))
    grown.load_state_dict(large.state_dict())
    assert torch.equal(grown(), large())
    assert torch.equal(grown.image(), large.image())


# --- the model is shared -------------------------------------------------------------------------


def test_the_model_is_no_part_of_it(model):
    drawn = canvas(model)
    assert [name for name, _ in drawn.named_parameters()] == ["latent"]
    state = drawn.state_dict()
    assert set(state) == {"latent", "average", "origin", "seen"}
    assert sum(value.numel() for value in state.values()) == 3 * drawn.latent.numel() + 1
    assert list(drawn.modules()) == [drawn]


def test_a_copy_shares_the_model_and_nothing_else(model):
    drawn = canvas(model)
    drawn()
    drawn.image()
    clone = copy.deepcopy(drawn)
    assert clone.model is model
    assert torch.equal(clone(), drawn())
    set_latent(clone, 0.4)
    clone.constrain()
    assert not torch.equal(clone.image(), drawn.image())
    assert torch.equal(drawn.image(), canvas(model).image())


def test_the_model_goes_along(model):
    mine = copy.deepcopy(model)
    drawn = canvas(mine, clamp_codes=True)
    drawn.image()
    drawn.double()
    assert {t.dtype for t in [*mine.parameters(), drawn.average, drawn.low]} == {torch.float64}
    assert drawn.image().dtype == drawn().dtype == torch.float64
    drawn.encode(picture())
    drawn.to("meta")
    assert {p.device.type for p in mine.parameters()} == {"meta"}


# --- painting ------------------------------------------------------------------------------------


def test_it_descends_to_a_picture(model):
    drawn, wanted = canvas(model), canvas(model, seed=7).image()
    descent = torch.optim.Adam(drawn.parameters(), lr=drawn.lr)

    def off():
        return (drawn() - wanted).square().mean()

    before = off().item()
    for _ in range(60):
        descent.zero_grad()
        off().backward()
        descent.step()
        drawn.constrain()
    assert off().item() < 0.6 * before
    assert (drawn.image() - wanted).square().mean().item() < 0.85 * before  # it lags behind


RUNS = {
    "still": {},
    "film": {"animated": True, "steps_per_frame": 2, "pre_animation_steps": 2},
    "growing": {"stages": 2},
    "bound": {},
}


@pytest.mark.parametrize(("run", "kind"), [*((run, "vq") for run in RUNS), ("film", "gumbel")])
def test_a_resumed_run_is_the_run_that_never_stopped(run, kind):
    model = small_model(kind)
    eye = Tiny(16)
    term = Toward("fox", {eye: eye.embed_text(["fox"])})
    schedule = Schedule(scenes=1, steps_per_scene=6, display_every=1, **RUNS[run])
    sizes = ((24, 16), (32, 24)) if run == "growing" else ()

    def paint(resume=None):
        return list(
            animate(
                canvas(model, clamp_codes=run == "bound"), schedule, lambda shot: [term],
                Cutouts(2), motion=lambda image, shot: Rolled(),
                sizes=sizes, descent=Descent(), seed=3, resume=resume,
            )
        )  # fmt: skip

    whole = paint()
    assert len(whole) == 6
    assert len({frame.records[0]["fox"] for frame in whole}) == 6
    for index, frame in enumerate(whole):
        for one, other in zip(whole[index + 1 :], paint(frame.state), strict=True):
            assert one.records == other.records
            assert torch.equal(one.image, other.image)
            assert one.state.tensors.keys() == other.state.tensors.keys()
            for name, value in one.state.tensors.items():
                assert torch.equal(value, other.state.tensors[name]), name


def test_a_step_draws_once_and_a_frame_once_more(model, monkeypatch):
    eye, decodes = Tiny(16), []
    decode = model.decode
    monkeypatch.setattr(model, "decode", lambda z: decodes.append(1) or decode(z))
    term = Toward("fox", {eye: eye.embed_text(["fox"])})
    schedule = Schedule(scenes=1, steps_per_scene=6, animated=True, steps_per_frame=2, save_every=2)
    frames = list(
        animate(
            canvas(model), schedule, lambda shot: [term], Cutouts(2),
            motion=lambda image, shot: Rolled(),
        )
    )  # fmt: skip
    assert len(frames) == 3
    assert len(decodes) == 6 + 3
