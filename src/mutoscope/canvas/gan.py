"""A canvas whose picture is drawn by a generator, from one style for each of its layers.

Descent goes through styles and not through pixels, so that whatever is wished for comes out in the
lines that the generator was taught. Each layer has a style of its own (the space W+ of Abdal, Qin
and Wonka, *Image2StyleGAN*, ICCV 2019), which reaches pictures that no single style does; far from
where the mapping network leads, a generator draws nothing it has learned, so styles are kept near.
"""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from mutoscope.canvas.base import Canvas, Warp
from mutoscope.canvas.clamp import clamp
from mutoscope.canvas.shared import Shared
from mutoscope.gan.generator import Generator
from mutoscope.gan.search import RATE, Space, draw, near, nearest_sample, search
from mutoscope.images import resize

SEARCH = 200  # steps toward a picture that comes from elsewhere
FOLLOW = 30  # and toward one that is the present one, moved a little


class GanCanvas(Canvas):
    """A picture as the styles that a trained generator draws it from.

    They are parameters as standard deviations from the mean style, so that one learning rate suits
    every generator. The generator is no part of the canvas: not of its parameters, nor of its
    state; a copy shares it. It goes along to another device. Its grain is constant, so that films
    don't flicker.

    Args:
        model: frozen, as it was loaded.
        generator: decides the sample that it starts from.
        truncation: how far that may be from the mean, 0 for the mean itself, 1 for any.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, model: Generator, *, generator: torch.Generator, truncation: float = 0.7
    ) -> None:
        super().__init__()
        self._shared = Shared(model)
        self.size = (model.shape.size, model.shape.size)
        self.lr = RATE
        space = Space.of(model)
        self.register_buffer("mean", space.mean, persistent=False)
        self.register_buffer("spread", space.spread, persistent=False)
        with torch.no_grad():
            z = torch.randn(1, model.shape.z, generator=generator, device=generator.device)
            w = model.truncate(model.map(z.to(space.mean.device)), truncation)  # (1, w)
            away = near(space.away(w)[:, None])
        self.away = nn.Parameter(away.repeat(1, model.layers, 1))  # (1, layers, w)

    @property
    def model(self) -> Generator:
        """What draws."""
        return self._shared.model

    @property
    def space(self) -> Space:
        """Its styles, on the device of the canvas."""
        return Space(self.mean, self.spread)

    @property
    def styles(self) -> Tensor:
        """The styles, (1, layers, w), as the generator takes them."""
        return self.space.styles(self.away)

    def forward(self) -> Tensor:
        """See `Canvas.forward`."""
        return clamp(draw(self.model, self.space, self.away))

    @torch.no_grad()
    def encode(self, image: Tensor) -> None:
        """Become ``image``, as nearly as the generator can; see `Canvas.encode`.

        The search begins at the sample most like it.
        """
        wanted = self._fitted(image)
        start = nearest_sample(self.model, self.space, wanted)
        self._become(wanted, start.repeat(1, self.model.layers, 1), SEARCH)

    @torch.no_grad()
    def constrain(self) -> None:
        """Bring each layer's style back to where the generator knows what to draw."""
        self.away.copy_(near(self.away))

    def move(self, warp: Warp) -> None:
        """Draw, warp, and search for that from where it is; see `Canvas.move`."""
        picture = self.image()
        moved = warp(picture)
        if moved is not picture:
            self._become(self._fitted(moved), self.away, FOLLOW)

    def grow(self, size: tuple[int, int]) -> None:
        """See `Canvas.grow`; a generator draws in one size alone.

        Raises:
            ValueError: it is another.
        """
        if size != self.size:
            raise ValueError(f"a generator of {self.size[0]} pixels can't draw {size}")

    def _fitted(self, image: Tensor) -> Tensor:
        return resize(image.to(self.away), self.size)

    def _become(self, wanted: Tensor, start: Tensor, steps: int) -> None:
        found, _ = search(self.model, self.space, wanted, start, steps=steps)
        self.away.data.copy_(found)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Change or move every tensor, those of the model too."""
        self.model._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call,no-any-return]
