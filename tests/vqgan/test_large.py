"""Large pictures in pieces: the same picture and the same gradient as in one."""

import pytest
import torch

from mutoscope.plan import counting_saved
from mutoscope.vqgan import large
from mutoscope.vqgan.large import kept_bytes, laid_by_bytes
from mutoscope.vqgan.layers import Convolution, Norm
from mutoscope.vqgan.spacious import lies_in_a_file

pytestmark = pytest.mark.usefixtures("single_thread")

# Levels, what enlarges them, rings (x, y): all that decides how far a piece must see, and where.
KINDS = [
    ({"ch_mult": (1, 1)}, (True, True)),
    ({"resamp_with_conv": False, "attn_resolutions": (8,)}, (True, False)),
    ({"attn_resolutions": ()}, (False, False)),
]


def rng(seed):
    return torch.Generator().manual_seed(seed)


def drawn(model, z, weights):
    """A picture, and the gradient of a sum that weighs each of its numbers otherwise."""
    z = z.clone().requires_grad_()
    picture = model.decode(z)
    # Squared, so that what every pixel shares has a gradient as well.
    (gradient,) = torch.autograd.grad((weights * picture.square()).sum(), z)
    return picture.detach(), gradient


@pytest.mark.parametrize(("changes", "wrap"), KINDS)
def test_a_picture_in_pieces_is_the_picture_and_so_is_its_gradient(make, changes, wrap):
    # In double precision, so that nothing but a fault can make a difference.
    model = make(**changes).double()
    model.wrap = wrap
    z = torch.randn(1, 16, 4, 5, generator=rng(3)).double()
    weights = torch.rand(1, 3, 4 * model.f, 5 * model.f, generator=rng(4)).double()
    whole = drawn(model, z, weights)
    model.piece = 3 * model.f
    pieces = drawn(model, z, weights)
    for one, other in zip(pieces, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)
    with torch.no_grad():
        torch.testing.assert_close(model.decode(z), whole[0], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(("changes", "wrap"), KINDS)
def test_a_picture_is_read_in_pieces_as_it_is_in_one(make, changes, wrap):
    model = make(**changes).double()
    model.wrap = wrap
    image = torch.rand(1, 3, 4 * model.f, 5 * model.f, generator=rng(3)).double()

    def read():
        x = image.clone().requires_grad_()
        features = model.features(x)
        return features.detach(), torch.autograd.grad(features.square().sum(), x)[0]

    whole = read()
    model.piece = 3 * model.f
    for one, other in zip(read(), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)


def test_in_single_precision_only_rounding_makes_a_difference(make):
    model = make()
    z = torch.randn(1, 16, 8, 8, generator=rng(3))
    weights = torch.rand(1, 3, 32, 32, generator=rng(4))
    whole = drawn(model, z, weights)
    model.piece = 16
    pieces = drawn(model, z, weights)
    assert (pieces[0] - whole[0]).abs().max() < 1e-4
    assert (pieces[1] - whole[1]).norm() < 1e-4 * whole[1].norm()


def test_pieces_with_statistics_of_their_own_would_differ(make):
    """What the test above would not see, were the network such that they did not matter."""
    model = make()
    z = torch.randn(1, 16, 16, 16, generator=rng(3))
    z[..., 8:] *= 4
    whole = model.decode(z)
    alone = model.decode(z[..., :8])
    assert (alone - whole[..., :32])[..., :16].abs().max() > 0.05


def test_between_the_way_forth_and_the_way_back_only_what_is_told_is_kept(make):
    model = make()
    z = torch.randn(1, 16, 16, 16, generator=rng(3)).requires_grad_()
    kept = []
    for piece in (None, 32, 16):
        model.piece = piece
        with counting_saved(model) as counted:
            model.decode(z)
        kept.append(counted[0])
    between = laid_by_bytes(model.decoder) // 2 * 16 * 16  # without its gradient
    assert kept[1] == kept[2]  # whatever the pieces
    assert between < kept[1] <= between + kept_bytes(model.decoder) * 16 * 16
    assert kept[1] < kept[0] / 4


def test_what_lies_in_files_makes_no_difference(make, monkeypatch):
    model = make(attn_resolutions=())
    model.wrap, model.piece = (True, False), 16
    z = torch.randn(1, 16, 8, 8, generator=rng(3))
    weights = torch.rand(1, 3, 32, 32, generator=rng(4))
    in_memory = drawn(model, z, weights)
    made = []

    def watched(x):
        made.append(lies_in_a_file(x))
        return made[-1]

    monkeypatch.setattr("mutoscope.vqgan.spacious.ENOUGH", 1)
    monkeypatch.setattr("mutoscope.vqgan.pieces.lies_in_a_file", watched)
    in_files = drawn(model, z, weights)
    assert any(made)
    for one, other in zip(in_files, in_memory, strict=True):
        assert torch.equal(one, other)


def test_afterwards_the_model_is_as_it_was(make):
    model = make()
    model.wrap, model.piece = (True, False), 8
    model.decode(torch.randn(1, 16, 4, 4, generator=rng(3)))
    for module in model.modules():
        if isinstance(module, Norm):
            assert module.given is None
        if isinstance(module, Convolution):
            assert module.wrap == (True, False)


def test_a_batch_and_a_network_that_learns_are_worked_through_whole(make, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("in pieces")

    monkeypatch.setattr("mutoscope.vqgan.model.draw", refuse)
    model = make()
    model.piece = 8
    assert model.decode(torch.zeros(2, 16, 4, 4)).shape == (2, 3, 16, 16)
    learning = make(frozen=False)
    learning.piece = 8
    assert learning.decode(torch.zeros(1, 16, 4, 4)).requires_grad
    with pytest.raises(AssertionError, match="in pieces"):
        model.decode(torch.zeros(1, 16, 4, 4))


def test_a_piece_sees_as_far_as_what_it_makes_depends_on(make):
    """By what a change of one cell changes: as far as it is said, and no farther."""
    model = make().double()
    layers = model.decoder.layers()
    part = large._part(layers[large._after_last_attention(layers) :])
    for layer in part.layers:
        for module in layer.modules():
            if isinstance(module, Norm):
                module.given = lambda _norm, x: x  # norms see everything
    x = torch.zeros(1, 64, 64, 1).double()
    changed = x.clone()
    changed[:, :, 32] = 1
    rows = (part(changed) - part(x)).abs().amax((0, 1, 3)).nonzero()[:, 0]
    first, last = (int(row) // int(part.scale) for row in (rows[0], rows[-1]))
    assert 32 - part.reach <= first <= last <= 32 + part.reach
    assert last - first >= 2 * part.reach - 2
