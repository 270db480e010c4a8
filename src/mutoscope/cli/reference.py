"""The commands that tell: settings, models, and what this machine can do."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mutoscope.errors import WeightsError

if TYPE_CHECKING:
    from mutoscope.cli.display import FetchDisplay
    from mutoscope.names import ModelName
    from mutoscope.vqgan_names import VqganName


@click.command(epilog="Example:  mutoscope settings cut_pow")
@click.argument("key", required=False)
@click.option("--markdown", is_flag=True, help="The whole reference as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="The whole schema as JSON.")
def settings(key: str | None, markdown: bool, as_json: bool) -> None:
    """Print the reference of all settings, or of the one called KEY."""
    from mutoscope import settings as schema

    if as_json:
        click.echo(json.dumps(schema.json_schema(), indent=2))
    elif key is not None:
        click.echo(schema.describe(key))
    elif markdown:
        click.echo(schema.reference(), nl=False)
    else:
        click.echo(schema.overview(), nl=False)


@click.group(invoke_without_command=True, epilog="Example:  mutoscope models fetch ViT-B/32")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where weights lie (models_parent_dir)."
)
@click.pass_context
def models(context: click.Context, folder: Path | None) -> None:
    """List the networks there are: embedded, on this machine, or obtainable."""
    from mutoscope.sources import models_folder

    context.obj = models_folder(folder)
    if context.invoked_subcommand is None:
        list_models(context.obj)


def list_models(folder: Path) -> None:
    """Print one line for each network."""
    from mutoscope.networks import networks
    from mutoscope.plan import amount

    rows = networks(folder)
    width = max(len(row.name) for row in rows)
    for row in rows:
        size = amount(row.size) if row.size else ""
        click.echo(f"{row.name:{width}}  {row.state:10}  {size:>7}  {row.note}")
    click.echo(f"\nfolder: {folder}\nget one with: mutoscope models fetch NAME")


@models.command(epilog="Example:  mutoscope models fetch imagenet")
@click.argument("name")
@click.pass_obj
def fetch(folder: Path, name: str) -> None:
    """Get the weights of the network called NAME, going on where an earlier try ended.

    Of a VQGAN it is the .yaml and the .ckpt. Files that are here already are compared with the
    digests that were written down when they were fetched.
    """
    from mutoscope.depth import VARIANTS
    from mutoscope.vqgan_names import VqganName

    if name in VARIANTS:
        _fetch_depth(name, folder)
        return
    if name in ("relief", "flat", "dis"):
        click.echo(f"{name} needs no weights: there is nothing to fetch")
        return
    if name == "raft":
        raise WeightsError(
            "raft: its weights come from torchvision's makers; flow_model=raft says from which "
            "address and where to put them"
        )
    asked = _understood(name)
    if asked.path is not None:
        click.echo(f"{_existing(name, asked.path)} is a local path: there is nothing to fetch")
    elif isinstance(asked, VqganName):
        _fetch_vqgan(asked, folder)
    elif asked.kind in ("labels", "tiny"):
        click.echo(f"{name} is embedded: there is nothing to fetch")
    else:
        from mutoscope.weights import fetch as fetch_weights
        from mutoscope.weights import locate

        there = locate(asked, folder)
        if there is not None:
            _compare(asked.text, there)
        with _shown(asked.text) as progress:
            path = fetch_weights(asked, folder, progress=progress)
        click.echo(path)


def _understood(name: str) -> ModelName | VqganName:
    """What NAME means: a published VQGAN, else a perceptor, else a path.

    No name is in both tables (a test holds that), so the order only matters for paths.
    """
    from mutoscope.depth import VARIANTS
    from mutoscope.errors import nearest
    from mutoscope.names import DEFAULT, PLAIN, names, resolve
    from mutoscope.vqgan_names import resolve_vqgan, vqgan_names

    try:
        vqgan = resolve_vqgan(name)
        if vqgan.known is not None:
            return vqgan
    except WeightsError:
        vqgan = None
    try:
        found = resolve(name)
    except WeightsError as error:
        if vqgan is not None:
            return vqgan
        known = [*PLAIN, *names(), *(each.partition("::")[0] for each in names())]
        known += [*vqgan_names(), *VARIANTS]
        raise WeightsError(
            f"no network is called {name!r}{nearest(name, known)}; mutoscope models lists them"
        ) from error
    if found.kind == "auto":
        raise WeightsError(f"auto is a choice, not a network; to get CLIP, fetch {DEFAULT}")
    return found


def _existing(name: str, path: Path) -> str:
    """The name of something that is there."""
    if not path.exists():
        raise WeightsError(
            f"{name}: no such file or folder, and no network of that name; mutoscope models lists "
            "those that can be fetched"
        )
    return name


def _fetch_depth(name: str, folder: Path) -> None:
    from mutoscope.depth import fetch_depth, locate_depth

    path = locate_depth(name, folder)
    if path is None:
        with _shown(name) as progress:
            path = fetch_depth(name, folder, progress=progress)
    else:
        _compare(name, path)
    click.echo(path)


def _fetch_vqgan(asked: VqganName, folder: Path) -> None:
    from mutoscope.weights import fetch_pair, locate_pair

    pair = locate_pair(asked, folder)
    if pair is None:
        with _shown(asked.text) as progress:
            pair = fetch_pair(asked, folder, progress=progress)
    else:
        _compare(asked.text, pair.config, pair.checkpoint)
    click.echo(f"{pair.config}\n{pair.checkpoint}")


def _compare(name: str, *files: Path) -> None:
    """Compare what is here with the digests that were written down when it was fetched."""
    from mutoscope.weights import unchanged

    if unchanged(files):
        logging.getLogger("mutoscope").info("%s is here, and as it was fetched", name)


@contextlib.contextmanager
def _shown(name: str) -> Iterator[FetchDisplay]:
    """A download's progress, which leaves the terminal as it was even where it breaks off."""
    from mutoscope.cli.display import FetchDisplay

    display = FetchDisplay(name)
    try:
        yield display
    finally:
        if display.progress is not None:
            display.progress.stop()


@click.command(epilog="Example:  mutoscope doctor")
def doctor() -> int:
    """Look at this machine: device, memory, codecs, networks; what is missing and how to get it.

    Exits with 2 if something that every picture needs is missing.
    """
    from mutoscope.doctor import examine

    findings = examine()
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = {"ok": "ok     ", "missing": "MISSING", "optional": "-      "}[finding.state]
        click.echo(f"{mark}  {finding.name:{width}}  {finding.found}")
        if finding.advice:
            click.echo(f"{'':9}{'':{width}}  → {finding.advice}")
    return 2 if any(finding.state == "missing" for finding in findings) else 0
