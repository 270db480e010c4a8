"""The command that gives a film more pictures a second."""

from __future__ import annotations

from pathlib import Path

import click

from mutoscope.cli.crew import engaged, sharing
from mutoscope.cli.finish_smooth import counting


@click.command(epilog="Example:  mutoscope interpolate clip.mp4 -o smooth.mp4 --factor 2")
@click.argument("source", metavar="VIDEO", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The film to write."
)
@click.option("--factor", type=int, help="How many times as many pictures: 2, 4 or 8.")
@click.option("--fps", type=float, help="Or how many pictures a second, any number.")
@click.option(
    "--input-fps", type=float, metavar="FPS",
    help="How many a second a folder of pictures has: 12 by default.",
)  # fmt: skip
@click.option(
    "--model", default="flow", show_default=True, metavar="NAME",
    help="flow (needs no weights), rife (whose weights lie in the folder rife of "
    "models_parent_dir), or the path of RIFE's weights.",
)  # fmt: skip
@click.option(
    "--models", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Where weights lie (models_parent_dir).",
)  # fmt: skip
@click.option("--device", help="Where RIFE works: cpu, cuda, cuda:1 or mps; else the best there.")
@sharing
@click.option("--overwrite", is_flag=True, help="Replace the film if it is there.")
def interpolate(
    source: Path,
    output: Path,
    factor: int | None,
    fps: float | None,
    input_fps: float | None,
    model: str,
    models: Path | None,
    device: str | None,
    overwrite: bool,
    workers: int | None,
    threads: int | None,
    on: str | None,
) -> None:
    """Give a film more pictures a second, made of those that it has.

    VIDEO is a film, the folder of a run, or a folder of pictures. Between two pictures, things are
    shown on their way from one to the other; across a cut nothing is mixed. The film lasts as long
    as before and keeps its sound; its own pictures stay as they are. The ending of the output says
    what is written, as in mutoscope film.

    Ctrl-C keeps what is done: the same command goes on, with or without --workers or --on, which
    change nothing in the film.
    """
    from mutoscope.cli.train import pick_device
    from mutoscope.finish import interpolate as finish
    from mutoscope.frames import as_rate
    from mutoscope.run.material import material_of

    material = material_of(source)
    pace = finish.pace_of(
        material,
        factor=factor,
        fps=None if fps is None else as_rate(fps, "--fps"),
        own=None if input_fps is None else as_rate(input_fps, "--input-fps"),
    )
    where = None if model == "flow" and device is None else pick_device(device)
    between, key = finish.load_between(model, models_parent_dir=models, device=where)
    with engaged(on, workers, threads) as crew, counting("interpolating") as counted:
        hands = None
        if crew is not None:
            from mutoscope.crew.segments import interpolated_segments

            hands = interpolated_segments(
                crew, material, pace, model=model, models=models, device=device
            )
        finish.interpolate(
            material, output, between, pace,
            key=key, overwrite=overwrite, progress=counted, hands=hands,
        )  # fmt: skip
    click.echo(output)
