"""Products with fewer bits: near the exact ones, both ways, and the same each time."""

import pytest
import torch
from torch.nn.functional import cosine_similarity, linear

from mutoscope.perceptors import lowered
from mutoscope.perceptors.clip_block import Affine
from mutoscope.perceptors.lowered import Bf16, Int8, rounded

NEAR = {Int8: 0.9999, Bf16: 0.99998}


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def both_ways(layer, x, pull):
    leaf = x.clone().requires_grad_()
    y = layer(leaf)
    y.backward(pull)
    return y.detach(), leaf.grad


def cosine(a, b):
    return cosine_similarity(a.flatten().double(), b.flatten().double(), dim=0)


@pytest.mark.parametrize("kind", NEAR)
def test_both_ways_are_near_the_exact_product(kind):
    weight, bias = numbers(96, 64) / 8, numbers(96, seed=1)
    # Rows of very different scales: each is rounded by its own.
    x = numbers(2, 5, 64, seed=2) * torch.tensor([1e-6, 1e-3, 1, 10, 1e4]).view(1, 5, 1)
    pull = numbers(2, 5, 96, seed=3) * torch.tensor([1e3, 1, 1e-4, 1e-8, 1]).view(1, 5, 1)
    exact = both_ways(lambda leaf: linear(leaf, weight, bias), x, pull)
    ours = both_ways(kind(weight, bias), x, pull)
    for made, wanted in zip(ours, exact, strict=True):
        assert made.dtype == torch.float32
        assert made.shape == wanted.shape
        rows = cosine_similarity(made.flatten(0, 1), wanted.flatten(0, 1), dim=1)
        assert rows.min() > NEAR[kind]
        assert not torch.equal(made, wanted)


def test_eight_bits_are_used_to_the_full_and_halves_are_the_most_they_are_off_by():
    x = numbers(7, 300) * torch.logspace(-9, 9, 7).view(7, 1)
    q, scale = rounded(x)
    assert q.dtype == torch.int8
    assert (q.abs().amax(1) == 127).all()
    assert ((q * scale - x).abs() <= 0.5001 * scale).all()


def test_a_row_of_zeros_stays_zero():
    layer = Int8(numbers(8, 16), torch.zeros(8))
    assert torch.equal(layer(torch.zeros(3, 16)), torch.zeros(3, 8))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_not_lost(bad):
    x = numbers(3, 16)
    x[1, 4] = bad
    y = Int8(numbers(8, 16), numbers(8))(x)
    assert not y[1].isfinite().any()
    assert y[[0, 2]].isfinite().all()


def test_both_products_of_integers_are_one(monkeypatch):
    weight, bias, x, pull = numbers(48, 64), numbers(48), numbers(9, 64, seed=4), numbers(9, 48)
    quick = both_ways(Int8(weight, bias), x, pull)
    monkeypatch.setattr(lowered, "_pack", lambda _weight: None)
    plain = both_ways(Int8(weight, bias), x, pull)
    for one, other in zip(quick, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_a_processor_that_sums_with_saturation_is_known(monkeypatch):
    def saturating(one, other):
        return (one.long() @ other.long()).clamp(-(2**15), 2**15 - 1).int()

    monkeypatch.setattr(torch, "_int_mm", saturating)
    assert not lowered.sums_are_exact.__wrapped__()


def test_a_part_of_the_outputs_is_that_of_all():
    affine = Affine(numbers(48, 64), numbers(48))
    x = numbers(5, 64, seed=5)
    for precision in ("float32", "int8"):
        affine.multiply_with(precision)
        torch.testing.assert_close(affine(x, 16, 32), affine(x)[:, 16:32])
        torch.testing.assert_close(affine(x, 32), affine(x)[:, 32:])


def test_the_way_back_to_float32_leaves_nothing_behind():
    affine = Affine(numbers(48, 64), numbers(48))
    x = numbers(5, 64)
    exact = affine(x)
    affine.multiply_with("int8")
    assert not torch.equal(affine(x), exact)
    assert len(affine.lowered) == 1
    affine.multiply_with("float32")
    assert torch.equal(affine(x), exact)
    assert len(affine.lowered) == 0
