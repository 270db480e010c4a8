"""The commands about drawings, from scans to tiles; each is imported when it is called."""

import click

from mutoscope.cli.tables import Commands

# Each command's name, its home, and the one line that the overview shows for it.
PARTS = {
    "sample": ("mutoscope.cli.drawings_scans", "Draw pages of ink line-work to try things with."),
    "check": ("mutoscope.cli.drawings_scans", "Look at scans: size, dpi, mode and margins."),
    "prepare": ("mutoscope.cli.drawings_scans", "Straighten, even out and crop scans and photos."),
    "grid": ("mutoscope.cli.drawings_tiles", "Draw the grid that tiles are cut from."),
    "tiles": ("mutoscope.cli.drawings_tiles", "Write tiles as files or shards, or read shards."),
    "specimens": ("mutoscope.cli.drawings_tiles", "Find single motifs on pages."),
    "pick": ("mutoscope.cli.drawings_pick", "Pick single motifs by hand, in the browser."),
}


@click.group(
    cls=Commands,
    table=PARTS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  mutoscope drawings sample pages --pages 4",
)
def drawings() -> None:
    """Scans of drawings: sample pages, what is there, made ready, cut into tiles."""
