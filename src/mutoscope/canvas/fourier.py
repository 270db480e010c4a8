"""A canvas of waves: a spectrum that falls with frequency, colours that don't disturb each other.

After Olah, Mordvintsev and Schubert, *Feature Visualization* (Distill, 2017), section
"Preconditioning and Parameterization". We leave it in four things, each for cleaner pictures: the
spectrum falls with f^-1.5 and not 1/f, as photographs' do before the sigmoid; the chroma is narrow
and falls faster; coarse waves move first and fine ones later; and the scale does not depend on the
size.
"""

import math

import torch
from torch import Tensor, nn

from mutoscope.canvas.base import Canvas
from mutoscope.images import resize

# Rows: brightness, blue to red, green to magenta: nearly the principal axes of photographs' logits.
# Lengths: what a wave of each may do, brightness being 1. Photographs have deviations of about 1,
# 0.5 and 0.3 along them; a little less keeps neutral things neutral.
AXES = (
    (0.577, 0.577, 0.577),
    (0.707, 0.0, -0.707),
    (0.408, -0.816, 0.408),
)
CHROMA = (1.0, 0.35, 0.2)
CHROMA_DECAY = 0.3  # the power by which colour falls faster than brightness
# A logit beyond this is as black or white as a byte can tell; `encode` is exact to 1 / 512.
DARKEST = 1 / 512
# Waves repeat, so what stands at one edge would glow at the other: the picture is the middle of a
# larger drawing, which is this share of the long side wider on each side; but not along an axis
# where the picture is to repeat.
MARGIN = 1 / 16
# The finest waves that a canvas draws, in cycles a pixel, when it is still closed and when open.
COARSEST, FINEST = 0.05, 0.5


class FourierCanvas(Canvas):
    """A picture held as the spectrum of its logits.

    Every wave has one learning rate, and what a step of it does to the picture falls with its
    frequency: shapes come before texture, and grit hardly at all. It gives back what it encodes to
    within 1/512 of the whole range (only near black and white), plus rounding.

    Args:
        size: ``(width, height)`` in pixels, from 2 up, odd or even.
        generator: decides the faint noise that it starts from.
        decay: the power of the frequency with which a wave's reach falls.
        opening: over how many steps the fine waves fade in, so that one shape is found before its
            details; a picture that is encoded opens it at once.
        start: deviation of the starting waves, as a share of a photograph's.
        lr: learning rate of Adam, as a share of a photograph's contrast per step; three times as
            fast gives harsh colours.
        tile: whether the picture repeats along x and along y, as waves do by nature.
    """

    scale: Tensor
    frequency: Tensor
    colours: Tensor
    steps: Tensor

    def __init__(
        self,
        size: tuple[int, int],
        *,
        generator: torch.Generator,
        decay: float = 1.5,
        opening: int = 0,
        start: float = 0.05,
        lr: float = 0.24,
        tile: tuple[bool, bool] = (False, False),
    ) -> None:
        super().__init__()
        self.size, self.lr, self.opening, self.decay = size, lr, opening, decay
        self.tile = tile
        margin = round(MARGIN * max(size))
        beside, above = self.margins = (0 if tile[0] else margin, 0 if tile[1] else margin)
        width, height = self.sheet = (size[0] + 2 * beside, size[1] + 2 * above)
        luma = spectrum_scale(self.sheet, decay)
        chroma = spectrum_scale(self.sheet, decay + CHROMA_DECAY)
        axes = nn.functional.normalize(torch.tensor(AXES), dim=1)
        self.register_buffer("scale", torch.stack([luma, chroma, chroma]), persistent=False)
        self.register_buffer("frequency", frequencies(self.sheet), persistent=False)
        colours = axes * torch.tensor(CHROMA)[:, None]
        self.register_buffer("colours", colours, persistent=False)  # (axis, channel)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        waves = torch.randn(3, height, width // 2 + 1, 2, generator=generator)
        self.waves = nn.Parameter(start * waves)

    def forward(self) -> Tensor:
        """Draw: (1, 3, H, W) in (0, 1), with gradient to the waves."""
        return torch.sigmoid(self.logits())

    def logits(self) -> Tensor:
        """The picture before the sigmoid: (1, 3, H, W)."""
        (width, height), (beside, above) = self.sheet, self.margins
        spectrum = torch.view_as_complex(self.waves) * self._reach()
        planes = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
        planes = planes[:, above : height - above, beside : width - beside]  # (axis, H, W)
        return torch.einsum("ahw,ac->chw", planes, self.colours)[None]

    @torch.no_grad()
    def encode(self, image: Tensor) -> None:
        """Become ``image`` (1, 3, h, w) in [0, 1], resized if need be; exact but for the clamp."""
        self.steps.fill_(self.opening)
        logits = torch.logit(resize(image, self.size).clamp(DARKEST, 1 - DARKEST))[0]
        planes = torch.einsum("chw,ca->ahw", logits, torch.linalg.inv(self.colours))
        planes = self._into_margin(planes)
        spectrum = torch.fft.rfft2(planes, norm="ortho") / self._reach()
        self.waves.copy_(torch.view_as_real(spectrum))

    @torch.no_grad()
    def grow(self, size: tuple[int, int]) -> None:
        """Draw the same picture at ``size``, all waves open; see `Canvas.grow`."""
        if size == self.size:
            return
        image = self.image()
        larger = FourierCanvas(
            size, generator=torch.Generator(), decay=self.decay, opening=self.opening, lr=self.lr,
            tile=self.tile,
        ).to(self.waves.device)  # fmt: skip
        self.size, self.sheet, self.margins = larger.size, larger.sheet, larger.margins
        self.scale, self.frequency, self.waves = larger.scale, larger.frequency, larger.waves
        self.encode(image)

    def constrain(self) -> None:
        """Count the step: the canvas opens a little more."""
        self.steps.add_(1)

    def _into_margin(self, planes: Tensor) -> Tensor:
        """Continue ``planes`` (axis, H, W) by their own edges, evened out where the ends meet."""
        for axis, margin in ((1, self.margins[1]), (2, self.margins[0])):
            near, far, share = _continued(planes.shape[axis], margin, planes.device)
            shape = [1, 1, 1]
            shape[axis] = -1
            one, other = planes.index_select(axis, near), planes.index_select(axis, far)
            planes = torch.lerp(one, other, share.view(shape))
        return planes

    def _reach(self) -> Tensor:
        """What each wave may do now, (3, H, W // 2 + 1): its scale, softly cut at the finest."""
        share = (self.steps / max(self.opening, 1)).clamp(max=1) if self.opening else 1.0
        finest = COARSEST * (FINEST / COARSEST) ** share
        return self.scale * torch.sigmoid((finest - self.frequency) / (0.15 * finest))


