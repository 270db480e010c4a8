"""What the pages, the notebook and the help show: their code, and the commands in it."""

import functools
import json
import re
import shlex
from pathlib import Path

import click
from markdown_it import MarkdownIt

from mutoscope.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HELP = "--help"  # stands for a page: what stands below the help of each command
PROGRAMS = {"mutoscope", "make", "pip", "python", "python3", "ssh"}
SYNOPSIS = re.compile(r"<|\.\.\.|^python .*\b[A-Z]+$|^python -m pytti")  # of what is not ours
# What is put in the place of a word that stands for others, by the command or the option before it.
PLACES = {
    "FILE": {"": "film.yaml", "-o": "file.png", "film": "joined.mp4"},
    "FILM": {"": "clip.mp4", "-o": "film.mp4"},
    "RUN": {"": "images_out/film/film", "-o": "my-lines", "walk": "my-lines", "atlas": "my-lines",
            "project": "my-lines"},
    "OUT": {"": "out", "interpolate": "out.mp4"}, "IN": {"": "pictures"}, "N": {"": "2"},
    "PICTURE": {"": "fox.png", "project": "bird.png"}, "KEY": {"": "zoom_x_2d"},
    "FOLDER": {"": "pages", "resume": "images_out/ns/ns", "train-vqgan": "pictures"},
    "SOURCE": {"": "pictures"}, "NAME": {"": "ViT-B/32"},
    "key=a,b": {"": "seed=1,2"},
    "RUN1": {"": "images_out/film/film"}, "RUN2": {"": "images_out/dawn/dawn"},
}  # fmt: skip
MARKDOWN = MarkdownIt("commonmark").enable("table")


def text_of(path):
    """A page; of a notebook, the text between its cells of code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@functools.cache
def tokens_of(path):
    """What a page is made of; it is asked for again and again."""
    return MARKDOWN.parse(text_of(path))


def blocks(path):
    """The code of a page: language, which is empty where none is said, and text."""
    for token in tokens_of(path):
        if token.type in ("fence", "code_block"):
            yield token.info, token.content


def inline(path):
    """What stands between backticks in the text of a page."""
    for token in tokens_of(path):
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content.removeprefix("!")


def program(words):
    """The name of what is called, wherever it lies."""
    return words[0].rpartition("/")[2] if words else ""


def commands_in(text):
    """The words of each command in a block: lines joined, comments gone, ``&&`` and pipes split."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, "&&"]:
            if word in ("&&", "|"):
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def real(words):
    """A command with words of its own where the page has some that stand for others."""
    found = []
    if words[-1] == "…":  # and more like that
        words = words[:-1]
    for before, word in zip(["", *words], words, strict=False):
        places = PLACES.get(word.removesuffix("…") or word, {})
        fitting = [places[key] for key in (*words[1:2], before) if key and key in places]
        found.append([*fitting, places.get("", word)][0])
    return tuple(found)


def cells(path):
    """The commands in the code of a notebook, as ``!mutoscope`` and ``%pip``."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            for line in "".join(cell["source"]).splitlines():
                if match := re.match(r"\s*[!%](.*)", line):
                    yield from commands_in(match[1])


def of_page(path):
    """The commands of a page in their order, and whether each is one of the text's own words."""
    for token in tokens_of(path):
        if token.type in ("fence", "code_block"):
            first = program(token.content.split())
            if token.info == "sh" or (token.info == "" and first in PROGRAMS):
                for words in commands_in(token.content):
                    yield real(words), False
        for child in token.children or ():
            text = child.content.removeprefix("!")
            if (
                child.type == "code_inline"
                and re.match(r"(mutoscope|make|pip|python) ", text)
                and not SYNOPSIS.search(text)
            ):
                for words in commands_in(re.sub(r" \[.*?\]", "", text)):
                    yield real(words), True


def epilogs(command, context):
    """What stands below the help of a command and of those in it."""
    if command.epilog:
        yield command.epilog
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            yield from epilogs(inner, click.Context(inner, parent=context))


def examples():
    """The commands of the help."""
    for text in epilogs(cli, click.Context(cli)):
        (words,) = commands_in(text.removeprefix("Example:"))
        yield tuple(words)


def shown():
    """All commands: the page, the words, and whether they stand in the middle of a sentence."""
    for path in [*PAGES, *NOTEBOOKS]:
        for words, named in dict.fromkeys(of_page(path)):
            yield path.name, words, named
    for path in NOTEBOOKS:
        for words in cells(path):
            yield path.name, tuple(words), False
    for words in dict.fromkeys(examples()):
        yield HELP, words, False
