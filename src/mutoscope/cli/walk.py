"""The command that walks through a generator's latent space."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mutoscope.cli.crew import engaged, sharing
from mutoscope.cli.finish_smooth import counting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mutoscope.crew.task import Crew
    from mutoscope.walk import Filming, Keys, Renderer, Route, Toward

# What only a film, and what only a sheet takes: their names on the command line and here.
FILM_ONLY = (
    "style", "segments", "frames", "seconds", "space", "seed", "keys", "keys_from", "pace",
    "parity", "bits", "fps", "sound", "sound_from", "drive", "gain", "toward", "toward_strength",
    "perceptors", "workers", "threads", "on",
)  # fmt: skip
SHEET_ONLY = ("count", "first")


@click.command(epilog="Example:  mutoscope walk my-drawings-gan -o walk.mp4 --keys 3,17,42,8")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="The film to write, or a folder for pictures.",
)  # fmt: skip
@click.option(
    "--sheet", type=click.Path(path_type=Path), metavar="PNG",
    help="Write a sheet of numbered samples instead, to choose keys by.",
)  # fmt: skip
@click.option("--count", type=int, default=64, show_default=True, help="Samples on the sheet.")
@click.option("--first", type=int, default=0, show_default=True, help="The first one's number.")
@click.option(
    "--style", default="spline", show_default=True,
    help="spline, zigzag, bezier, orbit, noise-loop, sine, period or bitloop.",
)  # fmt: skip
@click.option("--segments", type=int, help="From key to key; as many as keys, or 16, orbit 4.")
@click.option(
    "--frames", type=int, default=512, show_default=True, help="Frames in each segment."
)  # fmt: skip
@click.option("--seconds", type=float, help="How long the whole film is, in place of --frames.")
@click.option(
    "--keys", metavar="N,N,...",
    help="Samples to go through, 3,17,42,8..11, and bookmarks, bird, '42 + 2*sefa-1'.",
)  # fmt: skip
@click.option(
    "--keys-from", type=click.Path(path_type=Path), metavar="JSON",
    help="A file of such numbers, or of vectors.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is drawn.")
@click.option("--space", help="Walk in w, smoother and the default, or in z.")
@click.option(
    "--truncation", metavar="NUMBER",
    help="Toward the mean picture: 1 not at all, 0 all the way; 0.7, or over time.",
)  # fmt: skip
@click.option(
    "--pace", default="image", show_default=True,
    help="What changes evenly: image, latent, or raw for neither.",
)  # fmt: skip
@click.option(
    "--toward", metavar="PROMPTS", help="Lead the keys toward words: 'a bird | feathers:0.5'."
)
@click.option(
    "--toward-strength", type=float, default=0.7, show_default=True,
    help="How far a key may be led, in standard deviations.",
)  # fmt: skip
@click.option(
    "--perceptors", metavar="NAME,...", default="labels", show_default=True,
    help="Who judges that.",
)  # fmt: skip
@click.option("--sound", type=click.Path(path_type=Path), help="A file whose sound it carries.")
@click.option(
    "--sound-from", type=float, default=0.0, metavar="SECONDS", help="Where in it the film begins."
)
@click.option(
    "--drive", metavar="NUMBER",
    help="What pushes the walk on, as bass, beat or 'bass + 0.5*treble'.",
)  # fmt: skip
@click.option(
    "--gain", type=float, default=4.0, show_default=True, help="How strongly it pushes."
)  # fmt: skip
@click.option("--fps", type=float, default=30, show_default=True, help="Frames per second.")
@click.option("--size", type=int, help="Side of a frame in pixels; the generator's own.")
@click.option("--batch", type=int, help="Frames drawn at once.")
@click.option("--parity", is_flag=True, help="Third Study's frames, doubled ones included.")
@click.option("--bits", default="1100", show_default=True, help="Of a bitloop.")
@click.option("--device", help="cpu, cuda, cuda:1, mps; by default a GPU where there is one.")
@sharing
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.pass_context
def walk(
    ctx: click.Context, run: Path, output: Path | None, sheet: Path | None, count: int, first: int,
    style: str, segments: int | None, frames: int, seconds: float | None, keys: str | None,
    keys_from: Path | None, seed: int, space: str | None, truncation: str | None, pace: str,
    sound: Path | None, sound_from: float, drive: str | None, gain: float, fps: float,
    size: int | None, batch: int | None, parity: bool, bits: str, device: str | None,
    overwrite: bool, toward: str | None, toward_strength: float, perceptors: str,
    workers: int | None, threads: int | None, on: str | None,
) -> None:  # fmt: skip
    """Make a film that walks through what a trained generator can draw.

    RUN is the folder of a training, or a generator's file. The film closes: after its last frame
    comes its first. No frame is there twice, and the picture changes at one speed.

    To choose where it goes, look at a sheet first (--sheet keys.png) and name the numbers that you
    like by --keys. With --sound and --drive a song pushes the walk along, and without --seconds,
    --frames or --segments the film is as long as the song. With --toward "a bird" it goes by
    pictures that are more like those words.

    The ending of the output says which kind of film is written; without one it is a folder of
    pictures. Ctrl-C keeps what is done: the same command goes on. With --workers or --on the
    pictures of a film are shared out, which changes nothing in it.
    """
    from mutoscope.cli.train import pick_device
    from mutoscope.errors import SettingsError
    from mutoscope.frames import as_rate
    from mutoscope.walk import Drive, Filming, Route, load_renderer

    refuse_mixed(ctx, output, sheet)
    words = wished(ctx, toward, toward_strength, perceptors)
    if not 0 <= seed < 2**63:
        raise SettingsError(f"--seed: {seed}; allowed are 0 to {2**63 - 1}")
    renderer = load_renderer(run, pick_device(device), size=size, batch=batch)
    if sheet is not None:
        draw_sheet(sheet, renderer, count, first, truncation, overwrite=overwrite)
        click.echo(sheet)
        return
    assert output is not None  # noqa: S101 - for the type checker; refuse_mixed saw to it
    rate = as_rate(fps, "--fps")
    route = Route(
        style=style, segments=segments, frames=frames, total=frames_in(seconds, rate), space=space,
        truncation=truncation, seed=seed, keys=chosen(keys, keys_from, renderer), pace=pace,
        parity=parity, bits=bits, drive=None if drive is None else Drive(drive, gain), rate=rate,
        toward=words,
    )  # fmt: skip
    sized = seconds is not None or any(was_given(ctx, name) for name in ("frames", "segments"))
    filming = Filming(sound, sound_from, as_long=not sized and not parity, overwrite=overwrite)
    if not is_film(output) and (on is not None or workers is not None):
        raise click.UsageError(
            "--workers and --on share out the pictures of a film, not a folder's"
        )
    with engaged(on, workers, threads) as crew:
        write(output, route, renderer, filming, crew)
    click.echo(output)


def is_film(output: Path) -> bool:
    """Whether it is a film's name; takes/0.7 is a folder: no film's ending begins with a digit."""
    return output.suffix[1:2].isalpha() and not output.is_dir()


def write(
    output: Path, route: Route, renderer: Renderer, filming: Filming, crew: Crew | None = None
) -> None:
    """Write the film, or the pictures, showing how far it is."""
    from mutoscope.cli.painting import fetching
    from mutoscope.walk import Leading, walk_to_film, walk_to_folder

    to: Callable[..., None] = walk_to_film if is_film(output) else walk_to_folder
    if crew is not None:
        from mutoscope.crew.segments import walk_segments

        to = partial(walk_to_film, shared=lambda walk: walk_segments(crew, walk, renderer))
    with measuring() as measured, counting_in_turn("leading", "walking") as (led, counted):
        leading = Leading(progress=led, fetching=fetching)
        to(
            output, route, renderer, filming, progress=counted, measuring=measured, leading=leading
        )  # fmt: skip


@contextmanager
def counting_in_turn(*names: str) -> Iterator[list[Callable[[int, int], None]]]:
    """Show how far several things are, one after the other, each as `counting` does."""
    with ExitStack() as shown:
        counts: dict[str, Callable[[int, int], None]] = {}

        def count(name: str, done: int, total: int) -> None:
            if name not in counts:  # a terminal shows one at a time
                shown.close()
                counts[name] = shown.enter_context(counting(name))
            counts[name](done, total)

        yield [partial(count, name) for name in names]


def wished(
    ctx: click.Context, toward: str | None, strength: float, perceptors: str
) -> Toward | None:
    """The words that keys are to be led toward, if there are any."""
    from mutoscope.walk import Toward

    if toward is None:
        for name in ("toward_strength", "perceptors"):
            if was_given(ctx, name):
                option = "--" + name.replace("_", "-")
                raise click.UsageError(f"{option} means nothing without --toward; leave it out")
        return None
    names = tuple(name.strip() for name in perceptors.split(","))
    return Toward(toward, strength, names)


def refuse_mixed(ctx: click.Context, output: Path | None, sheet: Path | None) -> None:
    """Refuse to make both a film and a sheet, or neither, or one with what the other takes."""
    if (output is None) == (sheet is None):
        raise click.UsageError("give -o FILM to make a film, or --sheet PNG to make a sheet")
    others = SHEET_ONLY if sheet is None else FILM_ONLY
    for name in others:
        if was_given(ctx, name):
            option = "--" + name.replace("_", "-")
            what = "a film" if sheet is None else "a sheet"
            raise click.UsageError(f"{option} means nothing for {what}; leave it out")


def was_given(ctx: click.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def draw_sheet(
    path: Path,
    renderer: Renderer,
    count: int,
    first: int,
    truncation: str | None,
    *,
    overwrite: bool,
) -> None:
    """Write a sheet of samples."""
    from mutoscope.errors import SettingsError
    from mutoscope.walk import write_sheet

    try:
        psi = 0.7 if truncation is None else float(truncation)
    except ValueError as error:
        raise SettingsError(f"--truncation: {truncation!r}; of a sheet it is one number") from error
    write_sheet(path, renderer, count=count, first=first, truncation=psi, overwrite=overwrite)


def chosen(keys: str | None, file: Path | None, renderer: Renderer) -> Keys | None:
    """The keys that are asked for, if any are."""
    from mutoscope.walk import keys_from
    from mutoscope.walk.places import keys_of

    shape = renderer.generator.shape
    if keys is not None and file is not None:
        raise click.UsageError("--keys and --keys-from are two ways to say it; leave one out")
    if file is not None:
        return keys_from(file, z=shape.z, w=shape.w)
    return None if keys is None else keys_of(keys, renderer)


def frames_in(seconds: float | None, rate: Fraction) -> int | None:
    """How many frames so many seconds have.

    Raises:
        SettingsError: it is no length of a film.
    """
    from mutoscope.errors import SettingsError
    from mutoscope.walk.route import MAX_FRAMES

    if seconds is None:
        return None
    if not 0 < seconds * float(rate) <= MAX_FRAMES:
        raise SettingsError(f"--seconds: {seconds:g} is no length of a film")
    return max(1, round(Fraction(seconds) * rate))


@contextmanager
def measuring() -> Iterator[Callable[[int], None]]:
    """Say on a terminal, before the first picture, that the way is being measured."""
    from rich.console import Console

    console = Console(stderr=True)
    calls = itertools.count()

    def told(_: int) -> None:
        if not next(calls) and console.is_terminal:
            console.print("measuring how fast the picture changes along the way")

    yield told
