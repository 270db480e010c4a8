"""Images per second of GAN training, ours and those of the package ``stylegan2-pytorch``.

One full step is timed phase by phase (discriminator, generator, gradient penalty, path length), the
rare phases weighted by how seldom they come, and the two programs take turns in one process. Ours
runs the lessons of ``mutoscope.gan`` with augmentation, fused Adam and averaged weights; theirs
runs the package's own networks in the order of its ``Trainer.train``, with its own intervals (a
penalty on drawings and images every 4 steps, path length every 32) or, as ``theirs, our
intervals``, with ours (drawings every 16, path length of half a batch every 4). Both have the same
resolution, batch and feature channels at each resolution; theirs has one discriminator block more,
down to 2×2, as the package builds it.

    python benchmarks/train.py                                     # ours alone
    python benchmarks/train.py --theirs VENV/lib/python3.11/site-packages
    python benchmarks/train.py --sizes 32 --rounds 2               # a look

``--theirs`` is the folder that holds ``stylegan2_pytorch`` and what it imports (``pip install
stylegan2-pytorch`` into a venv of its own, with the same PyTorch); torchvision, aim and fire,
which it imports but does not use here, are replaced by empty modules, and its check for a GPU
passes.
"""

import argparse
import copy
import importlib
import random
import statistics
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mutoscope.gan import (
    LOSSES,
    Adaptation,
    Discriminator,
    Generator,
    PathLength,
    Shape,
    follow,
    gamma_rule,
)
from mutoscope.gan.lessons import Pair, calm, draw, judge, straighten

MIXING = 0.9
UNUSED = {"aim": (), "fire": (), "torchvision": ("transforms",)}
Phase = Callable[[], None]


@dataclass(frozen=True)
class Case:
    """One size of networks; ``channels`` is the width of the largest resolution."""

    size: int
    channels: int
    widest: int
    z: int
    batch: int
    depth: int = 2


@dataclass(frozen=True)
class Contestant:
    """Phases, and how often each comes in a step."""

    name: str
    phases: dict[str, tuple[Phase, float]]


def learning(adam: torch.optim.Optimizer, loss: Callable[[], Tensor]) -> Phase:
    """A phase that takes one step down a loss."""

    def phase() -> None:
        adam.zero_grad()
        loss().backward()
        adam.step()

    return phase


