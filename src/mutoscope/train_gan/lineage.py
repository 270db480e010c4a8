"""From a picture back to its generator, the training and the drawings: are they still the same?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mutoscope.errors import MutoscopeError
from mutoscope.gan.files import NAME, file_digest
from mutoscope.gan.origin import Origin, Stretch
from mutoscope.train_gan.manifest import Manifest, read_manifests, sha256_of

_UP = 3  # folders above a picture's own in which a training is looked for


@dataclass(frozen=True)
class Checked:
    """What became of a stretch's files.

    Attributes:
        stretch: what the generator learned from.
        files: the SHA-256 of the files that are known one by one, by name.
        folder: where they were found, or None.
        changed: the names of those with other contents.
        gone: the names of those that are not there any more.
    """

    stretch: Stretch
    files: Mapping[str, str]
    folder: Path | None
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def find_run(origin: Origin, near: Path) -> Path | None:
    """The folder of a training that lies near a picture or here, by its name; None elsewhere."""
    places = [*near.absolute().parents[: _UP + 1], Path.cwd()]
    for place in places:
        for folder in (place, place / origin.run):
            if folder.name == origin.run and (folder / NAME).is_file():
                return folder
    return None


def same_generator(run: Path, digest: str) -> bool:
    """Whether the generator in a training's folder, or in a file, is the one of that digest.

    Raises:
        WeightsError: it can't be read.
    """
    return file_digest(run / NAME if run.is_dir() else run) == digest


def check_drawings(origin: Origin, run: Path | None, near: Path) -> Iterator[Checked]:
    """What became of the drawings that a generator learned from, stretch by stretch.

    Args:
        origin: where the generator comes from.
        run: the folder of its training, where that is known: it lists all files.
        near: the picture; its drawings may lie in a folder near it.
    """
    manifests: tuple[Manifest, ...] = ()
    if run is not None and run.is_dir():
        try:
            manifests = read_manifests(run)
        except MutoscopeError:
            manifests = ()
    for stretch in origin.material:
        listed = next((m for m in manifests if m.digest == stretch.files.digest), None)
        files = listed.files if listed is not None and listed.files else stretch.files.named
        # Names come from a file that anyone may have written: nothing outside is looked at.
        files = {name: digest for name, digest in files.items() if _is_inside(name)}
        places = [] if listed is None else [Path(listed.folder)]
        beside = [] if run is None else [run.absolute().parent]
        if _is_inside(stretch.folder):
            around = [*beside, *near.absolute().parents[: _UP + 1], Path.cwd()]
            places += [place / stretch.folder for place in around]
        yield _checked(stretch, files, places)


def _is_inside(name: str) -> bool:
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _checked(stretch: Stretch, files: Mapping[str, str], places: list[Path]) -> Checked:
    for place in places:
        if not any((place / name).is_file() for name in files):
            continue
        changed, gone = [], []
        for name, digest in files.items():
            try:
                if sha256_of(place / name) != digest:
                    changed.append(name)
            except MutoscopeError:
                gone.append(name)
        return Checked(stretch, files, place, tuple(changed), tuple(gone))
    return Checked(stretch, files, None)
