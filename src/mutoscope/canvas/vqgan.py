"""A canvas whose picture is drawn by the decoder of a VQGAN.

The picture is a small raster of vectors, one for each square of f × f pixels. Each is replaced by
the nearest of the model's codes (Esser, Rombach and Ommer, *Taming Transformers for
High-Resolution Image Synthesis*, CVPR 2021) and the decoder draws what they stand for. The gradient
passes the replacement as if it were not there (van den Oord, Vinyals and Kavukcuoglu, *Neural
Discrete Representation Learning*, NeurIPS 2017, section 3.2). Descent jumps from code to code, so
what is shown, saved and moved is drawn from a running average of the raster.
"""

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from mutoscope.canvas.base import Canvas, Warp
from mutoscope.canvas.clamp import clamp
from mutoscope.canvas.shared import Shared
from mutoscope.images import resize
from mutoscope.vqgan.model import VQGAN

DECAY = 0.99
"""What is left, a step later, of a raster's share in the running average."""


class VqganCanvas(Canvas):
    """A picture as the raster of vectors that a VQGAN's decoder draws it from.

    The model is no part of it: not of its parameters, nor of its state; a copy of the canvas shares
    the model. It goes along to another device.

    Args:
        size: ``(width, height)`` in pixels, multiples of the model's f.
        model: frozen, as it was loaded.
        generator: decides the codes that it starts from, one for each square.
        clamp_codes: keep each channel of the raster within what the codes have there.

    Raises:
        ValueError: the size is no multiple of f.
    """

    rasters = ("latent",)

    average: Tensor
    origin: Tensor
    seen: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self,
        size: tuple[int, int],
        *,
        model: VQGAN,
        generator: torch.Generator,
        clamp_codes: bool = False,
    ) -> None:
        super().__init__()
        self._shared = Shared(model)
        self.size = self._drawable(size)
        self.lr = 0.15 if model.architecture.kind == "gumbel" else 0.1
        self.clamp_codes = clamp_codes
        width, height = size[0] // model.f, size[1] // model.f
        index = torch.randint(
            len(model.codes), (height, width), generator=generator, device=generator.device
        )
        drawn = model.codes[index.to(model.codes.device)]  # (h, w, e)
        self.latent = nn.Parameter(drawn.permute(2, 0, 1)[None].contiguous())  # (1, e, h, w)
        # The average begins as the start alone; ``seen`` is the weight of all that is in it, which
        # comes to 1 with time, and keeps it from leaning to zero until then (as in Adam).
        self.register_buffer("average", self.latent.detach().clone())
        # Where this raster began, for what holds it there; in the state, for a run that goes on.
        self.register_buffer("origin", self.latent.detach().clone())
        self.register_buffer("seen", torch.tensor(1 - DECAY, device=drawn.device))
        low, high = torch.aminmax(model.codes, dim=0)
        self.register_buffer("low", low[:, None, None].clone(), persistent=False)
        self.register_buffer("high", high[:, None, None].clone(), persistent=False)
        self._codes: Tensor | None = None
        self._shown: Tensor | None = None
        self.register_load_state_dict_post_hook(_forget)  # type: ignore[no-untyped-call]

    @property
    def model(self) -> VQGAN:
        """What draws."""
        return self._shared.model

    @property
    def quantised(self) -> Tensor:
        """The codes nearest to the raster, (1, e, h, w), with the raster's gradient.

        After a forward pass, and until the raster changes, they are those that it drew.
        """
        if self._codes is None:
            self._codes = self.model.nearest(self.latent.detach())
        # The bracket is 0: forward the codes exactly, backward the raster.
        return self._codes + (self.latent - self.latent.detach())

    def forward(self) -> Tensor:
        """See `Canvas.forward`."""
        self._codes = self.model.nearest(self.latent.detach())
        return clamp(self.model.decode(self.quantised))

    @torch.no_grad()
    def image(self) -> Tensor:
        """The picture of the running average, with codes in its place: (1, 3, H, W) in [0, 1]."""
        if self._shown is None:
            # A moment's picture is asked for more than once, and a decode costs a third of a step.
            self._shown = self._picture_of(self.average)
        return self._shown.clone()

    @torch.no_grad()
    def latent_of(self, image: Tensor) -> Tensor:
        """The raster, (1, e, h/f, w/f), of the codes for ``image`` (1, 3, H, W) of any size."""
        return self.model.encode(resize(image.to(self.latent), self.size))

    @torch.no_grad()
    def encode(self, image: Tensor) -> None:
        """Become ``image``, as nearly as the codes can; see `Canvas.encode`.

        The running average begins anew.
        """
        self.latent.copy_(self.latent_of(image))
        self.average.copy_(self.latent)
        self.origin.copy_(self.latent)
        self.seen.fill_(1 - DECAY)
        self._forget()

    @torch.no_grad()
    def constrain(self) -> None:
        """Keep within the codes' range, if that is wanted, and count into the average."""
        if self.clamp_codes:
            self.latent.clamp_(self.low, self.high)
        self.seen.mul_(DECAY).add_(1 - DECAY)
        self.average.lerp_(self.latent, (1 - DECAY) / self.seen)
        self._forget()

    def move(self, warp: Warp) -> None:
        """Draw the running average, warp it, encode that; see `Canvas.move`.

        Where nothing moves nothing is encoded, for each encoding loses a little.
        """
        picture = self.image()
        moved = warp(picture)
        if moved is not picture:
            self.encode(moved)

    @torch.no_grad()
    def grow(self, size: tuple[int, int]) -> None:
        """Draw the same picture at ``size``, from a new raster that begins as its codes.

        To enlarge the raster itself would repeat each square's texture and not magnify it, for a
        code stands for f × f pixels whatever the size.

        Raises:
            ValueError: the size is no multiple of f.
        """
        if size == self.size:
            return
        self.size = self._drawable(size)
        grown = self.latent_of(self.image()).contiguous()
        self.latent, self.average = nn.Parameter(grown), grown.clone()
        self.origin = grown.clone()
        self.seen.fill_(1 - DECAY)
        self._forget()

    def _picture_of(self, latent: Tensor) -> Tensor:
        """What ``latent`` (1, e, h, w) draws, with codes in its place, clamped."""
        return self.model.decode(self.model.nearest(latent)).clamp(0, 1)

    def _drawable(self, size: tuple[int, int]) -> tuple[int, int]:
        f = self.model.f
        if min(size) < f or size[0] % f or size[1] % f:
            raise ValueError(
                f"size: {size[0]} × {size[1]} can't be drawn in squares of {f} × {f} pixels; "
                f"round both sides to multiples of {f}"
            )
        return size

    def _forget(self) -> None:
        """Forget what was worked out from another raster or average."""
        self._codes = self._shown = None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Change or move every tensor, those of the model too."""
        self._forget()
        self.model._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call,no-any-return]


def _forget(canvas: VqganCanvas, _incompatible: object) -> None:
    canvas._forget()
