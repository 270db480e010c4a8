"""Smoothing over time: what is drawn at a moment becomes a mean of what is drawn around it.

The mean is centred, so that nothing lags, and weighs what lies ``d`` frames away by (1 − α)^d: the
exponentially weighted moving average of vqgan-clip-generator, run in both directions. Of a film
drawn by a VQGAN it is taken of the codes that each frame is drawn from, and the decoder draws the
mean as it is. To put codes back in its place, as was done there, would only let each square snap to
one neighbour or the other; undone, one passes over into the other.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mutoscope.canvas.vqgan import VqganCanvas
from mutoscope.errors import SettingsError
from mutoscope.vqgan.codebook import look_up, nearest_indices


@dataclass(frozen=True)
class Window:
    """The frames that a mean is taken of, and how much each counts.

    ``length`` is how many there are, an odd number; ``alpha``, in [0, 1], says how much less each
    counts than its neighbour nearer to the middle: with 0 all count alike, with 1 only the middle.

    Raises:
        SettingsError: one of them is something else.
    """

    length: int = 3
    alpha: float = 0.7

    def __post_init__(self) -> None:
        if self.length < 1 or self.length % 2 == 0:
            raise SettingsError(
                f"smoothing: a window of {self.length} frames has no middle; give an odd number "
                "such as 3 or 5 (1 smooths nothing)"
            )
        if not 0 <= self.alpha <= 1:
            raise SettingsError(
                f"smoothing: alpha is {self.alpha}; allowed is 0 (most smoothing) to 1 (none)"
            )

    @property
    def reach(self) -> int:
        """How many frames it holds on either side of its middle."""
        return self.length // 2

    def weight(self, distance: int) -> float:
        """What counts ``distance`` frames away, where the middle counts 1."""
        return float((1 - self.alpha) ** abs(distance))

    def weights(self, reach: int | None = None) -> tuple[float, ...]:
        """The weights of 2·reach + 1 frames in order, of sum 1; by default of all its own."""
        reach = self.reach if reach is None else min(reach, self.reach)
        raw = [self.weight(distance) for distance in range(-reach, reach + 1)]
        return tuple(weight / sum(raw) for weight in raw)

    def mean(self, values: Sequence[Tensor], middle: int) -> Tensor:
        """The mean of ``values``, all of one shape, around the one at ``middle``.

        Toward either end the window narrows on both sides alike: of what is missing on one side,
        the counterpart would only draw the mean away from its moment.
        """
        reach = min(self.reach, middle, len(values) - 1 - middle)
        if reach == 0:
            return values[middle]
        around = values[middle - reach : middle + reach + 1]
        mean = torch.zeros_like(values[middle])
        for weight, value in zip(self.weights(reach), around, strict=True):
            mean.add_(value, alpha=weight)
        return mean


class LatentSmoother:
    """Draws the frames of a film from the means of their codes, each as soon as it can be.

    A frame is told by `add` and drawn ``window.reach`` frames later, or by `rest`. What it has to
    remember of a frame are the numbers of its codes, so few that they go into a run's state. Frames
    of different sizes are not mixed.

    Args:
        canvas: what the frames are painted on; its model draws the means.
        window: over which frames.
    """

    def __init__(self, canvas: VqganCanvas, window: Window) -> None:
        self._canvas = canvas
        self._window = window
        # (number, (1, h, w) indices), the oldest first
        self._frames: deque[tuple[int, Tensor]] = deque(maxlen=window.length)

    @torch.no_grad()
    def add(self, number: int) -> Iterator[tuple[int, Tensor]]:
        """Take what the canvas shows as frame ``number``: the frames that can be drawn now.

        Each is its number and its picture, (1, 3, H, W) in [0, 1].
        """
        shown = nearest_indices(self._canvas.average, self._canvas.model.codes)
        self._frames.append((number, shown))
        middle = len(self._frames) - 1 - self._window.reach
        if middle >= 0:
            yield self._drawn(middle)

    def rest(self) -> Iterator[tuple[int, Tensor]]:
        """The frames after the last that `add` gave, from what there is of their windows.

        Nothing is forgotten by it: should the film go on, `add` gives them again.
        """
        for middle in range(max(0, len(self._frames) - self._window.reach), len(self._frames)):
            yield self._drawn(middle)

    def tensors(self) -> dict[str, Tensor]:
        """All that it must know of the film so far to go on, by name."""
        kept = list(self._frames)[-2 * self._window.reach :] if self._window.reach else []
        numbers = torch.tensor([number for number, _ in kept], dtype=torch.int64)
        return {"numbers": numbers} | {
            str(place): indices[0].to("cpu", torch.int32) for place, (_, indices) in enumerate(kept)
        }

    def recall(self, kept: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` gave; with nothing in it, from the beginning.

        Raises:
            ValueError: it was given by no smoother of such a window and model.
        """
        numbers = kept["numbers"].tolist() if "numbers" in kept else []
        codes = self._canvas.model.codes
        self._frames.clear()
        for place, number in enumerate(numbers):
            indices = kept.get(str(place))
            if indices is None or indices.ndim != 2 or len(numbers) > 2 * self._window.reach:
                raise ValueError("the frames that smoothing remembers are not those of its window")
            if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < len(codes):
                raise ValueError("the frames that smoothing remembers have codes of another model")
            self._frames.append((number, indices[None].to(codes.device, torch.int64)))

    @torch.no_grad()
    def _drawn(self, middle: int) -> tuple[int, Tensor]:
        """The frame at ``middle`` of those remembered."""
        frames = list(self._frames)
        number, indices = frames[middle]
        first, last = middle, middle
        while first and frames[first - 1][1].shape == indices.shape:
            first -= 1
        while last + 1 < len(frames) and frames[last + 1][1].shape == indices.shape:
            last += 1
        codes = self._canvas.model.codes
        rasters = [look_up(each, codes) for _, each in frames[first : last + 1]]  # (1, e, h, w)
        mean = self._window.mean(rasters, middle - first)
        return number, self._canvas.model.decode(mean).clamp(0, 1)
