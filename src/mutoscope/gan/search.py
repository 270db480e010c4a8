"""From a picture to the styles that draw it, as nearly as a generator can.

Descent in the space of styles (Abdal, Qin and Wonka, *Image2StyleGAN*, ICCV 2019), from the sample
that is most like the picture. What is compared are the picture and its halves, quarters and
eighths, so that large shapes are found first. Styles are written as standard deviations from the
mean style.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from mutoscope.gan.generator import Generator

REACH = 1.5
"""How far a style may be from the mean, in standard deviations: beyond, nothing was learned."""

RATE = 0.05
_SAMPLES = 1000  # of styles, by which their spread is known
_TRIED = 256  # of pictures, among which the search begins
_AT_ONCE = 32


@dataclass(frozen=True)
class Space:
    """The styles of a generator, measured: its mean, (w,), and standard deviation, (w,)."""

    mean: Tensor
    spread: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, model: Generator) -> "Space":
        """That of a generator alone, so that it is the same wherever it draws."""
        spread = model.map(_samples(model, _SAMPLES)).std(dim=0).clamp(min=1e-4)
        return cls(model.mean.detach().clone(), spread)

    def styles(self, away: Tensor) -> Tensor:
        """From distances (…, w) to styles."""
        return self.mean + away * self.spread

    def away(self, styles: Tensor) -> Tensor:
        """From styles (…, w) to distances."""
        return (styles - self.mean) / self.spread


@torch.no_grad()
def nearest_sample(model: Generator, space: Space, image: Tensor) -> Tensor:
    """The style, (1, 1, w) from the mean, of the known sample that is most like ``image``.

    ``image``: (1, 3, s, s) in [0, 1], as large as the generator draws.
    """
    wanted = pyramid(image)
    away = near(space.away(model.map(_samples(model, _TRIED)))[:, None])  # (n, 1, w)
    away = torch.cat([torch.zeros_like(away[:1]), away])  # the mean, too
    losses = []
    for some in torch.split(away, _AT_ONCE):
        drawn = pyramid(draw(model, space, some).clamp(0, 1))
        pairs = zip(drawn, wanted, strict=True)
        losses.append(torch.stack([(a - b).square().mean((1, 2, 3)) for a, b in pairs]).sum(0))
    best = int(torch.cat(losses).argmin())
    return away[best : best + 1].clone()


def search(
    model: Generator, space: Space, image: Tensor, start: Tensor, *, steps: int
) -> tuple[Tensor, float]:
    """Go from ``start`` to the best likeness of ``image`` on the way, which may be the start.

    Args:
        model: the generator, frozen.
        space: its styles.
        image: (1, 3, s, s) in [0, 1], as large as the generator draws.
        start: (1, layers, w) from the mean, or (1, 1, w) for one style in all layers.
        steps: of Adam.

    Returns:
        The likeness, shaped as ``start``, and its mean squared difference over the four scales.
    """
    wanted = pyramid(image)
    found = start.detach().clone().requires_grad_()
    best, least = start.detach().clone(), float("inf")
    optimizer = torch.optim.Adam([found], lr=RATE)
    with torch.enable_grad():
        for _ in range(steps + 1):
            optimizer.zero_grad(set_to_none=True)
            drawn = draw(model, space, found)
            # What is beyond black and white is black and white, but for a slope that leads back.
            shown = drawn.clamp(0, 1)
            pairs = zip(pyramid(shown + 0.01 * (drawn - shown)), wanted, strict=True)
            loss = torch.stack([(a - b).square().mean() for a, b in pairs]).sum()
            if (now := float(loss.detach())) < least:
                best, least = found.detach().clone(), now
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            found.data.copy_(near(found.detach()))
    return best, least


def draw(model: Generator, space: Space, away: Tensor) -> Tensor:
    """What is drawn so far from the mean, (n, layers or 1, w): (n, 3, s, s), about [0, 1]."""
    drawn = model.synthesise(space.styles(away).expand(-1, model.layers, -1))
    return (drawn.expand(-1, 3, -1, -1) + 1) / 2


def near(away: Tensor) -> Tensor:
    """Styles (…, w) no further from the mean than `REACH`, in the same direction."""
    length = away.square().mean(dim=-1, keepdim=True).sqrt()
    return away * (REACH / length.clamp(min=1e-8)).clamp(max=1)


def pyramid(image: Tensor) -> list[Tensor]:
    """A picture, and it at a half, a quarter and an eighth of its side."""
    return [image, *(avg_pool2d(image, 1 << power) for power in (1, 2, 3))]


def _samples(model: Generator, count: int) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(count, model.shape.z, generator=rng).to(model.mean.device)
