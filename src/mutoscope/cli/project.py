"""The command that finds a picture in a generator's latent space."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="Example:  mutoscope project bird.png my-drawings-gan -o likeness.png")
@click.argument("picture", type=click.Path(path_type=Path))
@click.argument("gan", metavar="GAN", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The likeness to write."
)
@click.option(
    "--keys", type=click.Path(path_type=Path), metavar="JSON",
    help="Write its style here, for mutoscope walk --keys-from.",
)  # fmt: skip
@click.option(
    "--steps", type=click.IntRange(1, 100_000), default=400, show_default=True,
    help="Of the search.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def project(
    picture: Path, gan: Path, output: Path, keys: Path | None, steps: int, overwrite: bool
) -> None:
    """Find the latent of a picture: what a generator draws that is most like it.

    GAN is the folder of a training, or the file of a generator. The likeness is drawn with a style
    for each layer; the style that --keys writes is one for all, as walks go through: its own
    likeness is a little less.
    """
    import json
    import math

    from mutoscope.atomic import write_text
    from mutoscope.errors import MediaError
    from mutoscope.gan.files import generator_file, read_generator
    from mutoscope.gan.search import Space, draw, nearest_sample, search
    from mutoscope.images import load_image, resize, save_image
    from mutoscope.sources import refuse_taken

    refuse_taken(output, overwrite=overwrite)
    if keys is not None and keys.exists() and not overwrite:
        raise MediaError(f"{keys}: is there already; choose another name, or add --overwrite")
    model = read_generator(generator_file(gan)).eval().requires_grad_(False)
    side = model.shape.size
    wanted = resize(load_image(picture), (side, side))
    space = Space.of(model)
    start = nearest_sample(model, space, wanted)
    one, _ = search(model, space, wanted, start, steps=steps)
    many, _ = search(model, space, wanted, one.repeat(1, model.layers, 1), steps=steps)
    for away, what in ((one, "one style"), (many, "a style for each layer")):
        error = (draw(model, space, away).clamp(0, 1) - wanted).square().mean().item()
        click.echo(f"{what}: {-10 * math.log10(max(error, 1e-12)):.1f} dB", err=True)
    save_image(draw(model, space, many).detach().clamp(0, 1), output)
    click.echo(output)
    if keys is not None:
        write_text(keys, json.dumps({"w": space.styles(one)[0].tolist()}) + "\n")
        click.echo(keys)
