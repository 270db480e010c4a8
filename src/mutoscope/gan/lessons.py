"""The four losses of a training step, each ready for ``backward()``.

A full step is `judge` and `draw`; now and then `calm` (R1, and R2 with ``rp``) and `straighten`
(path length) take a turn, weighted by how seldom they do. None of them touches an optimiser or
leaves a gradient where it does not belong: while the generator learns, the discriminator's weights
want none, which saves a third of its backward pass.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mutoscope.gan.augment import augment
from mutoscope.gan.discriminator import Discriminator
from mutoscope.gan.generator import Generator, Noise
from mutoscope.gan.losses import Loss, PathLength, gradient_penalty, mixed_styles
from mutoscope.gan.rows import Chance, normal


@dataclass(frozen=True)
class Pair:
    """The two networks and what holds for all their lessons.

    Attributes:
        generator: The one that draws.
        discriminator: The one that judges.
        loss: One of `mutoscope.gan.LOSSES`.
        mixing: Probability of style mixing.
        rng: Where everything random comes from, on the device of the networks.
        noise: Of the generator's inputs while it learns; see `Generator.synthesise`.
    """

    generator: Generator
    discriminator: Discriminator
    loss: Loss
    mixing: float
    rng: Chance
    noise: Noise = "random"

    def vectors(self, count: int) -> Tensor:
        """``(count, z)`` from N(0, 1)."""
        return normal((count, self.generator.shape.z), self.rng)

    def images(self, count: int) -> tuple[Tensor, Tensor]:
        """Images ``(count, c, s, s)``, and the styles ``(count, layers, w)`` they are made from."""
        ws = mixed_styles(
            self.generator, self.vectors(count), probability=self.mixing, generator=self.rng
        )
        return self.generator.synthesise(ws, noise=self.noise, generator=self.rng), ws

    def scores(self, images: Tensor, p: float) -> Tensor:
        """What the discriminator says of images, augmented, ``(n,)``."""
        scores: Tensor = self.discriminator(augment(images, p, generator=self.rng))
        return scores


@contextmanager
def resting(network: nn.Module) -> Iterator[None]:
    """While the block lasts, no gradient of the weights of ``network`` is computed."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def judge(pair: Pair, drawings: Tensor, *, p: float) -> tuple[Tensor, Tensor]:
    """The discriminator's loss, and how sure it is of each drawing, detached.

    That is the score; where scores are paired, and mean nothing alone, by how much it is above the
    image's.

    Args:
        pair: The networks.
        drawings: ``(n, c, s, s)`` in [-1, 1].
        p: Probability of each augmentation.
    """
    with torch.no_grad():
        images, _ = pair.images(len(drawings))
    real = pair.scores(drawings, p)
    fake = pair.scores(images, p)
    sure = real - fake if pair.loss.paired else real
    return pair.loss.discriminator(real, fake), sure.detach()


def calm(pair: Pair, drawings: Tensor, *, p: float, gamma: float) -> Tensor:
    """``gamma / 2`` times R1, and R2 as well where the loss asks for it.

    The penalty is of the slope in what the discriminator sees, the augmented image: resampling has
    no second derivative.
    """
    seen = [drawings]
    if pair.loss.on_images:
        with torch.no_grad():
            seen.append(pair.images(len(drawings))[0])
    total = torch.zeros((), device=drawings.device)
    for batch in seen:
        augmented = augment(batch, p, generator=pair.rng).detach().requires_grad_()
        total = total + gradient_penalty(pair.discriminator(augmented), augmented)
    return gamma / 2 * total


def draw(pair: Pair, count: int, *, p: float, drawings: Tensor | None = None) -> Tensor:
    """The generator's loss for ``count`` new images.

    Args:
        pair: The networks.
        count: How many images.
        p: Probability of each augmentation.
        drawings: As many drawings, which only ``rp`` looks at.
    """
    with resting(pair.discriminator):
        real = None
        if pair.loss.paired and drawings is not None:
            with torch.no_grad():
                real = pair.scores(drawings, p)
        images, _ = pair.images(count)
        return pair.loss.generator(real, pair.scores(images, p))


def straighten(pair: Pair, count: int, *, lengths: PathLength) -> Tensor:
    """The path-length penalty of ``count`` new images, half a batch as a rule; unweighted."""
    images, ws = pair.images(count)
    penalty: Tensor = lengths(images, ws, generator=pair.rng)
    return penalty
