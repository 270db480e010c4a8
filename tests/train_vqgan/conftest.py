"""Networks and pictures so small that a training takes moments."""

import pytest
import torch

from mutoscope.paint import rng_for
from mutoscope.train_vqgan.critic import Critic
from mutoscope.vqgan import Architecture, new_vqgan

TOY = Architecture(
    kind="vq", embed_dim=4, n_embed=16, z_channels=4, ch=32, ch_mult=(1, 1),
    num_res_blocks=1, attn_resolutions=(), resolution=32,
)  # fmt: skip


class Glance(torch.nn.Module):
    """An eye that sees means of pixels: a stand-in with the face of `Perception`."""

    def forward(self, batch):
        return [torch.nn.functional.avg_pool2d(batch, 4)]

    def distance(self, seen, wanted):
        return sum((a - b).square().mean() for a, b in zip(seen, wanted, strict=True))


@pytest.fixture
def eye():
    return Glance()


@pytest.fixture
def toy_players():
    """A fresh model and critic, equal each time."""

    def made(seed=0):
        model = new_vqgan(TOY, generator=rng_for(seed, "weights"))
        return model, Critic(8, generator=rng_for(seed, "critic"))

    return made


@pytest.fixture
def blobs():
    """The crops of a step: soft blobs of colour that a toy can learn."""

    def crops(step):
        rng = rng_for(3, f"blobs/{step}")
        small = torch.rand(2, 3, 3, 3, generator=rng)
        return torch.nn.functional.interpolate(small, (16, 16), mode="bilinear")

    return crops
