"""How perceptors compute: how exactly, and compiled or not; chosen once, and written down.

What is chosen hangs on the machine. A run that goes on reads what was taken from its settings.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from mutoscope.errors import ExtraError
from mutoscope.perceptors.base import Perceptor
from mutoscope.perceptors.compiled import can_compile, default_folder
from mutoscope.perceptors.lowered import Precision
from mutoscope.settings import Settings
from mutoscope.terms.base import spherical

log = logging.getLogger("mutoscope")

Batch = Callable[[Perceptor], Tensor]

AGREES = 0.999  # cosine to float32, of each embedding and of the gradient to the cutouts
FASTER = 1.2  # what is less than this is not worth another picture
SMALL = 5_000_000  # parameters; a smaller network is not what a step waits for
SHORT = 8  # steps that cost as much as the trials
TRIED = 2  # cutouts that are tried on a CPU; a GPU is tried with all
GAINED = 0.12  # of the time of a pass that compiling saves, cautiously
COMPILING = 150.0  # seconds that it takes, cautiously


@dataclass(frozen=True)
class Trial:
    """What one way of computing gave: embeddings, gradient, seconds for a pass there and back."""

    embeds: Tensor
    gradient: Tensor
    seconds: float

    def agreement(self, exact: "Trial") -> float:
        """The least cosine to ``exact``, of an embedding or the gradient; nan for no number."""
        embeds = cosine_similarity(self.embeds.double(), exact.embeds.double(), dim=1).min()
        ours, theirs = self.gradient.double().flatten(), exact.gradient.double().flatten()
        return float(torch.minimum(embeds, cosine_similarity(ours, theirs, dim=0)))


def choose_precision(
    settings: Settings, perceptors: Sequence[Perceptor], first: Batch, *, steps: int
) -> Settings:
    """Let ``perceptors`` look with the precision that ``settings`` ask for; settings that name it.

    Args:
        settings: checked settings.
        perceptors: those that judge.
        first: the first step's own cutouts for a perceptor, (n, 3, size, size), in float32.
        steps: of the run.
    """
    if settings.precision != "auto":
        _take(settings.precision, perceptors)
        return settings
    able = [perceptor for perceptor in perceptors if len(perceptor.precisions) > 1]
    _look_with("float32", perceptors)
    if not able:
        return settings
    taken: Precision = "float32"
    if steps > SHORT and sum(_parameters(perceptor) for perceptor in able) >= SMALL:
        taken = _affordable(settings, able, first)
    _look_with(taken, perceptors)
    return settings.replace(precision=taken)


def choose_compilation(
    settings: Settings, perceptors: Sequence[Perceptor], first: Batch, *, steps: int, chunks: int
) -> Settings:
    """Compile the eyes of ``perceptors`` where ``settings`` ask for it; settings that say so.

    Args:
        settings: checked settings.
        perceptors: those that judge.
        first: the first step's own cutouts for a perceptor.
        steps: of the run.
        chunks: into how many parts a step's cutouts are split.

    Raises:
        ExtraError: it is asked for, and there is no compiler.
    """
    able = [perceptor for perceptor in perceptors if perceptor.compiles]
    if settings.compile == "no" or not able:
        return settings
    device = next(able[0].parameters()).device
    if not can_compile(device):
        if settings.compile == "yes":
            raise ExtraError(
                f"compile: yes needs a C++ compiler for {device}, and there is none; install one "
                "(on Debian: apt install g++) or say compile=no"
            )
        return settings.replace(compile="no")
    batches = {perceptor: first(perceptor) for perceptor in able}
    if settings.compile == "auto" and not _pays(able, batches, steps=steps):
        return settings.replace(compile="no")
    log.info("compile: the perceptor is compiled for this machine, which takes a minute or more "
             "the first time")  # fmt: skip
    folder = default_folder()
    began = time.perf_counter()
    done = [_compile(perceptor, batches[perceptor], chunks, folder) for perceptor in able]
    if any(done):
        log.info("compile: done in %.0f s", time.perf_counter() - began)
    return settings.replace(compile="yes" if any(done) else "no")


def _compile(perceptor: Perceptor, batch: Tensor, chunks: int, folder: Path) -> bool:
    part = batch[: -(-len(batch) // min(chunks, len(batch)))]
    return perceptor.compile_for(part, folder=folder)


def _pays(able: Sequence[Perceptor], batches: dict[Perceptor, Tensor], *, steps: int) -> bool:
    """Whether ``steps`` are so many that compiling saves more than it takes, on a CPU."""
    if any(batch.device.type != "cpu" for batch in batches.values()):
        return False
    if steps <= SHORT or sum(_parameters(perceptor) for perceptor in able) < SMALL:
        return False
    pace = 0.0
    for perceptor in able:
        batch = batches[perceptor]
        seconds = _try(perceptor, batch[:TRIED], _goal(perceptor, ())).seconds
        pace += seconds * len(batch) / min(TRIED, len(batch))
    return steps * pace * GAINED > COMPILING * len(able)


def _take(precision: Precision, perceptors: Sequence[Perceptor]) -> None:
    unable = _look_with(precision, perceptors)
    if len(unable) == len(perceptors):
        log.warning(
            "precision: %s: nothing that judges this picture can compute so here (%s); it is "
            "painted in float32",
            *(precision, ", ".join(unable)),
        )


def _look_with(precision: Precision, perceptors: Sequence[Perceptor]) -> list[str]:
    """Let all look with ``precision`` that can; the names of the others, which take float32."""
    unable = [perceptor.name for perceptor in perceptors if precision not in perceptor.precisions]
    for perceptor in perceptors:
        perceptor.look_with("float32" if perceptor.name in unable else precision)
    return unable


def _affordable(settings: Settings, able: Sequence[Perceptor], first: Batch) -> Precision:
    """The finest precision with which ``able`` are faster and agree with float32, or that."""
    batches = [first(perceptor) for perceptor in able]
    # All of a GPU's time is spent only on a whole batch.
    batches = [b[:TRIED] if b.device.type == "cpu" else b for b in batches]
    goals = [_goal(perceptor, _texts(settings)) for perceptor in able]

    def tried(precision: Precision) -> list[Trial]:
        _look_with(precision, able)
        return [_try(*trial) for trial in zip(able, batches, goals, strict=True)]

    exact = tried("float32")
    said = []
    # The finer first: where bf16 is quick int8 is hardly quicker, and to try it costs seconds.
    for precision in dict.fromkeys(p for perceptor in able for p in perceptor.precisions[1:]):
        lower = tried(precision)
        agreement = min(one.agreement(other) for one, other in zip(lower, exact, strict=True))
        factor = sum(t.seconds for t in exact) / sum(t.seconds for t in lower)
        facts = f"{factor:.1f} times as fast, agreeing to {agreement:.4f}"
        if factor >= FASTER and agreement >= AGREES:
            log.info("precision: auto took %s (%s)", precision, facts)
            return precision
        said.append(f"{precision} is {facts}")
    log.info("precision: auto stays with float32 (%s)", "; ".join(said))
    return "float32"


def _texts(settings: Settings) -> list[str]:
    """The words of the first scene."""
    scenes = settings.script.scenes
    return [p.text for p in scenes[0].prompts if p.kind == "text"] if scenes else []


def _goal(perceptor: Perceptor, texts: Sequence[str]) -> Tensor:
    """Where a trial pulls the cutouts: to the first of ``texts``, or in a direction of its own."""
    device = next(perceptor.parameters()).device
    if texts:
        return perceptor.embed_text(texts[:1]).to(device)
    drawn = torch.randn(1, perceptor.width, generator=torch.Generator().manual_seed(0))
    return normalize(drawn, dim=-1).to(device)


def _try(perceptor: Perceptor, batch: Tensor, goal: Tensor) -> Trial:
    """Look at ``batch`` and pull it to ``goal``, twice: the first time sets things up."""
    for _ in range(2):
        leaf = batch.detach().clone().requires_grad_()
        began = _now(batch.device)
        embeds = perceptor.embed_image(leaf)
        (gradient,) = torch.autograd.grad(spherical(embeds, goal).mean(), leaf)
        seconds = _now(batch.device) - began
    return Trial(embeds.detach(), gradient, seconds)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _parameters(perceptor: Perceptor) -> int:
    return sum(value.numel() for value in perceptor.parameters())
