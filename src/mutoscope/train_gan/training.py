"""The training of a generator: one loop.

`train` is the whole method, that of Karras et al., *Training Generative Adversarial Networks with
Limited Data* (2020): a generator and a discriminator learn against each other; now and then a
penalty smooths the discriminator's slope, and another the generator's space; what the
discriminator sees is augmented as much as it takes to keep it unsure. The lessons themselves are
those of `mutoscope.gan.lessons`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mutoscope.errors import RunError, is_out_of_memory
from mutoscope.gan import Generator
from mutoscope.paint import Watch, rng_for
from mutoscope.train_gan import turns
from mutoscope.train_gan.course import Course
from mutoscope.train_gan.players import Kept, Players
from mutoscope.train_gan.quality import Reference
from mutoscope.train_gan.recipe import Settings

Drawings = Callable[[int], Tensor]


@dataclass(frozen=True)
class Tick:
    """Where a training has come to.

    ``whole`` is whether a tick is over; else it was stopped within one. ``records`` are the log's
    lines since the tick before. Of a whole tick ``samples`` (n, channels, size, size) in [0, 1] are
    what is drawn from the shown latents, and ``best`` is the generator if it is the best so far.
    """

    whole: bool
    records: Sequence[Mapping[str, float]]
    samples: Tensor | None
    best: Generator | None
    kept: Kept


def train(
    players: Players,
    drawings: Drawings,
    reference: Reference | None,
    *,
    course: Course,
    shown: Tensor,
    resume: Kept | None = None,
    watch: Watch | None = None,
) -> Iterator[Tick]:
    """Teach a generator to draw like the drawings: yield where it is, tick by tick.

    ``players`` are fresh; ``drawings`` gives those of a step, (batch, channels, size, size) in
    [0, 1]; from the latents ``shown`` (n, z) samples are drawn. All randomness comes from the seed
    and the step's number, so a training resumed from any checkpoint is the same training.

    Raises:
        RunError: a loss is no number any more; the tick before it is whole.
    """
    watch, settings = watch or Watch(), players.settings
    done = players.recall(resume) if resume else 0
    stopped = False

    for tick in course.ticks(done):
        records: list[dict[str, float]] = []
        for step in tick:
            wanted = drawings(step).to(players.device) * 2 - 1  # as the networks have it

            # The discriminator learns to tell drawings from what is drawn.
            verdict, scores = turns.tell_apart(players, step, wanted)
            if settings.gamma and step % settings.penalty_every == 0:
                players.note(penalty=turns.calm_down(players, step, wanted))

            # The generator learns to draw what can't be told apart.
            doubt = turns.draw(players, step, wanted)
            if settings.path_weight and step % settings.path_every == 0:
                players.note(path=turns.straighten(players, step))
            players.average_in(step)

            # The surer the discriminator, the more of what it sees is changed.
            if settings.augment == "adaptive":
                players.adaptation.see(scores)
            players.note(judge=verdict, draw=doubt, sure=scores.sign().mean())
            done = step + 1
            if course.ends_line(done):
                records.append(line(players, done))
            watch.step(done, {"judge": verdict, "draw": doubt})
            if stopped := players.team.agree(done, watch.stopped()):
                break

        samples = best = None
        if (whole := done == tick.stop) and reference is not None:
            samples = draw_all(players, shown)
            figures = reference.compare(draw_all(players, compared(settings)))
            records[-1] |= figures
            if players.best is None or figures["distance"] < players.best[0]:
                players.best, best = (figures["distance"], done), players.average
        yield Tick(whole, records, samples, best, players.snapshot(done))
        if stopped:
            return


def line(players: Players, done: int) -> dict[str, float]:
    """A line of the log: the means of what was noted since the one before, as plain numbers.

    Raises:
        RunError: one of them is none.
    """
    means = players.line()
    for name, value in means.items():
        if not math.isfinite(value):
            raise RunError(
                f"step {done}: {name!r} is {value}; nothing can be learned from there; what was "
                "kept before stands; begin anew with a smaller rate= or a larger gamma="
            )
    batch = players.settings.batch
    return {"step": done, "images": done * batch, **means, "augment": players.adaptation.p}


@torch.no_grad()
def draw_all(players: Players, latents: Tensor) -> Tensor:
    """What the averaged generator draws from ``latents`` (n, z): (n, c, s, s) in [0, 1], on CPU.

    Nothing is truncated, and the grain is the network's own, so equal latents give equal pictures.
    """
    pictures: list[Tensor] = []
    while (first := sum(map(len, pictures))) < len(latents):
        some = latents[first : first + players.part].to(players.device)
        try:
            drawn = players.average.synthesise(players.average.map(some))
            pictures.append((drawn.clamp(-1, 1).cpu() + 1) / 2)
            continue
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        players.take_less()
    return torch.cat(pictures)


def compared(settings: Settings) -> Tensor:
    """The latents (n, z) of the pictures that are compared with drawings, the same in all ticks."""
    rng = rng_for(settings.seed, "compared")
    return torch.randn(settings.compared, settings.z, generator=rng)
