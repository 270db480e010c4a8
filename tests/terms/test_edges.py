import pytest
import torch

from mutoscope.terms.edges import HoldEdges, edges


def ramp(across=0.0, down=0.0, size=(20, 16)):
    x = torch.arange(size[0]) * across + torch.arange(size[1])[:, None] * down
    return x.expand(1, 3, size[1], size[0]) / 100


def test_a_ramp_has_its_slope():
    found = edges(ramp(across=1.0, down=2.0))[0, :, 1:-1, 1:-1] * 100
    torch.testing.assert_close(found[0], torch.full_like(found[0], 0.9999), atol=1e-4, rtol=0)
    torch.testing.assert_close(found[1], torch.full_like(found[1], 1.9998), atol=1e-4, rtol=0)


def test_the_frame_is_no_edge():
    assert edges(torch.full((1, 3, 9, 9), 0.7)).abs().max() < 1e-6


def test_it_compares_edges_and_not_light(tools):
    lines = torch.zeros(1, 3, 24, 32)
    lines[..., 8:16] = 0.5
    term = HoldEdges("x", lines)
    assert term(tools.look_at(tools.Pixels(), image=lines + 0.3)).item() < 1e-12
    assert term(tools.look_at(tools.Pixels(), image=lines.roll(5, 3))).item() > 1e-3


@pytest.mark.parametrize("weight", [1.0, -1.0])
def test_it_descends(tools, weight):
    lines = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    term = HoldEdges("x", lines, weight=lambda v: weight)
    tools.assert_descends(term, tools.Pixels())
