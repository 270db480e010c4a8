"""The commands that tell: settings, models, and what this machine can do."""

import json
from pathlib import Path

import click


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
    from mutoscope.plan import amount
    from mutoscope.weights import catalogue

    rows = catalogue(folder)
    width = max(len(row.name) for row in rows)
    for row in rows:
        size = amount(row.size) if row.size else ""
        click.echo(f"{row.name:{width}}  {row.state:10}  {size:>7}  {row.note}")
    click.echo(f"\nfolder: {folder}\nget one with: mutoscope models fetch NAME")


@models.command(epilog="Example:  mutoscope models fetch RN50")
@click.argument("name")
@click.pass_obj
def fetch(folder: Path, name: str) -> None:
    """Get the weights of the network called NAME, going on where an earlier try ended."""
    from mutoscope.cli.display import FetchDisplay
    from mutoscope.names import resolve
    from mutoscope.weights import fetch as fetch_weights

    if resolve(name).kind in ("labels", "tiny"):
        click.echo(f"{name} is embedded: there is nothing to fetch")
    else:
        click.echo(fetch_weights(name, folder, progress=FetchDisplay(name)))


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
