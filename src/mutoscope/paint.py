"""Stills, films and restyled video: one loop.

`animate` is the whole method. What it is given are parts: a canvas that draws, a schedule of shots,
a function that says which terms judge a shot, the cutouts through which perceptors look, a motion.
What leaves it are `Frame`s, values that whoever asks may show, keep or drop.
"""

import hashlib
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from mutoscope.canvas.base import Canvas
from mutoscope.cutouts import Cutouts
from mutoscope.descent import Descent, Stride
from mutoscope.dissolve import dissolve
from mutoscope.errors import RunError
from mutoscope.look import Look, Term, distinct, weigh
from mutoscope.motion.base import Warp, memory_of
from mutoscope.schedule import Schedule, Shot
from mutoscope.slope import hand_back

log = logging.getLogger("mutoscope")

LARGE = 256 * 2**20  # bytes of a state that is rather waited for than copied
GLANCES = 50  # steps, after which it is seen on a GPU that something is no number any more
STEEPEST = 1e19  # of a gradient: an optimiser squares it, and numbers end at 3e38
ADVICE = (
    "the run stops at the state before it, and what was kept stands; begin anew, or go on from an "
    "earlier frame (render --from), with a smaller learning_rate or smaller weights"
)
RESERVED = ("step", "frame", "t", "total")  # what stands in a record beside the terms

Losses = Mapping[str, Tensor]
Ask = Callable[[Shot], Sequence[Term]]
Hold = Callable[[Shot, Tensor | None], Sequence[Term]]


class Motion(Protocol):
    """Where the picture goes: from the last frame and the shot it leads into, a warp."""

    def __call__(self, image: Tensor, shot: Shot, /) -> Warp:
        """The warp that leads into ``shot`` from ``image`` (1, 3, H, W)."""


@dataclass(frozen=True)
class State:
    """All that is needed to go on after ``steps`` steps: tensors by name, on the CPU.

    Where it is ``lent`` they are the canvas's and the optimiser's own, not copies: they hold until
    the next step is made, and whoever wants to keep them must have done so by then.
    """

    steps: int
    tensors: Mapping[str, Tensor]
    lent: bool = False


@dataclass(frozen=True)
class Frame:
    """The picture at the end of a shot.

    ``number`` is the file it belongs in, or None for one that is only to be looked at; ``steps``
    how many steps it holds; ``records`` one mapping a step of the shot: step, frame, t, each term's
    value, and the total.
    """

    number: int | None
    steps: int
    image: Tensor  # (1, 3, H, W) in [0, 1]
    records: Sequence[Mapping[str, float]]
    state: State


@dataclass
class Watch:
    """What the caller hears of each step, and how it asks for the end.

    ``step`` is called after each with the number of steps done; reading a loss there waits for the
    device. ``stopped`` is asked after each step: True ends the run at a frame that can be resumed.
    """

    step: Callable[[int, Losses], None] = field(default=lambda _done, _losses: None)
    stopped: Callable[[], bool] = field(default=lambda: False)


