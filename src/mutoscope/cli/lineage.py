"""What `show` says of the generator behind a picture, and of the drawings behind the generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mutoscope.gan.origin import Origin, Stretch
    from mutoscope.train_gan.lineage import Checked

_SAID = 5  # names in a line


def lineage_lines(recipe: Mapping[str, Any], picture: Path, gan: Path | None) -> Iterator[str]:
    """Lines on generator, training and drawings; none where no generator is behind a picture.

    Args:
        recipe: of the picture.
        picture: its file, near which training and drawings are looked for.
        gan: the folder of the training, where that was said.

    Raises:
        MutoscopeError: the training that was named can't be read.
    """
    if "generator" not in recipe:
        return  # and nothing heavy is loaded to say so
    from mutoscope.gan.origin import read_lineage
    from mutoscope.train_gan.lineage import check_drawings, find_run

    found = read_lineage(recipe["generator"])
    if found is None:
        return
    digest, origin = found
    yield f"generator: {digest.replace(':', ' ')}"
    run = gan or (None if origin is None else find_run(origin, picture))
    if origin is None:
        yield "  its file says nothing of its training"
    else:
        shown = f"{origin.preset}, {origin.images:,} images, keys sha256 {origin.recipe}"
        yield f"  of the training {origin.run}: {shown}"
    if origin is not None or run is not None:
        yield f"  {_generator(run, digest)}"
    if origin is not None:
        for checked in check_drawings(origin, run, picture):
            yield from _drawings(checked, origin)


def _generator(run: Path | None, digest: str) -> str:
    from mutoscope.train_gan.lineage import same_generator

    if run is None:
        return "its training is not near; --gan FOLDER names it, and compares"
    if same_generator(run, digest):
        return f"the generator in {run} is the same"
    return f"the generator in {run} has changed since"


def _drawings(checked: Checked, origin: Origin) -> Iterator[str]:
    """What it learned from, with the digests that are known, and what has become of it."""
    stretch = checked.stretch
    since = f", from image {stretch.after:,} on" if len(origin.material) > 1 else ""
    files = stretch.files
    where = f"{files.count:,} in {stretch.folder}{since}"
    yield f"{_kind(stretch)}: {where}, list sha256 {files.digest}"
    if stretch.picked is not None:
        yield f"  specimens: sha256 {stretch.picked}"
    drawings = stretch.drawings
    if stretch.scans is not None:
        yield f"  cut from {drawings.count:,} scans, list sha256 {drawings.digest}"
    for name, digest in drawings.named.items():
        yield f"  {digest}  {name}"
    if (more := drawings.count - len(drawings.named)) > 0:
        yield f"  and {more:,} more; material.json in the training's folder names them"
    yield f"  {_became(checked)}"


def _kind(stretch: Stretch) -> str:
    return "scans" if stretch.kind == "specimens" else stretch.kind


def _became(checked: Checked) -> str:
    if checked.folder is None:
        return "they are not to be found near"
    parts = [
        f"{len(names):,} {what}: {', '.join(names[:_SAID])}" + (" …" if len(names) > _SAID else "")
        for what, names in (("changed", checked.changed), ("gone", checked.gone))
        if names
    ]
    same = len(checked.files) - len(checked.changed) - len(checked.gone)
    whole = "all" if not parts else f"{same:,} of"
    parts.insert(0, f"{whole} {len(checked.files):,} are the same")
    return f"in {checked.folder}: {'; '.join(parts)}"
