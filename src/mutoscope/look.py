"""A look at the canvas: what is costly to see is seen once, however many terms judge it.

`weigh` is the whole of a step's judging. The canvas is decoded once by whoever calls it, and the
terms' gradients gather on that picture, a leaf, so that the way back through the canvas is taken
once too. Cutouts are looked at in chunks, *glances*, whose graphs are freed one after the other:
they bound the memory and change nothing else. Where there is too little for one, the look is begun
anew in more of them.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from mutoscope.cutouts import Cutouts, Cuts
from mutoscope.cutouts.crop import sent
from mutoscope.errors import RunError, is_out_of_memory
from mutoscope.schedule import Moment

log = logging.getLogger("mutoscope")


class Seen(Protocol):
    """What a perceptor makes of a batch."""

    @property
    def embeds(self) -> Tensor:
        """One unit vector a picture, (n, width)."""

    @property
    def strangeness(self) -> Tensor | None:
        """How unlike photographs the batch is, a scalar, where the perceptor can tell."""


class Eye(Protocol):
    """The part of a perceptor that a look needs."""

    size: int

    def see(self, batch: Tensor) -> Seen:
        """Embed ``batch`` (n, 3, size, size)."""

    def __hash__(self) -> int:
        """Perceptors are told apart by identity."""


@dataclass(frozen=True, eq=False)
class Views:
    """What one perceptor sees in one glance.

    Attributes:
        embeds: (n, width) unit vectors with gradient.
        positions: (n, 2) top left corners of the boxes before augmentation, as fractions of the
            picture, x first; they may lie outside it where the border mode lets them.
        sizes: (n, 2) sizes of the boxes, as fractions, x first.
        strangeness: a scalar with gradient, or None where the perceptor can't tell.
    """

    embeds: Tensor
    positions: Tensor
    sizes: Tensor
    strangeness: Tensor | None = None


class Look:
    """One look at a canvas; or a glance, which is a look at some of its cutouts.

    Attributes:
        image: (1, 3, H, W), the leaf on which the terms' gradients gather.
        canvas: what drew it, for terms that judge the canvas's own parameters.
        moment: where this step stands in time.
        share: the part of the step's cutouts that this look covers, in (0, 1].
        chunks: into how many parts they are split.
    """

    def __init__(
        self,
        image: Tensor,
        *,
        canvas: nn.Module,
        cutouts: Cutouts,
        moment: Moment,
        rng: torch.Generator,
        chunks: int = 1,
    ) -> None:
        if not image.is_leaf:
            raise ValueError("a look needs a leaf: pass canvas().detach().requires_grad_()")
        self.image = image
        self.canvas = canvas
        self.moment = moment
        self._cutouts = cutouts
        self._rng = rng
        self.chunks = min(chunks, cutouts.count)
        self._cuts: dict[Eye, Cuts] = {}  # shared by the glances
        self._views: dict[Eye, Views] = {}
        self.part = slice(0, cutouts.count)

    @property
    def share(self) -> float:
        """The part of the step's cutouts that this look covers; over the glances it sums to 1."""
        return (self.part.stop - self.part.start) / self._cutouts.count

    def glances(self) -> Iterator["Look"]:
        """The look's chunks, one after the other; as even as the number of cutouts allows."""
        n, chunks = self._cutouts.count, self.chunks
        for i in range(chunks):
            glance = Look(
                self.image,
                canvas=self.canvas,
                cutouts=self._cutouts,
                moment=self.moment,
                rng=self._rng,
            )
            glance._cuts = self._cuts
            glance.part = slice(i * n // chunks, (i + 1) * n // chunks)
            yield glance

    def again(self) -> "Look":
        """The same look, of which nothing has been asked: the same cutouts, no gradient yet."""
        look = Look(
            self.image.detach().requires_grad_(),
            canvas=self.canvas,
            cutouts=self._cutouts,
            moment=self.moment,
            rng=self._rng,
            chunks=self.chunks,
        )
        look._cuts = self._cuts
        return look

    def begin_anew(self) -> None:
        """Forget the gradients that have gathered, and split the same cutouts into more parts.

        Raises:
            RunError: each is a part by itself already.
        """
        self.image.grad = None
        for parameter in self.canvas.parameters():
            parameter.grad = None
        if self.image.is_cuda:
            torch.cuda.empty_cache()
        n = self._cutouts.count
        if self.chunks == n:
            raise RunError(
                f"step {self.moment.step + 1}: there is not enough memory on {self.image.device} "
                "to look at a single cutout; make width and height smaller, or take fewer or "
                "smaller perceptors; what was kept before this step stands"
            )
        self.chunks = min(2 * self.chunks, n)
        log.warning(
            "memory is short: from step %d on, the %d cutouts are looked at in %d parts; the "
            "picture is the same but for rounding (gradient_accumulation_steps)",
            *(self.moment.step + 1, n, self.chunks),
        )

    def cuts(self, perceptor: Eye) -> Cuts:
        """All of the step's cutouts for ``perceptor``, drawn when first asked for."""
        if perceptor not in self._cuts:
            height, width = self.image.shape[-2:]
            drawn = self._cutouts.draw(self._rng, (width, height), perceptor.size)
            self._cuts[perceptor] = drawn
        return self._cuts[perceptor]

    def views(self, perceptor: Eye) -> Views:
        """What ``perceptor`` sees in this look's cutouts, made when first asked for."""
        if perceptor not in self._views:
            cuts = self.cuts(perceptor)
            seen = perceptor.see(cuts.crop(self.image, self.part))
            self._views[perceptor] = Views(
                embeds=seen.embeds,
                positions=sent(cuts.positions[self.part], self.image),
                sizes=sent(cuts.sizes[self.part], self.image),
                strangeness=seen.strangeness,
            )
        return self._views[perceptor]


class Term(Protocol):
    """One opinion about a look; called, it gives a scalar with gradient, smaller for better.

    ``name`` labels it in the log. ``cuts`` is True for a term that judges cutouts, and is asked
    once a glance for a *mean* over what it sees there; False for one that judges the picture or
    the canvas as a whole, once a step.
    """

    @property
    def name(self) -> str:
        """A label for the log."""

    @property
    def cuts(self) -> bool:
        """Whether it judges cutouts."""

    def __call__(self, look: Look) -> Tensor:
        """The loss, a scalar."""


def weigh(look: Look, terms: Sequence[Term]) -> Mapping[str, Tensor]:
    """Ask every term about ``look``: gather their gradients, return their values.

    Gradients gather in ``look.image.grad`` (and, for terms that judge the canvas's parameters, in
    those); it stays None where nothing pulls at the picture, as when all weights are zero. The
    values are scalars without graph, left on the device: reading one waits for it. Their sum is
    the step's loss. Terms of the same name are told apart by ``(2)``, ``(3)`` …

    Where memory is too short for the look's chunks it is begun anew in twice as many, and
    ``look.chunks`` says how many they were in the end.

    Raises:
        RunError: there is no memory for a single cutout.
    """
    while (values := _weighed(look, terms)) is None:
        look.begin_anew()
    return values


def _weighed(look: Look, terms: Sequence[Term]) -> Mapping[str, Tensor] | None:
    """`weigh` with the chunks that ``look`` has, or None where memory is too short for them."""
    names = distinct([term.name for term in terms])
    values = {name: torch.zeros((), device=look.image.device) for name in names}

    def gather(seen: Look, cuts: bool, share: float) -> None:
        losses = []
        for name, term in zip(names, terms, strict=True):
            if term.cuts is cuts:
                losses.append(share * term(seen))
                values[name] += losses[-1].detach()
        pulling = [loss for loss in losses if loss.requires_grad]
        if pulling:
            torch.stack(pulling).sum().backward()  # type: ignore[no-untyped-call]

    if any(term.cuts for term in terms):
        try:
            for glance in look.glances():
                gather(glance, cuts=True, share=glance.share)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return None  # what the error holds on to is freed with it
    # Last, because some of them have gradients as large as the canvas, which then wait for nothing.
    gather(look, cuts=False, share=1.0)
    return values


def distinct(names: Sequence[str]) -> list[str]:
    """The names with repeated ones numbered, so that each stands for one thing."""
    taken: set[str] = set()
    unique = []
    for name in names:
        given, number = name, 1
        while given in taken:
            number += 1
            given = f"{name} ({number})"
        taken.add(given)
        unique.append(given)
    return unique
