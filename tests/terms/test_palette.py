import pytest
import torch
from torch import nn

from mutoscope.look import weigh
from mutoscope.terms.palette import HDR, Normalisation, hdr, normalisation

A = [[0, 0, 0], [0.5, 0, 0], [1, 1, 0]]
B = [[0, 0, 0], [0, 0, 0.5], [0, 1, 1]]
COLOURS = torch.tensor([A, B]).permute(1, 0, 2).float()  # (k, n, 3)
WEIGHTS = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).view(2, 1, 2)


class Palettes(nn.Module):
    def __init__(self, k=4, n=3, locked=False):
        super().__init__()
        rng = torch.Generator().manual_seed(0)
        self.raw = nn.Parameter(torch.rand(k, n, 3, generator=rng), requires_grad=not locked)
        self.weights = nn.Parameter(torch.rand(n, 6, 8, generator=rng))
        self.gamma = 1.0

    def colours(self):
        return self.raw.clamp(0, 1)

    def forward(self):
        return self.raw.new_zeros(1, 3, 6, 8)


def test_hdr_anchor():
    assert hdr(COLOURS).item() == pytest.approx(0.03183, abs=1e-5)


def test_hdr_of_a_ramp_is_zero_and_gamma_bends_it():
    ramp = torch.linspace(0, 1, 5)
    grey = (ramp**2).view(5, 1, 1).expand(5, 2, 3)
    assert hdr(grey, 2.0).item() == pytest.approx(0, abs=1e-9)
    assert hdr(grey, 1.0).item() > 0.01


def test_hdr_has_a_gradient_at_black_and_for_one_colour():
    for k in (1, 3):
        colours = torch.zeros(k, 2, 3, requires_grad=True)
        hdr(colours).backward()
        assert colours.grad.isfinite().all()
    assert hdr(torch.zeros(1, 2, 3)).item() == 0


def test_normalisation_anchor():
    assert normalisation(WEIGHTS).item() == pytest.approx(0.90568, abs=1e-5)


def test_one_palette_or_one_pixel_has_nothing_to_divide():
    assert normalisation(torch.rand(1, 4, 4)).item() == 0
    assert normalisation(torch.rand(3, 1, 1)).item() == 0


def test_equal_palettes_are_finite_with_their_gradient():
    weights = torch.zeros(3, 4, 4, requires_grad=True)
    loss = normalisation(weights)
    loss.backward()
    assert loss.isfinite()
    assert weights.grad.isfinite().all()


def test_both_descend_on_the_canvas_itself(tools):
    tools.assert_descends(HDR(), Palettes())
    tools.assert_descends(Normalisation(), Palettes())


def test_a_locked_palette_shows_its_value_and_is_not_pulled(tools):
    canvas = Palettes(locked=True)
    values = weigh(tools.look_at(canvas), [HDR(weight=lambda v: 2.0)])
    assert values["hdr"].item() == pytest.approx(2 * hdr(canvas.colours()).item())
    assert canvas.raw.grad is None


def test_one_palette_is_no_trouble_to_a_step(tools):
    canvas = Palettes(n=1)
    values = weigh(tools.look_at(canvas), [Normalisation(weight=lambda v: 0.2)])
    assert values["palette normalisation"] == 0


def test_what_is_worked_out_by_hand_is_what_the_formula_gives(monkeypatch):
    monkeypatch.setattr("mutoscope.terms.palette._PART", 50)
    weights = 3 * torch.rand(4, 9, 13, generator=torch.Generator().manual_seed(2)).double()
    p = weights.requires_grad_().flatten(1).softmax(0)
    n, pixels = p.shape
    deviation = p.std(1)
    covariance = (p - p.mean(1, keepdim=True)) @ (p - p.mean(1, keepdim=True)).T
    correlation = covariance / torch.outer(deviation, deviation) / pixels
    apart = correlation.sum() - correlation.diagonal().sum()
    plain = apart / n**2 + (1 / (deviation * pixels)).mean()
    ours = normalisation(weights)
    torch.testing.assert_close(ours, plain, rtol=1e-12, atol=0)
    gradients = [torch.autograd.grad(loss, weights)[0] for loss in (ours, plain)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-15)