def animate(
    canvas: Canvas,
    schedule: Schedule,
    ask: Ask,
    cutouts: Cutouts,
    *,
    motion: Motion | None = None,
    hold: Hold | None = None,
    sizes: Sequence[tuple[int, int]] = (),
    descent: Descent | None = None,
    seed: int = 0,
    resume: State | None = None,
    watch: Watch | None = None,
    kept: Callable[[int], Tensor | None] | None = None,
    lends: bool = False,
) -> Iterator[Frame]:
    """Paint the shots of ``schedule``: yield each frame as soon as it is finished.

    A film's frame starts as the one before it, moved by ``motion``. Then steps of descent pull it
    toward what the terms of the shot want, and those of ``hold`` keep it near where it started.
    ``sizes`` are those of the canvas in each stage of the
    schedule, from small to large. ``kept`` gives the picture in a numbered file, toward which a
    film that closes is led. Where it ``lends``, a state that is large is not copied, but lent until
    the next frame is asked for. All randomness comes from ``seed`` and the step's number, so a
    run resumed from any frame's state is the same run; in the lap it is that of the beginning, so
    that the two come together.

    Raises:
        RunError: a loss, a gradient or the picture is no number any more. What was painted up to
            the step before is yielded first, as a frame without number.
    """
    descent, watch = descent or Descent(), watch or Watch()
    done = resume.steps if resume else 0
    if sizes:
        canvas.grow(sizes[schedule.stage(max(0, done - 1))])
    stride = descent.start(canvas)
    device = next(canvas.parameters()).device
    held = recall(resume, canvas, stride, motion) if resume else None
    if (memory := memory_of(motion)) is not None and not resume:
        memory.recall({})
    stopped, trouble = False, ""

    for shot in schedule.shots(done):
        # Grow: go on from the picture so far, on a larger canvas.
        if shot.grows and sizes:
            canvas.grow(sizes[shot.stage])
            stride = descent.start(canvas).like(stride)
        # Move: begin as the last frame, seen from where the camera is now.
        if shot.moves and motion is not None:
            warp = motion(canvas.image(), shot)
            if warp.anew is not None:
                canvas.encode(warp.anew.to(device))
            else:
                canvas.move(warp)
            held = canvas.image() if hold else None
            stride.move(warp)
        if shot.moment.scene_step == 0:
            stride.begin_scene()
        terms, losses = [*ask(shot), *(hold(shot, held) if hold else ())], []

        # Descend: look, weigh, step.
        for step in shot.steps:
            stride.prepare(schedule.progress(step))
            drawn = canvas()  # the one decode of the step
            look = Look(drawn.detach().requires_grad_(), canvas=canvas, cutouts=cutouts,
                        moment=schedule.moment(step), rng=rng_for(seed, schedule.again(step)),
                        chunks=stride.chunks)  # fmt: skip
            losses.append(weigh(look, terms))
            stride.chunks = look.chunks  # more than before where memory was short
            if look.image.grad is not None:
                hand_back(drawn, look.image.grad)  # the one way back through the canvas
            if trouble := trouble_in(look, terms, losses[-1]):
                losses.pop()  # the step is not made: the canvas is as the one before it left it
                break
            stride.step(losses[-1])
            canvas.constrain()
            watch.step(step + 1, losses[-1])
            if stopped := watch.stopped():
                break

        if trouble and not losses:
            raise RunError(trouble)
        done = shot.steps.start + len(losses)
        canvas.zero_grad(set_to_none=True)  # it may be large, and keeping a frame takes memory too
        number = shot.saves if done == shot.steps.stop else None
        picture = canvas.image()
        # Close: lead the picture over into the one that the film began with.
        if number is not None and shot.joins is not None and kept is not None:
            picture = lead_over(canvas, picture, kept(shot.joins.number), shot.joins.share)
        records = report(schedule, shot.steps.start, losses)
        state = snapshot(done, canvas, stride, motion, held if hold else None, lends=lends)
        refuse_what_is_no_number(records, state, picture)
        yield Frame(number, done, picture, records, state)
        if trouble:
            raise RunError(trouble)
        if stopped:
            return


def lead_over(canvas: Canvas, picture: Tensor, onto: Tensor | None, share: float) -> Tensor:
    """``picture``, by ``share`` gone over into ``onto`` (both (1, 3, H, W)), on the canvas too."""
    if onto is None:
        log.warning("a frame of the film's beginning is gone, so its end is not led there")
        return picture
    mixed = dissolve(picture, onto.to(picture), share)
    canvas.encode(mixed)
    return mixed


