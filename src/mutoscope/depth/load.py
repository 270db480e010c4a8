"""From the name of a depth model to the estimator."""

import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from mutoscope import weights
from mutoscope.depth.anything import FILE, VARIANTS, Variant, load_anything
from mutoscope.depth.base import Depth
from mutoscope.depth.flat import Flat
from mutoscope.depth.relief import Relief
from mutoscope.errors import SettingsError, WeightsError, nearest
from mutoscope.weights.hub import fetch_file

log = logging.getLogger("mutoscope")

DEFAULT = "depth-anything-v2-small"
NAMES = ("auto", *VARIANTS, "relief", "flat")


@dataclass(frozen=True)
class Choice:
    """What ``auto`` came to: an estimator's ``name``, and one line on why."""

    name: str
    why: str


def choose_auto(models_parent_dir: Path) -> Choice:
    """Depth Anything V2 small where it is at hand, else ``relief``. The network isn't asked."""
    file = locate_depth(DEFAULT, models_parent_dir)
    if file is None:
        return Choice(
            "relief",
            f"depth_model: auto took relief, an estimate without a network, since {DEFAULT} is "
            f"not in the cache; depth_model={DEFAULT} fetches it once and sees much better",
        )
    if importlib.util.find_spec("transformers") is None:
        return Choice(
            "relief",
            f"depth_model: auto took relief, an estimate without a network: {DEFAULT} is in {file} "
            "and needs the package transformers; pip install 'mutoscope[depth]'",
        )
    return Choice(DEFAULT, f"depth_model: auto took {DEFAULT}, found in {file}")


def load_depth(
    name: str,
    *,
    models_parent_dir: Path,
    device: torch.device | str = "cpu",
    fetch: bool = True,
    progress: weights.Progress | None = None,
) -> Depth:
    """Load the estimator called ``name``, one of `NAMES`.

    Weights that are not on this machine are fetched into ``models_parent_dir``, with ``progress``
    told how far it is, unless ``fetch`` is false; ``auto`` fetches nothing. What it came to is the
    ``name`` of what is returned. Raises `SettingsError`, `WeightsError` or `ExtraError`.
    """
    if name not in NAMES:
        raise SettingsError(
            f"depth_model={name!r}: no such depth model; it must be one of {', '.join(NAMES)}"
            f"{nearest(name, NAMES)}"
        )
    if name == "auto":
        choice = choose_auto(models_parent_dir)
        log.info(choice.why)
        name = choice.name
    if name in VARIANTS:
        file = _file(name, models_parent_dir, fetch, progress)
        return load_anything(file, VARIANTS[name], name=name).to(device)
    return Relief() if name == "relief" else Flat()


def locate_depth(name: str, models_parent_dir: Path) -> Path | None:
    """The weights of ``name``, one of `VARIANTS`, on this machine, or ``None``.

    Looked for in ``models_parent_dir`` and in the cache of the Hugging Face hub.
    """
    from huggingface_hub import try_to_load_from_cache

    ours = _folder(VARIANTS[name], models_parent_dir) / FILE
    if ours.is_file():
        return ours
    cached = try_to_load_from_cache(VARIANTS[name].repo, FILE)
    return Path(cached) if isinstance(cached, str) else None


def _file(
    name: str,
    models_parent_dir: Path,
    fetch: bool,
    progress: weights.Progress | None,
) -> Path:
    found = locate_depth(name, models_parent_dir)
    if found is not None:
        return found
    if not fetch:
        raise WeightsError(
            f"{name}: its weights are not on this machine and fetching was not allowed; allow it, "
            "or say depth_model=relief, which needs none"
        )
    return fetch_depth(name, models_parent_dir, progress=progress)


def fetch_depth(
    name: str, models_parent_dir: Path, *, progress: weights.Progress | None = None
) -> Path:
    """Get the weights of ``name``, one of `VARIANTS`, and say where they lie.

    Raises:
        WeightsError: they can't be had.
    """
    variant = VARIANTS[name]
    log.info("%s: its weights are under the licence %s", name, variant.licence)
    return fetch_file(variant.repo, FILE, _folder(variant, models_parent_dir), progress=progress)


def _folder(variant: Variant, models_parent_dir: Path) -> Path:
    return models_parent_dir.expanduser() / "depth" / variant.repo.replace("/", "--")
