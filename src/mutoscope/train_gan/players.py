"""All that changes while a generator is trained, kept together: what a checkpoint is made of."""

import copy
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mutoscope.errors import RunError, is_out_of_memory
from mutoscope.gan import Generator
from mutoscope.gan.augment import Adaptation
from mutoscope.gan.discriminator import Discriminator
from mutoscope.gan.ema import decay, follow
from mutoscope.gan.lessons import Pair
from mutoscope.gan.losses import LOSSES, PathLength
from mutoscope.gan.rows import Rows
from mutoscope.paint import rng_for
from mutoscope.train_gan.recipe import Settings
from mutoscope.train_gan.team import ALONE, Team
from mutoscope.training.adam import moments, restore

log = logging.getLogger("mutoscope")

MOMENTS = (0.0, 0.99)  # Adam's
EPSILON = 1e-8


@dataclass(frozen=True)
class Kept:
    """What a checkpoint holds after so many steps: tensors and plain numbers."""

    steps: int
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, Any]


@dataclass
class Players:
    """Two networks, an optimiser each, the average that is shown, and what steers them.

    ``part`` is how many drawings go through the networks at once: the share of a batch that this
    process of the ``team`` has, or a part of it where memory was short. ``sums`` are those of the
    log's next line, by name; ``counts`` of how many steps. ``best`` is the smallest distance so
    far, and after how many steps.
    """

    settings: Settings
    device: torch.device
    generator: Generator
    discriminator: Discriminator
    average: Generator
    lengths: PathLength
    adaptation: Adaptation
    painter: torch.optim.Adam
    referee: torch.optim.Adam
    part: int
    team: Team = ALONE
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    best: tuple[float, int] | None = None

    @classmethod
    def start(cls, settings: Settings, device: torch.device, *, team: Team = ALONE) -> "Players":
        """Fresh ones, for settled settings."""
        shape = settings.shape()
        # On the CPU, so that the weights don't depend on the device.
        generator = Generator(shape, rng_for(settings.seed, "generator")).to(device)
        judge = Discriminator(shape, rng_for(settings.seed, "discriminator")).to(device)
        return cls(
            settings, device, generator, judge,
            average=copy.deepcopy(generator).requires_grad_(False).eval(),
            lengths=PathLength().to(device),
            adaptation=Adaptation(
                p=0.0 if settings.augment == "none" else settings.augment_p,
                target=settings.augment_target, ramp=settings.augment_images,
            ),
            painter=_adam(
                generator, settings.rate, settings.path_every if settings.path_weight else 0
            ),
            referee=_adam(judge, settings.rate, settings.penalty_every if settings.gamma else 0),
            part=settings.batch // team.size, team=team,
        )  # fmt: skip

    def pair(self, name: str, rows: range) -> Pair:
        """The two networks with what is random, at a moment of that name, about rows of a batch."""
        settings = self.settings

        def start(block: int) -> torch.Generator:
            seed = rng_for(settings.seed, f"{name}/{block}").initial_seed()
            return torch.Generator(self.device).manual_seed(seed)

        return Pair(
            self.generator, self.discriminator, LOSSES[settings.loss], settings.mixing,
            Rows(rows, start),
            noise="random" if settings.noise == "yes" else "none",
        )  # fmt: skip

    def learn(
        self,
        optimizer: torch.optim.Adam,
        name: str,
        count: int,
        loss: Callable[[Pair, slice], Tensor],
    ) -> Tensor:
        """One step of an optimiser on the mean of ``loss`` over ``count`` pictures of each process.

        ``loss`` is asked for one part of them after another, with the random numbers of ``name``
        and of the rows' places in the whole; running means move once. The slopes are those of the
        whole in one part, as long as parts are of a multiple of four. Where memory is short, the
        parts are halved, and the step begins anew.

        Raises:
            RunError: there is not enough for a single picture.
        """
        means = [self.lengths.mean, self.generator.mean]
        before = [mean.clone() for mean in means]
        while True:
            try:
                optimizer.zero_grad(set_to_none=True)
                total = torch.zeros((), device=self.device)
                moved = [torch.zeros_like(mean) for mean in means]
                # As many parts as a whole batch has, so that halves of batches are halved too.
                pieces = -(-self.settings.batch // self.team.size // self.part)
                part = -(-count // pieces)
                for first in range(0, count, part):
                    rows = slice(first, min(count, first + part))
                    share, before_us = (rows.stop - first) / count, self.team.rank * count
                    places = range(before_us + first, before_us + rows.stop)
                    value = loss(self.pair(name, places), rows) * share
                    value.backward()  # type: ignore[no-untyped-call]
                    total += value.detach()
                    for mean, sum_, old in zip(means, moved, before, strict=True):
                        sum_ += mean * share
                        mean.copy_(old)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                for mean, old in zip(means, before, strict=True):
                    mean.copy_(old)
            # Out of the handler, where the error holds what was to be freed.
            optimizer.zero_grad(set_to_none=True)
            self.take_less()
        for mean, sum_ in zip(means, moved, strict=True):
            mean.copy_(sum_)
        slopes = [
            value.grad for group in optimizer.param_groups for value in group["params"]
            if value.grad is not None
        ]  # fmt: skip
        self.team.average([total, *means, *slopes])
        optimizer.step()
        return total

    def take_less(self) -> None:
        """Halve the part of a batch that is in memory at once.

        Raises:
            RunError: it is a single picture already.
        """
        if self.part == 1:
            raise RunError(
                f"there is not enough memory on {self.device} for a single picture of "
                f"{self.settings.size} pixels; take a smaller preset, or size= or cmax="
            )
        self.part = -(-self.part // 2)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        log.warning(
            "memory is short: batches of %d go through in parts of %d from now, which is slower "
            "and learns as well", self.settings.batch, self.part,
        )  # fmt: skip

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Compute with fewer bits inside, where the settings and the device want it."""
        wanted = self.settings.precision
        half = wanted == "bfloat16" or (wanted == "auto" and self.device.type == "cuda")
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            yield

    def average_in(self, step: int) -> None:
        """Move the average towards the generator that was trained in ``step``."""
        batch = self.settings.batch
        follow(self.average, self.generator, decay=decay(batch, (step + 1) * batch))

    def note(self, **values: Tensor) -> None:
        """Add values of a step to those of the log's next line; they stay on the device."""
        for name, value in values.items():
            seen = value.detach().float()
            self.sums[name] = self.sums[name] + seen if name in self.sums else seen
            self.counts[name] = self.counts.get(name, 0) + 1

    def line(self) -> dict[str, float]:
        """The means of what was noted, which begin anew."""
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means

    def snapshot(self, steps: int) -> Kept:
        """Copy what `recall` needs, to the CPU."""
        tensors = {
            f"{owner}.{name}": value
            for owner, part in self._networks().items()
            for name, value in part.state_dict().items()
        }
        for owner, optimizer in self._optimizers().items():
            tensors |= {f"{owner}.{name}": value for name, value in moments(optimizer).items()}
        tensors |= {f"sums.{name}": value for name, value in self.sums.items()}
        numbers = {
            "adaptation": self.adaptation.state(), "part": self.part, "counts": dict(self.counts),
            "best": self.best,
        }  # fmt: skip
        copies = {name: t.detach().to("cpu", copy=True) for name, t in tensors.items()}
        return Kept(steps, copies, numbers)

    def recall(self, kept: Kept) -> int:
        """Put everything back to a checkpoint; returns the steps it holds.

        Raises:
            RunError: it is one of other networks.
        """
        owned: dict[str, dict[str, Tensor]] = {}
        for name, value in kept.tensors.items():
            owner, _, rest = name.partition(".")
            owned.setdefault(owner, {})[rest] = value
        try:
            for owner, part in self._networks().items():
                part.load_state_dict(owned.get(owner, {}))
            for owner, optimizer in self._optimizers().items():
                restore(optimizer, owned.get(owner, {}))
            self.sums = {n: t.to(self.device) for n, t in owned.get("sums", {}).items()}
            self.counts = {name: int(kept.numbers["counts"][name]) for name in self.sums}
            self.adaptation.restore(dict(kept.numbers["adaptation"]))
            share = self.settings.batch // self.team.size
            self.part = min(share, max(1, int(kept.numbers["part"])))
            best = kept.numbers["best"]
            self.best = None if best is None else (float(best[0]), int(best[1]))
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
            raise RunError(
                "its checkpoint does not fit the networks that its settings describe; were they "
                "changed since? Put them back to go on, or begin a new training with -o and a new "
                "folder"
            ) from error
        return kept.steps

    def _networks(self) -> dict[str, nn.Module]:
        return {
            "generator": self.generator, "discriminator": self.discriminator,
            "average": self.average, "lengths": self.lengths,
        }  # fmt: skip

    def _optimizers(self) -> dict[str, torch.optim.Adam]:
        return {"painter": self.painter, "referee": self.referee}


def _adam(network: nn.Module, rate: float, every: int) -> torch.optim.Adam:
    """An optimiser that also takes a turn every so many steps; 0 for never.

    The turns are steps of the same optimiser, so that its rate and memory are cut by k / (k + 1),
    after Karras et al., *Analyzing and Improving the Image Quality of StyleGAN* (2020), appendix B.
    """
    share = every / (every + 1) if every else 1.0
    betas = (MOMENTS[0] ** share, MOMENTS[1] ** share)
    return torch.optim.Adam(
        network.parameters(), lr=rate * share, betas=betas, eps=EPSILON, fused=True
    )