def our_phases(case: Case, device: str) -> Contestant:
    """The lessons of `mutoscope.gan`, as a training takes them."""
    rng = torch.Generator(device).manual_seed(0)
    shape = Shape(
        size=case.size,
        channels=3,
        z=case.z,
        w=case.z,
        cbase=case.channels * case.size,
        cmax=case.widest,
        mapping_layers=case.depth,
    )
    pair = Pair(Generator(shape, rng), Discriminator(shape, rng), LOSSES["logistic"], MIXING, rng)
    average = copy.deepcopy(pair.generator)
    adams = [
        torch.optim.Adam(net.parameters(), lr=0.0025, betas=(0.0, 0.99), eps=1e-8, fused=True)
        for net in (pair.generator, pair.discriminator)
    ]
    adaptation, lengths = Adaptation(p=0.2), PathLength().to(device)
    gamma = gamma_rule(case.size, case.batch)

    def reals() -> Tensor:
        return torch.rand((case.batch, 3, case.size, case.size), device=device) * 2 - 1

    def judging() -> Tensor:
        loss, scores = judge(pair, reals(), p=adaptation.p)
        adaptation.see(scores)
        return loss

    drawing = learning(adams[0], lambda: draw(pair, case.batch, p=adaptation.p))

    def drawn() -> None:
        drawing()
        follow(average, pair.generator, decay=0.999)

    calming = learning(adams[1], lambda: 16 * calm(pair, reals(), p=adaptation.p, gamma=gamma))
    half = max(1, case.batch // 2)
    straightening = learning(adams[0], lambda: 8 * straighten(pair, half, lengths=lengths))
    return Contestant(
        "ours",
        {
            "D": (learning(adams[1], judging), 1),
            "G": (drawn, 1),
            "R1": (calming, 1 / 16),
            "path": (straightening, 1 / 4),
        },
    )


def their_package(folder: Path) -> Any:
    """The module ``stylegan2_pytorch.stylegan2_pytorch``, without what it does not need."""
    sys.path.append(str(folder))  # behind ours, so that both use one PyTorch
    for name, attributes in UNUSED.items():
        sys.modules[name] = module = types.ModuleType(name)
        for attribute in attributes:
            setattr(module, attribute, None)
    available = torch.cuda.is_available
    torch.cuda.is_available = lambda: True  # it asserts this at import and never asks again
    try:
        return importlib.import_module("stylegan2_pytorch.stylegan2_pytorch")
    finally:
        torch.cuda.is_available = available


def their_phases(case: Case, device: str, package: Any, *, ours: bool) -> Contestant:
    """The package's step; ``ours`` takes our intervals and our share of penalties."""
    capacity = case.channels // 2
    mapping = package.StyleVectorizer(case.z, case.depth, lr_mul=0.1).to(device)
    generator = package.Generator(case.size, case.z, capacity, fmap_max=case.widest).to(device)
    # Its discriminator begins with four times its capacity, its generator ends with twice.
    judging = package.Discriminator(case.size, capacity // 2, fmap_max=case.widest).to(device)
    both = [*generator.parameters(), *mapping.parameters()]
    adams = [
        torch.optim.Adam(both, lr=2e-4, betas=(0.5, 0.9)),
        torch.optim.Adam(judging.parameters(), lr=4e-4, betas=(0.5, 0.9)),
    ]
    layers = generator.num_layers

    def vectors(count: int, taken: int) -> tuple[Tensor, int]:
        return torch.randn((count, case.z), device=device), taken

    def images(count: int) -> tuple[Tensor, Tensor]:
        cut = random.randrange(layers) if random.random() < MIXING else layers  # noqa: S311
        drawn = (
            [vectors(count, cut), vectors(count, layers - cut)]
            if cut < layers
            else [vectors(count, layers)]
        )
        styles = package.styles_def_to_tensor(package.latent_to_w(mapping, drawn))
        noise = torch.rand((count, case.size, case.size, 1), device=device)
        return generator(styles, noise), styles

    def judge_loss(*, on_reals: bool, on_images: bool) -> Tensor:
        made = images(case.batch)[0].clone().detach().requires_grad_(on_images)
        reals = torch.rand((case.batch, 3, case.size, case.size), device=device)
        reals.requires_grad_(on_reals)
        fake, real = judging(made)[0], judging(reals)[0]
        loss: Tensor = package.hinge_loss(fake, real)
        if on_reals:
            loss = loss + package.gradient_penalty(reals, real)
        if on_images:
            loss = loss + package.gradient_penalty(made, fake)
        return loss

    def draw_loss(*, path: bool) -> Tensor:
        made, styles = images(case.batch)
        loss: Tensor = judging(made)[0].mean()
        if path:
            lengths = package.calc_pl_lengths(styles, made)
            loss = loss + ((lengths - lengths.detach().mean()) ** 2).mean()
        return loss

    def path_loss() -> Tensor:
        made, styles = images(max(1, case.batch // 2))
        lengths = package.calc_pl_lengths(styles, made)
        return ((lengths - lengths.detach().mean()) ** 2).mean()

    def d(**penalties: bool) -> Phase:
        return learning(adams[1], lambda: judge_loss(**penalties))

    plain = d(on_reals=False, on_images=False)
    g = learning(adams[0], lambda: draw_loss(path=False))
    if ours:
        penalised = d(on_reals=True, on_images=False)
        path = learning(adams[0], path_loss)
        phases = {"D": (plain, 15 / 16), "G": (g, 1.0), "D+R1": (penalised, 1 / 16)}
        return Contestant("theirs, our intervals", {**phases, "path": (path, 1 / 4)})
    penalised = d(on_reals=True, on_images=True)
    path = learning(adams[0], lambda: draw_loss(path=True))
    return Contestant(
        "theirs",
        {
            "D": (plain, 3 / 4),
            "G": (g, 31 / 32),
            "D+GP": (penalised, 1 / 4),
            "G+path": (path, 1 / 32),
        },
    )


def measure(contestants: list[Contestant], rounds: int, device: str) -> dict[str, dict[str, float]]:
    """Median seconds of each phase, the contestants in turn; processor time on a CPU."""

    def now() -> float:
        if device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    times: dict[str, dict[str, list[float]]] = {
        c.name: {phase: [] for phase in c.phases} for c in contestants
    }
    for lap in range(rounds + 1):  # the first is for warming up
        for contestant in contestants:
            for name, (phase, _) in contestant.phases.items():
                start = now()
                phase()
                if lap:
                    times[contestant.name][name].append(now() - start)
    return {
        who: {name: statistics.median(found) for name, found in phases.items()}
        for who, phases in times.items()
    }


def report(case: Case, contestants: list[Contestant], seconds: dict[str, dict[str, float]]) -> None:
    """A line for each contestant."""
    rates = {}
    for contestant in contestants:
        found = seconds[contestant.name]
        step = sum(found[name] * share for name, (_, share) in contestant.phases.items())
        rates[contestant.name] = case.batch / step
        phases = "  ".join(f"{name} {1000 * t:.0f} ms" for name, t in found.items())
        times = f"ours × {rates['ours'] / rates[contestant.name]:.2f}"
        print(
            f"{case.size:>5}²  {case.channels}..{case.widest}  batch {case.batch:<3} "
            f"{contestant.name:<22} {rates[contestant.name]:8.1f} images/s  {times:<13} {phases}"
        )


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theirs", type=Path, help="the folder that holds stylegan2_pytorch")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--channels", type=int, default=16, help="of the largest resolution")
    parser.add_argument("--widest", type=int, default=64, help="most channels")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--latent", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)

    package = None
    if asked.theirs is not None and (asked.theirs / "stylegan2_pytorch").is_dir():
        package = their_package(asked.theirs)
    else:
        print("stylegan2-pytorch is not measured: --theirs names no folder that holds it")
    for size in asked.sizes:
        case = Case(size, asked.channels, asked.widest, asked.latent, asked.batch)
        contestants = [our_phases(case, asked.device)]
        if package is not None:
            contestants += [
                their_phases(case, asked.device, package, ours=ours) for ours in (False, True)
            ]
        report(case, contestants, measure(contestants, asked.rounds, asked.device))


if __name__ == "__main__":
    main()
