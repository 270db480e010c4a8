"""All that changes while a VQGAN is trained, kept together: what a state is made of."""

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mutoscope.errors import RunError
from mutoscope.paint import State
from mutoscope.train_vqgan.codebook import Averages
from mutoscope.train_vqgan.critic import Critic
from mutoscope.training.adam import moments, restore
from mutoscope.vqgan import VQGAN

BRANCH = 0.1  # what residual branches begin with
AVERAGE = 0.995  # decay of the averaged weights
MOMENTS = (0.9, 0.99)  # Adam's


@dataclass
class Team:
    """The two players, each with its optimiser; the codebook's averages; the averaged model.

    ``model`` is what learns; ``shown`` is the moving average of its weights, which is further on
    than any of them, and has its codes.
    """

    model: VQGAN
    critic: Critic
    shown: VQGAN
    book: Averages
    painter: torch.optim.Adam
    referee: torch.optim.Adam

    @classmethod
    def start(cls, model: VQGAN, critic: Critic) -> "Team":
        """A team of two fresh networks."""
        settle_weights(model)
        # The codes follow the features by their averages; no gradient reaches them.
        model.codes.requires_grad_(False)
        shown = copy.deepcopy(model).requires_grad_(False).eval()
        return cls(
            model.train(), critic.train(), shown, Averages(model.codes),
            _adam(model), _adam(critic),
        )  # fmt: skip

    def pace(self, rate: float) -> None:
        """Forget the last gradients, and learn at ``rate`` from now."""
        for optimizer in (self.painter, self.referee):
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = rate

    @torch.no_grad()
    def average(self, step: int) -> None:
        """Move the averaged model towards the one that learns, quickly at first."""
        share = 1 - min(AVERAGE, (1 + step) / (10 + step))
        for mean, value in zip(self.shown.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(value, share)
        self.shown.codes.copy_(self.model.codes)

    def snapshot(self, steps: int) -> State:
        """Copy what `recall` needs, to the CPU."""
        tensors = {
            f"{owner}.{name}": value
            for owner, part in self._parts().items()
            for name, value in part.state_dict().items()
        }
        for owner, optimizer in self._optimizers().items():
            tensors |= {f"{owner}.{name}": value for name, value in moments(optimizer).items()}
        return State(steps, {n: t.detach().to("cpu", copy=True) for n, t in tensors.items()})

    def recall(self, state: State) -> int:
        """Put everything back to ``state``; returns the steps it holds.

        Raises:
            RunError: it is the state of other networks.
        """
        owned: dict[str, dict[str, Tensor]] = {}
        for name, value in state.tensors.items():
            owner, _, rest = name.partition(".")
            owned.setdefault(owner, {})[rest] = value
        try:
            for owner, part in self._parts().items():
                part.load_state_dict(owned.get(owner, {}))
            for owner, optimizer in self._optimizers().items():
                restore(optimizer, owned.get(owner, {}))
        except (RuntimeError, ValueError, IndexError) as error:
            raise RunError(
                "its state does not fit the networks that its settings describe; were they "
                "changed since? Put them back to go on, or begin a new training"
            ) from error
        return state.steps

    def _parts(self) -> dict[str, nn.Module]:
        return {"model": self.model, "critic": self.critic, "shown": self.shown, "book": self.book}

    def _optimizers(self) -> dict[str, torch.optim.Adam]:
        return {"painter": self.painter, "referee": self.referee}


@torch.no_grad()
def settle_weights(model: VQGAN) -> None:
    """Let fresh weights carry a picture through all layers, which the published beginning doesn't.

    That scales a third of the variance on (PyTorch's habit), with biases as large as what is left
    after some layers. Here variances stay, biases are nothing, and residual branches begin small,
    after Zhang et al., *Fixup Initialization* (ICLR 2019): in the first hundred steps it is worth
    3 dB.
    """
    for name, part in model.named_modules():
        if isinstance(part, nn.Conv2d):
            branch = name.endswith(("conv2", "proj_out"))
            part.weight.mul_(math.sqrt(3) * (BRANCH if branch else 1))
            if part.bias is not None:
                part.bias.zero_()


def _adam(part: nn.Module) -> torch.optim.Adam:
    learning = [value for value in part.parameters() if value.requires_grad]
    return torch.optim.Adam(learning, betas=MOMENTS, fused=True)
