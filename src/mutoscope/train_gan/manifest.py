"""What a training learned from, file by file: ``material.json`` in its folder.

Every file of the drawings stands in it with its SHA-256, and of tiles the scans that they were cut
from, where the tiles' own folder tells. A training that goes on with other drawings than before
gets one more entry, with the number of images from which on it counts.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mutoscope import atomic
from mutoscope.drawings.margins import load_json
from mutoscope.drawings.specimens import NAME as SPECIMENS
from mutoscope.drawings.writing import scanned
from mutoscope.errors import MediaError, RunError
from mutoscope.gan.origin import Listing, Origin, Stretch
from mutoscope.train_gan.material import Found
from mutoscope.train_gan.recipe import FREE, Recipe

NAME = "material.json"
KIND = "mutoscope material"
MOST_LISTED = 200_000
"""The most files that are listed one by one; of more there is only the digest of the list."""

MAX_BYTES = 128 * 2**20


@dataclass(frozen=True)
class Manifest:
    """What a training learned from, from so many images on.

    Attributes:
        after: the images that were shown before it.
        kind: scans, specimens, tiles or shards.
        folder: where they lay.
        digest: of the list of files, as in `Listing`.
        count: how many files there are.
        files: their SHA-256 by their names within the folder; empty if they are too many.
        scans: those of the scans that tiles were cut from, by name, where that is known.
        picked: that of the file of specimens, where there is one.
    """

    after: int
    kind: str
    folder: str
    digest: str
    count: int
    files: Mapping[str, str]
    scans: Mapping[str, str]
    picked: str | None = None

    def same_drawings(self, other: "Manifest") -> bool:
        """Whether both are of the same files, wherever they lie."""
        mine, theirs = ((m.kind, m.digest, m.scans, m.picked) for m in (self, other))
        return mine == theirs

    @property
    def stretch(self) -> Stretch:
        """It in short."""
        scans = Listing.of(self.scans) if self.scans else None
        # Whoever knows the scans needs no names of tiles.
        named = {} if scans else Listing.of(self.files).named
        files = Listing(self.count, self.digest, named)
        folder = Path(self.folder).name[:200]
        return Stretch(self.after, self.kind, folder, files, scans, self.picked)


def manifest_of(found: Found, *, after: int = 0) -> Manifest:
    """The manifest of drawings that were found; every file is read.

    Raises:
        MediaError: one can't be read.
    """
    paths = sorted(set(found.paths))
    files = {path.relative_to(found.folder).as_posix(): sha256_of(path) for path in paths}
    listing = Listing.of(files)
    picked = sha256_of(found.folder / SPECIMENS) if found.kind == "specimens" else None
    return Manifest(
        after, found.kind, str(found.folder.absolute()), listing.digest, listing.count,
        files if len(files) <= MOST_LISTED else {},
        _pages(found.folder) if found.kind in ("tiles", "shards") else {}, picked,
    )  # fmt: skip


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        MediaError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"{path}: can't be read: {atomic.reason(error)}") from error


def _pages(folder: Path) -> dict[str, str]:
    """The digests of the scans that the tiles in a folder were cut from, as they say themselves."""
    return {name: row[0] for name, row in scanned(folder).items()}


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def read_manifests(folder: Path) -> tuple[Manifest, ...]:
    """What the training in ``folder`` learned from, the first first; nothing where it isn't said.

    Raises:
        RunError: the file that says it can't be read, or is damaged.
    """
    place = folder / NAME
    if not place.exists():
        return ()
    try:
        told = load_json(place, MAX_BYTES)
        if told["kind"] != KIND:
            raise ValueError(f"its kind is not {KIND!r}")
        return tuple(_manifest(row) for row in told["material"])
    except (MediaError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = " ".join(str(error).split())
        raise RunError(f"{place}: is damaged ({why}); remove it to go on without it") from error


def _manifest(row: Any) -> Manifest:
    made = Manifest(**row)
    digests = [made.digest, *made.files.values(), *made.scans.values()]
    digests += [] if made.picked is None else [made.picked]
    if not all(map(_is_digest, digests)) or not all(isinstance(t, str) for t in made.files):
        raise ValueError("it holds something that is no SHA-256")
    if type(made.after) is not int or type(made.count) is not int:
        raise ValueError("a count is no whole number")
    if not isinstance(made.kind, str) or not isinstance(made.folder, str):
        raise ValueError("a name is no text")
    return made


def write_manifests(folder: Path, manifests: Sequence[Manifest]) -> None:
    """Write down what a training learned from.

    Raises:
        OSError: that can't be.
    """
    told = {"kind": KIND, "material": [asdict(manifest) for manifest in manifests]}
    atomic.write_text(folder / NAME, json.dumps(told, indent=1) + "\n")


def gone_on(before: Sequence[Manifest], now: Manifest) -> tuple[Manifest, ...]:
    """What a training learned from that goes on with ``now``."""
    kept = tuple(manifest for manifest in before if manifest.after < now.after)
    if kept and kept[-1].same_drawings(now):
        return kept
    return (*kept, now)


def recipe_digest(recipe: Recipe) -> str:
    """The SHA-256 of the keys of a training, without those that may change when it goes on."""
    told = {"preset": recipe.preset} | {
        key: value for key, value in asdict(recipe.settings).items() if key not in FREE
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def origin_of(path: Path, recipe: Recipe, images: int, manifests: Sequence[Manifest]) -> Origin:
    """Where the generator comes from that the training in ``path`` has after so many images."""
    run = path.resolve().name[:200]
    stretches = tuple(manifest.stretch for manifest in manifests)
    return Origin(run, recipe_digest(recipe), recipe.preset, images, stretches)
