import torch

from mutoscope.vqgan import codebook
from mutoscope.vqgan.codebook import look_up, nearest_indices


def test_the_nearest_code_is_the_one_at_the_least_distance(monkeypatch):
    rng = torch.Generator().manual_seed(0)
    z, codes = torch.randn(2, 5, 4, 3, generator=rng), torch.randn(40, 5, generator=rng)
    distances = torch.cdist(z.permute(0, 2, 3, 1).reshape(-1, 5), codes)
    expected = distances.argmin(dim=1).view(2, 4, 3)
    assert torch.equal(nearest_indices(z, codes), expected)
    monkeypatch.setattr(codebook, "_BLOCK", 100)  # two cells at a time
    assert torch.equal(nearest_indices(z, codes), expected)


def test_a_code_is_its_own_nearest():
    codes = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    indices = torch.randperm(30).view(1, 5, 6)
    z = look_up(indices, codes)
    assert z.shape == (1, 4, 5, 6)
    assert torch.equal(z[0, :, 2, 3], codes[indices[0, 2, 3]])
    assert torch.equal(nearest_indices(z, codes), indices)


def test_of_two_equal_codes_the_first_is_taken():
    codes = torch.ones(4, 3)
    assert nearest_indices(torch.zeros(1, 3, 2, 2), codes).eq(0).all()
