"""The names that perceptors go by, and the table of the published CLIP models.

Plain values without torch, so that settings can be refused before anything heavy is loaded.

A name is written in any of the forms below; case, ``/`` and ``-`` don't matter in the first
three. They all resolve to a `ModelName`, whose ``text`` is the one spelling kept in a run.

    auto, labels, tiny                    not CLIP
    ViTB32, RN50, ViTL14_336px            the switches of a PyTTI settings file (OpenAI's models)
    ViT-B/32::openai, ViT-B-32/openai, ViT-B-32/laion2b_s34b_b79k
    weights/mine.safetensors              a local file; ``::quickgelu`` or ``::gelu`` may follow
    hf-hub:org/repository                 any CLIP of these shapes on the Hugging Face hub
    open_clip:ViT-B-16-SigLIP/webli       anything that the open_clip package knows (an extra)
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mutoscope.errors import WeightsError, nearest
from mutoscope.home import expanded

Kind = Literal["auto", "labels", "tiny", "clip", "open_clip"]
Activation = Literal["quickgelu", "gelu"]
Triple = tuple[float, float, float]

# The statistics of OpenAI's training pictures, which nearly all CLIP models share …
CLIP_MEAN: Triple = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD: Triple = (0.26862954, 0.26130258, 0.27577711)
# … and those of LAION's ViT-L/14, which was trained on pictures in [-1, 1].
HALF: Triple = (0.5, 0.5, 0.5)

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_LAION = ("open_clip_model.safetensors", "model.safetensors", "open_clip_pytorch_model.bin")
_TRANSFORMERS = ("model.safetensors", "pytorch_model.bin")
_ANY = ("open_clip_model.safetensors", "model.safetensors", *_WEIGHTS[1:], "pytorch_model.bin")


@dataclass(frozen=True)
class Source:
    """A repository on the Hugging Face hub, and the files that may hold the weights, best first."""

    repo: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Archive:
    """A file as OpenAI's own ``clip`` package keeps it: a TorchScript program.

    It is opened only where its digest is the published one (the one in its download address).
    """

    file: str
    sha256: str


@dataclass(frozen=True)
class KnownModel:
    """One row of the table of published CLIP models.

    Attributes:
        name: the spelling that settings and messages use, ``ViT-B/32::openai``.
        switch: the key of a PyTTI settings file that names it, or ``""``.
        side: the side of its input, in pixels.
        size: about how many bytes its download has.
        sources: where its weights can be had, best first.
        activation: the nonlinearity it was trained with; the weights don't tell.
        mean: of the pixels, per channel, in [0, 1].
        std: of the pixels, per channel.
        archive: the same weights as OpenAI's package keeps them, where it does.
    """

    name: str
    switch: str
    side: int
    size: int
    sources: tuple[Source, ...]
    activation: Activation = "gelu"
    mean: Triple = CLIP_MEAN
    std: Triple = CLIP_STD
    archive: Archive | None = None


@dataclass(frozen=True)
class ModelName:
    """A perceptor's name, understood.

    Attributes:
        text: the one spelling kept in a run's settings.
        kind: which loader it is for.
        model: the row of the table, for a published CLIP.
        path: for a local file.
        repo: for a repository on the hub that the table doesn't know.
        activation: as written after ``::`` behind a path or a repository.
        architecture: for open_clip.
        pretrained: for open_clip, the name of the training; may be empty.
    """

    text: str
    kind: Kind
    model: KnownModel | None = None
    path: Path | None = None
    repo: str = ""
    activation: Activation | None = None
    architecture: str = ""
    pretrained: str = ""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where its weights can be had from the hub, best first; empty for a local file."""
        if self.model is not None:
            return self.model.sources
        return (Source(self.repo, _ANY),) if self.repo else ()


def _openai(
    name: str, switch: str, side: int, megabytes: int, timm: str, digest: str, twin: str = ""
) -> KnownModel:
    """A row for one of OpenAI's nine; ``twin`` is the same model in transformers' layout."""
    sources = [Source(f"timm/{timm}.openai", _WEIGHTS)]
    if twin:
        sources.append(Source(f"openai/{twin}", _TRANSFORMERS))
    file = name.replace("/", "-").replace("@", "-") + ".pt"
    return KnownModel(
        f"{name}::openai",
        switch,
        side,
        megabytes * 1_000_000,
        tuple(sources),
        activation="quickgelu",
        archive=Archive(file, digest),
    )


def _laion(
    name: str,
    training: str,
    repo: str,
    megabytes: int,
    *,
    side: int = 224,
    mean: Triple = CLIP_MEAN,
    std: Triple = CLIP_STD,
) -> KnownModel:
    """A row for a model of LAION's or DataComp's."""
    sources = (Source(f"laion/CLIP-{repo}", _LAION),)
    size = megabytes * 1_000_000
    return KnownModel(f"{name}::{training}", "", side, size, sources, mean=mean, std=std)