def frequencies(size: tuple[int, int]) -> Tensor:
    """The frequency of each wave of a half spectrum, (H, W // 2 + 1), in cycles a pixel."""
    width, height = size
    return torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])


def spectrum_scale(size: tuple[int, int], decay: float) -> Tensor:
    """The reach of each wave of a half spectrum, (H, W // 2 + 1), falling with frequency.

    No wave counts as longer than the picture's long side. Normalised so that waves of deviation 1
    make a picture whose logits have a deviation of 1.
    """
    width, height = size
    scale = frequencies(size).clamp(min=1 / max(size)) ** -decay
    twice = torch.full((width // 2 + 1,), 2.0)  # a half spectrum names most waves once for two
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    power = 2 * (twice * scale.square()).sum()  # a real and an imaginary part each
    return scale * math.sqrt(width * height) / power.sqrt()


def _continued(side: int, margin: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each place of a line with margins: two places within ``side``, and the second's share.

    Inside, both are the place itself. In a margin they are the mirror images in the near and in the
    far end, which fade into each other so that the line closes without a jump.
    """
    place = torch.arange(-margin, side + margin, device=device)
    before, after = place < 0, place >= side
    outside = torch.where(before, -1 - place, place - side)  # from 0 at the edge
    outside = outside.clamp(0, side - 1)
    near = torch.where(before, outside, torch.where(after, side - 1 - outside, place))
    # What lies beyond the other end, once round: its margin runs on where this one stops.
    beyond = (2 * margin - 1 - outside).clamp(0, side - 1)
    far = torch.where(before, side - 1 - beyond, torch.where(after, beyond, place))
    share = (outside + 0.5) / max(2 * margin, 1)
    return near, far, share * (before | after)
