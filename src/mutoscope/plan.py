"""What a run will cost, before it is paid for: time, memory, disk, and what is made smaller to fit.

Nothing here is a table of machines. Memory is counted from the activations that one cutout leaves
for its backward pass, and time from real steps of the very parts that will run: on a copy, or where
all steps are alike, the run's own first ones.
"""

import copy
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from mutoscope.canvas.base import Canvas
from mutoscope.cutouts import Cutouts
from mutoscope.descent import Descent
from mutoscope.memory import peak_memory
from mutoscope.motion.base import memory_of
from mutoscope.paint import Ask, Frame, Hold, Losses, Motion, Watch, animate, snapshot
from mutoscope.perceptors.base import Perceptor
from mutoscope.schedule import Schedule

CPU_ACTIVATIONS = 1_600_000_000  # bytes that the cutouts in flight may hold at once on a CPU
GPU_SHARE = 0.5  # of what a GPU has free
PNG_BYTES_PER_PIXEL = 1.7  # generated pictures; photographs are near it
FILM_BYTES_PER_PIXEL = 0.15  # a frame of H.264 at the default quality
TRIAL_STEPS = 2  # the first sets up threads and memory; the other counts
TRIAL_MOVE = 0.38  # how far through the moves one is tried: hardly a wave is at rest there


@dataclass(frozen=True)
class Plan:
    """The predicted cost of a run: seconds of painting, bytes, what was made smaller to fit."""

    seconds: float
    memory: int
    disk: int
    notes: tuple[str, ...] = ()

    def line(self) -> str:
        """The plan in one line, as it is shown before a run."""
        parts = [
            duration(self.seconds) if self.seconds < 0.5 else f"about {duration(self.seconds)}",
            f"{amount(self.memory)} of memory",
            f"{amount(self.disk)} of disk",
            *self.notes,
        ]
        return "plan: " + ", ".join(parts)


