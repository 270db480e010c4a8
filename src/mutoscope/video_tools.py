"""Films taken apart and put together, by the functions of vqgan-clip-generator.

No other program is needed: FFmpeg's libraries come with Mutoscope. Nothing that is there already is
replaced unless ``overwrite`` says so.
"""

import logging
import os
from collections.abc import Mapping
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from mutoscope.errors import MediaError, SettingsError, nearest

log = logging.getLogger("mutoscope")

__all__ = ["RIFE_interpolation", "copy_video_audio", "encode_video", "extract_video_frames"]

# Names that users know for what is written to files of an ending.
_WRITTEN = {
    ".mp4": ("libx264", "h264", "avc"),
    ".webm": ("libvpx-vp9", "vp9"),
    ".mov": ("prores_ks", "prores"),
    ".mkv": ("ffv1",),
    ".gif": ("gif",),
    ".png": ("apng",),
    ".webp": ("libwebp_anim",),
}
_AS_H264 = ("libx265", "hevc", "h265", "h264_nvenc", "hevc_nvenc", "mpeg4", "libx264rgb")


class FilmError(MediaError, ValueError, NameError):
    """A film or folder that can't be used.

    A ``ValueError`` or ``NameError`` too, which it was in vqgan-clip-generator.
    """


def extract_video_frames(
    input_video_path: str | Path,
    extraction_framerate: float | Fraction = 30,
    extracted_video_frames_path: str | Path = "./extracted_video_frames",
    *,
    overwrite: bool = False,
) -> list[str]:
    """Write a film's pictures into a folder, as ``frame_000000000001.jpg`` and so on.

    Args:
        input_video_path: the film.
        extraction_framerate: pictures a second: of a faster film some are left out, of a slower one
            some come twice.
        extracted_video_frames_path: the folder, made if need be. It must hold nothing, or what this
            same call has begun, which is gone on with.
        overwrite: whether it may hold other files; pictures of these names are replaced.

    Returns:
        The paths of the pictures, in order.

    Raises:
        MediaError: there is no such film, or no picture in it, or the folder can't be used.
    """
    from mutoscope.finish.numbered import produce_pictures
    from mutoscope.frames import ClipSource, as_rate

    film, folder = Path(input_video_path), Path(extracted_video_frames_path)
    if not film.is_file():
        raise FilmError(f"input_video_path must be a file; there is no file {film}")
    rate = as_rate(extraction_framerate, "extraction_framerate")
    source = ClipSource(film, rate)
    count = sum(1 for _ in source.shown())  # what films say of their length may be wrong
    if count == 0:
        raise FilmError(f"{film}: No video frames were extracted; it holds none")
    names = [f"frame_{number:012d}.jpg" for number in range(1, count + 1)]
    found = film.stat()
    _make(folder.parent)
    produce_pictures(
        folder,
        lambda start: (source.picture(frame) for frame in islice(source.shown(), start, None)),
        names,
        key={
            "extract": film.name, "bytes": found.st_size, "changed": found.st_mtime_ns,
            "rate": [rate.numerator, rate.denominator],
        },
        overwrite=overwrite,
    )  # fmt: skip
    return [os.path.join(extracted_video_frames_path, name) for name in names]  # noqa: PTH118


def copy_video_audio(
    original_video: str | Path,
    destination_file_without_audio: str | Path,
    output_file: str | Path,
    verbose: bool = False,
    *,
    overwrite: bool = False,
) -> None:
    """Write a film again with the sound of another, as long as its pictures last.

    Args:
        original_video: what the sound is taken from. If there is none in it, that is said, and the
            film is written as it is.
        destination_file_without_audio: the film.
        output_file: where; its ending is that of the film.
        verbose: say what was done.
        overwrite: whether an existing file may be replaced.

    Raises:
        MediaError: one of them can't be read, or the result can't be written or is there already.
    """
    from mutoscope.frames.mux import add_sound
    from mutoscope.sound import SoundFile

    original, silent, output = (
        Path(path) for path in (original_video, destination_file_without_audio, output_file)
    )
    for name, path in (
        ("original_video", original), ("destination_file_without_audio", silent),
    ):  # fmt: skip
        if not path.is_file():
            raise FilmError(f"{name}: there is no file {path}")
    if output.exists() and not overwrite and output.resolve() == original.resolve():
        raise FilmError(f"output_file: {output} is the original video; give another name")
    _make(output.parent)
    try:
        sound = SoundFile(original)
    except MediaError as error:
        log.warning("%s; %s is written as it is, without sound", error, output)
        _copy(silent, output, overwrite=overwrite)
        return
    add_sound(silent, sound, output, overwrite=overwrite)
    if verbose:
        log.info("%s: has the sound of %s now", output, original)


