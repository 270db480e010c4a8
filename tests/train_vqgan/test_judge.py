import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from mutoscope.train_vqgan.judge import embedded_perception


@pytest.fixture(scope="module")
def eye():
    return embedded_perception()


def test_the_same_is_at_no_distance(eye):
    batch = torch.rand(2, 3, 48, 48)
    assert eye.distance(eye(batch), eye(batch)) == 0


def test_features_are_of_unit_length_at_four_sizes(eye):
    features = eye(torch.rand(1, 3, 64, 64))
    assert [tuple(f.shape[2:]) for f in features] == [(32, 32), (16, 16), (8, 8), (4, 4)]
    for f in features:
        torch.testing.assert_close(f.norm(dim=1), torch.ones_like(f[:, 0]))


def test_blur_is_farther_the_more_there_is(eye):
    rng = torch.Generator().manual_seed(0)
    sharp = interpolate(torch.rand(2, 3, 16, 16, generator=rng), (64, 64))

    def distance(side):
        blurred = interpolate(avg_pool2d(sharp, side), (64, 64), mode="bilinear")
        return float(eye.distance(eye(blurred), eye(sharp)))

    distances = [distance(side) for side in (4, 8, 16)]
    assert distances == sorted(distances)
    assert distances[0] > 0.1


def test_the_gradient_reaches_the_picture_and_nothing_else(eye):
    drawn = torch.rand(1, 3, 32, 32, requires_grad=True)
    eye.distance(eye(drawn), eye(torch.rand(1, 3, 32, 32))).backward()
    assert drawn.grad.abs().sum() > 0
    assert not list(eye.parameters()) or not any(p.requires_grad for p in eye.parameters())
