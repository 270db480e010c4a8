"""The names that VQGANs go by, and the table of the published pairs of .yaml and .ckpt.

Plain values without torch, so that settings can be refused before anything heavy is loaded.

A name is any spelling that PyTTI, vqgan-clip-generator, pixray or the notebooks of 2021 have for
one of the seven published networks (case, ``vqgan``, ``-`` and ``_`` don't matter), or a path:

    imagenet, vqgan_imagenet_f16_16384, ImageNet-16384      one network, three spellings
    drawings/vqgan/                                         a folder that holds one pair
    drawings/vqgan.yaml, drawings/vqgan.ckpt                one of the two, the other beside it

A published name is never taken for a path: a folder called ``coco`` is written ``./coco``.
"""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mutoscope.errors import WeightsError, nearest, printable
from mutoscope.home import expanded

CONFIGS = (".yaml", ".yml")
CHECKPOINTS = (".ckpt", ".pt", ".pth", ".safetensors")

_SHOWN = 80  # characters of a name in a message


@dataclass(frozen=True)
class Published:
    """One published file: where it is offered, and what it must be.

    Attributes:
        urls: its addresses, best first; plain http only where there is a digest.
        size: in bytes.
        sha256: its digest in hexadecimal, or ``""`` where no public source states one.
        exact: whether ``size`` is just so, or about.
    """

    urls: tuple[str, ...]
    size: int
    sha256: str = ""
    exact: bool = True


