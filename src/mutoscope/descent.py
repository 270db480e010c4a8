"""How a canvas follows its gradient: the optimiser, its learning rate over time, its memory."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from mutoscope.canvas.base import Canvas
from mutoscope.motion.base import Warp

_BAND = 2**20  # numbers: 4 MiB


class Optimizer(Protocol):
    """What a `Stride` needs of an optimiser; torch's own have it."""

    param_groups: list[dict[str, Any]]
    state: Any

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""

    def step(self) -> Any:
        """Follow them."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, its parameters by their number."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Remember that."""


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1), to the bit what ``torch.optim.Adam`` does.

    The first optimiser of torch's that a process makes loads torch's compiler, which takes as long
    as torch itself: every still would wait for it before its first step.

    Args:
        parameters: what follows its gradients; those without one stay as they are.
        lr: the learning rate.
    """

    BETAS = (0.9, 0.999)
    EPSILON = 1e-8

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters), "lr": lr}]
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        self._counts: dict[Tensor, int] = {}  # steps of each

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.zero_()

    @torch.no_grad()
    def step(self) -> None:
        """Follow them."""
        (first, second), rate = self.BETAS, self.param_groups[0]["lr"]
        for parameter in self._parameters:
            if (gradient := parameter.grad) is None:
                continue
            if parameter not in self.state:
                zeros = torch.zeros_like(parameter)
                self.state[parameter] = {"exp_avg": zeros, "exp_avg_sq": zeros.clone()}
            memory = self.state[parameter]
            self._counts[parameter] = count = self._counts.get(parameter, 0) + 1
            whole = parameter.detach(), gradient, memory["exp_avg"], memory["exp_avg_sq"]
            for value, slope, mean, square in bands(*whole):
                mean.lerp_(slope, 1 - first)
                square.mul_(second).addcmul_(slope, slope, value=1 - second)
                root = (square.sqrt() / (1 - second**count) ** 0.5).add_(self.EPSILON)
                value.addcdiv_(mean, root, value=-rate / (1 - first**count))

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, its parameters by their number."""
        known = {
            index: {"step": torch.tensor(float(self._counts[parameter])), **self.state[parameter]}
            for index, parameter in enumerate(self._parameters)
            if parameter in self.state
        }
        numbers = list(range(len(self._parameters)))
        groups = [{**group, "params": numbers} for group in self.param_groups]
        return {"state": known, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Remember that.

        Raises:
            ValueError: it is of other parameters.
        """
        parameters = self._parameters
        if not all(0 <= index < len(parameters) for index in state_dict["state"]):
            raise ValueError("the state is of an optimiser with more parameters")
        self.state, self._counts = {}, {}
        for index, memory in state_dict["state"].items():
            parameter = parameters[index]
            self._counts[parameter] = int(memory["step"])
            self.state[parameter] = {
                slot: memory[slot].to(parameter.device, parameter.dtype)
                for slot in ("exp_avg", "exp_avg_sq")
            }

    @property
    def _parameters(self) -> list[nn.Parameter]:
        parameters: list[nn.Parameter] = self.param_groups[0]["params"]
        return parameters


def bands(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same numbers of each of ``tensors`` (of one shape), a cache's worth at a time.

    What is worked out of them is then never as large as they are, which a large canvas is. On a GPU
    it is all at once, for there each band would cost a launch.
    """
    whole = all(t.is_contiguous() and t.device.type == "cpu" for t in tensors)
    if not whole or tensors[0].numel() <= _BAND:
        yield tensors
        return
    yield from zip(*(torch.split(t.view(-1), _BAND) for t in tensors), strict=True)


# Each with torch's defaults beside the learning rate, as the field's users know them.
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "Adam": Adam,
    "AdamW": torch.optim.AdamW,
    "Adagrad": torch.optim.Adagrad,
    "Adamax": torch.optim.Adamax,
    "RAdam": torch.optim.RAdam,
    "NAdam": torch.optim.NAdam,
    "RMSprop": torch.optim.RMSprop,
}


@dataclass(frozen=True)
class Descent:
    """How the canvas follows its gradient.

    ``rate``: the learning rate, None for the canvas's own. ``decay``: the fraction of it that is
    left at the end of a still, or of a film's frame, along a cosine; 1 keeps it.
    ``fresh_each_frame``: forget the optimiser's moments when the picture moves; else they go along
    with it. ``chunks``: into how many parts a step's cutouts are split at first, which bounds the
    memory and leaves the picture the same but for rounding. ``optimizer``: one of `OPTIMIZERS`.
    ``adaptive``: lower the rate where the loss stops falling, see `Plateau`.
    """

    rate: float | None = None
    decay: float = 1.0
    fresh_each_frame: bool = True
    chunks: int = 1
    optimizer: str = "Adam"
    adaptive: bool = False

    def start(self, canvas: Canvas) -> "Stride":
        """A new optimiser over the canvas as it is now."""
        return Stride(self, canvas)


