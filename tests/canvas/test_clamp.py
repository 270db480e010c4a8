import pytest
import torch

from mutoscope.canvas.clamp import clamp


@pytest.mark.parametrize(("g", "kept"), [(1.0, [0.0, 1.0, 1.0]), (-1.0, [-1.0, -1.0, 0.0])])
def test_outside_only_the_way_back_has_a_gradient(g, kept):
    x = torch.tensor([-0.5, 0.5, 1.5], requires_grad=True)
    y = clamp(x)
    y.backward(torch.full((3,), g))
    assert y.tolist() == [0, 0.5, 1]
    assert x.grad.tolist() == kept


def test_what_left_the_range_comes_back():
    x = torch.tensor([-2.0, 3.0], requires_grad=True)
    descent = torch.optim.SGD([x], lr=0.5)
    for _ in range(40):
        descent.zero_grad()
        (clamp(x) - 0.5).square().sum().backward()
        descent.step()
    assert torch.allclose(x, torch.tensor(0.5), atol=1e-3)
