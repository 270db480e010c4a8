"""The command line: arguments in, exit code out.

Every command imports what it needs when it runs, so that ``--help`` answers at once.
"""

import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from mutoscope.cli.tables import Commands
from mutoscope.errors import MutoscopeError, is_out_of_memory
from mutoscope.process import prepare

_NO_ROOM = "failed to map segment"  # what the loader of libraries says where there is no memory

# Each command's name, its home, and the one line that the overview shows for it.
COMMANDS = {
    "image": ("mutoscope.cli.make", "Make a picture from words."),
    "render": ("mutoscope.cli.make", "Make the picture or film that a settings file describes."),
    "sweep": ("mutoscope.cli.sweep", "Try values of settings against each other."),
    "video": ("mutoscope.cli.restyle", "Make a film that zooms from prompt to prompt."),
    "restyle": ("mutoscope.cli.restyle", "Paint a film anew by a prompt, with its sound."),
    "resume": ("mutoscope.cli.make", "Go on with a run that was stopped."),
    "demo": ("mutoscope.cli.make", "Make a first picture and a short film."),
    "plan": ("mutoscope.cli.make", "Say what a settings file will cost, and stop."),
    "preview": (
        "mutoscope.cli.preview",
        "Show a film's motion, masks and sound, unpainted.",
    ),
    "train": ("mutoscope.cli.train_gan", "Train a generator on your own drawings."),
    "train-vqgan": ("mutoscope.cli.train", "Train a small VQGAN on your own pictures."),
    "walk": ("mutoscope.cli.walk", "Film a walk through what a trained generator draws."),
    "atlas": ("mutoscope.cli.atlas", "Map what a trained generator draws, and its drawings."),
    "drawings": ("mutoscope.cli.drawings", "Look at scans of drawings, or draw sample pages."),
    "project": ("mutoscope.cli.project", "Find what a generator draws like a picture."),
    "film": ("mutoscope.cli.finished", "Join runs, pictures and films to one film."),
    "smooth": ("mutoscope.cli.finish_smooth", "Calm the flicker of a film along its motion."),
    "interpolate": (
        "mutoscope.cli.finish_interpolate",
        "Give a film more pictures a second.",
    ),
    "upscale": ("mutoscope.cli.finish_upscale", "Make a picture, a folder or a film larger."),
    "process": ("mutoscope.cli.finish_process", "Invert, threshold and colour line drawings."),
    "quality": ("mutoscope.cli.quality", "Measure what came out, and name the worst frames."),
    "show": ("mutoscope.cli.finished", "Print a picture's recipe and the command that makes it."),
    "studio": ("mutoscope.cli.studio", "Open the studio: all of this, in the browser."),
    "settings": ("mutoscope.cli.reference", "Print the reference of all settings, or of one."),
    "models": ("mutoscope.cli.reference", "List the networks there are, and fetch them."),
    "doctor": ("mutoscope.cli.reference", "Look at this machine: what works, what is missing."),
}


@click.group(
    cls=Commands,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Example:  mutoscope image "a red fox in the snow"',
)
@click.option("-v", "--verbose", is_flag=True, help="Say more of what is being done.")
@click.version_option(package_name="mutoscope", message="mutoscope %(version)s")
def cli(verbose: bool) -> None:
    """Pictures and films from words, videos, sound and your own drawings."""
    log = logging.getLogger("mutoscope")
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    if not any(isinstance(handler, Notices) for handler in log.handlers):
        log.addHandler(Notices())


class Notices(logging.Handler):
    """Prints notices on stderr, each in one line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        tell(" ".join(record.getMessage().split()))


def tell(text: str) -> None:
    """Print a line on stderr, wherever that leads now: above the live display while it runs.

    (click's echo would find the terminal behind what the display puts in its place.)
    """
    print(text, file=sys.stderr)


def run(arguments: Sequence[str]) -> int:
    """Run the command line on ``arguments`` and return the exit code.

    0 is done, 2 is an error that the user can mend (one line on stderr), 130 is Ctrl-C.
    """
    prepare()
    _take_all_letters()
    try:
        # Without arguments the overview is wanted, and wanting it is no mistake.
        result: Any = cli.main(
            list(arguments) or ["--help"], prog_name="mutoscope", standalone_mode=False
        )
    except MutoscopeError as error:
        return complain(str(error))
    except click.exceptions.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        place = f"; see {context.command_path} --help" if context else ""
        return complain(error.format_message().rstrip(".") + place)
    except ImportError as error:
        if _NO_ROOM not in str(error):
            raise
        return complain(
            "there is not enough memory to load the program; where it is limited (ulimit -v, a "
            "container) allow 3 GB, and end what else takes much"
        )
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return complain(
            "there is not enough memory for this; make width and height smaller, take fewer "
            "cutouts, or split them by gradient_accumulation_steps; in training make --size or "
            "--batch smaller"
        )
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of a pipe has gone: that is fine
        return 0
    return result if isinstance(result, int) else 0


def _take_all_letters() -> None:
    """Let what the terminal has no letters for be told by numbers, and not end the program.

    A pipe on Windows takes some 250 letters, and names of files need not be text at all.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def complain(message: str) -> int:
    """Print an error in one line and return its exit code."""
    click.echo(f"mutoscope: {' '.join(message.split())}", err=True)
    return 2