def encode_video(
    output_file: str | Path,
    input_framerate: float | Fraction = 30,
    path_to_stills: str | Path = "video_frames",
    output_framerate: float | Fraction | None = None,
    metadata_title: str = "",
    metadata_comment: str = "",
    vcodec: str = "libx264",
    crf: float = 23,
    verbose: bool = False,
    *,
    overwrite: bool = False,
) -> None:
    """Make a film of a folder of pictures, in the order of the numbers in their names.

    Args:
        output_file: the film; its ending says of which kind, see ``mutoscope film --help``.
        input_framerate: pictures a second.
        path_to_stills: the folder.
        output_framerate: if it is another, so many the film has: of fewer, pictures are left out;
            of more, those between are made by their optical flow.
        metadata_title: the film's title for players.
        metadata_comment: the film's description.
        vcodec: "libx264" for MP4; other kinds of film have their own.
        crf: the quality of MP4 and WebM: lower is better and larger.
        verbose: say what was done.
        overwrite: whether an existing film may be replaced.

    Raises:
        MediaError: the folder holds no pictures, or of differing size, or one of the numbers is
            missing; or the film can't be written or is there already.
    """
    from mutoscope.frames import as_rate
    from mutoscope.frames.codecs import codec_of
    from mutoscope.run.joining import Finish, Joined, join
    from mutoscope.run.material import Extras, Stills
    from mutoscope.vqgan_clip.more import More
    from mutoscope.vqgan_clip.tags import add_tags

    output = Path(output_file)
    _check_codec(vcodec, output)
    rate = as_rate(input_framerate, "input_framerate")
    wanted = rate if output_framerate is None else as_rate(output_framerate, "output_framerate")
    folder = Path(path_to_stills)
    paths = _stills(folder)
    _make(output.parent)
    quality = crf if codec_of(output).crf else None
    if wanted > rate:
        source: Joined | More = More(Stills(folder, paths), rate, wanted)
    else:
        chosen = [paths[int(n * rate / wanted)] for n in range(int(len(paths) * wanted / rate))]
        source = Joined([Stills(folder, chosen or paths[:1], rate=wanted)])
    extras = Extras(recipe=_recipe_of(paths[0]), title=metadata_title or None)
    join(source, output, extras, Finish(quality, overwrite=overwrite))
    add_tags(output, description=metadata_comment)
    if verbose:
        log.info("%s: %d pictures at %g a second", output, len(paths), float(wanted))


def RIFE_interpolation(  # noqa: N802 - the name that its users know
    input: str | Path,  # noqa: A002
    output: str | Path,
    interpolation_factor: int = 4,
    metadata_title: str = "",
    metadata_comment: str = "",
    verbose: bool = False,
    *,
    overwrite: bool = False,
) -> None:
    """Write a film with more pictures a second, made between its own, with its sound.

    They are made by optical flow, which needs no weights. Stopped at any moment, the same call goes
    on.

    Args:
        input: the film.
        output: the film to write.
        interpolation_factor: 2, 4 or 8.
        metadata_title: the film's title for players.
        metadata_comment: the film's description.
        verbose: say what was done.
        overwrite: whether an existing film may be replaced.

    Raises:
        MediaError: the film can't be read, or the result can't be written or is there already.
    """
    from mutoscope.finish.interpolate import FlowBetween, interpolate, pace_of
    from mutoscope.run.material import material_of
    from mutoscope.vqgan_clip.tags import add_tags

    film, result = Path(input), Path(output)
    if not film.is_file():
        raise FilmError(f"input: there is no file {film}")
    material = material_of(film)
    pace = pace_of(material, factor=interpolation_factor)
    _make(result.parent)
    interpolate(material, result, FlowBetween(), pace, key={"between": "flow"}, overwrite=overwrite)
    add_tags(result, title=metadata_title, description=metadata_comment)
    if verbose:
        log.info("%s: %g pictures a second", result, float(pace.wanted))


def _stills(folder: Path) -> list[Path]:
    """The pictures of a folder, in order, none of whose numbers is missing."""
    from mutoscope.finish.numbered import missing_numbers
    from mutoscope.frames.folder import picture_paths

    if not folder.is_dir():
        raise FilmError(f"path_to_stills must be a folder; {folder} is none")
    paths = picture_paths(folder)
    if missing := missing_numbers(paths):
        raise FilmError(
            f"path_to_stills: in {folder} the pictures of these numbers are missing: {missing}; "
            "make them again, or give those that are there numbers without a gap"
        )
    return paths


def _check_codec(name: str, output: Path) -> None:
    """See that a film of this ending is coded as ``name`` says, or as nearly as can be."""
    from mutoscope.frames.codecs import codec_of

    codec_of(output)  # refuses an ending that stands for nothing
    suffix, asked = output.suffix.lower(), name.lower()
    if asked == "libx264" or asked in _WRITTEN[suffix]:
        return  # the default stands for whatever the ending has
    if asked in _AS_H264 and suffix == ".mp4":
        log.warning("vcodec: %s is not written here; H.264 plays wherever it does", name)
        return
    known = {codec: ending for ending, codecs in _WRITTEN.items() for codec in codecs}
    if asked in known:
        raise SettingsError(
            f"vcodec: {name} is not what {suffix} films are coded in; call the film "
            f"{output.stem}{known[asked]}"
        )
    raise SettingsError(
        f"vcodec: {name!r} is not known; there are {', '.join(known)}{nearest(asked, known)}"
    )


def _recipe_of(picture: Path) -> Mapping[str, Any] | None:
    """The recipe of a film by that of one of its pictures."""
    from mutoscope.provenance import read_recipe

    try:
        recipe = read_recipe(picture)
    except MediaError:
        return None
    return recipe and {k: v for k, v in recipe.items() if k not in ("frame", "step")}


def _make(folder: Path) -> None:
    """Make a folder with its parents."""
    from mutoscope.atomic import reason

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FilmError(f"{folder}: can't be made: {reason(error)}") from error


def _copy(film: Path, output: Path, *, overwrite: bool) -> None:
    """Copy a file, whole or not at all."""
    from shutil import copyfileobj

    from mutoscope import atomic

    if output.exists() and not overwrite:
        if output.resolve() == film.resolve():
            return
        raise FilmError(f"{output}: exists already; choose another name, or overwrite=True")
    try:
        with film.open("rb") as source, atomic.replacing(output) as sink:
            copyfileobj(source, sink)
    except OSError as error:
        raise FilmError(f"{output}: can't be written: {atomic.reason(error)}") from error
