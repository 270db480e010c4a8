"""One case of `steps.py`, in a process of its own so that its peak of memory is its own.

``python benchmarks/case.py '{"settings": {…}, …}'`` builds the parts of a run from settings, as
the program does, and paints with them. What it prints is one line of JSON.

Each step is followed by the perceptor alone: forward and backward to its input, frozen, in the
same batches. The two take turns, so that whatever else the machine does strikes both; their ratio
is the part of a step that is not the perceptor's.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mutoscope import process

if TYPE_CHECKING:
    from mutoscope.build import Parts


@dataclass(frozen=True)
class Lap:
    """Seconds of the clock, and of the processors that were busy for it."""

    wall: float
    cpu: float


def clock() -> Lap:
    """Now."""
    return Lap(time.perf_counter(), time.process_time())


def since(start: Lap) -> Lap:
    """How long ago ``start`` was."""
    now = clock()
    return Lap(now.wall - start.wall, now.cpu - start.cpu)


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """Run the case.

    It has ``settings`` and ``overrides``, the number of ``threads``, of ``warm`` steps that are not
    measured, and of ``steps`` that are.
    """
    process.prepare()
    import torch

    from mutoscope.build import build
    from mutoscope.paint import Watch
    from mutoscope.plan import activation_bytes, peak_memory
    from mutoscope.settings import load_settings

    torch.set_num_threads(case["threads"])
    warm, count = case["warm"], case["steps"]
    quiet = {"steps_per_scene": warm + count, "save_every": 0, "display_every": 0, "device": "cpu"}
    parts = build(load_settings({**case["settings"], **quiet}, case["overrides"]))
    loaded = peak_memory(torch.device("cpu"))

    decodes = 0

    def decoded(*_: object) -> None:
        nonlocal decodes
        decodes += 1

    parts.canvas.register_forward_hook(decoded)
    alone = perceptors_alone(parts)
    laps: list[Lap] = []
    rests: list[Lap] = []
    peak, start = 0, clock()

    def step(done: int, _losses: object) -> None:
        nonlocal start, peak
        if done > warm:
            laps.append(since(start))
            rests.append(alone())
        elif done == warm:
            peak = peak_memory(torch.device("cpu"))  # of the program, before we come between
            alone()
        start = clock()

    start = clock()
    for _ in parts.animate(watch=Watch(step=step)):
        pass
    cpu = min(lap.cpu for lap in laps)
    return {
        "steps_per_second": 1 / statistics.median(lap.wall for lap in laps),
        "cpu_seconds": cpu,
        "perceptor_seconds": min(rest.cpu for rest in rests),
        "outside": statistics.median(
            1 - rest.cpu / lap.cpu for lap, rest in zip(laps, rests, strict=True)
        ),
        "chunks": parts.descent.chunks,
        "loaded_bytes": loaded,
        "peak_bytes": peak,
        "activation_bytes": sum(activation_bytes(p) for p in parts.perceptors),
        # One more for the picture that is yielded.
        "decodes_per_step": (decodes - 1) / (warm + count),
    }


def perceptors_alone(parts: "Parts") -> Callable[[], Lap]:
    """What looks at as many pictures as a step does, with the gradient that a step asks for."""
    import torch

    generator = torch.Generator().manual_seed(0)
    n, chunks = parts.cutouts.count, min(parts.descent.chunks, parts.cutouts.count)
    parts_of = [(i + 1) * n // chunks - i * n // chunks for i in range(chunks)]
    strange = bool(parts.settings.natural_weight)

    def look() -> Lap:
        total = Lap(0.0, 0.0)
        for perceptor in parts.perceptors:
            for size in parts_of:
                shape = (size, 3, perceptor.size, perceptor.size)
                batch = torch.rand(shape, generator=generator).requires_grad_()
                pull = torch.randn(size, perceptor.width, generator=generator)
                start = clock()
                seen = perceptor.see(batch)
                loss = (seen.embeds * pull).sum()
                if strange and seen.strangeness is not None:
                    loss = loss + seen.strangeness
                torch.autograd.grad(loss, batch)
                lap = since(start)
                total = Lap(total.wall + lap.wall, total.cpu + lap.cpu)
        return total

    return look


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
