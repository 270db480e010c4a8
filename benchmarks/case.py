"""One case of `steps.py`, in a process of its own so that its peak of memory is its own.

It builds the parts of a run from settings, as the program does, and paints with them. It is called
as a script by `turns`, which lets the steps of another program come between.

Each step is followed by its networks alone, the perceptor and, where there is one, the decoder:
forward and backward to their inputs, frozen, in the same batches. The two take turns, so that
whatever else the machine does strikes both; their ratio is the part of a step that is not theirs.
"""

import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING

import turns
from mutoscope import process
from turns import Clock, Figures, Lap, Order, Turn

if TYPE_CHECKING:
    from mutoscope.build import Parts


def measure(order: Order, turn: Turn) -> Figures:
    """Paint what is ordered.

    That is ``settings`` and ``overrides``, the ``device``, the number of ``threads``, of ``warm``
    steps that are not measured, and of ``steps`` that are. Seconds are of the processor, or on a
    GPU of the clock.
    """
    process.prepare()
    import torch

    from mutoscope.build import build
    from mutoscope.canvas.vqgan import VqganCanvas
    from mutoscope.memory import peak_memory
    from mutoscope.paint import Watch
    from mutoscope.plan import activation_bytes
    from mutoscope.settings import load_settings

    torch.set_num_threads(order["threads"])
    warm, count, device = order["warm"], order["steps"], torch.device(order["device"])
    clock = Clock(order["device"])
    quiet = {"steps_per_scene": warm + count, "save_every": 0, "display_every": 0,
             "device": order["device"]}  # fmt: skip
    parts = build(load_settings({**order["settings"], **quiet}, order["overrides"]))
    loaded = peak_memory(device)

    model = parts.canvas.model if isinstance(parts.canvas, VqganCanvas) else None
    decodes, counts = 0, True

    def decoded(*_: object) -> None:
        nonlocal decodes
        decodes += counts

    (parts.canvas if model is None else model.decoder).register_forward_hook(decoded)
    look, draw = perceptors_alone(parts, clock), decoder_alone(parts, clock)
    laps: list[Lap] = []
    looks: list[Lap] = []
    draws: list[Lap] = []
    peak, start = 0, clock.now()

    def step(done: int, _losses: object) -> None:
        nonlocal start, peak, counts
        if done > warm:
            laps.append(clock.since(start))
        elif done == warm:
            peak = peak_memory(device)  # of the program, before we come between
        if done >= warm:
            counts = False
            looks.append(look())
            draws.append(draw())
            counts = True
        if done < warm + count:
            turn()
        start = clock.now()

    turn()
    start = clock.now()
    for _ in parts.animate(watch=Watch(step=step)):
        pass
    rests = [one.cpu + other.cpu for one, other in zip(looks, draws, strict=True)][1:]
    frozen = [*parts.perceptors, *([] if model is None else [model])]
    return {
        "steps_per_second": 1 / statistics.median(lap.wall for lap in laps),
        "seconds": statistics.median(lap.cpu for lap in laps),
        "perceptor_seconds": statistics.median(lap.cpu for lap in looks[1:]),
        "decoder_seconds": statistics.median(lap.cpu for lap in draws[1:]),
        "outside": statistics.median(
            1 - rest / lap.cpu for lap, rest in zip(laps, rests, strict=True)
        ),
        "chunks": parts.descent.chunks,
        "loaded_bytes": loaded,
        "peak_bytes": peak,
        "activation_bytes": sum(activation_bytes(p) for p in parts.perceptors),
        # One more for the picture that is yielded.
        "decodes_per_step": (decodes - 1) / (warm + count),
        "weight_gradients": sum(p.grad is not None for net in frozen for p in net.parameters()),
    }


def perceptors_alone(parts: "Parts", clock: Clock) -> Callable[[], Lap]:
    """What looks at as many pictures as a step does, with the gradient that a step asks for."""
    import torch

    generator = torch.Generator().manual_seed(0)
    device = next(parts.canvas.parameters()).device
    n, chunks = parts.cutouts.count, min(parts.descent.chunks, parts.cutouts.count)
    parts_of = [(i + 1) * n // chunks - i * n // chunks for i in range(chunks)]
    strange = bool(parts.settings.natural_weight)

    def look() -> Lap:
        total = Lap(0.0, 0.0)
        for perceptor in parts.perceptors:
            for size in parts_of:
                shape = (size, 3, perceptor.size, perceptor.size)
                batch = torch.rand(shape, generator=generator).to(device).requires_grad_()
                pull = torch.randn(size, perceptor.width, generator=generator).to(device)
                start = clock.now()
                seen = perceptor.see(batch)
                loss = (seen.embeds * pull).sum()
                if strange and seen.strangeness is not None:
                    loss = loss + seen.strangeness
                torch.autograd.grad(loss, batch)
                total += clock.since(start)
        return total

    return look


def decoder_alone(parts: "Parts", clock: Clock) -> Callable[[], Lap]:
    """What draws one picture from codes, with the gradient to them; nothing where none does."""
    import torch

    from mutoscope.canvas.vqgan import VqganCanvas

    canvas = parts.canvas
    if not isinstance(canvas, VqganCanvas):
        return lambda: Lap(0.0, 0.0)
    width, height = canvas.size
    pull = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    pull = pull.to(canvas.latent.device)

    def draw() -> Lap:
        codes = canvas.model.nearest(canvas.latent.detach()).requires_grad_()
        start = clock.now()
        torch.autograd.grad(canvas.model.decode(codes), codes, pull)
        return clock.since(start)

    return draw


if __name__ == "__main__":
    turns.play(measure)
