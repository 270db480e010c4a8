"""Every command that a page shows is one: its program, options and settings are known."""

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import click
import pytest

from mutoscope.cli import cli
from mutoscope.errors import MutoscopeError
from mutoscope.settings import load_settings
from mutoscope.sweep.jobs import sweep_of
from mutoscope.train_gan.recipe import parse_overrides

LANGUAGES = {"sh", "python", "yaml", "toml", "text", "scene", "scene refused", "direct", "story"}
LAUNCHERS = {"accelerate", "torchrun"}
READERS = {"jq"}  # other programs that what is printed may be piped into

SPEC = importlib.util.spec_from_file_location("shown", Path(__file__).with_name("shown.py"))
shown = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(shown)
ROOT, PAGES = shown.ROOT, shown.PAGES
blocks, commands_in, program = shown.blocks, shown.commands_in, shown.program

COMMANDS = {(page, words): inside for page, words, inside in shown.shown()}


def test_there_are_commands_on_most_pages():
    pages = [page for page, _ in COMMANDS]
    assert len(COMMANDS) > 250
    assert {"README.md", "quickstart.md", "scans.md", "walks.md", "takes.md"} <= set(pages)
    assert {path.name for path in shown.NOTEBOOKS} <= set(pages)
    assert pages.count(shown.HELP) > 25


@pytest.mark.parametrize("path", PAGES[2:], ids=lambda path: path.name)
def test_each_block_says_its_language(path):
    assert [info for info, _ in blocks(path) if info not in LANGUAGES] == []


@pytest.mark.parametrize(
    ("page", "words"), COMMANDS, ids=[f"{page}: {' '.join(words)[:60]}" for page, words in COMMANDS]
)
def test_a_command_is_understood(page, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        understand(list(words), monkeypatch)
    except (click.MissingParameter, click.BadOptionUsage):
        # A command that is only named, in the middle of a sentence.
        assert COMMANDS[page, words]


@pytest.mark.parametrize("words", [
    "mutoscope imagine fox", "mutoscope image fox --sise 3", "mutoscope image fox widht=3",
    "mutoscope image fox width=wide", "mutoscope film a.mp4", "mutoscope walk gan --fps quick",
    "mutoscope train pages imags=3", "mutoscope image --explore '{a,b' 'widht={1,2}'",
    "mutoscope drawings drew pages", "mutoscope drawings tiles pages --size large",
    "make cake", "pip install 'mutoscope[magic]'", "python benchmarks/none.py",
    "python benchmarks/walk.py --quick", "curl x", "ssh host ls",
    "accelerate launch train.py", "accelerate env -m mutoscope train pages",
])  # fmt: skip
def test_what_is_no_command_is_noticed(words, monkeypatch):
    """So that a mistake on a page can't pass."""
    (command,) = commands_in(words)
    with pytest.raises((AssertionError, click.ClickException, MutoscopeError)):
        understand(command, monkeypatch)


def understand(words, monkeypatch):
    """Refuse a command with anything unknown in it; nothing is run."""
    if ">" in words:
        assert len(words) == words.index(">") + 2
        words = words[: words.index(">")]
    name, rest = program(words), words[1:]
    if name == "ssh":
        assert "mutoscope" in rest, f"{words}: runs nothing of ours"
        name, rest = "mutoscope", rest[rest.index("mutoscope") + 1 :]
    if name in LAUNCHERS:
        assert name != "accelerate" or rest[0] == "launch", f"{words}: launches nothing"
        assert "-m mutoscope" in " ".join(rest), f"{words}: runs nothing of ours"
        name, rest = "mutoscope", rest[rest.index("mutoscope") + 1 :]
    if name == "mutoscope" and rest[0] != "--help":
        understand_ours(rest, monkeypatch)
    elif name == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
        assert {word for word in rest if "=" not in word} <= set(targets)
    elif name == "pip":
        understand_pip([word for word in rest if word not in ("--quiet", "-q")])
    elif name in ("python", "python3"):
        understand_python(rest)
    else:
        assert name in READERS or rest == ["--help"], f"{words}: no known program"


def understand_ours(words, monkeypatch):
    """Parse the words as the command line does, and every KEY=VALUE as the settings do."""
    monkeypatch.setattr(click.Path, "convert", lambda _self, value, *_: Path(value))
    command, context, names = cli, cli.make_context("mutoscope", list(words)), []
    while isinstance(command, click.Group):
        left = [*context._protected_args, *context.args]
        if not left and command.invoke_without_command:
            break
        name, command, rest = command.resolve_command(context, left)
        names.append(name)
        context = command.make_context(name, rest, parent=context)
    given = context.params.get("overrides", ())
    if names == ["train"]:
        parse_overrides(given)
    elif names == ["image"]:
        asked = context.params
        try:
            sweep_of(asked["prompt"], given, count=asked["count"], explored=asked["explore"])
        except MutoscopeError as error:
            if not re.search("my-(vqgan|lines)", str(error)):  # trained by the page's first lines
                raise
    else:
        for word in given:  # of a sweep the first of a key's values
            understand_setting(word.partition(",")[0] if names == ["sweep"] else word)


def understand_setting(word):
    """Refuse an unknown key, or a value that it can't have; what else it needs the file may say."""
    key, equals, _ = word.partition("=")
    assert equals, f"{word}: a word too much"
    if key.startswith("curves."):
        return
    try:
        load_settings({"scenes": "a fox"}, [word])
    except MutoscopeError as error:
        if not re.search(r"unknown name|input_audio", str(error)):
            raise


def understand_pip(words):
    """Every package or extra is one of ours, or one that the Makefile installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert words[0] == "install"
    files = ("-c", "-r")
    for option, value in zip(words, [*words[1:], ""], strict=True):
        if option in files:
            assert (ROOT / value).is_file()
    valued = (*files, "--only-binary", "--python-version", "--target")
    named = [w for w, before in zip(words[1:], words, strict=False) if before not in valued]
    for word in named:
        if match := re.fullmatch(r"(?:mutoscope|\.)(?:\[([\w,-]+)\])?", word):
            extras = set((match[1] or "").split(",")) - {""}
            assert extras <= set(project["optional-dependencies"])
        else:
            assert word.startswith("-") or word in makefile, f"{word}: a package of whom?"


def understand_python(words):
    """A script that is there, with options that it has; or the making of a virtual environment."""
    if words == ["-m", "venv", ".venv"]:
        return
    script = ROOT / words[0]
    assert script.is_file()
    known = {
        node.value
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {word for word in words if word.startswith("--")} <= known
