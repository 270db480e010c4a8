"""Toward words and pictures: the terms that compare what perceptors see with what was asked."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

import scipy
import torch
from torch import Tensor

from mutoscope.cutouts import Cutouts
from mutoscope.look import Eye, Look, Views
from mutoscope.terms.base import NEVER, ONE, Number, pull, spherical
from mutoscope.terms.masks import EVERYWHERE, Mask

# Added to distances between pictures, which lie far below those between words and pictures, so
# that stops mean about the same for both (PyTTI's constant).
PICTURE_OFFSET = 0.7

Target = TypeVar("Target", Tensor, Views)


class _Comparison(Generic[Target]):
    """What words and pictures share: weight, stop, mask, and the mean over perceptors."""

    cuts = True
    offset = 0.0

    def __init__(
        self,
        name: str,
        targets: Mapping[Eye, Target],
        *,
        weight: Number = ONE,
        stop: Number = NEVER,
        mask: Mask = EVERYWHERE,
        shares: Mapping[Eye, float] | None = None,
    ) -> None:
        if not targets:
            raise ValueError(f"{name}: no perceptor has a target")
        told = shares or dict.fromkeys(targets, 1.0)
        whole = sum(told[eye] for eye in targets)
        # One that has no say need not look.
        self.shares = {eye: told[eye] / whole for eye in targets if told[eye]}
        self.name = name
        self.targets: dict[Eye, Target] = dict(targets)
        self.weight = weight
        self.stop = stop
        self.mask = mask

    def __call__(self, look: Look) -> Tensor:
        """The weighted distance, averaged over cutouts and then over perceptors by their shares."""
        values = look.moment.values
        weight = self.weight(values)
        if weight == 0:  # no perceptor need look
            return torch.zeros((), device=look.image.device)
        stop = self.stop(values)
        losses = []
        for perceptor, say in self.shares.items():
            aim = self.aim(look, perceptor, self.targets[perceptor])
            distances = self.offset + spherical(look.views(perceptor).embeds, aim)
            floor, share = self.mask(look, perceptor)
            floor = (floor - float(weight < 0)).clamp_min(stop)
            losses.append(say * pull(distances, weight * share, floor))
        return torch.stack(losses).sum()

    def aim(self, look: Look, perceptor: Eye, target: Target) -> Tensor:
        """What each cutout is compared with: (n or 1, width)."""
        raise NotImplementedError


class Toward(_Comparison[Tensor]):
    """Toward a text (or any one embedding), or away from it where the weight is negative.

    Args:
        name: a label for the log.
        targets: for each perceptor that judges, its embedding of the text, (1, width).
        weight: may vary with time and be negative.
        stop: the signed distance below which it stops pulling; see `pull`.
        mask: where in the picture it acts.
        shares: how much each perceptor's judgement counts, of which only the proportions matter;
            nothing: all alike.
    """

    def aim(self, look: Look, perceptor: Eye, target: Tensor) -> Tensor:  # noqa: ARG002
        """The text's embedding, the same for every cutout."""
        return target


class TowardPicture(_Comparison[Views]):
    """Toward another picture, cutout by cutout: each against the one whose centre lies nearest.

    The picture's own cutouts come from `glimpse` and stay as they are. Those of a step are matched
    to them so that the distances between centres sum to the least (Kuhn 1955, the Hungarian method;
    under a millisecond for forty cutouts); sizes play no part. The matching is of the whole step,
    however many chunks it is looked at in. Distances have 0.7 added (`PICTURE_OFFSET`), so stops
    lie above that. The arguments are `Toward`'s, with `Views` for targets.
    """

    offset = PICTURE_OFFSET

    def aim(self, look: Look, perceptor: Eye, target: Views) -> Tensor:
        """The embeddings of the matched cutouts, (n, width)."""
        cuts = look.cuts(perceptor)
        stored = (target.positions + target.sizes / 2).to(cuts.positions.device)
        chosen = match(cuts.positions + cuts.sizes / 2, stored)
        return target.embeds[chosen[look.part].to(target.embeds.device)]


def match(centres: Tensor, stored: Tensor) -> Tensor:
    """For each of ``centres`` (n, 2) the index of its partner among ``stored`` (m, 2): (n,).

    No partner is taken twice while others are free: with more centres than partners, each is taken
    as evenly often as that allows.
    """
    rounds = -(-len(centres) // len(stored))
    cost = torch.cdist(centres.double(), stored.double()).repeat(1, rounds)
    _, columns = scipy.optimize.linear_sum_assignment(cost.cpu().numpy())
    return torch.as_tensor(columns, device=centres.device) % len(stored)


def glimpse(
    image: Tensor,
    perceptors: Sequence[Eye],
    cutouts: Cutouts,
    *,
    rng: torch.Generator,
    chunks: int = 1,
) -> dict[Eye, Views]:
    """What ``perceptors`` see of a picture (1, 3, H, W) in clean cutouts, for `TowardPicture`.

    The boxes come from the distribution of ``cutouts``; they are not augmented and have no noise,
    for a target should be what is there.
    """
    height, width = image.shape[-2:]
    seen = {}
    with torch.no_grad():
        for perceptor in perceptors:
            cuts = cutouts.clean().draw(rng, (width, height), perceptor.size)
            n = len(cuts)
            edges = [i * n // chunks for i in range(chunks + 1)]
            embeds = [
                perceptor.see(cuts.crop(image, slice(start, stop))).embeds
                for start, stop in pairwise(edges)
                if stop > start
            ]
            seen[perceptor] = Views(
                embeds=torch.cat(embeds),
                positions=cuts.positions.to(image.device),
                sizes=cuts.sizes.to(image.device),
            )
    return seen
