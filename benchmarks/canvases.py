"""The canvases of `notebook.py`, as they are described for PyTTI and, for waves, for lucid.

Each draws (1, 3, side, side) in [0, 1]. ``drawn()`` are the parameters that are learnt, ``losses``
what it wants of itself, ``update`` what follows a step, ``networks()`` what it draws with.
"""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from torch import Tensor, nn

import stock


class Canvas(nn.Module):
    """What all have in common."""

    lr = 0.02

    def networks(self) -> list[nn.Module]:
        """Networks that it draws with."""
        return []

    def drawn(self) -> list[nn.Parameter]:
        """What is learnt."""
        return list(self.parameters())

    def losses(self) -> dict[str, Tensor]:
        """What it wants of itself."""
        return {}

    def update(self) -> None:
        """What follows a step."""


class ClampWithGradient(torch.autograd.Function):
    """A clamp to [0, 1] whose gradient goes on where it leads back inside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Clamp."""
        ctx.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Pass on what doesn't lead further out."""
        (x,) = ctx.saved_tensors
        return gradient * (gradient * (x - x.clamp(0, 1)) >= 0)


def clamp(x: Tensor) -> Tensor:
    """See `ClampWithGradient`."""
    clamped: Tensor = ClampWithGradient.apply(x)  # type: ignore[no-untyped-call]
    return clamped


class Pixels(Canvas):
    """Unlimited Palette."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.pixels = nn.Parameter(torch.rand(1, 3, side, side))

    def forward(self) -> Tensor:
        """Draw."""
        return clamp(self.pixels)


class Palette(Canvas):
    """Limited Palette: 20 palettes of 5 colours."""

    def __init__(self, side: int, *, colours: int = 5, palettes: int = 20) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.rand(side, side))
        self.weights = nn.Parameter(torch.rand(palettes, side, side))
        ramp = torch.linspace(0, 1, colours)[:, None, None].repeat(1, palettes, 3)
        self.palette = nn.Parameter(2 * ramp)
        self.register_buffer("luma", torch.tensor([0.299, 0.587, 0.114]))

    luma: Tensor

    def colours(self) -> Tensor:
        """The palettes, each from dark to light: (k, n, 3)."""
        table = (self.palette / 2).clamp(0, 1)
        order = (table * self.luma).sum(-1).argsort(dim=0)
        return table.gather(0, order[..., None].expand_as(table))

    def forward(self) -> Tensor:
        """Draw: the hard picture, with half of the soft one's gradient."""
        table = self.colours()  # (k, n, 3)
        place = clamp(self.value) * (len(table) - 1)  # (h, w)
        best = self.weights.argmax(dim=0)
        hard = table[place.round().long(), best]  # (h, w, 3)
        below, above = place.floor().long(), place.ceil().long()
        share = (place - place.floor())[..., None, None]
        soft = table[below] * (1 - share) + table[above] * share  # (h, w, n, 3)
        soft = (soft * self.weights.softmax(dim=0).permute(1, 2, 0)[..., None]).sum(dim=2)
        mixed = 0.5 * soft + 0.5 * hard
        return (hard.detach() + mixed - mixed.detach()).permute(2, 0, 1)[None]

    def losses(self) -> dict[str, Tensor]:
        """Ranks of even brightness, and palettes that are not used for the same places."""
        table = self.colours()
        bright = (table.square() * self.luma).sum(-1).clamp(min=1e-12).sqrt()  # (k, n)
        ramp = torch.linspace(0, 1, len(table), device=table.device)[:, None]
        used = self.weights.softmax(dim=0).flatten(1)  # (n, pixels)
        count = used.shape[1]
        centred, spread = used - used.mean(dim=1, keepdim=True), used.std(dim=1)
        alike = centred @ centred.T / (spread[:, None] * spread[None] * count)
        alike = alike * (1 - torch.eye(len(alike), device=alike.device))
        apart = alike.mean() + (1 / (spread * count)).mean()
        return {"hdr": 0.01 * (bright - ramp).square().mean(), "palettes": 0.2 * apart}

    @torch.no_grad()
    def update(self) -> None:
        """Back in bounds."""
        self.palette.clamp_(0, 2)
        self.value.clamp_(0, 1)
        self.weights.clamp_(min=0)


class Fourier(Canvas):
    """Waves with 1/f amplitude in decorrelated colours."""

    lr = 0.05

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        high, wide = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None]
        scale = 1 / torch.hypot(high, wide).clamp(min=1 / side)
        self.register_buffer("scale", scale)
        self.register_buffer("mix", torch.tensor(
            [[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]]))  # fmt: skip
        self.waves = nn.Parameter(0.01 * torch.randn(3, side, side // 2 + 1, 2))

    scale: Tensor
    mix: Tensor

    def forward(self) -> Tensor:
        """Draw."""
        spectrum = torch.view_as_complex(self.waves) * self.scale
        planes = torch.fft.irfft2(spectrum, s=(self.side, self.side), norm="ortho")
        return torch.sigmoid(torch.einsum("ahw,ca->chw", planes, 4 * self.mix))[None]


class Vqgan(Canvas):
    """The latent of a VQGAN: nearest codes by a one-hot product, an average kept beside it."""

    lr = 0.1

    def __init__(self, checkpoint: Path, side: int) -> None:
        super().__init__()
        self.net = stock.load_decoder(checkpoint)
        codes = self.net.codes
        cells = side // self.net.f
        chosen = torch.randint(len(codes), (cells * cells,))
        z = codes.detach()[chosen].view(1, cells, cells, codes.shape[1])
        self.latent = nn.Parameter(z.clone())  # channels last
        self.register_buffer("average", torch.zeros_like(z))

    average: Tensor

    def networks(self) -> list[nn.Module]:
        """See `Canvas.networks`."""
        return [self.net]

    def drawn(self) -> list[nn.Parameter]:
        """See `Canvas.drawn`."""
        return [self.latent]

    def forward(self) -> Tensor:
        """Draw."""
        codes = self.net.codes
        z = self.latent
        away = (
            z.pow(2).sum(dim=-1, keepdim=True) + codes.pow(2).sum(dim=1) - 2 * (z @ codes.T)
        )  # (1, h, w, codes)
        hot = F.one_hot(away.argmin(dim=-1), len(codes)).to(z.dtype)
        nearest = hot @ codes
        straight = z + (nearest - z).detach()
        return clamp(self.net(straight.permute(0, 3, 1, 2)))

    @torch.no_grad()
    def update(self) -> None:
        """Follow with the average."""
        self.average.mul_(0.99).add_(self.latent, alpha=0.01)
