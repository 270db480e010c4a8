"""A codebook that stays in use while it is trained.

Its codes are moving averages of the features that chose them (van den Oord et al., *Neural
Discrete Representation Learning*, 2017, appendix A.1), so no gradient has to reach them. They
begin as the k-means of real features, after the network has learned for a while without any
(Łańcucki et al., *Robust Training of Vector Quantized Bottleneck Models*, 2020), and a code that
nothing chooses any more begins anew as a feature of the batch (Dhariwal et al., *Jukebox*, 2020).
"""

import torch
from torch import Tensor, nn

DECAY = 0.99  # of the averages
DEAD = 0.1  # of its fair share: a code that is chosen less often begins anew
ROUNDS = 12  # of k-means
CHUNK = 4096  # features whose distances are in memory at once


class Averages(nn.Module):
    """What a codebook has seen: for each of its codes how often it was chosen, and by what.

    Args:
        codes: (n, e), which it moves in place.
    """

    counts: Tensor
    sums: Tensor

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.codes = codes
        self.register_buffer("counts", torch.zeros(len(codes), device=codes.device))
        self.register_buffer("sums", torch.zeros_like(codes))

    @torch.no_grad()
    def begin(self, features: Tensor, rng: torch.Generator) -> None:
        """Make the codes the k-means of ``features`` (m, e)."""
        self.codes.copy_(k_means(features, len(self.codes), rng))
        share = len(features) / len(self.codes)
        self.counts.fill_(share)
        self.sums.copy_(self.codes * share)

    @torch.no_grad()
    def follow(self, features: Tensor, chosen: Tensor, rng: torch.Generator) -> Tensor:
        """Move the codes towards the ``features`` (m, e) that have ``chosen`` (m,) them.

        Returns:
            The perplexity of the averaged choices, from 1 to n: how many codes are in use.
        """
        counts, sums = gather(features, chosen, len(self.codes))
        self.counts.mul_(DECAY).add_(counts, alpha=1 - DECAY)
        self.sums.mul_(DECAY).add_(sums, alpha=1 - DECAY)
        self._revive(features, rng)
        self.codes.copy_(self.sums / self.counts[:, None])
        odds = self.counts / self.counts.sum()
        return torch.exp(-(odds * odds.log()).sum())

    def _revive(self, features: Tensor, rng: torch.Generator) -> None:
        """Begin anew what is chosen too rarely; every count is above zero after it."""
        share = self.counts.mean()
        dead = (self.counts < DEAD * share)[:, None]
        pick = torch.randint(len(features), (len(self.codes),), generator=rng)
        fresh = features[pick.to(features.device)]
        self.counts.copy_(torch.where(dead[:, 0], share, self.counts))
        self.sums.copy_(torch.where(dead, fresh * share, self.sums))


def choose(features: Tensor, codes: Tensor) -> Tensor:
    """The number of the nearest of ``codes`` (n, e) for each of ``features`` (m, e): (m,)."""
    # |f - c|² without |f|², which is the same for every code.
    lengths = codes.square().sum(dim=1)
    parts = features.split(CHUNK)  # type: ignore[no-untyped-call]
    return torch.cat([(lengths - 2 * part @ codes.T).argmin(dim=1) for part in parts])


def gather(features: Tensor, chosen: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """How many ``features`` (m, e) chose each of ``count`` codes (n,), and their sums (n, e)."""
    counts = torch.bincount(chosen, minlength=count).to(features.dtype)
    sums = features.new_zeros(count, features.shape[1]).index_add_(0, chosen, features)
    return counts, sums


def k_means(features: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """``count`` means of ``features`` (m, e), Lloyd's way: (count, e).

    They begin as features by chance; one that nothing is nearest to begins anew as another. Where
    there are fewer features than means, some are equal.
    """
    order = torch.randperm(len(features), generator=rng)
    first = order.repeat(-(-count // len(features)))[:count]
    codes = features[first.to(features.device)].clone()
    for _ in range(ROUNDS):
        counts, sums = gather(features, choose(features, codes), count)
        pick = torch.randint(len(features), (count,), generator=rng).to(features.device)
        means = sums / counts.clamp(min=1)[:, None]
        codes = torch.where((counts > 0)[:, None], means, features[pick])
    return codes
