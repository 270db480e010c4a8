"""Where cutouts lie and how large they are: the distribution that they are drawn from."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

from mutoscope.cutouts.atlas import BorderMode, Borders
from mutoscope.cutouts.augment import AUGMENTATIONS, Augmentation, colours, erased, geometry
from mutoscope.cutouts.crop import Cuts
from mutoscope.errors import SettingsError, nearest

Sizes = Literal["pytti", "uniform", "vqgan-clip"]


@dataclass(frozen=True)
class Cutouts:
    """How many cutouts a perceptor gets in a step, and the distribution that they come from.

    Attributes:
        count: cutouts a step, for each perceptor.
        power: exponent of the size's draw; a larger one makes smaller boxes.
        border: how far boxes may reach past the picture, as a fraction of its sides.
        border_mode: what lies there; "clamp" slides such boxes back inside.
        tile: whether the picture repeats along x and along y. Boxes lie anywhere on such an axis,
            also across the seam, each place as often as any other, and see it go on at the other
            end; ``border`` and ``border_mode`` act on the other axis.
        sizes: "pytti": ``M · clip(Normal(0.8, 0.3), q/M, 1) ** power`` pixels, M the picture's
            shorter side, q the perceptor's; "vqgan-clip": ``U(0, 1) ** power · (M − m) + m``,
            where m is the smaller of q and M; "uniform": between ``smallest`` and 1 times M.
        smallest: the lower end of uniform sizes, a fraction in (0, 1].
        augmentation: a name out of `AUGMENTATIONS`, or one of your own.
        noise: where given, the upper end of the noise's strength in place of the augmentation's;
            each cutout's is drawn from ``U(0, noise)``.
        compat_shift: shift along y only, as PyTTI's pinned library did by mistake.

    Raises:
        SettingsError: a value is out of its range or a name unknown.
    """

    count: int
    _: KW_ONLY
    power: float = 2.0
    border: float = 0.25
    border_mode: BorderMode = "clamp"
    tile: tuple[bool, bool] = (False, False)
    sizes: Sizes = "pytti"
    smallest: float = 0.5
    augmentation: str | Augmentation = "pytti"
    noise: float | None = None
    compat_shift: bool = False

    def __post_init__(self) -> None:
        among("border_mode", self.border_mode, get_args(BorderMode))
        among("sizes", self.sizes, get_args(Sizes))
        if isinstance(self.augmentation, str):
            among("augmentation", self.augmentation, tuple(AUGMENTATIONS))
        _at_least("cutouts", self.count, 1)
        _at_least("cut_pow", self.power, 0)
        _at_least("cutout_border", self.border, 0)
        _at_least("noise", self.noise or 0, 0)
        if not 0 < self.smallest <= 1:
            raise SettingsError(
                f"smallest: {self.smallest} is not allowed; give a fraction of the picture's "
                "shorter side above 0 and at most 1"
            )

    @property
    def changes(self) -> Augmentation:
        """The augmentation that applies, with ``noise`` and ``compat_shift`` put in."""
        chosen = self.augmentation
        found = AUGMENTATIONS[chosen] if isinstance(chosen, str) else chosen
        if self.noise is not None:
            found = replace(found, noise=(0.0, self.noise))
        if self.compat_shift:
            found = replace(found, shift=(0.0, found.shift[1]))
        return found

    @property
    def borders(self) -> Borders:
        """What lies outside the picture, along x and along y."""
        across, down = ("wrap" if tiled else self.border_mode for tiled in self.tile)
        return across, down

    def clean(self) -> "Cutouts":
        """The same boxes, unchanged: no augmentation, no noise."""
        return replace(self, augmentation="none", noise=None)

    def draw(self, rng: torch.Generator, image_size: tuple[int, int], side: int) -> Cuts:
        """Draw a step's cutouts of ``side`` pixels from pictures of ``image_size`` (width, height).

        Everything random about them is fixed here, so reading them whole or in parts gives the
        same pixels. The numbers are drawn where ``rng`` lives; one on the CPU never makes a GPU
        wait.
        """
        change, n = self.changes, self.count
        boxes = self._boxes(rng, image_size, side)
        uniform = torch.rand(n, 27, generator=rng, device=rng.device, dtype=torch.float64)
        # A seed rather than the noise itself: millions of numbers are best made where they go.
        seed = torch.randint(2**62, (), generator=rng, device=rng.device)
        low, high = change.noise
        return Cuts(
            image_size=image_size,
            side=side,
            borders=self.borders,
            boxes=boxes,
            maps=_within(boxes, image_size) @ geometry(change, uniform[:, :14]),
            colours=colours(change, uniform[:, 14:21]) if change.jitter else None,
            erased=erased(change, uniform[:, 21:26]) if change.erase else None,
            noise=low + (high - low) * uniform[:, 26] if high else None,
            bounded=change.bounded,
            seed=int(seed),
        )

    def _boxes(self, rng: torch.Generator, image_size: tuple[int, int], side: int) -> Tensor:
        """Boxes in whole pixels of the picture: (n, 3) of left, top, side."""
        size = self._sizes(rng, min(image_size), side)
        corners = []
        for length, tiled in zip(image_size, self.tile, strict=True):
            chance = _uniform(rng, self.count)
            if tiled:
                corners.append((chance * length).floor())
                continue
            room = length - size + 1  # places where the box fits
            reach = torch.full_like(size, min(round(length * self.border), length))
            if self.border_mode != "clamp":
                reach = torch.minimum(reach, size)
            start = (chance * (room + 2 * reach) - reach).floor()
            if self.border_mode == "clamp":
                start = torch.minimum(start.clamp_min(0), room - 1)
            corners.append(start)
        return torch.stack([*corners, size], 1)

    def _sizes(self, rng: torch.Generator, shorter: int, side: int) -> Tensor:
        """Sides of the boxes, (n,), whole pixels of a picture whose shorter side is ``shorter``."""
        if self.sizes == "pytti":
            drawn = torch.randn(self.count, generator=rng, device=rng.device, dtype=torch.float64)
            drawn = (0.8 + 0.3 * drawn).clamp(min(1.0, side / shorter), 1.0)
            size = shorter * drawn**self.power
        elif self.sizes == "vqgan-clip":
            least = min(side, shorter)
            size = _uniform(rng, self.count) ** self.power * (shorter - least) + least
        else:
            size = shorter * (self.smallest + (1 - self.smallest) * _uniform(rng, self.count))
        return size.floor().clamp(1, shorter)


def _uniform(rng: torch.Generator, count: int) -> Tensor:
    return torch.rand(count, generator=rng, device=rng.device, dtype=torch.float64)


def _within(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Maps from a cutout, [-1, 1]², to where its box lies in the picture, [0, 1]²: (n, 3, 3)."""
    left, top, size = boxes.unbind(1)
    maps = boxes.new_zeros(len(boxes), 3, 3)
    for axis, (start, length) in enumerate(zip((left, top), image_size, strict=True)):
        maps[:, axis, axis] = size / 2 / length
        maps[:, axis, 2] = (start + size / 2) / length
    maps[:, 2, 2] = 1
    return maps


def among(place: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a name that is not one of ``allowed``, with `SettingsError`."""
    if value not in allowed:
        raise SettingsError(
            f"{place}: {value!r} is not known; one of {', '.join(allowed)}{nearest(value, allowed)}"
        )


def _at_least(place: str, value: float, least: float) -> None:
    if not value >= least:
        raise SettingsError(f"{place}: {value} is not allowed; give {least} or more")
