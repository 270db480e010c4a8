import pytest
import torch

from mutoscope.dissolve import dissolve


def noise(seed):
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(seed)) * 0.4 + 0.3


def test_it_begins_and_ends_as_the_two_pictures():
    one, other = noise(0), noise(1)
    assert torch.allclose(dissolve(one, other, 0.0), one, atol=1e-6)
    assert torch.equal(dissolve(one, other, 1.0), other)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_halfway_nothing_has_paled(share):
    one, other = noise(0), noise(1)
    plain = torch.lerp(one, other, share)
    assert float(plain.std()) < 0.82 * float(one.std())
    assert float(dissolve(one, other, share).std()) == pytest.approx(float(one.std()), rel=0.05)


def test_large_shapes_go_over_as_they_do_in_a_plain_mean():
    one, other = torch.full((1, 3, 32, 48), 0.2), torch.full((1, 3, 32, 48), 0.8)
    assert torch.allclose(dissolve(one, other, 0.5), torch.full_like(one, 0.5), atol=1e-6)


def test_what_is_alike_stays():
    assert torch.allclose(dissolve(noise(0), noise(0), 0.3), noise(0), atol=1e-6)


def test_it_stays_in_range():
    one = (noise(0) > 0.5).float()
    mixed = dissolve(one, (noise(1) > 0.5).float(), 0.5)
    assert float(mixed.min()) >= 0
    assert float(mixed.max()) <= 1
