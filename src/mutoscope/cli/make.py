"""The commands that make pictures and films."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from mutoscope.cli import tell
from mutoscope.cli.painting import (
    begin,
    copy_picture,
    fetching,
    newest,
    paint,
    say_plan,
    show_results,
)
from mutoscope.cli.stopping import STOPPED

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
PROFILE = click.option(
    "--profile", is_flag=True, help="Say where the time went; keep that, and a trace, in the run."
)

DEMO_PICTURE = "a red fox in the snow"
DEMO_FILM = "demo"  # a preset


@click.command(epilog='Example:  mutoscope image "a lighthouse at dusk" -o dusk.png seed=7')
@click.argument("prompt")
@OVERRIDES
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Copy the picture here, too.")
@click.option("--count", type=click.IntRange(1, 100), help="So many seeds, on one sheet.")
@click.option("--explore", is_flag=True, help="Every {this,that} or {1..5} in turn, on one sheet.")
@PROFILE
def image(
    prompt: str,
    overrides: tuple[str, ...],
    output: Path | None,
    count: int | None,
    explore: bool,
    profile: bool,
) -> int:
    """Make a picture from words, or a sheet of many.

    PROMPT is a scene: "a fox | snow:0.5" asks for two things, the second half as strongly. The
    picture comes to lie in a folder of its own under images_out/, with its settings and log. Any
    key of `mutoscope settings` may be given as KEY=VALUE.

    With --count 9 it is a sheet of nine pictures, which differ in their seed. With --explore, "sky
    at {dawn,noon,night}, {oil,ink}" is a sheet of six, and learning_rate={0.1,0.2} makes it twelve.
    Ctrl-C ends after the step in hand, and `mutoscope resume` goes on.
    """
    from mutoscope.explore import looks_explored
    from mutoscope.sources import refuse_taken, still_settings

    refuse_loose_words(prompt, overrides)
    if explore or count is not None:
        from mutoscope.cli.sheets import begin_sheet
        from mutoscope.sweep.jobs import sweep_of

        refuse_profile(profile)
        sweep = sweep_of(prompt, overrides, count=count, explored=explore)
        if output is not None:
            refuse_taken(output, overwrite=sweep.jobs[0].settings.allow_overwrite)
        return begin_sheet(sweep, output)
    if looks_explored(prompt):
        tell("the braces are part of the prompt; with --explore each of their words is tried")
    settings = still_settings(prompt, overrides)
    if output is not None:
        refuse_taken(output, overwrite=settings.allow_overwrite)
    run, finished = begin(settings, profile=profile)
    if not finished:
        return STOPPED
    picture = newest(run)
    if output is not None:
        picture = copy_picture(picture, output)
    click.echo(picture)
    return 0


@click.command(epilog="Example:  mutoscope render harbour.yaml seed=7 width=384 height=256")
@click.argument("file", type=click.Path(path_type=Path))
@OVERRIDES
@click.option(
    "--from",
    "run",
    type=click.Path(path_type=Path),
    help="A run: its frames before what has changed stand, and it goes on from there.",
)
@click.option("--frames", metavar="A..B", help="Paint these only, such as 120..180 or ..180.")
@PROFILE
def render(
    file: Path, overrides: tuple[str, ...], run: Path | None, frames: str | None, profile: bool
) -> int:
    """Make the picture or film that a settings file describes.

    FILE is YAML; `mutoscope settings` lists the keys, and KEY=VALUE on the command line wins. It
    may also be a picture, film or sheet that Mutoscope made: that is made again from its recipe.

    With --from RUN only what the settings change is painted anew, into a run of its own: all
    frames before it are those of RUN, which stays as it is. --frames ..180 stops after frame 180,
    and `mutoscope resume` goes on; 120..180 needs --from, and takes all before frame 120 from RUN.
    """
    from mutoscope.sources import PICTURES, recipe_of, settings_of

    if run is not None or frames is not None:
        from mutoscope.cli.retakes import begin_retake, begin_stretch

        refuse_profile(profile)
        if run is None:
            return begin_stretch(settings_of(file, overrides), str(frames))
        return begin_retake(file, overrides, run, frames)
    if file.suffix.lower() in PICTURES:
        from mutoscope.sweep.jobs import sweep_of_recipe

        if (sweep := sweep_of_recipe(recipe_of(file), overrides)) is not None:
            from mutoscope.cli.sheets import begin_sheet

            refuse_profile(profile)
            return begin_sheet(sweep)
    return show_results(*begin(settings_of(file, overrides), profile=profile))


@click.command(epilog="Example:  mutoscope resume images_out/harbour/harbour")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--frames", metavar="..B", help="Stop after frame B, such as ..180.")
@click.option("--on", metavar="ADDRESS", help="Go on with a sweep on a Ray cluster.")
@PROFILE
def resume(run: Path, frames: str | None, on: str | None, profile: bool) -> int:
    """Go on with a run or a sheet that was stopped, as if it never had been.

    RUN is the folder of the run or sheet. What is complete is left as it is.
    """
    from mutoscope.build import build
    from mutoscope.perform import finish
    from mutoscope.run import Run
    from mutoscope.run.ordered import settings_of_run
    from mutoscope.sweep.folder import is_sheet

    if is_sheet(run):
        from mutoscope.cli.sheets import resume_sheet

        refuse_profile(profile)
        if frames is not None:
            raise click.UsageError("--frames is for runs; a sheet has pictures, not frames")
        return resume_sheet(run, on)
    if on is not None:
        raise click.UsageError("--on is for sweeps; a run is gone on with on this machine")
    with Run.open(run) as opened:
        settings, saved = settings_of_run(opened), opened.state()
        if finished := finish(opened, settings, saved):
            click.echo(f"{run}: is complete; there is nothing left to do", err=True)
        else:
            from mutoscope.cli.retakes import stop_of

            stop = stop_of(frames, settings, saved)
            parts = build(settings, progress=fetching)
            say_plan(parts, saved)
            finished = paint(parts, opened, saved, stop=stop, profile=profile)
    return show_results(opened, finished)


@click.command(epilog="Example:  mutoscope demo")
@OVERRIDES
@click.option("--folder", type=click.Path(path_type=Path), default=Path(), help="Where to.")
def demo(overrides: tuple[str, ...], folder: Path) -> int:
    """Make a first picture and a short film from words, with the embedded networks."""
    from mutoscope.settings import load_settings
    from mutoscope.sources import still_settings

    embedded = ["perceptors=labels", "file_namespace=demo-picture"]
    settings = still_settings(DEMO_PICTURE, [*embedded, *overrides])
    film_settings = load_settings(None, overrides, preset=DEMO_FILM)
    click.echo(f"A picture: {DEMO_PICTURE}", err=True)
    still, finished = begin(settings, folder)
    if not finished:
        return STOPPED
    click.echo("A film:", err=True)
    film, finished = begin(film_settings, folder)
    click.echo(f"picture: {newest(still)}")
    if finished:
        click.echo(f"film:    {film.film_path}")
    return 0 if finished else STOPPED


@click.command(epilog="Example:  mutoscope plan harbour.yaml steps_per_scene=600")
@click.argument("file", type=click.Path(path_type=Path))
@OVERRIDES
def plan(file: Path, overrides: tuple[str, ...]) -> None:
    """Say what a settings file will cost in time, memory and disk, show its timeline, and stop.

    The time comes from a few trial steps on this machine. Nothing is written.
    """
    from mutoscope.build import build
    from mutoscope.plan import timeline
    from mutoscope.sources import settings_of

    # Nothing is compiled for a few trial steps.
    parts = build(settings_of(file, overrides).replace(compile="no"), progress=fetching)
    click.echo(parts.plan().line())
    for line in timeline(parts.schedule, [scene.source for scene in parts.settings.script.scenes]):
        click.echo(line)


def refuse_loose_words(prompt: str, overrides: Sequence[str]) -> None:
    """Refuse what is left of a prompt that the shell has split into words.

    Raises:
        SettingsError: one of the overrides is none.
    """
    from mutoscope.errors import SettingsError

    words = [word for word in overrides if "=" not in word]
    if words:
        meant = shlex.quote(" ".join([prompt, *words]))
        raise SettingsError(
            f"{words[0]!r}: is no KEY=VALUE; a prompt of several words stands in quotes: "
            f"mutoscope image {meant}"
        )


def refuse_profile(profile: bool) -> None:
    """Refuse ``--profile`` where it is not one run that is painted from beginning to end.

    Raises:
        UsageError: it is asked for.
    """
    if profile:
        raise click.UsageError(
            "--profile is for one run; leave it out here, or give it to `mutoscope resume` of a run"
        )
