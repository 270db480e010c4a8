"""CLIP: our own reading of the published towers, frozen, and fast on a CPU.

Radford et al., *Learning Transferable Visual Models From Natural Language Supervision* (2021);
the models of LAION and DataComp have the same shapes with GELU in place of QuickGELU.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from mutoscope.errors import WeightsError
from mutoscope.perceptors.base import Perceptor, whole_texts
from mutoscope.perceptors.clip_text import TextTransformer
from mutoscope.perceptors.clip_vision import ModifiedResNet, VisionTransformer
from mutoscope.perceptors.clip_weights import Traits, read_checkpoint
from mutoscope.perceptors.compiled import Compiled, compile_tower
from mutoscope.perceptors.lowered import Precision, sums_are_exact
from mutoscope.perceptors.tokenizer import ClipTokenizer, read_tokenizer


class Clip(Perceptor):
    """A CLIP model: pictures and words in one space, learnt from captions.

    ``vision`` and ``text`` are the towers and ``tokenizer`` cuts the words. `load_clip` makes one
    from a file.
    """

    def __init__(
        self,
        vision: VisionTransformer | ModifiedResNet,
        text: TextTransformer,
        tokenizer: ClipTokenizer,
        *,
        name: str = "clip",
    ) -> None:
        super().__init__()
        self.name, self.size, self.width = name, vision.size, vision.width
        self.vision, self.text, self.tokenizer = vision, text, tokenizer
        self._compiled: Compiled | None = None
        self.eval().requires_grad_(False)

    def embed_image(self, batch: Tensor) -> Tensor:
        """Embed ``batch`` (n, 3, size, size) in [0, 1]: (n, width) unit vectors, with gradient."""
        if batch.ndim != 4 or batch.shape[1:] != (3, self.size, self.size):
            raise ValueError(
                f"{self.name} looks at (n, 3, {self.size}, {self.size}), not {tuple(batch.shape)}"
            )
        eye = self.vision if self._compiled is None else self._compiled
        if batch.device.type == "cpu" or self.precision == "float32":
            return functional.normalize(eye(batch), dim=-1)
        with torch.autocast(batch.device.type, torch.bfloat16):
            seen = eye(batch)
        return functional.normalize(seen.float(), dim=-1)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """On a CPU a transformer's products can be lowered, on a GPU all that it does."""
        if self.device.type == "cuda":
            return ("float32", "bf16") if torch.cuda.is_bf16_supported() else ("float32",)
        if self.device.type == "cpu" and isinstance(self.vision, VisionTransformer):
            # Without the processor's matrix unit bf16 may take a hundred times as long.
            fit = torch.cpu._is_amx_tile_supported()
            lower: tuple[Precision, ...] = ("bf16",) if fit else ()
            return ("float32", *lower, *(("int8",) if sums_are_exact() else ()))
        return ("float32",)

    def look_with(self, precision: Precision) -> None:
        """Look with products of ``precision`` from now on, one of `precisions`."""
        super().look_with(precision)
        self._compiled = None
        if isinstance(self.vision, VisionTransformer):
            # A GPU lowers all that the tower does, in `embed_image`.
            self.vision.multiply_with(precision if self.device.type == "cpu" else "float32")

    @property
    def compiles(self) -> bool:
        """Transformers gain; convolutions take all the time of the others."""
        return isinstance(self.vision, VisionTransformer)

    def compile_for(self, batch: Tensor, *, folder: Path) -> bool:
        """Compile its eye for batches like ``batch``, kept in ``folder``; False if it can't be."""
        self._compiled = None
        bf16 = self.precision == "bf16" and batch.device.type != "cpu"
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=bf16):
            self._compiled = compile_tower(self.vision, batch, folder=folder / self.precision)
        return self._compiled is not None

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.text.proj.device

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embed ``texts``: (m, width) unit vectors, without gradient.

        A text longer than the context (77 tokens, some fifty words) is cut between words; its
        embedding is the direction of the mean of its parts', see `whole_texts`.
        """
        cut = [self.tokenizer.rows(text) for text in texts]
        if not cut:
            return self.text.proj.new_zeros(0, self.width)
        parts = functional.normalize(self.text([row for rows in cut for row in rows]), dim=-1)
        counts = [len(rows) for rows in cut]
        return whole_texts(parts, texts, counts, tokens=self.tokenizer.context, name=self.name)


def load_clip(path: Path, traits: Traits, *, vocabulary: Path, name: str = "clip") -> Clip:
    """Load the CLIP model in the file ``path``, with the tokenizer in the file ``vocabulary``.

    ``traits`` say what the weights don't. Raises `WeightsError` for files that can't be read or
    that hold something else.
    """
    state = read_checkpoint(path)
    resnet = any(key.startswith("visual.attnpool.") for key in state)
    vision = (ModifiedResNet if resnet else VisionTransformer)(state, traits, path)
    # What the tower has copied may go before the next: to hold both twice would be the highest
    # peak of a whole run. A file of safetensors is in memory only as far as it was looked at.
    del state
    text = TextTransformer(read_checkpoint(path), traits, path)
    if vision.width != text.width:
        raise WeightsError(
            f"{path}: pictures are embedded in {vision.width} numbers and texts in {text.width}; "
            "they must be of one model: fetch the file again"
        )
    tokenizer = read_tokenizer(vocabulary, vocabulary=text.vocabulary, context=text.context)
    return Clip(vision, text, tokenizer, name=name)
