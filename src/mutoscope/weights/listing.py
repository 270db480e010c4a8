"""The list of all networks that can be named: what they are, and where their weights are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mutoscope.names import KNOWN, ModelName
from mutoscope.vqgan_names import KNOWN as VQGANS
from mutoscope.vqgan_names import VqganName
from mutoscope.weights.pairs import locate_pair
from mutoscope.weights.places import held

State = Literal["embedded", "cached", "obtainable"]


@dataclass(frozen=True)
class Row:
    """One line of the list of models: ``size`` is in bytes, of what would be fetched."""

    name: str
    kind: Literal["perceptor", "VQGAN", "depth", "flow"]
    state: State
    size: int
    note: str


def catalogue(models_parent_dir: Path) -> list[Row]:
    """Every perceptor and VQGAN that can be named. The network is not asked."""
    rows = [Row("labels", "perceptor", "embedded", 0, "objects, animals, plants and places")]
    for model in KNOWN:
        cached = held(ModelName(model.name, "clip", model=model), models_parent_dir)
        note = f"CLIP, {model.side} pixels" + (f", key {model.switch}" if model.switch else "")
        rows.append(Row(model.name, "perceptor", state_of(cached), model.size, note))
    for vqgan in VQGANS:
        pair = locate_pair(VqganName(vqgan.name, known=vqgan), models_parent_dir)
        rows.append(Row(vqgan.name, "VQGAN", state_of(pair is not None), vqgan.size, vqgan.note))
    return rows


def state_of(cached: bool) -> State:
    """How a network stands whose weights are not embedded."""
    return "cached" if cached else "obtainable"
