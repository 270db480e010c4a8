"""What a generator is built from: a handful of whole numbers, checked once."""

from dataclasses import dataclass, fields

from mutoscope.errors import SettingsError

SIZES = (32, 64, 128, 256, 512, 1024)
_LIMITS = {
    "z": (1, 4096),
    "w": (1, 4096),
    "cbase": (32, 1 << 20),
    "cmax": (1, 4096),
    "mapping_layers": (1, 16),
}


@dataclass(frozen=True)
class Shape:
    """All that must be known to build a generator or its discriminator.

    Attributes:
        size: Side of the image in pixels, one of `SIZES`.
        channels: 1 for grey, 3 for colour.
        z: Length of the vector that an image is drawn from.
        w: Length of a style.
        cbase: Feature channels at resolution r are ``min(cbase // r, cmax)``.
        cmax: Most feature channels.
        mapping_layers: Layers from z to w.

    Raises:
        SettingsError: A number is not a whole one or lies outside its range.
    """

    size: int
    channels: int
    z: int
    w: int
    cbase: int
    cmax: int
    mapping_layers: int

    def __post_init__(self) -> None:
        for field in fields(self):
            number = getattr(self, field.name)
            if type(number) is not int:
                raise SettingsError(f"{field.name} of a generator is {number!r}: a whole number")
        if self.size not in SIZES:
            raise SettingsError(
                f"a generator's size is {self.size}: one of {', '.join(map(str, SIZES))}"
            )
        if self.channels not in (1, 3):
            raise SettingsError(f"a generator's channels are {self.channels}: 1 (grey) or 3 (RGB)")
        for name, (least, most) in _LIMITS.items():
            if not least <= getattr(self, name) <= most:
                raise SettingsError(
                    f"{name} of a generator is {getattr(self, name)}: from {least} to {most}"
                )
        if self.cbase < self.size:
            raise SettingsError(
                f"cbase of a generator is {self.cbase}: at least its size, {self.size}, or the "
                "largest resolution would have no channels"
            )

    @property
    def resolutions(self) -> tuple[int, ...]:
        """4, 8, … up to the size."""
        return tuple(1 << power for power in range(2, self.size.bit_length()))

    def width(self, resolution: int) -> int:
        """How many feature channels there are at a resolution."""
        return min(self.cbase // resolution, self.cmax)
