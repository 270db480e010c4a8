"""Groups of commands that are imported when they are called."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from mutoscope.errors import MutoscopeError

Table = Mapping[str, tuple[str, str]]
"""Each command's name, its home, and the one line that the overview shows for it."""


class Commands(click.Group):
    """The commands of a table; nothing of them is imported for an overview."""

    def __init__(self, *arguments: Any, table: Table, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All names, in the order of the table."""
        return list(self.table)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        """Import one command, or None if there is none of that name."""
        if cmd_name not in self.table:
            return None
        home, _ = self.table[cmd_name]
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
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or refuse an unknown one with the nearest known."""
        from mutoscope.errors import nearest

        if args and args[0] not in self.table and not args[0].startswith("-"):
            inside = "" if ctx.parent is None else f"{self.name} "
            raise MutoscopeError(
                f"no command {inside}{args[0]!r}; there are: {', '.join(self.table)}"
                f"{nearest(args[0], self.table)}"
            )
        return super().resolve_command(ctx, args)
