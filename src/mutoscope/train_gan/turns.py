"""The turns that the two networks take in a step: each a lesson, and the optimiser's step after it.

The losses are those of `mutoscope.gan.lessons`. Each turn has random numbers of its own, made from
the seed, the step and the turn's name.
"""

import torch
from torch import Tensor

from mutoscope.gan import lessons
from mutoscope.gan.lessons import Pair
from mutoscope.train_gan.players import Players


def tell_apart(players: Players, step: int, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The discriminator learns to tell drawings (n, c, s, s) in [-1, 1] from what is drawn.

    Returns its loss and its scores of the drawings of all processes, (n,).
    """
    scores: dict[int, Tensor] = {}

    def lesson(pair: Pair, rows: slice) -> Tensor:
        with players.precision():
            loss, found = lessons.judge(pair, wanted[rows], p=players.adaptation.p)
        if rows.start == 0:
            scores.clear()  # of larger parts, for which memory was short
        scores[rows.start] = found
        return loss

    loss = players.learn(players.referee, f"judge/{step}", len(wanted), lesson)
    return loss, players.team.gather(torch.cat(list(scores.values())))


def calm_down(players: Players, step: int, wanted: Tensor) -> Tensor:
    """The discriminator's slope at the drawings is made smaller; it counts for all steps between.

    Returns the penalty.
    """
    settings = players.settings
    gamma = settings.gamma or 0.0

    def lesson(pair: Pair, rows: slice) -> Tensor:
        penalty = lessons.calm(pair, wanted[rows], p=players.adaptation.p, gamma=gamma)
        return penalty * settings.penalty_every

    loss = players.learn(players.referee, f"calm/{step}", len(wanted), lesson)
    return loss / settings.penalty_every


def draw(players: Players, step: int, wanted: Tensor) -> Tensor:
    """The generator learns to draw what the discriminator takes for a drawing; returns its loss."""

    def lesson(pair: Pair, rows: slice) -> Tensor:
        with players.precision():
            return lessons.draw(
                pair, rows.stop - rows.start, p=players.adaptation.p, drawings=wanted[rows]
            )

    return players.learn(players.painter, f"draw/{step}", len(wanted), lesson)


def straighten(players: Players, step: int) -> Tensor:
    """The generator's space is evened out, on half a batch; it counts for all steps between.

    Returns the penalty.
    """
    settings = players.settings
    weight = settings.path_weight * settings.path_every

    def lesson(pair: Pair, rows: slice) -> Tensor:
        penalty = lessons.straighten(pair, rows.stop - rows.start, lengths=players.lengths)
        return penalty * weight

    count = max(1, settings.batch // 2 // players.team.size)
    loss = players.learn(players.painter, f"path/{step}", count, lesson)
    return loss / weight