KNOWN: tuple[KnownModel, ...] = (
    _openai(
        *("RN50", "RN50", 224, 408, "resnet50_clip"),
        "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    ),
    _openai(
        *("RN101", "RN101", 224, 479, "resnet101_clip"),
        "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599",
    ),
    _openai(
        *("RN50x4", "RN50x4", 288, 714, "resnet50x4_clip"),
        "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd",
    ),
    _openai(
        *("RN50x16", "RN50x16", 384, 1_164, "resnet50x16_clip"),
        "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa",
    ),
    _openai(
        *("RN50x64", "RN50x64", 448, 2_494, "resnet50x64_clip"),
        "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c",
    ),
    _openai(
        *("ViT-B/32", "ViTB32", 224, 605, "vit_base_patch32_clip_224"),
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        "clip-vit-base-patch32",
    ),
    _openai(
        *("ViT-B/16", "ViTB16", 224, 599, "vit_base_patch16_clip_224"),
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
        "clip-vit-base-patch16",
    ),
    _openai(
        *("ViT-L/14", "ViTL14", 224, 1_711, "vit_large_patch14_clip_224"),
        "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
        "clip-vit-large-patch14",
    ),
    _openai(
        *("ViT-L/14@336px", "ViTL14_336px", 336, 1_711, "vit_large_patch14_clip_336"),
        "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
        "clip-vit-large-patch14-336",
    ),
    _laion("ViT-B/32", "laion2b_s34b_b79k", "ViT-B-32-laion2B-s34B-b79K", 605),
    _laion("ViT-B/32", "datacomp_xl_s13b_b90k", "ViT-B-32-DataComp.XL-s13B-b90K", 605),
    _laion(
        *("ViT-B/32@256px", "datacomp_s34b_b86k", "ViT-B-32-256x256-DataComp-s34B-b86K", 605),
        side=256,
    ),
    _laion("ViT-B/16", "laion2b_s34b_b88k", "ViT-B-16-laion2B-s34B-b88K", 599),
    _laion("ViT-B/16", "datacomp_xl_s13b_b90k", "ViT-B-16-DataComp.XL-s13B-b90K", 599),
    _laion(
        *("ViT-L/14", "laion2b_s32b_b82k", "ViT-L-14-laion2B-s32B-b82K", 1_711),
        mean=HALF,
        std=HALF,
    ),
    _laion("ViT-L/14", "datacomp_xl_s13b_b90k", "ViT-L-14-DataComp.XL-s13B-b90K", 1_711),
    _laion("ViT-H/14", "laion2b_s32b_b79k", "ViT-H-14-laion2B-s32B-b79K", 3_945),
)

SWITCHES: tuple[str, ...] = tuple(row.switch for row in KNOWN if row.switch)
DEFAULT = "ViT-B/32::openai"
PLAIN: tuple[Literal["auto", "labels", "tiny"], ...] = ("auto", "labels", "tiny")


def resolve(name: str, *, place: str = "perceptors") -> ModelName:
    """Understand a perceptor's ``name`` in any of its spellings, without touching the network.

    ``place`` begins the message of the `WeightsError` raised for a name that nothing goes by.
    """
    text = name.strip()
    for word in PLAIN:
        if text.lower() == word:
            return ModelName(word, word)
    if (row := _by_spelling().get(_plain(text))) is not None:
        return ModelName(row.name, "clip", model=row)
    if text.startswith("open_clip:"):
        architecture, _, pretrained = text.removeprefix("open_clip:").partition("/")
        if architecture:
            return ModelName(text, "open_clip", architecture=architecture, pretrained=pretrained)
    body, activation = _activation(text)
    if body.startswith("hf-hub:"):
        repo = body.removeprefix("hf-hub:").strip("/")
        # A repository's name becomes a folder's: nothing that could climb out of the cache.
        if re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", repo):
            return ModelName(text, "clip", repo=repo, activation=activation)
    elif body.lower().endswith(SUFFIXES) or (body and _is_file(body)):
        return ModelName(text, "clip", path=expanded(body), activation=activation)
    raise WeightsError(
        f"{place}: no perceptor is called {name!r}{nearest(text, _spoken())}; allowed are auto, "
        f"labels, tiny, {', '.join(row.name for row in KNOWN)}, a file ending in "
        f"{', '.join(SUFFIXES)}, hf-hub:ORG/REPOSITORY and open_clip:MODEL/TRAINING"
    )


def _plain(text: str) -> str:
    """A spelling without what spellings differ in: case, separators, quickgelu, ``px``."""
    bare = re.sub(r"[/@:_\s-]+", "", text.lower())
    return bare.replace("quickgelu", "").replace("336px", "336").replace("256px", "256")


def _by_spelling() -> dict[str, KnownModel]:
    """Every row under its plain spellings; a bare architecture means OpenAI's weights."""
    table: dict[str, KnownModel] = {}
    for row in KNOWN:
        table[_plain(row.name)] = row
        if row.switch:
            table[_plain(row.switch)] = row
        for source in row.sources:
            table[_plain(f"hf-hub:{source.repo}")] = row
    return table


def _spoken() -> list[str]:
    """The spellings that a mistyped name is compared with."""
    return [
        *PLAIN,
        *SWITCHES,
        *(row.name for row in KNOWN),
        *(n.replace("::", "/") for n in names()),
    ]


def names() -> list[str]:
    """The names of the published models, in the table's order."""
    return [row.name for row in KNOWN]


def _activation(text: str) -> tuple[str, Activation | None]:
    """A name and the nonlinearity written behind it."""
    if text.endswith("::quickgelu"):
        return text.removesuffix("::quickgelu"), "quickgelu"
    if text.endswith("::gelu"):
        return text.removesuffix("::gelu"), "gelu"
    return text, None


def _is_file(text: str) -> bool:
    try:
        return expanded(text).is_file()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL in it
        return False
