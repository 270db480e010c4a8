"""What every estimator of depth is, and the one scale on which all of them answer."""

import torch
from torch import Tensor, nn

NEAR = 1.0
FAR = 10.0


class Depth(nn.Module):
    """An eye for distance, frozen; one picture at a time, at most once a frame.

    Attributes:
        name: what settings and messages call it.
    """

    name: str

    @torch.no_grad()
    def estimate(self, image: Tensor) -> Tensor:
        """How far each pixel of ``image`` (1, 3, H, W) in [0, 1] is: (1, 1, H, W), float32.

        Distances are relative, from `NEAR` to `FAR`: what is at 2 is twice as far as what is at 1.
        They lie on the picture's device and depend on nothing but the picture.
        """
        return self.look(image)

    def look(self, image: Tensor) -> Tensor:
        """What `estimate` answers; each estimator has its own."""
        raise NotImplementedError


def distance(nearness: Tensor) -> Tensor:
    """Distance from nearness, which is 1 at `NEAR` and 0 at `FAR`; what is beyond is held there.

    Nearness is linear in the inverse of distance, as the shift between two eyes is. A ground that
    is flat is linear in it too, and errors in it are errors in where a pixel will go.
    """
    return 1 / torch.lerp(
        nearness.new_tensor(1 / FAR), nearness.new_tensor(1 / NEAR), nearness.clamp(0, 1)
    )
