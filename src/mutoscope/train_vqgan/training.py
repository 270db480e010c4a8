"""The training of a VQGAN: one loop.

`train` is the whole method, that of Esser et al., *Taming Transformers for High-Resolution Image
Synthesis* (CVPR 2021), section 3.1: a network that draws a picture again from a grid of codes, and
a critic that tells what is drawn from what is real. We leave the paper in the codebook (`codebook`)
and in the eye that compares (`judge`).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mutoscope.errors import RunError
from mutoscope.images import contact_sheet
from mutoscope.paint import State, Watch, rng_for
from mutoscope.train_vqgan.course import Course
from mutoscope.train_vqgan.critic import Critic, adaptive_weight, hinge
from mutoscope.train_vqgan.judge import Perception
from mutoscope.train_vqgan.team import Team
from mutoscope.vqgan import VQGAN
from mutoscope.vqgan.codebook import look_up

SQUARES = 4.0  # how much squared distances of pixels count, beside distances
PERCEPTION = 0.03  # how much the eye counts, whose distances are of the order of 5
COMMITMENT = 0.25  # β: how firmly features are held to their codes
FEATURES_A_CODE = 16  # as many are gathered for the first codes

Draw = Callable[[int], Tensor]


@dataclass(frozen=True)
class Tick:
    """Where a training has come to.

    ``whole`` ticks are done, and a part of another where it was stopped within one; ``records``
    hold one mapping a step since the tick before: step and losses, and in a whole tick's last how
    far the shown pictures are from their originals. ``sheet`` shows a whole tick's, the originals
    above. ``model`` is what may be used by now, None before the codebook has come in.
    """

    whole: int
    records: Sequence[Mapping[str, float]]
    sheet: Tensor | None  # (1, 3, H, W) in [0, 1]
    model: VQGAN | None
    state: State


def train(
    model: VQGAN,
    critic: Critic,
    crops: Draw,
    eye: Perception,
    *,
    course: Course,
    shown: Tensor,
    seed: int = 0,
    resume: State | None = None,
    watch: Watch | None = None,
) -> Iterator[Tick]:
    """Teach ``model`` to draw pictures again from codes: yield where it is, tick by tick.

    ``model`` and ``critic`` are fresh; ``crops`` gives those of a step, (b, 3, s, s); by ``shown``
    (n, 3, h, w) it is judged. All randomness comes from ``seed`` and the step's number, so a
    training resumed from any tick's state is the same training.

    Raises:
        RunError: a loss is no number any more; the tick before it is whole.
    """
    watch, team = watch or Watch(), Team.start(model, critic)
    done = team.recall(resume) if resume else 0
    stopped = False

    for tick in course.ticks(done):
        losses: list[dict[str, Tensor]] = []
        for step in tick:
            rng = rng_for(seed, step)
            team.pace(course.rate_at(step))
            if step == course.codes:
                team.book.begin(gather(model, crops, shown.device), rng)
            wanted = crops(step).to(shown.device)

            # Draw: what the codes leave of every crop.
            features = cells = model.features(wanted)  # (b, e, h, w)
            held = features.new_zeros(())
            if step >= course.codes:
                chosen = model.quantize.indices(features)  # (b, h, w)
                codes = look_up(chosen, model.codes)
                held = (features - codes).square().mean() / model.codes.var().clamp(min=1e-6)
                cells = features + (codes - features).detach()  # straight through
            drawn = model.decode(cells)

            # Compare: pixel by pixel, as an eye does, and as the critic does.
            seen = drawn.detach().requires_grad_()
            loss = {"pixels": apart(seen, wanted), "held": held.detach()}
            loss["looks"] = eye.distance(eye(seen), eye(wanted))
            (pull,) = torch.autograd.grad(loss["pixels"] + PERCEPTION * loss["looks"], seen)
            if step >= course.critic:
                loss["doubt"] = -critic(seen).mean()
                (push,) = torch.autograd.grad(loss["doubt"], seen)
                share = adaptive_weight(*at_last_layer(model, drawn, pull, push))
                pull = pull + course.verdict_at(step) * share * push

            # Learn: the painter, then the codes, then the critic.
            ((drawn * pull).sum() + COMMITMENT * held).backward()  # type: ignore[no-untyped-call]
            team.painter.step()
            if step >= course.codes:
                loss["codes"] = team.book.follow(rows(features), chosen.flatten(), rng)
            if step >= course.critic:
                loss["critic"] = hinge(critic(wanted), critic(drawn.detach()))
                team.referee.zero_grad()
                loss["critic"].backward()  # type: ignore[no-untyped-call]
                team.referee.step()
            team.average(step)

            losses.append({name: value.detach() for name, value in loss.items()})
            watch.step(step + 1, losses[-1])
            if stopped := watch.stopped():
                break

        done, sheet = tick.start + len(losses), None
        records, coded = report(tick.start, losses), done > course.codes
        if done == tick.stop:
            sheet, nearness = judge(team.shown, shown, eye, coded=coded)
            records[-1] |= nearness
        yield Tick(
            course.whole(done), records, sheet, team.shown if coded else None, team.snapshot(done)
        )
        if stopped:
            return


def apart(drawn: Tensor, wanted: Tensor) -> Tensor:
    """How far the pixels of two batches are apart: a scalar.

    Beside the mean distance stands its square, which sees to it that large errors, a wrong colour
    of a wide plain, go first.
    """
    error = drawn - wanted
    return error.abs().mean() + SQUARES * error.square().mean()


def rows(cells: Tensor) -> Tensor:
    """The cells (b, e, h, w) one below the other, without gradient: (b·h·w, e)."""
    return cells.detach().permute(0, 2, 3, 1).flatten(0, 2)


def at_last_layer(model: VQGAN, drawn: Tensor, *pulls: Tensor) -> list[Tensor]:
    """What gradients of the picture that was ``drawn`` are at the decoder's last convolution."""
    last = model.decoder.conv_out.weight
    return [torch.autograd.grad(drawn, last, pull, retain_graph=True)[0] for pull in pulls]


