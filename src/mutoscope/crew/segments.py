"""The pictures of a film shared out among a crew, in segments of some."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from safetensors.torch import save

from mutoscope.atomic import write_bytes
from mutoscope.crew.filming import PATH
from mutoscope.crew.inputs import FILES
from mutoscope.crew.task import Crew, CrewWatch, News, Task
from mutoscope.errors import RunError
from mutoscope.finish.interpolate import Pace
from mutoscope.finish.interpolate.rife import find_rife
from mutoscope.finish.produce import room_in
from mutoscope.run.material import Material, Stills
from mutoscope.sources import models_folder
from mutoscope.walk.planning import Walk
from mutoscope.walk.render import Renderer

LONGEST = 96
"""The most pictures in a segment, if not the fewest that can be drawn at once are more."""

SEGMENTS = 12
"""Into at least so many a film is cut, so that nobody waits long for the last."""


@dataclass(frozen=True)
class Segments:
    """`mutoscope.finish.produce.Hands` of a crew.

    ``kind`` and ``order``: those of each task, to which its pictures are added; ``align``: segments
    begin at multiples of it; ``lay``: puts into a task's folder what it needs of pictures from one
    number up to another.
    """

    crew: Crew
    kind: str
    order: Mapping[str, Any]
    align: int = 1
    lay: Callable[[Path, int, int], None] = lambda _folder, _first, _end: None

    def make(
        self, folder: Path, missing: Sequence[tuple[int, int]], progress: Callable[[int], None]
    ) -> None:
        """See `mutoscope.finish.produce.Hands`."""
        tasks = []
        for first, end in self._cut(missing):
            room = room_in(folder, first, end)
            room.mkdir(exist_ok=True)
            self.lay(room, first, end)
            order = {**self.order, "first": first, "end": end}
            tasks.append(Task(room.name, self.kind, room, order))
        counts: dict[str, int] = {}

        def count(task: Task, news: News) -> None:
            if counts.get(task.name, 0) != news.done:
                counts[task.name] = news.done
                progress(sum(counts.values()))

        errors = []
        outcomes = self.crew.work(tasks, watch=CrewWatch(news=count))
        try:
            for outcome in outcomes:
                if outcome.error is None:
                    told = outcome.task.order
                    count(outcome.task, News(told["end"] - told["first"], 0))
                else:
                    errors.append(outcome.error)
        finally:
            # Also after Ctrl-C nobody may write to the folders any more.
            if isinstance(outcomes, Generator):
                outcomes.close()
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise RunError(
                f"{errors[0]}{more}; what was made is kept, and the same command goes on with it"
            )

    def _cut(self, missing: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Segments of about the same length, which begin where the pictures are best begun."""
        count = sum(end - first for first, end in missing)
        length = max(1, min(LONGEST, -(-count // SEGMENTS)))
        length = -(-length // self.align) * self.align
        found = []
        for first, end in missing:
            while first < end:
                last = min(end, (first // length + 1) * length)
                found.append((first, last))
                first = last
        return found


def walk_segments(crew: Crew, walk: Walk, renderer: Renderer) -> Segments:
    """The pictures of a walk."""

    def lay(folder: Path, first: int, end: int) -> None:
        # Where a batch begins before the first picture, its others are drawn with it.
        batch = renderer.batch
        vectors, truncations = walk.points(
            first - first % batch, min(walk.total, -(-end // batch) * batch)
        )
        tensors = {"vectors": vectors.contiguous(), "truncations": truncations.contiguous()}
        write_bytes(folder / PATH, save(tensors))

    order = {
        "generator": str(renderer.path.absolute()),
        "device": str(renderer.device),
        "size": renderer.size,
        "batch": renderer.batch,
        "space": walk.space,
        FILES: [str(renderer.path.absolute())],
    }
    return Segments(crew, "walk", order, renderer.batch, lay)


def interpolated_segments(
    crew: Crew,
    material: Material,
    pace: Pace,
    *,
    model: str,
    models: Path | None,
    device: str | None,
) -> Segments:
    """The pictures of a film at another rate; the arguments are those of `load_between`."""
    stills = material.paths if isinstance(material, Stills) else []
    paths = [str(path.absolute()) for path in stills]
    source = str(material.path.absolute())
    weights = [] if model == "flow" else [_weights(model, models)]
    order = {
        "source": source,
        "paths": paths,
        "own": str(pace.own),
        "wanted": str(pace.wanted),
        "model": weights[0] if weights else "flow",
        "device": device,
        FILES: [*(paths or [source]), *weights],
    }
    # From one picture of the film to the next, its flow is searched once.
    return Segments(crew, "interpolate", order, max(1, int(Fraction(pace.wanted, pace.own))))


def upscaled_segments(
    crew: Crew,
    source: Path,
    *,
    model: str,
    scale: float | None,
    tile: int | None,
    device: str,
    faces: str | bool,
) -> Segments:
    """The pictures of a film made larger; the arguments are those of `load_upscaler`."""
    checkpoint = Path(model).absolute() if Path(model).is_file() else None
    order = {
        "source": str(source.absolute()),
        "model": model if checkpoint is None else str(checkpoint),
        "scale": scale,
        "tile": tile,
        "device": device,
        "faces": faces,
        FILES: [str(source.absolute()), *([] if checkpoint is None else [str(checkpoint)])],
    }
    return Segments(crew, "upscale", order)


def _weights(model: str, models: Path | None) -> str:
    """The file of RIFE's weights, which `load_between` has read already."""
    named = models_folder(models) / "rife" if model == "rife" else Path(model)
    return str((find_rife(named) or named).absolute())
