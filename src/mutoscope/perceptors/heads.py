"""Aesthetic heads: small networks from a perceptor's embedding to a rating, read from files.

All that are known to the field are read as they were published:

* one linear layer, ``weight`` (1, width) and ``bias`` (1): LAION's ``sa_0_4_vit_*_linear.pth``, and
  the ``ava_vit_*_linear.pth`` that pixray and the guided diffusions used;
* a stack of them, ``layers.0.weight`` and so on, of the improved aesthetic predictor
  (``sac+logos+ava1-l14-linearMSE.pth``), whose numbers also count what lay between the layers in
  training: dropout, which is nothing here, or a ReLU and then dropout (``…-reluMSE.pth``).

Any other stack of linear layers of matching widths that ends in one number is read, too. All expect
unit vectors, as perceptors give them. Nothing in a file is ever run.
"""

import logging
import pickle
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mutoscope.errors import WeightsError
from mutoscope.perceptors.base import Perceptor
from mutoscope.weights.plain import load_plain, strange

log = logging.getLogger("mutoscope")

MAX_BYTES = 256 * 2**20
"""The largest file that is taken for a head; the public ones have 4 kB to 4 MB."""

_KEY = re.compile(r"^(?P<stem>.*?)(?P<number>\d+)?\.?(?P<part>weight|bias)$")
# From one linear layer to the next, counted in modules: with dropout alone between them 2, with a
# nonlinearity before it 3.
_WITH_NONLINEARITY = 3


class Head(nn.Module):
    """A rating of embeddings; frozen.

    Args:
        layers: weight (out, in) and bias (out) of each linear layer, from the embedding on; the
            last has one output.
        rectified: whether a ReLU follows each layer but the last, by number.
        name: what messages call it.

    Attributes:
        name: as given.
        width: the length of the embeddings that it rates.
    """

    def __init__(
        self,
        layers: Sequence[tuple[Tensor, Tensor]],
        *,
        rectified: Sequence[bool] = (),
        name: str = "head",
    ) -> None:
        super().__init__()
        self.name = name
        self.width = layers[0][0].shape[1]
        rectified = [*rectified, *[False] * (len(layers) - len(rectified))]
        steps: list[nn.Module] = []
        for (weight, bias), relu in zip(layers, rectified, strict=True):
            linear = nn.Linear(weight.shape[1], weight.shape[0])
            linear.load_state_dict({"weight": weight, "bias": bias})
            steps += [linear, nn.ReLU()] if relu else [linear]
        self.steps = nn.Sequential(*steps)
        self.requires_grad_(False).eval()

    def forward(self, embeds: Tensor) -> Tensor:
        """The ratings of unit vectors (n, width): (n,), with gradient."""
        ratings: Tensor = self.steps(embeds)
        return ratings[:, 0]


def load_head(path: str | Path) -> Head:
    """Read the head in ``path``: .safetensors, or a PyTorch file of tensors alone.

    Raises:
        WeightsError: the file can't be read, or is no stack of linear layers that ends in one
            number.
    """
    path = Path(path).expanduser()
    tensors = _read(path)
    if odd := strange(tensors, path):
        raise _not_a_head(path, f"it {odd}")
    numbered = _by_number(tensors, path)
    numbers = sorted(numbered)
    _refuse_misfits(numbered, path)
    gaps = [after - before for before, after in pairwise(numbers)]
    # The file says where layers were, not what lay between them: only where there was room for a
    # nonlinearity beside the dropout was there one, and then before the last layer, too.
    nonlinear = any(gap >= _WITH_NONLINEARITY for gap in gaps)
    return Head(
        [numbered[number] for number in numbers],
        rectified=[nonlinear and gap > 1 for gap in gaps],
        name=path.name,
    )


def choose_perceptor(head: Head, perceptors: Sequence[Perceptor]) -> Perceptor:
    """The perceptor that ``head`` rates: the one whose embeddings are as long as it takes.

    Of several, the one whose model the head's file is named after (``…_vit_b_32_…`` is for
    ViT-B/32), else the first. A width can't tell one model's space from another's, so where the
    file's name speaks of another model, a notice says so.

    Raises:
        WeightsError: it fits none.
    """
    fitting = [perceptor for perceptor in perceptors if perceptor.width == head.width]
    if not fitting:
        there = ", ".join(f"{perceptor.name} ({perceptor.width})" for perceptor in perceptors)
        raise WeightsError(
            f"aesthetic_head: {head.name} rates embeddings of width {head.width}, and the "
            f"perceptors in use have: {there or 'none'}; add the perceptor that it was trained "
            "on to perceptors (512 is ViT-B/32 or ViT-B/16, 768 is ViT-L/14), or take another head"
        )
    wanted = _models(head.name)
    named = [perceptor for perceptor in fitting if wanted & _models(perceptor.name)]
    chosen = (named or fitting)[0]
    if wanted and not named and _models(chosen.name):
        log.warning(
            "aesthetic_head: %s is named after another model than %s, whose embeddings have its "
            "width, too: its ratings will mean little unless it was trained on that one",
            *(head.name, chosen.name),
        )
    return chosen


