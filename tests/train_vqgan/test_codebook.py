import torch

from mutoscope.paint import rng_for
from mutoscope.train_vqgan.codebook import Averages, choose, gather, k_means


def clusters(count=8, each=50, spread=0.01):
    rng = rng_for(0, "clusters")
    centres = torch.randn(count, 3, generator=rng) * 5
    noise = torch.randn(count * each, 3, generator=rng) * spread
    return centres, centres.repeat_interleave(each, 0) + noise


def test_choosing_is_the_nearest():
    rng = rng_for(0, "choose")
    features, codes = torch.randn(9000, 3, generator=rng), torch.randn(20, 3, generator=rng)
    assert choose(features, codes).equal(torch.cdist(features, codes).argmin(dim=1))


def test_gathering_counts_and_sums():
    features = torch.tensor([[1.0, 0], [2, 0], [0, 5]])
    counts, sums = gather(features, torch.tensor([2, 2, 0]), 4)
    assert counts.tolist() == [1, 0, 2, 0]
    assert sums.tolist() == [[0, 5], [0, 0], [3, 0], [0, 0]]


def test_means_lie_among_what_they_are_means_of():
    centres, features = clusters()
    codes = k_means(features, 32, rng_for(0, 0))
    # Every cluster has a code at its place, since there are four for each.
    assert torch.cdist(centres, codes).min(dim=1).values.max() < 0.1
    assert codes.equal(k_means(features, 32, rng_for(0, 0)))


def test_there_may_be_fewer_features_than_means():
    codes = k_means(torch.randn(5, 3, generator=rng_for(0, 1)), 16, rng_for(0, 0))
    assert codes.shape == (16, 3)
    assert codes.isfinite().all()


def test_unused_codes_come_back():
    _, features = clusters()
    codes = torch.full((16, 3), 100.0)
    codes[0] = 0.0
    book = Averages(codes)
    book.counts.fill_(1.0)
    book.sums.copy_(codes)
    before = len(choose(features, codes).unique())
    for step in range(600):
        used = book.follow(features, choose(features, codes), rng_for(0, step))
    assert before == 1
    assert len(choose(features, codes).unique()) >= 8
    assert used > 7


def test_codes_follow_what_chooses_them():
    features = torch.randn(64, 3, generator=rng_for(0, 2)) * 0.1 + torch.tensor([4.0, 0, 0])
    codes = torch.tensor([[3.0, 0, 0]])
    book = Averages(codes)
    book.counts.fill_(64.0)
    book.sums.copy_(codes * 64)
    for step in range(500):
        book.follow(features, choose(features, codes), rng_for(0, step))
    torch.testing.assert_close(codes[0], features.mean(dim=0), atol=0.02, rtol=0)


def test_beginning_makes_all_codes_features_of_now():
    _, features = clusters()
    codes = torch.zeros(16, 3)
    book = Averages(codes)
    book.begin(features, rng_for(0, 0))
    assert (codes - k_means(features, 16, rng_for(0, 0))).abs().max() == 0
    torch.testing.assert_close(book.sums / book.counts[:, None], codes)
