"""From a perceptor's name to the perceptor."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from mutoscope import weights
from mutoscope.errors import WeightsError
from mutoscope.names import DEFAULT, ModelName, resolve
from mutoscope.perceptors.base import Perceptor

log = logging.getLogger("mutoscope")

_SEES = {
    DEFAULT: "it knows things, places, styles, artists, light and mood",
    "labels": "it knows objects, animals, plants and places, not styles, artists or relations",
}


@dataclass(frozen=True)
class Choice:
    """What ``auto`` came to: a perceptor's ``name``, and one line on why and what else there is."""

    name: str
    why: str


def choose_auto(models_parent_dir: Path, *, fetch: bool = True, patience: float = 3.0) -> Choice:
    """CLIP ViT-B/32 where its weights are cached or can be fetched, else the embedded ``labels``.

    The network is waited for ``patience`` seconds at most. With ``fetch`` false it isn't asked.
    """
    cached = weights.locate(DEFAULT, models_parent_dir)
    if cached is not None and weights.find_vocabulary(cached, models_parent_dir):
        return Choice(
            DEFAULT, f"perceptors: auto took {DEFAULT}, found in {cached}: {_SEES[DEFAULT]}"
        )
    if fetch and weights.reachable(DEFAULT, timeout=patience):
        return Choice(
            DEFAULT,
            f"perceptors: auto takes {DEFAULT} and fetches it once: {_SEES[DEFAULT]}; "
            "for the embedded one say perceptors=labels",
        )
    reason = (
        "is not in the cache and HF_HUB_OFFLINE is set"
        if weights.offline()
        else "is not in the cache and could not be reached"
        if fetch
        else "is not in the cache"
    )
    return Choice(
        "labels",
        f"perceptors: auto took the embedded labels, since {DEFAULT} {reason}: {_SEES['labels']}; "
        f"for CLIP run mutoscope models fetch '{DEFAULT}' once with a network, or name a file of "
        "weights",
    )


def load_perceptor(
    name: str,
    *,
    models_parent_dir: Path,
    device: torch.device | str = "cpu",
    fetch: bool = True,
    progress: weights.Progress | None = None,
) -> Perceptor:
    """Load the perceptor called ``name`` (`mutoscope.names` lists the spellings).

    Weights that are not on this machine are fetched into ``models_parent_dir``, with ``progress``
    told how far it is, unless ``fetch`` is false. What ``auto`` came to is the ``name`` of what is
    returned. Raises `WeightsError` or `ExtraError`.
    """
    model = resolve(name)
    if model.kind == "auto":
        return _load_auto(models_parent_dir, fetch, progress).to(device)
    return _load(model, models_parent_dir, fetch, progress).to(device)


def _load_auto(
    models_parent_dir: Path, fetch: bool, progress: weights.Progress | None
) -> Perceptor:
    """What `choose_auto` says, or the embedded one where that can't be had after all."""
    choice = choose_auto(models_parent_dir, fetch=fetch)
    log.info(choice.why)
    try:
        return _load(resolve(choice.name), models_parent_dir, fetch, progress)
    except WeightsError as error:
        if choice.name == "labels":
            raise
        log.warning("perceptors: auto took the embedded labels after all: %s", error)
        return _load(resolve("labels"), models_parent_dir, fetch, progress)


def _load(
    model: ModelName, models_parent_dir: Path, fetch: bool, progress: weights.Progress | None
) -> Perceptor:
    # Each kind is imported only when it is wanted: none needs the packages of another.
    if model.kind == "tiny":
        from mutoscope.perceptors.tiny import Tiny

        return Tiny()
    if model.kind == "labels":
        from mutoscope.perceptors.labels import Labels

        return Labels()
    if model.kind == "open_clip":
        from mutoscope.perceptors.open_clip import load_open_clip

        cache = models_parent_dir.expanduser() / "clip" / "open_clip"
        return load_open_clip(*(model.architecture, model.pretrained), name=model.text, cache=cache)
    from mutoscope.perceptors.clip import load_clip
    from mutoscope.perceptors.clip_weights import read_traits

    if fetch:
        path = weights.fetch(model, models_parent_dir, progress=progress)
    elif (found := weights.locate(model, models_parent_dir)) is not None:
        path = found
    else:
        raise WeightsError(
            f"{model.text}: its weights are not on this machine and fetching was not allowed; "
            "allow it, or use labels, which is embedded"
        )
    traits = read_traits(path, model=model.model, activation=model.activation)
    vocabulary = weights.find_vocabulary(path, models_parent_dir)
    if vocabulary is None:
        raise WeightsError(
            f"{path}: no vocabulary for its text side; put the tokenizer.json (or vocab.json and "
            "merges.txt) of openai/clip-vit-base-patch32 beside it, or pip install "
            "'mutoscope[open-clip]', which carries one"
        )
    return load_clip(path, traits, vocabulary=vocabulary, name=model.text)