# What files and perceptors call one architecture: vit_b_32, ViT-B/32, l14, clip-vit-base-patch16.
_MODEL = re.compile(
    r"(?<![a-z])(?:vit[-_]?)?(?P<size>[blhg])(?:ase|arge|uge|iant)?[-_/]?(?:patch)?(?P<patch>\d\d)"
    r"(?![a-z0-9])|(?P<resnet>rn\d+(?:x\d+)?)",
    re.IGNORECASE,
)


def _models(name: str) -> set[str]:
    """The architectures that a name speaks of: ``b32`` for "ViT-B/32::openai" and "vit_b_32"."""
    found = _MODEL.finditer(name)
    return {(m["resnet"] or m["size"] + m["patch"]).lower() for m in found}


def _by_number(tensors: Mapping[str, Tensor], path: Path) -> dict[int, tuple[Tensor, Tensor]]:
    """The layers under their numbers; a single one may be without."""
    found: dict[tuple[str, int], dict[str, Tensor]] = {}
    for key, value in tensors.items():
        match = _KEY.match(key)
        if match is None:
            raise _not_a_head(path, f"it holds {key!r}")
        place = (match["stem"], int(match["number"] or 0))
        found.setdefault(place, {})[match["part"]] = value.detach().float()
    stems = {stem for stem, _ in found}
    if not found:
        raise _not_a_head(path, "it holds no tensors")
    if len(stems) > 1:
        raise _not_a_head(path, f"it holds {len(stems)} parts: {', '.join(sorted(stems)[:4])}")
    layers = {}
    for (stem, number), parts in found.items():
        if "weight" not in parts:
            raise _not_a_head(path, f"{stem}{number} has a bias and no weight")
        weight = parts["weight"]
        layers[number] = (weight, parts.get("bias", weight.new_zeros(weight.shape[:1])))
    return layers


def _refuse_misfits(numbered: Mapping[int, tuple[Tensor, Tensor]], path: Path) -> None:
    """Refuse layers that don't follow one from the other to one number."""
    for number, (weight, bias) in numbered.items():
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise _not_a_head(
                path,
                f"its layer {number} has a weight of shape {tuple(weight.shape)} and a bias of "
                f"shape {tuple(bias.shape)}",
            )
    for before, after in pairwise(sorted(numbered)):
        out, into = numbered[before][0].shape[0], numbered[after][0].shape[1]
        if out != into:
            raise _not_a_head(
                path, f"its layer {before} gives {out} numbers and its layer {after} takes {into}"
            )
    outputs = numbered[max(numbered)][0].shape[0]
    if outputs != 1:
        raise _not_a_head(path, f"it ends in {outputs} numbers instead of 1 rating")
    if not all(bool(value.isfinite().all()) for layer in numbered.values() for value in layer):
        raise _not_a_head(path, "it holds values that are not numbers")


def _read(path: Path) -> Mapping[str, Tensor]:
    """The tensors in a file, by name."""
    if not path.is_file():
        raise WeightsError(
            f"aesthetic_head: {path}: no such file; give the path of a head, such as "
            "sa_0_4_vit_b_32_linear.pth"
        )
    if (size := path.stat().st_size) > MAX_BYTES:
        raise _not_a_head(path, f"it has {size / 2**20:.0f} MB, where {MAX_BYTES >> 20} are enough")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        loaded = load_plain(path)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        asks = (
            f"it wants to run {wanted[1]}, which was not done"
            if wanted
            else "it holds more than tensors (nothing in it was run), or is damaged"
        )
        raise _not_a_head(path, asks) from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ArithmeticError, ValueError,
            LookupError, AttributeError, TypeError, AssertionError) as error:  # fmt: skip
        raise _not_a_head(path, "it is damaged, cut short or no file of weights") from error
    return _named(loaded, path)


def _named(loaded: Any, path: Path) -> Mapping[str, Tensor]:
    """The named tensors in what was saved: the state itself, or where training scripts put it."""
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict):
        raise _not_a_head(path, f"it holds a {type(loaded).__name__}, not named tensors")
    return {str(key): value for key, value in loaded.items() if isinstance(value, Tensor)}


def _not_a_head(path: Path, what: str) -> WeightsError:
    return WeightsError(
        f"aesthetic_head: {path}: {what}; a head is a file of linear layers that end in one "
        "rating, as .safetensors or a PyTorch file of tensors alone"
    )
