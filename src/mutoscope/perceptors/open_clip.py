"""Anything that the open_clip package knows (SigLIP, EVA, MobileCLIP, CoCa …): an extra.

Each model keeps its own tokenizer, pixel statistics and input size.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mutoscope.errors import ExtraError, WeightsError, nearest
from mutoscope.perceptors.base import Perceptor, whole_texts


class OpenClip(Perceptor):
    """A model of open_clip's, frozen; `load_open_clip` makes one by name."""

    def __init__(self, model: Any, tokenizer: Any, *, name: str) -> None:
        super().__init__()
        pixels = model.visual.preprocess_cfg
        side = model.visual.image_size
        self.name = name
        self.size = int(side if isinstance(side, int) else side[0])
        self.model, self.tokenizer = model, tokenizer
        self.register_buffer("mean", torch.tensor(pixels["mean"]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(pixels["std"]).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)
        self.width = self.embed_text(["a"]).shape[1]

    mean: Tensor
    std: Tensor

    def embed_image(self, batch: Tensor) -> Tensor:
        """Embed ``batch`` (n, 3, size, size) in [0, 1]: (n, width) unit vectors, with gradient."""
        seen: Tensor = self.model.encode_image((batch - self.mean) / self.std)
        return functional.normalize(seen.float(), dim=-1)

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embed ``texts``: (m, width) unit vectors; see `whole_texts` for long ones."""
        if not texts:
            return self.mean.new_zeros(0, self.width)
        cut = [self._parts(text) for text in texts]
        tokens = self.tokenizer([part for parts in cut for part in parts]).to(self.mean.device)
        units = functional.normalize(self.model.encode_text(tokens).float(), dim=-1)
        counts = [len(parts) for parts in cut]
        return whole_texts(units, texts, counts, tokens=tokens.shape[1], name=self.name)

    def _parts(self, text: str) -> list[str]:
        """``text`` cut between words into what the tokenizer takes in whole."""
        if self._fits(text):
            return [text]
        parts = [""]
        for word in text.split():
            longer = f"{parts[-1]} {word}".strip()
            if parts[-1] and not self._fits(longer):
                parts.append(word)
            else:
                parts[-1] = longer
        return parts

    def _fits(self, text: str) -> bool:
        """Whether the tokenizer cuts nothing off: then one more word makes a difference."""
        alone, more = self.tokenizer([text, f"{text} a"])
        return not torch.equal(alone, more)


def load_open_clip(
    architecture: str, pretrained: str = "", *, name: str, cache: Path | None = None
) -> OpenClip:
    """Load ``architecture`` with the weights called ``pretrained``, fetched into ``cache``.

    Without ``pretrained`` the first training that open_clip lists is taken. Raises `ExtraError`
    where the package is missing, `WeightsError` for a model it doesn't know or can't fetch.
    """
    package = _package()
    known: list[tuple[str, str]] = package.list_pretrained()
    trainings = [training for model, training in known if model == architecture]
    if not trainings:
        raise WeightsError(
            f"{name}: open_clip has no model {architecture!r} with weights"
            f"{nearest(architecture, {model for model, _ in known})}"
        )
    pretrained = pretrained or trainings[0]
    if pretrained not in trainings:
        raise WeightsError(
            f"{name}: open_clip has no training {pretrained!r} of {architecture}"
            f"{nearest(pretrained, trainings)}; it has {', '.join(trainings)}"
        )
    try:
        model = package.create_model(
            architecture, pretrained=pretrained, cache_dir=str(cache) if cache else None
        )
        tokenizer = package.get_tokenizer(architecture)
    except Exception as error:  # a pickle that was not obeyed fails in many ways
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise WeightsError(
            f"{name}: open_clip could not load it ({reason}); check the network and try again"
        ) from error
    return OpenClip(model, tokenizer, name=name)


def _package() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise ExtraError(
            f"perceptors named open_clip:… need the package open_clip ({error}); "
            "pip install 'mutoscope[open-clip]'"
        ) from error
    except RuntimeError as error:  # torchvision built for another torch, which open_clip imports
        raise ExtraError(
            f"open_clip is installed and can't be imported ({str(error).splitlines()[0]}); install "
            "the torchvision that belongs to your torch"
        ) from error
    return open_clip
