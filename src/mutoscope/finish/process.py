"""The tones of a line drawing: inverted, lifted off black, or made black and white.

The order is fixed: grey, threshold, inversion, lift. Inverted and lifted to ``m``, a value ``v``
becomes ``floor((255 - v) · (255 - m) / 255 + m)``, as in Third Study's ``process_images``: paper
becomes a ground of grey ``m``, ink becomes white. All of it depends on the value of a pixel alone,
so it is one table of 256 values.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mutoscope.errors import SettingsError
from mutoscope.images import Pixels

Grey = npt.NDArray[np.uint8]
"""A grey picture, (H, W), 0 to 255."""

BITMAP_THRESHOLD = 128
WHITE = 255


@dataclass(frozen=True)
class Tone:
    """What becomes of the greys of a drawing.

    Attributes:
        invert: Whether light and dark change places.
        min_value: The grey, 0 to 255, that the darkest comes to; the lightest stays white.
        threshold: What is lighter than this, 0 to 254, becomes white and all else black, before
            the rest; None keeps the greys.

    Raises:
        SettingsError: One of the numbers is outside its range.
    """

    invert: bool = False
    min_value: int = 0
    threshold: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.min_value <= WHITE:
            raise SettingsError(
                f"--min-value: {self.min_value} is no grey; allowed are 0 (black stays) to 255"
            )
        if self.threshold is not None:
            check_threshold(self.threshold)

    def table(self) -> Grey:
        """What each of the 256 values becomes, (256,)."""
        values = np.arange(WHITE + 1)
        if self.threshold is not None:
            values = np.where(values > self.threshold, WHITE, 0)
        if self.invert:
            values = WHITE - values
        # Whole numbers, so that no rounding stands between us and the formula.
        lifted = values * (WHITE - self.min_value) // WHITE + self.min_value
        return lifted.astype(np.uint8)

    def __call__(self, grey: Grey) -> Grey:
        """The drawing with these tones, (H, W)."""
        toned: Grey = self.table()[grey]
        return toned


def check_threshold(threshold: int) -> None:
    """Refuse a threshold that no pixel is above or that leaves the range.

    Raises:
        SettingsError: It does.
    """
    if not 0 <= threshold < WHITE:
        raise SettingsError(
            f"--threshold: {threshold} divides nothing; allowed are 0 to 254, what is lighter is "
            "paper"
        )


def to_grey(pixels: Pixels) -> Grey:
    """The luma of a picture after ITU-R BT.601, (H, W, 3) to (H, W), rounded.

    In whole numbers, as Pillow does it, so that a grey picture stays what it is.
    """
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    grey: Grey = ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16).astype(np.uint8)
    return grey
