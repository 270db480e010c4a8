"""A tiny perceptor, a tiny canvas, and the property that every term must have."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mutoscope.cutouts import Cutouts
from mutoscope.look import Look, weigh
from mutoscope.schedule import Moment


class Projection(nn.Module):
    """A perceptor that sees through one random matrix."""

    def __init__(self, size=16, width=12, seed=0):
        super().__init__()
        self.size, self.width, self.looks = size, width, 0
        rng = torch.Generator().manual_seed(seed)
        self.matrix = torch.randn(3 * size * size, width, generator=rng) / size

    def see(self, batch):
        self.looks += 1
        embeds = nn.functional.normalize(batch.sub(0.5).flatten(1) @ self.matrix, dim=1)
        return SimpleNamespace(embeds=embeds, strangeness=batch.sub(0.5).square().mean())


class Pixels(nn.Module):
    """A canvas that is its pixels."""

    def __init__(self, size=(32, 24), seed=0):
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.pixels = nn.Parameter(torch.rand(1, 3, size[1], size[0], generator=rng))

    def forward(self):
        return self.pixels.clamp(0, 1)


class Given:
    """A look with chosen embeddings and boxes, for terms that only read those."""

    def __init__(self, embeds, positions=None, sizes=None, *, part=None, moment=None):
        n = len(embeds)
        self.image = torch.zeros(1, 3, 8, 8)
        self.moment = moment or moment_at()
        self.part = part or slice(0, n)
        self._embeds = embeds
        self._cuts = Boxes(
            torch.zeros(n, 2) if positions is None else torch.tensor(positions).float(),
            torch.ones(n, 2) if sizes is None else torch.tensor(sizes).float(),
        )

    def cuts(self, perceptor):
        return self._cuts

    def views(self, perceptor):
        return SimpleNamespace(
            embeds=self._embeds[self.part],
            positions=self._cuts.positions[self.part],
            sizes=self._cuts.sizes[self.part],
            strangeness=None,
        )


class Boxes:
    def __init__(self, positions, sizes):
        self.positions, self.sizes = positions, sizes
        one = torch.ones(len(positions), 1)
        self.pieces = positions[:, None], (positions + sizes)[:, None], one

    def __len__(self):
        return len(self.positions)


def moment_at(step=0, *, scene=0, scene_step=0, frame=0, t=0.0):
    return Moment(step=step, scene=scene, scene_step=scene_step, frame=frame, t=t)


def look_at(canvas, *, step=0, chunks=1, image=None, moment=None, cutouts=None):
    if image is None:
        image = canvas().detach().requires_grad_()
    return Look(
        image,
        canvas=canvas,
        cutouts=cutouts or Cutouts(6, power=1, augmentation="none"),
        moment=moment or moment_at(step),
        rng=torch.Generator().manual_seed(step),
        chunks=chunks,
    )


def assert_descends(term, canvas, steps=3, lr=0.02):
    """Three steps of Adam make the term's value smaller, seen through the same cutouts."""
    optimizer = torch.optim.Adam(canvas.parameters(), lr=lr)
    values = []
    for _ in range(steps + 1):
        optimizer.zero_grad(set_to_none=True)
        drawn = canvas()
        look = look_at(canvas, image=drawn.detach().requires_grad_())
        values.append(sum(weigh(look, [term]).values()).item())
        if look.image.grad is not None and drawn.requires_grad:
            drawn.backward(look.image.grad)
        optimizer.step()
    assert values[-1] < values[0], values
    return values


@pytest.fixture
def tools():
    return SimpleNamespace(
        Projection=Projection,
        Pixels=Pixels,
        Given=Given,
        moment_at=moment_at,
        look_at=look_at,
        assert_descends=assert_descends,
    )
