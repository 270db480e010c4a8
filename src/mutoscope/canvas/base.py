"""What every canvas is: a module that draws a picture from parameters."""

from collections.abc import Callable

from torch import Tensor, nn

Warp = Callable[[Tensor], Tensor]


class Canvas(nn.Module):
    """Something that draws. All that is needed to resume is in its ``state_dict``.

    Attributes:
        lr: the learning rate of Adam that suits its parameters.
        size: ``(width, height)`` of the picture that it draws, in pixels; `grow` changes it.
        rasters: the parameters that lie over the picture with their last two axes, so that what an
            optimiser knows of a place can go where `move` takes the place.
    """

    lr: float
    size: tuple[int, int]
    rasters: tuple[str, ...] = ()

    def forward(self) -> Tensor:
        """Draw: (1, 3, H, W), about [0, 1], with gradient to the parameters."""
        raise NotImplementedError

    def image(self) -> Tensor:
        """The picture as it is shown: (1, 3, H, W), detached and clamped to [0, 1]."""
        drawn: Tensor = self()
        return drawn.detach().clamp(0, 1)

    def encode(self, image: Tensor) -> None:
        """Become ``image`` (1, 3, h, w) in [0, 1], of any size, as nearly as this canvas can."""
        raise NotImplementedError

    def grow(self, size: tuple[int, int]) -> None:
        """Draw the same picture at ``size``, on new parameters; nothing where it has that size."""
        raise NotImplementedError

    def constrain(self) -> None:
        """Put the parameters back in bounds after a step of the optimiser; by default nothing."""

    def move(self, warp: Warp) -> None:
        """Carry the picture to where ``warp`` takes it: by default, draw, warp and encode."""
        self.encode(warp(self.image()))