def choose_chunks(perceptors: Sequence[Perceptor], cutouts: int, device: torch.device) -> int:
    """Into how many parts a step's cutouts are split so that their activations fit in memory."""
    budget = CPU_ACTIVATIONS
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        budget = int(free * GPU_SHARE)
    # Perceptors look one after the other, but the graph of each lives until the chunk's backward.
    per_cutout = sum(activation_bytes(perceptor) for perceptor in perceptors)
    return -(-cutouts // max(1, budget // max(1, per_cutout)))


def activation_bytes(perceptor: Perceptor) -> int:
    """What one cutout leaves in memory between the perceptor's forward and backward pass."""
    device = next(perceptor.parameters()).device
    cutout = torch.full((1, 3, perceptor.size, perceptor.size), 0.5, device=device)
    with counting_saved(perceptor) as counted:
        perceptor.see(cutout.requires_grad_())
    return counted[0]


@contextmanager
def counting_saved(*modules: torch.nn.Module) -> Iterator[list[int]]:
    """Count the bytes that autograd keeps for the way back: each storage once, none of weights."""
    counted = [0]
    owned = (tensor for m in modules for tensor in (*m.parameters(), *m.buffers()))
    seen = {tensor.untyped_storage().data_ptr() for tensor in owned}
    kept = []  # alive until the end, so that no address is counted for two storages

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            kept.append(storage)
            counted[0] += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield counted


def predict(
    canvas: Canvas,
    schedule: Schedule,
    ask: Ask,
    cutouts: Cutouts,
    *,
    sizes: Sequence[tuple[int, int]],
    descent: Descent,
    backups: int | Literal["all"],
    film: bool,
    motion: Motion | None = None,
    hold: Hold | None = None,
    resume_points: int = 0,
    done: int = 0,
    pace: float | None = None,
) -> Plan:
    """Predict what is left of a run costs after ``done`` steps, from trial steps on a copy.

    In a film a move is tried too, and ``motion`` remembers afterwards what it did before. A move
    that would follow the ``done`` steps is still to be made. Where ``pace`` is given, the seconds
    that a step was seen to take, nothing is tried: for runs whose steps are all alike.
    """
    if pace is not None:
        seconds, state = (schedule.total_steps - done) * pace, state_bytes(canvas)
    else:
        seconds, state = try_out(
            canvas, schedule, ask, cutouts, sizes=sizes, descent=descent, motion=motion, hold=hold,
            done=done,
        )  # fmt: skip
    pixels = sizes[-1][0] * sizes[-1][1]
    kept = schedule.files if backups == "all" else max(1, backups) + resume_points
    kept = min(kept, schedule.files)
    files = schedule.files - (schedule.file_of(done) if done else 0)
    disk = files * pixels * PNG_BYTES_PER_PIXEL + kept * state
    disk += schedule.files * pixels * FILM_BYTES_PER_PIXEL if film else 0
    notes: tuple[str, ...] = ()
    if descent.chunks > 1:
        notes = (
            f"{cutouts.count} cutouts in {descent.chunks} parts, to fit (the picture is the same)",
        )
    return Plan(
        seconds=seconds,
        memory=peak_memory(next(canvas.parameters()).device),
        disk=round(disk),
        notes=notes,
    )


def state_bytes(canvas: Canvas) -> int:
    """About what a state of a run on ``canvas`` holds: all of it, and two moments of Adam."""
    own = sum(int(value.nbytes) for value in canvas.state_dict().values())
    return own + 2 * sum(value.nbytes for value in canvas.parameters())


def try_out(
    canvas: Canvas,
    schedule: Schedule,
    ask: Ask,
    cutouts: Cutouts,
    *,
    sizes: Sequence[tuple[int, int]],
    descent: Descent,
    motion: Motion | None,
    hold: Hold | None,
    done: int,
) -> tuple[float, int]:
    """What is left after ``done`` steps, tried on a copy: seconds, and the bytes of a state."""
    trial_canvas, seconds = copy.deepcopy(canvas), 0.0
    for stage, size in enumerate(sizes):
        last = stage == len(sizes) - 1
        ends = schedule.total_steps if last else schedule.begins(stage + 1)
        left = ends - max(done, schedule.begins(stage))
        if left <= 0 and not last:
            continue
        trial_canvas.grow(size)
        per_step, frame = try_steps(trial_canvas, schedule, ask, cutouts, descent)
        moves = moves_left(schedule, done)
        if last and motion is not None and moves:
            ticks = try_move(trial_canvas, schedule, ask, cutouts, descent, motion, hold, moves)
            # In a frame of one step there is none without a move.
            per_step = ticks[1] if len(ticks) > 1 and schedule.steps_per_frame > 1 else per_step
            seconds += len(moves) * max(0.0, ticks[0] - per_step)
        seconds += left * per_step

    return seconds, sum(value.nbytes for value in frame.state.tensors.values())


def try_steps(
    canvas: Canvas, schedule: Schedule, ask: Ask, cutouts: Cutouts, descent: Descent
) -> tuple[float, Frame]:
    """Some steps of ``schedule`` on ``canvas`` as it is: seconds for one, and the last frame."""
    trial = replace(
        schedule, scenes=1, steps_per_scene=TRIAL_STEPS, save_every=0, display_every=0,
        steps_per_frame=TRIAL_STEPS, pre_animation_steps=0, stages=1,
    )  # fmt: skip
    ticks = [time.perf_counter()]

    def tick(_done: int, _losses: Losses) -> None:
        ticks.append(time.perf_counter())

    watch = Watch(step=tick)
    frame = next(animate(canvas, trial, ask, cutouts, descent=descent, watch=watch, lends=True))
    return ticks[-1] - ticks[-2], frame


def moves_left(schedule: Schedule, done: int) -> range:
    """The steps before which the picture is still to be moved, after ``done`` steps."""
    if not schedule.animated:
        return range(0)
    every = range(schedule.first_move, schedule.total_steps, schedule.steps_per_frame)
    return every[-(-max(0, done - schedule.first_move) // schedule.steps_per_frame) :]


def try_move(
    canvas: Canvas,
    schedule: Schedule,
    ask: Ask,
    cutouts: Cutouts,
    descent: Descent,
    motion: Motion,
    hold: Hold | None,
    moves: range,
) -> list[float]:
    """One of ``moves`` on ``canvas`` as it is: seconds to the end of each of the steps after it.

    So the first has all that comes between two frames. A motion that remembers makes its very next
    move: it may follow a film, which is read forward, and it keeps what it has read of it. Any
    other makes one further on.
    """
    memory = memory_of(motion)
    start = moves[0 if memory is not None else int(TRIAL_MOVE * len(moves))] - 1
    state = snapshot(start, canvas, descent.start(canvas), None, None)
    before = memory.tensors() if memory is not None else {}
    ticks: list[float] = []  # the first at the end of the step before the move

    def tick(_done: int, _losses: Losses) -> None:
        ticks.append(time.perf_counter())

    watch = Watch(step=tick, stopped=lambda: len(ticks) > TRIAL_STEPS)
    try:
        for _ in animate(canvas, schedule, ask, cutouts, motion=motion, hold=hold,
                         descent=descent, resume=state, watch=watch):  # fmt: skip
            pass
    finally:
        if memory is not None:
            memory.recall(before)
    return [later - earlier for earlier, later in itertools.pairwise(ticks)]


def timeline(schedule: Schedule, scenes: Sequence[str]) -> Iterator[str]:
    """The run scene by scene, a line each: steps, files, time in the film, and what is wanted."""
    rows = [("steps", "files", "t", "scene")]
    for index, scene in enumerate(scenes or [""]):
        first, stop = index * schedule.steps_per_scene, (index + 1) * schedule.steps_per_scene
        begin, end = schedule.file_of(first + 1), schedule.file_of(stop)
        end -= schedule.steps_of(end) > stop  # that one is finished in the next scene
        numbers = f"{begin}-{end}" if end > begin else f"{end}" if end == begin else "-"
        begins, ends = schedule.moment(first).t, schedule.moment(stop).t
        rows.append((f"{first}-{stop}", numbers, f"{begins:.2f}-{ends:.2f} s", scene))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        yield "  ".join([*cells, " ".join(row[3].split())])
    if schedule.animated:
        moves = schedule.moment(schedule.total_steps - 1).frame
        seconds = schedule.files / schedule.frames_per_second
        yield f"film: {schedule.files} frames, {seconds:.2f} s, moved {moves} times"


def duration(seconds: float) -> str:
    """A time for people: ``45 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 1:
        return "less than 1 s"
    if whole < 60:
        return f"{whole} s"
    minutes, whole = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {whole:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def amount(size: float) -> str:
    """A number of bytes for people: ``80 MB``, ``1.4 GB``."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            value = size / scale
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{size:.0f} B"