@dataclass(frozen=True)
class KnownVqgan:
    """One row of the table of published VQGANs.

    Attributes:
        name: the spelling that settings and messages use, and the stem of its files.
        kind: how it quantises: ``vq`` to the nearest code, ``gumbel`` to the likeliest.
        f: the pixels of a picture's side that become one cell.
        codes: how many there are in its codebook; 0 where its publishers don't say.
        config: the .yaml file.
        checkpoint: the .ckpt file.
        stems: what other programs call its files, without .yaml and .ckpt.
        spellings: further names that users know it by, as `_plain` leaves them.
    """

    name: str
    kind: Literal["vq", "gumbel"]
    f: int
    codes: int
    config: Published
    checkpoint: Published
    stems: tuple[str, ...]
    spellings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes its download has."""
        return self.config.size + self.checkpoint.size

    @property
    def note(self) -> str:
        """What it is, in a few words."""
        codes = f", {self.codes} codes" if self.codes else ""
        return f"VQGAN f{self.f}{codes}" + (", Gumbel" if self.kind == "gumbel" else "")


@dataclass(frozen=True)
class VqganName:
    """A VQGAN's name, understood: either a row of the table, or a path.

    Attributes:
        text: the one spelling kept in a run's settings.
        known: the row of the table.
        path: a folder, a .yaml or a checkpoint, as written but for ``~``.
    """

    text: str
    known: KnownVqgan | None = None
    path: Path | None = None


# --- the table -----------------------------------------------------------------------------------
#
# The digests are those that two users of PyTTI state who keep the files alive on the Hugging Face
# hub, independently of each other (that of faceshq: one of them; that of imagenet: four more).
# Left out are hosts that are known to be gone (mirror.io.community, eaidata.bmk.sh) and the COCO
# network inside its transformer (dl.nmkd.de, 8.4 GB): coco_first_stage is the 296 MB that count.

_SOMNAI = (
    "https://huggingface.co/Somnai/pytti-vqgan-checkpoints/resolve/"
    "debc22c8f285c7734980c464ff992d335dde6e9a"
)
_PXLPSHR = "https://huggingface.co/pxlpshr/pytti-models/resolve/main/vqgan"
_NEHC = "https://huggingface.co/Nehc/vqgan_imagenet_f16_1024/resolve/main"
_HEIBOX = "https://heibox.uni-heidelberg.de"  # of taming-transformers' authors
_BATBOT = "https://batbot.ai/models/VQGAN"
_GITHUB = "https://github.com"
_PIXRAY = f"{_GITHUB}/pixray/pixray/releases/download/v1.7.1"
_FEED_FORWARD = f"{_GITHUB}/mehdidc/feed_forward_vqgan_clip/releases/download/0.1"
_LATENTSHIFT = f"{_GITHUB}/ieee8023/latentshift/releases/download/weights"
_KOOFR = "https://app.koofr.net/content/links"


def _shared(share: str, path: str) -> str:
    """The address of a file in a folder that heibox shares."""
    return f"{_HEIBOX}/d/{share}/files/?p={path.replace('/', '%2F')}&dl=1"


KNOWN: tuple[KnownVqgan, ...] = (
    KnownVqgan(
        "imagenet",
        *("vq", 16, 16_384),
        config=Published(
            (
                f"{_SOMNAI}/imagenet/imagenet.yaml",
                f"{_PXLPSHR}/imagenet.yaml",
                _shared("a7530b09fed84f80a887", "/configs/model.yaml"),
                f"{_HEIBOX}/f/274fb24ed38341bfa753/?dl=1",
                f"{_FEED_FORWARD}/vqgan_imagenet_f16_16384.yaml",
            ),
            692,
            "00e2c6189926f1d89ecfef73e9598db77981c1982f0555fbade963ffd16143c7",
        ),
        checkpoint=Published(
            (
                f"{_SOMNAI}/imagenet/imagenet.ckpt",
                f"{_PXLPSHR}/imagenet.ckpt",
                _shared("a7530b09fed84f80a887", "/ckpts/last.ckpt"),
                f"{_HEIBOX}/f/867b05fc8c4841768640/?dl=1",
                f"{_FEED_FORWARD}/vqgan_imagenet_f16_16384.ckpt",
            ),
            980_092_370,
            "845a68805098cb666420d5db93df53f3a3b6dd443e6dd85c05759c5b998cd663",
        ),
        stems=("vqgan_imagenet_f16_16384", "imagenet_16384"),
        spellings=("imagenet16k", "imagenetf1616384m"),
    ),
    KnownVqgan(
        "imagenet_1024",
        *("vq", 16, 1_024),
        config=Published(
            (
                _shared("8088892a516d4e3baf92", "/configs/model.yaml"),
                f"{_HEIBOX}/f/6ecf2af6c658432c8298/?dl=1",
                f"{_NEHC}/configs/model.yaml",
                f"{_LATENTSHIFT}/vqgan_imagenet_f16_1024.yaml",
            ),
            645,
            exact=False,
        ),
        checkpoint=Published(
            (
                _shared("8088892a516d4e3baf92", "/ckpts/last.ckpt"),
                f"{_HEIBOX}/f/140747ba53464f49b476/?dl=1",
                f"{_NEHC}/ckpts/last.ckpt",
                f"{_LATENTSHIFT}/vqgan_imagenet_f16_1024.ckpt",
            ),
            958_000_000,
            exact=False,
        ),
        stems=("vqgan_imagenet_f16_1024",),
        spellings=("imagenet1k", "imagenetf161024m"),
    ),
    KnownVqgan(
        "coco",
        *("vq", 16, 8_192),
        config=Published(
            (
                f"{_SOMNAI}/coco/coco.yaml",
                f"{_PXLPSHR}/coco_first_stage.yaml",
                f"{_BATBOT}/coco_first_stage.yaml",
            ),
            458,
            "17d0c2d9fda59eccade2a6070d833804b759dc817da42c2268be8cf1eb047676",
        ),
        checkpoint=Published(
            (
                f"{_SOMNAI}/coco/coco.ckpt",
                f"{_PXLPSHR}/coco_first_stage.ckpt",
                f"{_BATBOT}/coco_first_stage.ckpt",
            ),
            296_030_214,
            "106cc20fde571df14afc4349d62218d8213cf47177c682ecaa78a8c28b12f9de",
        ),
        stems=("coco_first_stage", "coco_transformer", "coco_1stage"),
        spellings=("cocostuff", "cocof168192"),
    ),
    KnownVqgan(
        "wikiart",
        *("vq", 16, 16_384),
        config=Published(
            (
                f"{_SOMNAI}/wikiart/wikiart.yaml",
                f"{_PXLPSHR}/wikiart.yaml",
                f"{_PIXRAY}/vqgan_wikiart_16384.yaml",
            ),
            920,
            "6e78241d2828ff35b8381839ce249c24a6c468ed429760d33a25e98e7f24499a",
        ),
        checkpoint=Published(
            (
                f"{_SOMNAI}/wikiart/wikiart.ckpt",
                f"{_PXLPSHR}/wikiart.ckpt",
                f"{_PIXRAY}/vqgan_wikiart_16384.ckpt",
            ),
            1_005_327_541,
            "bd08bb46301f98be1712bb2be9f8868cea30b53137cd985d4d6e8da8b3e02c36",
        ),
        stems=("wikiart_16384", "vqgan_wikiart_16384", "wikiart_f16_16384_8145600"),
        spellings=("wikiartf1616384", "wikiart16384m", "wikiart16384m2"),
    ),
    KnownVqgan(
        "sflckr",
        *("vq", 16, 0),
        config=Published(
            (
                f"{_SOMNAI}/sflickr/sflickr.yaml",
                f"{_PXLPSHR}/sflckr.yaml",
                _shared("73487ab6e5314cb5adba", "/configs/2020-11-09T13-31-51-project.yaml"),
            ),
            1_603,
            "c27f012996f3f1f02580f063be47fd60bdd8528efb04d7318b2cbe8a86505b1b",
        ),
        checkpoint=Published(
            (
                f"{_SOMNAI}/sflickr/sflickr.ckpt",
                f"{_PXLPSHR}/sflckr.ckpt",
                _shared("73487ab6e5314cb5adba", "/checkpoints/last.ckpt"),
            ),
            4_263_525_412,
            "8a8adea3da8dab412675772831370dd948e0aa97bb11a9488a2f328b58dbc929",
        ),
        stems=("sflickr", "sflicker"),
        spellings=("sflckrtransformer", "sflickrtransformer"),
    ),
    KnownVqgan(
        "openimages",
        *("gumbel", 8, 8_192),
        config=Published(
            (
                f"{_SOMNAI}/openimages/openimages.yaml",
                f"{_PXLPSHR}/openimages.yaml",
                _shared("2e5662443a6b4307b470", "/configs/model.yaml"),
                f"{_LATENTSHIFT}/vqgan_gumbel_f8.yaml",
            ),
            745,
            "91110bab325067b37f85d1e75895a837d59c292bae4f3097f80c518714d5caff",
        ),
        checkpoint=Published(
            (
                f"{_SOMNAI}/openimages/openimages.ckpt",
                f"{_PXLPSHR}/openimages.ckpt",
                _shared("2e5662443a6b4307b470", "/ckpts/last.ckpt"),
                f"{_LATENTSHIFT}/vqgan_gumbel_f8.ckpt",
            ),
            376_581_823,
            "5cd6c74810ab97e00e942c25403f73afc081e8b19987b31ec0d9ff5b68e7ab14",
        ),
        stems=(
            *("vqgan_gumbel_f8", "vqgan_gumbel_f8_8192", "gumbel_8192"),
            *("openimages_f16_8192", "vqgan_openimages_f16_8192", "vqgan_openimages_f8_8192"),
        ),
        spellings=("gumbel", "openimages8192", "openimagesf8"),
    ),
    KnownVqgan(
        "faceshq",
        *("vq", 16, 1_024),
        config=Published(
            (
                f"{_SOMNAI}/faceshq/faceshq.yaml",
                "https://drive.google.com/uc?export=download&id=1fHwGx_hnBtC8nsq7hesJvs-Klv-P0gzT",
            ),
            1_500,
            "726ca97fb266c3c744f26e5aba2e579a51e310eee711a15f22224031dfdd57e2",
            exact=False,
        ),
        checkpoint=Published(
            (
                f"{_SOMNAI}/faceshq/faceshq.ckpt",
                f"{_KOOFR}/a04deec9-0c59-4673-8b37-3d696fe63a5d/files/get/last.ckpt?path="
                "%2F2020-11-13T21-41-45_faceshq_transformer%2Fcheckpoints%2Flast.ckpt",
            ),
            4_000_000_000,
            "3274bba51bd565c90990bbcf7bb5dad0b9b95a6a77011980afc4c3cfc4d1cad1",
            exact=False,
        ),
        stems=("faceshq_transformer", "vqgan_faceshq_f16_1024"),
        spellings=("faces", "faceshqf161024"),
    ),
)


# --- understanding names -------------------------------------------------------------------------


def resolve_vqgan(name: str, *, place: str = "vqgan_model", folder: str | Path = "") -> VqganName:
    """Understand a VQGAN's ``name`` in any of its spellings; the network is not asked.

    A path need not exist yet, but a bare word is one only if something in ``folder``, else in the
    current one, is called so. ``place`` begins the message of the `WeightsError` raised for a name
    that nothing goes by.
    """
    text = name.strip()
    if not _written_as_path(text):
        known = _by_spelling().get(_plain(text))
        if known is not None:
            return VqganName(known.name, known=known)
    if _written_as_path(text) or _there(text, Path(folder)):
        return VqganName(text, path=expanded(text))
    spoken = [*vqgan_names(), *(stem for row in KNOWN for stem in row.stems)]
    shown = printable(name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…")
    raise WeightsError(
        f"{place}: no VQGAN is called {shown!r}{nearest(text.lower(), spoken)}; allowed are "
        f"{', '.join(vqgan_names())}, and the path of a folder with a .yaml and its checkpoint, "
        f"or of either file ({', '.join((CONFIGS[0], *CHECKPOINTS))})"
    )


def vqgan_names() -> list[str]:
    """The names of the published VQGANs, in the table's order."""
    return [row.name for row in KNOWN]


def _written_as_path(text: str) -> bool:
    separators = [sep for sep in ("/", os.sep, os.altsep) if sep]
    return (
        any(sep in text for sep in separators)
        or text in (".", "..")
        or text.startswith("~")
        or text.lower().endswith((*CONFIGS, *CHECKPOINTS))
    )


def _there(text: str, folder: Path) -> bool:
    """Whether a word is the name of something in a folder."""
    with contextlib.suppress(OSError, ValueError):  # too long for one, or no name at all
        return bool(text) and (folder / text).exists()
    return False


def _plain(text: str) -> str:
    """A spelling without what spellings differ in: case, separators, a leading ``vqgan``."""
    return re.sub(r"[\s_-]+", "", text.lower()).removeprefix("vqgan")


def _by_spelling() -> dict[str, KnownVqgan]:
    return {
        spelling: row
        for row in KNOWN
        for spelling in (_plain(row.name), *map(_plain, row.stems), *row.spellings)
    }