def rng_for(seed: int, step: int | str) -> torch.Generator:
    """The random numbers of one step (or of a named moment before the first), on the CPU."""
    digest = hashlib.blake2b(f"{seed}/{step}".encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def report(schedule: Schedule, start: int, losses: Sequence[Losses]) -> list[dict[str, float]]:
    """The losses of a shot as plain numbers, read from the device in one go."""
    if not losses:
        return []
    names = list(losses[0])
    # A prompt may be called "step": it must not stand in the step's place.
    labels = distinct([*RESERVED, *names])[len(RESERVED) :]
    rows = (
        torch.stack([torch.stack([loss[name] for name in names]) for loss in losses]).tolist()
        if names
        else [[] for _ in losses]
    )
    records = []
    for step, row in enumerate(rows, start):
        moment = schedule.moment(step)
        record = {"step": step + 1, "frame": moment.frame, "t": moment.t}
        records.append(record | dict(zip(labels, row, strict=True)) | {"total": sum(row)})
    return records


def trouble_in(look: Look, terms: Sequence[Term], losses: Losses) -> str:
    """Why a step can't be made, naming the terms that are no numbers, or "" where all is well.

    Reading what came of a step waits for the device: on a GPU only some are looked at here, and all
    of them at the end of their shot.
    """
    if reading_waits(look.image) and (look.moment.step + 1) % GLANCES:
        return ""
    values = torch.stack(list(losses.values())) if losses else torch.zeros(())
    if all_finite(values) and steepness(look) < STEEPEST:
        return ""
    step = f"step {look.moment.step + 1}"
    if not all_finite(look.image.detach()):
        return f"{step}: the picture's values are not numbers; {ADVICE}"
    odd = {name: value.item() for name, value in losses.items() if not all_finite(value)}
    if odd:
        told = " and ".join(f"{name!r} is {value}" for name, value in odd.items())
        return f"{step}: the loss of {told}; {ADVICE}"
    steep = list[str]()
    for term in terms:
        alone = look.again()
        look.canvas.zero_grad(set_to_none=True)
        weigh(alone, [term])
        if not steepness(alone) < STEEPEST:
            steep.append(repr(term.name))
    whose = " and of ".join(steep) or "the picture"
    return f"{step}: the gradient of {whose} is no number that can be followed; {ADVICE}"


def reading_waits(tensor: Tensor) -> bool:
    """Whether to read a number of ``tensor`` is to wait for all that was asked of its device."""
    return tensor.device.type != "cpu"


def steepness(look: Look) -> float:
    """The largest part of the gradients that have gathered; NaN where one is no number."""
    leaves = (look.image, *look.canvas.parameters())
    ends = [torch.stack(leaf.grad.aminmax()) for leaf in leaves if leaf.grad is not None]
    return float(torch.cat(ends).abs().amax()) if ends else 0.0


def refuse_what_is_no_number(
    records: Sequence[Mapping[str, float]], state: State, picture: Tensor
) -> None:
    """Refuse a shot after which nothing can be painted any more.

    Raises:
        RunError: a loss of ``records``, a value of ``state`` or of ``picture`` is infinite or not a
            number.
    """
    for record in records:
        for name, value in record.items():
            if not math.isfinite(value):
                raise RunError(f"step {record['step']}: the loss of {name!r} is {value}; {ADVICE}")
    if not all(map(all_finite, (*state.tensors.values(), picture))):
        raise RunError(f"step {state.steps}: the picture's values are not numbers; {ADVICE}")


def all_finite(values: Tensor) -> bool:
    """Whether all are numbers, told without a second tensor of their size."""
    if not values.dtype.is_floating_point or not values.numel():
        return bool(values.isfinite().all())
    ends = torch.stack(values.aminmax())  # one that is not a number goes before all others
    return bool(ends.isfinite().all())


def snapshot(
    steps: int,
    canvas: Canvas,
    stride: Stride,
    motion: Motion | None,
    held: Tensor | None,
    *,
    lends: bool = False,
) -> State:
    """Copy what `recall` needs; or lend it, where it ``lends`` and a copy would be large."""
    tensors = {f"canvas.{name}": value for name, value in canvas.state_dict().items()}
    tensors |= {f"adam.{name}": value for name, value in stride.tensors().items()}
    if held is not None:
        tensors["held.image"] = held
    if (memory := memory_of(motion)) is not None:
        tensors |= {f"motion.{name}": value for name, value in memory.tensors().items()}
    tensors = {name: value.detach() for name, value in tensors.items()}
    on_cpu = all(value.device.type == "cpu" for value in tensors.values())
    if lends and on_cpu and sum(value.nbytes for value in tensors.values()) > LARGE:
        return State(steps, tensors, lent=True)
    return State(steps, copies(tensors))


def copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of ``tensors`` on the CPU; from a GPU all are sent at once, and waited for once."""
    copied, device = dict[str, Tensor](), None
    for name, tensor in tensors.items():
        if tensor.is_cuda:
            device = tensor.device
            page = torch.empty_like(tensor, device="cpu", pin_memory=True)
            copied[name] = page.copy_(tensor, non_blocking=True)
        else:
            copied[name] = tensor.to("cpu", copy=True)
    if device is not None:
        torch.cuda.current_stream(device).synchronize()
    return copied


def recall(state: State, canvas: Canvas, stride: Stride, motion: Motion | None) -> Tensor | None:
    """Put canvas, optimiser and motion back to ``state``; returns what its frame began as.

    Raises:
        RunError: it is the state of another canvas.
    """
    kept: dict[str, dict[str, Tensor]] = {"canvas": {}, "adam": {}, "held": {}, "motion": {}}
    for name, value in state.tensors.items():
        owner, _, rest = name.partition(".")
        kept.setdefault(owner, {})[rest] = value
    try:
        canvas.load_state_dict(kept["canvas"])
        stride.recall(kept["adam"])
        if (memory := memory_of(motion)) is not None:
            memory.recall(kept["motion"])
    except (RuntimeError, ValueError) as error:
        raise RunError(
            "its newest state does not fit the canvas that its settings describe; were they "
            "changed since? Put them back to go on, or begin a new run"
        ) from error
    held = kept["held"].get("image")
    return None if held is None else held.to(next(canvas.parameters()).device)
