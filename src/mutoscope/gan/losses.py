"""What the two networks are trained by: scores, penalties and the mixing of styles.

A score is what the discriminator says, before any sigmoid. ``logistic`` is the non-saturating
loss (Goodfellow et al. 2014); ``rp`` pairs each drawing with an image (Jolicoeur-Martineau 2018;
Huang et al., *The GAN is dead; long live the GAN!*, 2024) and wants the gradient penalty on both,
R1 and R2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mutoscope.gan.generator import Generator
from mutoscope.gan.rows import Chance, integers, normal, uniform

PATH_DECAY = 0.01


@dataclass(frozen=True)
class Loss:
    """A pair of losses of scores ``(n,)``, each a mean over the batch.

    Attributes:
        discriminator: Of the scores of drawings and of images, in this order.
        generator: Of the same two; ``logistic`` ignores the drawings.
        paired: Whether the generator's loss needs scores of drawings.
        on_images: Whether the gradient penalty is for images as well as for drawings (R1 and R2).
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor | None, Tensor], Tensor]
    paired: bool
    on_images: bool


def _logistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def _logistic_generator(real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG001
    return functional.softplus(-fake).mean()


def _paired_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return functional.softplus(fake - real).mean()


def _paired_generator(real: Tensor | None, fake: Tensor) -> Tensor:
    if real is None:
        raise ValueError("the rp loss of a generator needs the scores of drawings")
    return functional.softplus(real - fake).mean()


LOSSES = {
    "logistic": Loss(_logistic_discriminator, _logistic_generator, paired=False, on_images=False),
    "rp": Loss(_paired_discriminator, _paired_generator, paired=True, on_images=True),
}


def gamma_rule(size: int, batch: int) -> float:
    """The weight of R1 to begin with: ``0.0002 size² / batch``, for images in [-1, 1].

    Source: Karras et al., *Training Generative Adversarial Networks with Limited Data*, 2020. What
    is best for a set of drawings lies from a quarter of it to four times it.
    """
    return 0.0002 * size**2 / batch


def gradient_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """The mean over the batch of ``|∂score/∂image|²``: R1 of drawings, R2 of images.

    Times ``gamma / 2`` it is the penalty of Mescheder et al., *Which Training Methods for GANs do
    actually Converge?*, 2018.

    Args:
        scores: ``(n,)``, made from ``images``.
        images: ``(n, c, h, w)`` as the discriminator saw them, augmented where that is done, with
            ``requires_grad``.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


class PathLength(nn.Module):
    """The path-length penalty: the same step of w should change the image equally everywhere.

    Source: Karras et al., *Analyzing and Improving the Image Quality of StyleGAN*, 2020, section
    3.2. The module's only state is the running mean of the lengths, which its penalty pulls toward;
    there it is that of the batches before.

    Attributes:
        mean: Running mean of the path lengths, zero at first.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, images: Tensor, ws: Tensor, *, generator: Chance) -> Tensor:
        """The penalty, a scalar; moves the running mean.

        Args:
            images: ``(n, c, h, w)``, made from ``ws``.
            ws: ``(n, layers, w)``, with ``requires_grad`` or a graph.
            generator: Where the random direction in the image comes from.
        """
        direction = normal(images.shape, generator)
        direction = direction / math.sqrt(images.shape[2] * images.shape[3])
        (slope,) = torch.autograd.grad((images.float() * direction).sum(), ws, create_graph=True)
        lengths = slope.float().square().sum(dim=2).mean(dim=1).sqrt()  # (n,)
        # From the mean before these: with theirs in it, every part of a batch would have another.
        penalty = (lengths - self.mean.clone()).square().mean()
        with torch.no_grad():
            self.mean.lerp_(lengths.mean().to(self.mean.dtype), PATH_DECAY)
        return penalty


def mixed_styles(network: Generator, z: Tensor, *, probability: float, generator: Chance) -> Tensor:
    """Styles ``(n, layers, w)`` for z ``(n, z)``, some of which change to another's midway.

    Source: Karras et al., *A Style-Based Generator Architecture*, 2019, section 3.1.

    Args:
        network: The generator. Its running mean of w moves (`Generator.track`).
        z: Random vectors.
        probability: Of a row to take the styles of another random vector from a random layer on.
        generator: Where the other vector, the layer and the choice of rows come from.
    """
    w = network.map(z)
    network.track(w)
    ws = w[:, None].expand(-1, network.layers, -1)
    if probability <= 0:
        return ws
    other = network.map(normal(z.shape, generator))
    layer = integers(1, network.layers, (len(z), 1), generator)
    mixes = uniform((len(z), 1), generator) < probability
    late = torch.arange(network.layers, device=z.device)[None] >= layer  # (n, layers)
    return torch.where((late & mixes)[:, :, None], other[:, None], ws)
