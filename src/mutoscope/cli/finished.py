"""The commands that work on pictures already made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mutoscope.cli.lineage import lineage_lines
from mutoscope.errors import printable

if TYPE_CHECKING:
    from torch import Tensor

JOINER = "\u200d"  # composes emoji, and does nothing else to a terminal


@click.command(
    epilog="Example:  mutoscope film images_out/dawn/dawn images_out/noon/noon -o day.mp4"
)
@click.argument(
    "sources", nargs=-1, required=True, metavar="SOURCE...", type=click.Path(path_type=Path)
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The film to write."
)
@click.option("--fps", type=float, help="Frames per second; else the first source's own, or 12.")
@click.option("--sound", type=click.Path(path_type=Path), help="A file whose sound it carries.")
@click.option("--sound-from", type=float, metavar="SECONDS", help="Where in the sound it begins.")
@click.option(
    "--crf", type=click.FloatRange(0, 63),
    help="Quality of .mp4 (0 is lossless, 17 usual, 51 the smallest) and .webm (0, 22, 63).",
)  # fmt: skip
@click.option("--frames", "span", metavar="A..B", help="Only these pictures, counted from 1.")
@click.option(
    "--loop", type=click.IntRange(0, 65_535), metavar="N",
    help="Play it N times: .gif, .webp and .png else play for ever, others hold it N times.",
)  # fmt: skip
@click.option("--fit", is_flag=True, help="Scale sources of another size to that of the first.")
@click.option("--overwrite", is_flag=True, help="Replace the film if it is there.")
def film(
    sources: tuple[Path, ...],
    output: Path,
    fps: float | None,
    sound: Path | None,
    sound_from: float | None,
    crf: float | None,
    span: str | None,
    loop: int | None,
    fit: bool,
    overwrite: bool,
) -> None:
    """Join runs, folders of pictures and films to one film.

    Each SOURCE is the folder of a run, a folder of pictures (in the order of the numbers in their
    names), or a film or GIF; they follow each other as given. The ending of the output says what is
    written: .mp4 (H.264), .webm (VP9), .mov (ProRes), .mkv (FFV1, lossless), .gif, .webp or .png
    (animated).

    A single run or film brings its sound along. Ctrl-C leaves nothing.
    """
    from mutoscope.frames import as_rate
    from mutoscope.frames.codecs import codec_of
    from mutoscope.run.joining import Finish, Joined, extras_of, join
    from mutoscope.run.material import material_of

    codec_of(output)  # refused before anything is read
    materials = [material_of(source) for source in sources]
    rate = None if fps is None else as_rate(fps, "--fps")
    joined = Joined(materials, rate=rate, fit=fit, span=span_of(span))
    extras = extras_of(joined, output, sound=sound, sound_from=sound_from)
    join(joined, output, extras, Finish(crf, loop, overwrite), watched=filming)
    click.echo(output)


def span_of(text: str | None) -> tuple[int, int | None]:
    """The first and last picture of ``A..B``, ``A..``, ``..B`` or ``A``; None is the last of all.

    Raises:
        SettingsError: it is nothing of that kind.
    """
    from mutoscope.errors import SettingsError

    if text is None:
        return 1, None
    match = re.fullmatch(r"\s*([0-9]{0,9})\s*(\.\.)?\s*([0-9]{0,9})\s*", text)
    if not match or not (match[1] or match[3]) or (match[3] and not match[2]):
        raise SettingsError(f"--frames: {text!r} is no span; give one such as 120..180 or 120..")
    first = int(match[1] or 1)
    last = int(match[3]) if match[3] else None if match[2] else first
    if first < 1 or (last is not None and last < first):
        raise SettingsError(f"--frames: {text!r} holds nothing; pictures are counted from 1")
    return first, last


def filming(pictures: Iterable[Tensor], total: int | None) -> Iterable[Tensor]:
    """Show on a terminal how many pictures have gone by, and how long the rest will take."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(pictures, "filming", total=total, console=console, disable=not console.is_terminal)


@click.command(epilog="Example:  mutoscope show --settings fox.png > again.yaml")
@click.argument("picture", type=click.Path(path_type=Path))
@click.option(
    "--settings", "as_settings", is_flag=True,
    help="Print a settings file and nothing else: `mutoscope render` makes it again.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the recipe as JSON.")
