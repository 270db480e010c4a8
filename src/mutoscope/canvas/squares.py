"""Any canvas with its pixels drawn as squares: `pixel_size` for canvases that have none."""

from torch import Tensor

from mutoscope.canvas.base import Canvas, Warp
from mutoscope.canvas.pixels import enlarge, shrink


class Squares(Canvas):
    """A canvas whose every pixel is drawn as a square, ``side`` pixels of the picture wide."""

    def __init__(self, canvas: Canvas, side: int) -> None:
        super().__init__()
        self.canvas, self.side, self.lr = canvas, side, canvas.lr
        self.size = (canvas.size[0] * side, canvas.size[1] * side)

    def forward(self) -> Tensor:
        """See `Canvas.forward`."""
        drawn: Tensor = self.canvas()
        return enlarge(drawn, self.side)

    def encode(self, image: Tensor) -> None:
        """See `Canvas.encode`."""
        self.canvas.encode(shrink(image, self.size, self.side))

    def grow(self, size: tuple[int, int]) -> None:
        """See `Canvas.grow`; ``size`` is a whole number of squares."""
        self.canvas.grow((size[0] // self.side, size[1] // self.side))
        self.size = size

    def constrain(self) -> None:
        """See `Canvas.constrain`."""
        self.canvas.constrain()

    def move(self, warp: Warp) -> None:
        """Carry the squares themselves; a warp suits every resolution."""
        self.canvas.move(warp)
