"""The commands about drawings, from scans to tiles; each is imported when it is called."""

from importlib import import_module

import click

from mutoscope.errors import MutoscopeError, nearest

# Each command's name, its home, and the one line that the overview shows for it.
PARTS = {
    "sample": ("mutoscope.cli.drawings_scans", "Draw pages of ink line-work to try things with."),
    "check": ("mutoscope.cli.drawings_scans", "Look at scans: size, dpi, mode and margins."),
    "prepare": ("mutoscope.cli.drawings_scans", "Straighten, even out and crop scans and photos."),
    "grid": ("mutoscope.cli.drawings_tiles", "Draw the grid that tiles are cut from."),
    "tiles": ("mutoscope.cli.drawings_tiles", "Write tiles as files or shards, or read shards."),
    "specimens": ("mutoscope.cli.drawings_tiles", "Find single motifs on pages."),
}


class Parts(click.Group):
    """The group of the commands in the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names, in the order of the table."""
        return list(PARTS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        """Import one command, or None if there is none of that name."""
        if cmd_name not in PARTS:
            return None
        home, _ = PARTS[cmd_name]
        command = getattr(import_module(home), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)  # noqa: S101 - the table is ours
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """The overview, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in PARTS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or refuse an unknown one with the nearest known."""
        if args and args[0] not in PARTS and not args[0].startswith("-"):
            raise MutoscopeError(
                f"no command drawings {args[0]!r}; there are: {', '.join(PARTS)}"
                f"{nearest(args[0], PARTS)}"
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=Parts,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  mutoscope drawings sample pages --pages 4",
)
def drawings() -> None:
    """Scans of drawings: sample pages, what is there, made ready, cut into tiles."""
