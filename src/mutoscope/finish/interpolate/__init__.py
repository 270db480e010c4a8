"""More pictures a second: those between two pictures of a film, made by their optical flow."""

from pathlib import Path
from typing import Any

import torch

from mutoscope.errors import WeightsError
from mutoscope.finish.interpolate.between import Between, FlowBetween, cuts
from mutoscope.finish.interpolate.film import FACTORS, Pace, interpolate, pace_of, pictures
from mutoscope.finish.interpolate.rife import FILE, VERSION, find_rife, load_rife
from mutoscope.sources import models_folder
from mutoscope.weights.transfer import digest_of

__all__ = [
    "FACTORS",
    "Between",
    "FlowBetween",
    "Pace",
    "cuts",
    "interpolate",
    "load_between",
    "pace_of",
    "pictures",
]


def load_between(
    model: str = "flow",
    *,
    models_parent_dir: Path | None = None,
    device: torch.device | None = None,
) -> tuple[Between, dict[str, Any]]:
    """What makes the pictures between two, and what it depends on, as the key of the work.

    Args:
        model: ``flow``, which needs no weights; ``rife``, whose weights are looked for in the
            folder ``rife`` of ``models_parent_dir``; or the path of RIFE's weights.
        models_parent_dir: Where weights lie; by default as in the settings.
        device: Where RIFE works; by default on the CPU, as ``flow`` always does.

    Raises:
        WeightsError: RIFE's weights are not there, damaged, or those of another version.
    """
    if model == "flow":
        return FlowBetween(), {"model": "flow"}
    named = models_folder(models_parent_dir) / "rife" if model == "rife" else Path(model)
    file = find_rife(named)
    if model == "rife" and (file is None or not file.exists()):
        raise WeightsError(
            f"--model rife: there is no {named / FILE}; put the {FILE} of RIFE {VERSION} there, "
            "give its path by --model, or take --model flow, which needs no weights"
        )
    if file is None or not file.exists():
        raise WeightsError(
            f"--model: {model!r} is neither flow nor rife, and no {FILE} lies there; give the path "
            f"of that of RIFE {VERSION}"
        )
    loaded = load_rife(file, device=device)
    return loaded, {"model": "rife", "weights": digest_of(file)}