@click.option(
    "--gan", type=click.Path(path_type=Path), metavar="FOLDER",
    help="The training that drew it, to compare with; else one near the picture is.",
)  # fmt: skip
def show(picture: Path, as_settings: bool, as_json: bool, gan: Path | None) -> None:
    """Print a picture's recipe, and the command that makes it again.

    PICTURE is a picture or film that Mutoscope made. Of a sheet, it says what stands in its
    rows and columns, and the settings are those of its first picture. Of a picture from elsewhere
    the fields that its program left in it are printed as they are.

    Of what a trained generator drew, it says which generator and training that was and from which
    drawings it learned, all by SHA-256, and compares them with the files that are there.
    """
    from mutoscope.provenance import read_fields, read_recipe
    from mutoscope.sources import recipe_of

    if as_settings and as_json:
        raise click.UsageError("--settings and --json are two ways to print; leave one out")
    if read_recipe(picture) is None and not as_settings and (fields := read_fields(picture)):
        show_fields(picture, fields, as_json=as_json)
        return
    recipe = recipe_of(picture)
    if as_settings:
        click.echo(settings_file(recipe, picture), nl=False)
    elif as_json:
        click.echo(json.dumps(recipe, indent=1))
    else:
        show_recipe(recipe, lineage_lines(recipe, picture, gan))


# What a recipe says of itself, and what the comments above its settings say.
_HEADED = frozenset(
    {"program", "version", "settings", "frame", "step", "follows", "sheet", "generator"}
)


def show_recipe(recipe: Mapping[str, Any], lineage: Iterable[str] = ()) -> None:
    """Print what a person wants to know of a recipe; ``lineage`` is what is behind it, by line."""
    from mutoscope.settings.writing import as_scalar
    from mutoscope.sweep.jobs import command_of

    for line in heading(recipe):
        click.echo(line)
    for line in lineage:
        click.echo(printable(f"# {line}", allowed=JOINER))
    for key, value in recipe["settings"].items():
        click.echo(printable(f"{key}: {as_scalar(value)}", allowed=JOINER))
    for key, value in recipe.items():
        if key not in _HEADED:
            click.echo(printable(f"{key}: {as_scalar(value)}", allowed=JOINER))
    if recipe["settings"]:  # a page of drawings, or what a walk drew, has no prompt
        click.echo()
        click.echo(printable(command_of(recipe), allowed=f"\n\t{JOINER}"))


def show_fields(picture: Path, fields: Mapping[str, str], *, as_json: bool) -> None:
    """Print what another program wrote into a picture."""
    if as_json:
        click.echo(json.dumps({"fields": fields}, indent=1))
        return
    note = f"{picture}: carries no recipe of Mutoscope; what is said in it:"
    click.echo(printable(note, allowed=JOINER), err=True)
    for name, text in fields.items():
        shown = text.replace("\r\n", "\n").replace("\n", "\n    ")
        click.echo(printable(f"{name}: {shown}", allowed=f"\n\t{JOINER}"))


def heading(recipe: Mapping[str, Any]) -> list[str]:
    """The version, the frame and step, and the axes of a sheet, each a comment of one line."""
    from mutoscope.sweep.jobs import axes_of

    lines = [f"# {key}: {recipe[key]}" for key in ("version", "frame", "step") if key in recipe]
    follows = recipe.get("follows")
    for key, digest in follows.items() if isinstance(follows, dict) else ():
        lines.append(f"# {key}: {digest}")
    for number, axis in enumerate(axes_of(recipe) or (), 1):
        lines.append(f"# sheet, axis {number}: {' | '.join(axis)}")
    return [printable(line, allowed=JOINER) for line in lines]


def settings_file(recipe: Mapping[str, Any], picture: Path) -> str:
    """A settings file that makes again what carries ``recipe``, with comments that say what it is.

    Raises:
        MutoscopeError: this version does not understand its settings.
    """
    from mutoscope.settings import load_settings
    from mutoscope.sweep.jobs import axes_of, command_of

    settings = load_settings(recipe["settings"], quiet=True)
    first, _, rest = settings.to_yaml(portable=True).partition("\n")
    lines = [f"# the recipe of {picture.name}", *heading(recipe)]
    if axes_of(recipe) is not None:
        lines.append("# a sheet is made from words; these are the settings of its first picture")
        lines += [f"# {line}" for line in command_of(recipe).splitlines()]
    elif type(number := recipe.get("frame")) is int and (
        number > 1 or settings.animation_mode != "off"
    ):
        lines.append(f"# these settings make the whole film; --frames ..{number} ends with it")
    lines.append("# relative paths begin in the folder of this file; paths_from names another")
    comments = [printable(line, allowed=JOINER) for line in lines]
    return "\n".join([first, *comments, rest])