class Stride:
    """An optimiser at work on a canvas, with all that it remembers; made by `Descent.start`.

    Attributes:
        chunks: into how many parts a step's cutouts are split from here on.
    """

    def __init__(self, descent: Descent, canvas: Canvas) -> None:
        self._descent, self._canvas = descent, canvas
        self.chunks = descent.chunks
        self._rate = descent.rate or canvas.lr
        self._begin()

    def _begin(self) -> None:
        """Remember nothing."""
        kind = OPTIMIZERS[self._descent.optimizer]
        self._optimizer = kind(self._canvas.parameters(), lr=self._rate)
        self._plateau = Plateau() if self._descent.adaptive else None

    @property
    def rate(self) -> float:
        """The learning rate now."""
        return float(self._optimizer.param_groups[0]["lr"])

    def prepare(self, progress: float) -> None:
        """Forget the last gradients; set the rate for ``progress`` in [0, 1] through the still."""
        self._optimizer.zero_grad(set_to_none=True)
        decay = self._descent.decay
        share = decay + (1 - decay) * 0.5 * (1 + math.cos(math.pi * progress))
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * share * (self._plateau.share if self._plateau else 1.0)

    def step(self, losses: Mapping[str, Tensor]) -> None:
        """Follow the gradients that have gathered, and learn from what the step's losses were."""
        self._optimizer.step()
        if self._plateau is not None and losses:
            # The one reading of a loss before the frame's end, where it was asked for.
            self._plateau.learn(float(torch.stack(list(losses.values())).sum()))

    def move(self, warp: Warp) -> None:
        """The canvas has been moved by ``warp``: forget, or let the moments go along with it."""
        if self._descent.fresh_each_frame:
            self._begin()
            return
        blending = blend(warp)
        for name in self._canvas.rasters:
            parameter = self._canvas.get_parameter(name)
            for moment in self._optimizer.state.get(parameter, {}).values():
                if moment.shape == parameter.shape:  # what counts the steps stays
                    raster = moment.reshape(1, -1, *moment.shape[-2:])  # (1, C, h, w)
                    moment.copy_(blending(raster).view(moment.shape))

    def like(self, before: "Stride") -> Self:
        """The same, with what another has learned of the machine."""
        self.chunks = before.chunks
        return self

    def begin_scene(self) -> None:
        """What is wanted has changed, so that losses can't be compared with those before."""
        if self._plateau is not None:
            self._plateau = Plateau()

    def tensors(self) -> dict[str, Tensor]:
        """All that it remembers, by name."""
        kept = {"chunks": torch.tensor(self.chunks)}
        for index, slots in self._optimizer.state_dict()["state"].items():
            kept |= {f"{index}.{slot}": value for slot, value in slots.items()}
        if self._plateau is not None:
            kept["plateau"] = self._plateau.tensor()
        return kept

    def recall(self, tensors: Mapping[str, Tensor]) -> None:
        """Remember what `tensors` gave."""
        state = dict[int, dict[str, Tensor]]()
        for name, value in tensors.items():
            index, _, slot = name.partition(".")
            if index == "chunks":
                self.chunks = int(value)
            elif index == "plateau":
                self._plateau = Plateau(*value.tolist())
            else:
                state.setdefault(int(index), {})[slot] = value.clone()
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})


def blend(warp: Warp) -> Warp:
    """The same warp, but what it reads is always a weighted mean of what was there.

    So no step becomes larger than it could have been without the move, for the mean of the squares
    stays above the square of the mean. Cubic reading could leave next to nothing of the squares
    beneath a large mean, and black from beyond the edges nothing at all.
    """
    blending = copy.copy(warp)
    blending.sampling = "bilinear" if warp.sampling == "bicubic" else warp.sampling
    blending.infill = "smear" if warp.infill == "black" else warp.infill
    return blending


@dataclass
class Plateau:
    """Halves the learning rate where the loss has stopped falling.

    Losses are averaged over some ten steps first, since each is of other cutouts. (The scheduler
    that vqgan-clip-generator feeds with bare losses takes their noise for standstill and divides
    the rate by ten every dozen steps.)

    Attributes:
        share: the factor on the learning rate now.
        best: the lowest average so far.
        average: the average now.
        waited: steps since the lowest.
        seen: steps in all.
    """

    share: float = 1.0
    best: float = 0.0
    average: float = 0.0
    waited: float = 0.0
    seen: float = 0.0

    PATIENCE = 20
    FACTOR = 0.5
    LEAST = 1 / 64
    INERTIA = 0.9
    PROGRESS = 1e-3  # by which part of the best a fall counts

    def learn(self, loss: float) -> None:
        """Take in the loss of one step."""
        self.seen += 1
        # The weight of the first losses is that of a plain mean, so that none counts for most.
        inertia = min(self.INERTIA, 1 - 1 / self.seen)
        self.average = inertia * self.average + (1 - inertia) * loss
        enough = self.PROGRESS * abs(self.average)
        if self.seen == 1 or self.average < self.best - enough:
            self.best, self.waited = self.average, 0.0
            return
        self.waited += 1
        if self.waited > self.PATIENCE:
            self.share = max(self.LEAST, self.share * self.FACTOR)
            # From here on only what the smaller rate brings counts.
            self.best, self.waited = self.average, 0.0

    def tensor(self) -> Tensor:
        """What it remembers, (5,), in full precision."""
        values = [self.share, self.best, self.average, self.waited, self.seen]
        return torch.tensor(values, dtype=torch.float64)