@torch.no_grad()
def gather(model: VQGAN, crops: Draw, device: torch.device) -> Tensor:
    """Features of many crops, those of the first steps, for the codes to begin with: (m, e)."""
    wanted, found, step = FEATURES_A_CODE * len(model.codes), list[Tensor](), 0
    while sum(map(len, found)) < wanted:
        found.append(rows(model.features(crops(step).to(device))))
        step += 1
    return torch.cat(found)


@torch.no_grad()
def judge(
    model: VQGAN, shown: Tensor, eye: Perception, *, coded: bool
) -> tuple[Tensor, dict[str, float]]:
    """Draw the pictures ``shown`` again: a sheet of both, and how far they are apart.

    ``psnr`` is in decibels, over all of them; ``likeness`` is the eye's distance, 0 for the same.
    Before the codebook has come in, features are drawn as they are.
    """
    again = torch.cat([
        model.decode(model.encode(one) if coded else model.features(one)).clamp(0, 1)
        for one in shown[:, None]
    ])  # fmt: skip
    error = (again - shown).square().mean().clamp(min=1e-10)
    nearness = {
        "psnr": float(-10 * error.log10()),
        "likeness": float(eye.distance(eye(again), eye(shown))),
    }
    pictures = [*shown.cpu()[:, None], *again.cpu()[:, None]]
    return contact_sheet(pictures, columns=len(shown), gap=4), nearness


def report(start: int, losses: Sequence[Mapping[str, Tensor]]) -> list[dict[str, float]]:
    """The losses of a tick as plain numbers.

    Raises:
        RunError: one of them is none.
    """
    records = [
        {"step": float(step), **{name: float(value) for name, value in loss.items()}}
        for step, loss in enumerate(losses, start + 1)
    ]
    for record in records:
        for name, value in record.items():
            if not math.isfinite(value):
                raise RunError(
                    f"step {record['step']:.0f}: the loss {name!r} is {value}; nothing can be "
                    "learned from there; what was kept before stands; begin anew with another "
                    "--seed, or a larger --batch"
                )
    return records
