"""A canvas of waves: a spectrum that falls with frequency, and colours that don't disturb each other.

After Olah, Mordvintsev and Schubert, *Feature Visualization* (Distill, 2017), section "Preconditioning
and Parameterization". We leave it in three things, each for cleaner pictures: the spectrum falls with
f^-1.5 and not 1/f, as photographs' do before the sigmoid; the colour axes are those of photographs
measured in that same space, the chroma narrower; and the scale does not depend on the size.
"""

import math

import torch
from torch import Tensor, nn

from mutoscope.canvas.base import Canvas
from mutoscope.images import resize

# Rows: brightness, blue to red, green to magenta. Lengths: their deviations in the logits of
# photographs, brightness being 1. Orthogonal, so that a picture can be taken apart again.
AXES = (
    (0.577, 0.577, 0.577),
    (0.707, 0.0, -0.707),
    (0.408, -0.816, 0.408),
)
CHROMA = (1.0, 0.45, 0.25)
# A logit beyond this is as black or white as a byte can tell; `encode` is exact to 1 / 512.
DARKEST = 1 / 512


class FourierCanvas(Canvas):
    """A picture held as the spectrum of its logits.

    Every wave has one learning rate, and what a step of it does to the picture falls with its
    frequency: shapes come before texture, and grit hardly at all. It gives back what it encodes to
    within 1/512 of the whole range (only near black and white), plus rounding.

    Args:
        size: ``(width, height)`` in pixels, from 2 up, odd or even.
        generator: decides the faint noise that it starts from.
        decay: the power of the frequency with which a wave's reach falls.
        start: deviation of the starting waves, as a share of a photograph's.
        lr: learning rate of Adam, as a share of a photograph's contrast per step.
    """

    scale: Tensor
    colours: Tensor

    def __init__(
        self,
        size: tuple[int, int],
        *,
        generator: torch.Generator,
        decay: float = 1.5,
        start: float = 0.05,
        lr: float = 0.08,
    ) -> None:
        super().__init__()
        self.size, self.lr = size, lr
        self.register_buffer("scale", spectrum_scale(size, decay), persistent=False)
        axes = nn.functional.normalize(torch.tensor(AXES), dim=1)
        colours = axes * torch.tensor(CHROMA)[:, None]
        self.register_buffer("colours", colours, persistent=False)  # (axis, channel)
        width, height = size
        waves = torch.randn(3, height, width // 2 + 1, 2, generator=generator)
        self.waves = nn.Parameter(start * waves)

    def forward(self) -> Tensor:
        """Draw: (1, 3, H, W) in (0, 1), with gradient to the waves."""
        return torch.sigmoid(self.logits())

    def logits(self) -> Tensor:
        """The picture before the sigmoid: (1, 3, H, W)."""
        width, height = self.size
        spectrum = torch.view_as_complex(self.waves) * self.scale
        planes = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")  # (axis, H, W)
        return torch.einsum("ahw,ac->chw", planes, self.colours)[None]

    @torch.no_grad()
    def encode(self, image: Tensor) -> None:
        """Become ``image`` (1, 3, h, w) in [0, 1], resized if need be; exact but for the clamp."""
        logits = torch.logit(resize(image, self.size).clamp(DARKEST, 1 - DARKEST))[0]
        planes = torch.einsum("chw,ca->ahw", logits, torch.linalg.inv(self.colours))
        spectrum = torch.fft.rfft2(planes, norm="ortho") / self.scale
        self.waves.copy_(torch.view_as_real(spectrum))


def spectrum_scale(size: tuple[int, int], decay: float) -> Tensor:
    """The reach of each wave of a half spectrum, (H, W // 2 + 1), falling with frequency.

    Frequency is in cycles a pixel, and no wave counts as longer than the picture's long side.
    Normalised so that waves of deviation 1 make a picture whose logits have a deviation of 1.
    """
    width, height = size
    down = torch.fft.fftfreq(height)[:, None]
    across = torch.fft.rfftfreq(width)[None]
    frequency = torch.hypot(down, across).clamp(min=1 / max(size))
    scale = frequency**-decay
    twice = torch.full_like(across, 2.0)  # a half spectrum names most waves once for two
    twice[:, 0] = 1
    if width % 2 == 0:
        twice[:, -1] = 1
    power = 2 * (twice * scale.square()).sum()  # a real and an imaginary part each
    return scale * math.sqrt(width * height) / power.sqrt()
