"""How much memory a training will take, told before it begins, from networks without numbers."""

import torch
from torch import Tensor

from mutoscope.gan import Generator
from mutoscope.gan.discriminator import Discriminator
from mutoscope.train_gan.recipe import Settings

# A generator is there thrice (it, its average, its gradient), a discriminator twice, and both have
# two moments each.
_OF_GENERATOR, _OF_DISCRIMINATOR = 5, 4
_BYTES = 4


def weight_bytes(settings: Settings) -> int:
    """What weights, averages, gradients and moments take, in bytes."""
    generator, discriminator = _empty(settings)
    return _BYTES * (_OF_GENERATOR * _count(generator) + _OF_DISCRIMINATOR * _count(discriminator))


def picture_bytes(settings: Settings) -> int:
    """What one picture leaves in memory on its way through both networks and back, in bytes."""
    generator, discriminator = _empty(settings)
    owned = {id(value) for network in (generator, discriminator) for value in network.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if id(tensor) not in owned:
            kept[id(tensor)] = tensor  # and so no other tensor gets its number
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        latents = torch.randn(1, settings.z, device="meta")
        discriminator(generator.synthesise(generator.map(latents)))
    # Weights as they are scaled have no rows of pictures, and are not kept once for each.
    rows = [tensor for tensor in kept.values() if tensor.ndim == 4 and tensor.shape[0] == 1]
    return sum(tensor.numel() * tensor.element_size() for tensor in rows)


def predicted_bytes(settings: Settings, *, batch: int | None = None) -> int:
    """What the first steps will take at most, beside the program itself, in bytes.

    ``batch`` is how many pictures of a step one process has; else all.
    """
    return weight_bytes(settings) + (batch or settings.batch) * picture_bytes(settings)


def _empty(settings: Settings) -> tuple[Generator, Discriminator]:
    shape = settings.shape()
    with torch.device("meta"):
        return Generator(shape, None), Discriminator(shape, None)


def _count(network: torch.nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())
