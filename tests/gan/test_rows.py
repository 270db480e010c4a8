"""A row has its own random numbers, whoever goes through with it."""

import itertools

import pytest
import torch

from mutoscope.gan.rows import BLOCK, Rows, integers, normal, uniform


def start(block):
    return torch.Generator().manual_seed(100 + block)


def drawn(rows):
    chance = Rows(rows, start)
    count = len(rows)
    return [
        normal((count, 3, 2), chance),
        uniform((count,), chance),
        integers(1, 5, (count, 1), chance),
        normal((count,), chance),
    ]


@pytest.mark.parametrize("cuts", [(0, 8, 16), (0, 4, 12, 16), (0, 1, 3, 10, 16), (0, 6, 16)])
def test_parts_of_a_batch_have_the_numbers_of_the_whole(cuts):
    whole = drawn(range(16))
    parts = [drawn(range(low, high)) for low, high in itertools.pairwise(cuts)]
    for wanted, *found in zip(whole, *parts, strict=True):
        assert torch.equal(torch.cat(found), wanted)


def test_the_numbers_are_those_of_their_distributions_and_no_two_blocks_alike():
    numbers, shares, whole, _ = drawn(range(400))
    assert abs(numbers.mean()) < 0.1
    assert abs(numbers.std() - 1) < 0.1
    assert 0 <= shares.min() < 0.05 < 0.95 < shares.max() < 1
    assert whole.unique().tolist() == [1, 2, 3, 4]
    assert len(numbers.flatten().unique()) == numbers.numel()


def test_a_plain_generator_serves_as_well():
    found = normal((3, 2), start(0))
    assert torch.equal(found, torch.randn(3, 2, generator=start(0)))


def test_other_rows_than_its_own_are_refused():
    with pytest.raises(ValueError, match=f"{BLOCK + 1} rows are wanted of {BLOCK}"):
        normal((BLOCK + 1, 2), Rows(range(BLOCK), start))
