"""Pictures made larger, by the function of vqgan-clip-generator.

The networks are embedded (an extra package: ``pip install 'mutoscope[upscale]'``), and checkpoints
of your own do as well.
"""

import json
import logging
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mutoscope.errors import MediaError, SettingsError

log = logging.getLogger("mutoscope")

__all__ = ["inference_realesrgan"]

_RELEASES = "https://github.com/xinntao/Real-ESRGAN/releases/download"
_EXTENSIONS = ("auto", "jpg", "jpeg", "png", "webp")


class PictureError(MediaError, ValueError):
    """A picture or folder that can't be used; a ``ValueError`` too, as it was."""


def inference_realesrgan(
    input: str | Path = "./video_frames",  # noqa: A002 - the name that its users know
    model_filename: str = "RealESRGAN_x4plus.pth",
    model_url: str = f"{_RELEASES}/v0.1.0/RealESRGAN_x4plus.pth",  # noqa: ARG001
    output_images_path: str | Path = "./upscaled_video_frames",
    purge_existing_files: bool = False,
    netscale: int = 4,  # noqa: ARG001
    outscale: float = 4,
    tile: int = 0,
    tile_pad: int = 10,  # noqa: ARG001
    pre_pad: int = 0,  # noqa: ARG001
    face_enhance: bool = False,
    half: bool = True,  # noqa: ARG001
    block: int = 23,  # noqa: ARG001
    ext: str = "auto",
    model_dir: str | Path | None = None,
) -> None:
    """Make a picture, or each in a folder, larger; what it says of itself goes along.

    ``model_url``, ``netscale``, ``tile_pad``, ``pre_pad``, ``half`` and ``block`` are taken and not
    needed: a network's file says what it is, and nothing is fetched.

    Args:
        input: a picture, or a folder of them.
        model_filename: a checkpoint, or the name of an embedded network, such as
            ``RealESRGAN_x4plus.pth`` or ``RealESRGAN_x4plus_anime_6B.pth``.
        model_url: see above.
        output_images_path: the folder for the results, made if need be. For a folder of pictures it
            must hold nothing, or what this same call has begun, which is gone on with.
        purge_existing_files: first remove the pictures in that folder, and nothing else in it.
        netscale: see above.
        outscale: by how much, 1 to 8.
        tile: the side of the pieces that are worked on one by one; 0 for what memory allows.
        tile_pad: see above.
        pre_pad: see above.
        face_enhance: restore faces, by a package that can.
        half: see above.
        block: see above.
        ext: "auto" for the format that each has; or "jpg", "png", "webp". What is transparent and
            would become a JPEG becomes a PNG.
        model_dir: where the checkpoint lies.

    Raises:
        MediaError: there is no picture, one can't be read, or the folder can't be used.
        ExtraError: a package is missing.
        SettingsError: a value is out of range, or the model not known.
    """
    from mutoscope.finish.upscale.upscaler import load_upscaler

    if ext not in _EXTENSIONS:
        raise SettingsError(f"ext: {ext!r}; allowed are {', '.join(_EXTENSIONS)}")
    source, folder = Path(input), Path(output_images_path)
    single = source.is_file()
    paths = [source] if single else _listed(source)
    if not single and folder.resolve() == source.resolve():
        raise PictureError(
            f"output_images_path: {folder} holds the pictures that are to be made larger; give "
            "another folder"
        )
    model = model_filename
    if model_dir is not None and (Path(model_dir) / model_filename).is_file():
        model = str(Path(model_dir) / model_filename)
    upscale = load_upscaler(model, scale=outscale, tile=tile or None, faces=face_enhance)
    _make(folder)
    if purge_existing_files:
        _purge(folder, but=paths)
    if single:
        _enlarge(source, _free_name(source, folder, ext), ext, upscale)
        return
    _claim(folder, {**upscale.key, "ext": ext, "pictures": _traits(paths)})
    done = {path.stem for path in _pictures(folder)}
    for path in paths:
        if path.stem not in done:
            _enlarge(path, folder / f"{path.stem}{_suffix(path, ext)}", ext, upscale)


def _enlarge(path: Path, target: Path, ext: str, upscale: Any) -> None:
    from mutoscope.finish.upscale.layers import read_layers, write_layers
    from mutoscope.provenance import copy_metadata

    try:
        layers = read_layers(path)
    except MediaError as error:
        raise PictureError(f"file could not be read as a valid image. {error}") from error
    if layers.alpha is not None and ext in ("auto", "jpg", "jpeg") and target.suffix != ".webp":
        target = target.with_suffix(".png")
    write_layers(layers.enlarged(upscale), target)
    copy_metadata(path, target)


def _listed(folder: Path) -> list[Path]:
    """The pictures in a folder, in order."""
    if not folder.is_dir():
        raise PictureError(f"input must be a file or a directory. There is no {folder}")
    paths = _pictures(folder)
    if not paths:
        raise PictureError(f"input directory does not contain any files. {folder} has no picture")
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise PictureError(
            f"input: two pictures in {folder} are called {twice}, and so would their results be; "
            "rename one"
        )
    return paths


def _pictures(folder: Path) -> list[Path]:
    from mutoscope.frames.folder import SUFFIXES, picture_paths

    there = any(p.suffix.lower() in SUFFIXES and p.name[0] != "." for p in folder.iterdir())
    return picture_paths(folder) if there else []


def _suffix(path: Path, ext: str) -> str:
    return path.suffix if ext == "auto" else f".{ext}"


def _free_name(path: Path, folder: Path, ext: str) -> Path:
    """``<stem>`` in the folder, or ``<stem>_upscaled`` if that is taken.

    Raises:
        PictureError: both are.
    """
    for stem in (path.stem, f"{path.stem}_upscaled"):
        target = folder / f"{stem}{_suffix(path, ext)}"
        if not target.exists():
            return target
    raise PictureError(
        f"{target}: is there already and is not overwritten; remove it, or give another "
        "output_images_path"
    )


def _claim(folder: Path, key: dict[str, Any]) -> None:
    """See that a folder holds nothing, or the beginning of this very work; leave a note of it."""
    from mutoscope.atomic import write_text
    from mutoscope.finish.numbered import NOTE

    text = json.dumps({"key": key, "version": version("mutoscope")}, sort_keys=True)
    note = folder / NOTE
    if note.is_file() and note.read_text("utf-8", errors="replace") == text:
        return
    if taken := sorted(path.name for path in folder.iterdir() if path.name != NOTE):
        raise PictureError(
            f"output_images_path: {folder} holds {taken[0]}, which is not of this call; give an "
            "empty folder, or purge_existing_files=True to remove the pictures in it"
        )
    write_text(note, text)


def _purge(folder: Path, *, but: Sequence[Path]) -> None:
    """Remove the pictures in a folder, but those that are still needed, and the note of them."""
    from mutoscope.finish.numbered import NOTE

    needed = {path.resolve() for path in but}
    for path in _pictures(folder):
        if path.resolve() not in needed:
            path.unlink()
    (folder / NOTE).unlink(missing_ok=True)


def _traits(paths: Sequence[Path]) -> list[list[Any]]:
    return [[path.name, (s := path.stat()).st_size, s.st_mtime_ns] for path in paths]


def _make(folder: Path) -> None:
    from mutoscope.atomic import reason

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"{folder}: can't be made: {reason(error)}") from error
