"""What the pages show is so: scenes, expressions, settings files and Python."""

import ast
import functools
import re
from importlib import import_module
from pathlib import Path
from unittest.mock import Mock

import IPython.display
import pytest
import yaml
from markdown_it import MarkdownIt

import mutoscope
from mutoscope import notebook
from mutoscope.curves import parse_curve
from mutoscope.errors import ScriptError
from mutoscope.expressions.functions import FUNCTIONS
from mutoscope.script import parse_direct_prompts, parse_scenes, parse_story
from mutoscope.settings import load_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SCENES = ROOT / "docs/scenes.md"
MARKDOWN = MarkdownIt("commonmark").enable("table")


@functools.cache
def tokens_of(path):
    """What a page is made of; it is asked for again and again."""
    return MARKDOWN.parse(path.read_text(encoding="utf-8"))


def blocks(path, *languages):
    """The code of a page in one of some languages."""
    return [t.content for t in tokens_of(path) if t.type == "fence" and t.info in languages]


def lines(language):
    return [line for text in blocks(SCENES, language) for line in text.splitlines()]


def rows(path, *heads):
    """The rows of the tables of a page that begin with these heads, as plain text."""
    texts, row = [], None
    for token in tokens_of(path):
        if token.type == "tr_open":
            row = []
        elif token.type == "inline" and row is not None:
            row.append("".join(child.content for child in token.children))
        elif token.type == "tr_close":
            texts.append(row)
            row = None
    found, inside = [], False
    for cells in texts:
        if tuple(cells) == heads:
            inside = True
        elif inside and len(cells) == len(heads):
            found.append(cells)
        else:
            inside = False
    return found


PROMPTS = rows(SCENES, "written", "subject", "weight", "mask", "cutoff", "stop")


@pytest.mark.parametrize("row", PROMPTS, ids=lambda row: row[0])
def test_a_prompt_is_read_as_the_table_says(row):
    written, subject, weight, mask, cutoff, stop = row
    ((prompt,),) = (scene.prompts for scene in parse_scenes(written).scenes)
    place = prompt.mask
    file = f"[{'-' * place.inverted}{place.value}]" if place.kind in ("image", "video") else ""
    assert (f"[{prompt.text}]" if prompt.kind == "image" else prompt.text) == subject
    assert prompt.weight.text == weight
    assert (file or place.value) == mask
    assert (place.cutoff.text if place.cutoff else "") == cutoff
    assert prompt.stop.text == (stop or "-inf")


def test_the_tables_are_found():
    assert len(PROMPTS) >= 18
    assert len(rows(SCENES, "expression", "at t = 2")) >= 8


@pytest.mark.parametrize("row", rows(SCENES, "expression", "at t = 2"), ids=lambda row: row[0])
def test_an_expression_is_what_the_table_says(row):
    value = parse_curve(row[0], place="here")({"t": 2.0, "frame": 24.0, "step": 100.0})
    assert value == pytest.approx(float(row[1]))


def test_the_functions_that_are_named_are_there():
    text = SCENES.read_text(encoding="utf-8")
    named = re.search(r"besides (.*?);", text, re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", named)) <= set(FUNCTIONS)


@pytest.mark.parametrize("text", lines("scene"))
def test_scenes_are_read(text):
    script = parse_scenes(text)
    assert len(script.scenes) == text.count("||") + 1
    assert all(scene.prompts for scene in script.scenes)


@pytest.mark.parametrize("text", lines("scene refused"))
def test_what_is_said_to_be_refused_is(text):
    with pytest.raises(ScriptError, match="column"):
        parse_scenes(text)


def test_the_other_dialects_are_read():
    assert [len(parse_direct_prompts(text)) for text in lines("direct")] == [1, 2]
    fox, poster = (parse_story(text) for text in lines("story"))
    assert [len(group) for group in fox] == [2, 1]
    assert [prompt.text for prompt in poster[0]] == ["Star Wars: a poster", "film grain"]


# ── settings files ──

FILES = [(path.name, text) for path in PAGES for text in blocks(path, "yaml")]


@pytest.mark.parametrize(
    ("page", "text"), FILES, ids=[f"{p}-{n}" for n, (p, _) in enumerate(FILES)]
)
def test_a_settings_file_loads(page, text, tmp_path, draw, play):
    draw("astronaut.png")
    path = tmp_path / "film.yaml"
    written = yaml.safe_load(text)
    heard = "" if "input_audio" in written else "input_audio: song.wav\n"
    words = "" if "scenes" in written else "scenes: a fox\n"
    path.write_text(heard + words + text, encoding="utf-8")
    settings = load_settings(path)
    assert settings.script.scenes
    for key in written:
        assert hasattr(settings, key), f"{page}: {key}"


# ── Python ──

PYTHON = [(path.name, text) for path in PAGES for text in blocks(path, "python")]


@pytest.mark.parametrize(
    ("page", "text"), PYTHON, ids=[f"{p}-{n}" for n, (p, _) in enumerate(PYTHON)]
)
def test_python_compiles_and_finds_what_it_imports(page, text):
    tree = ast.parse(text, page)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            home = import_module(node.module)
            for alias in node.names:
                assert hasattr(home, alias.name) or import_module(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                import_module(alias.name)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "mutoscope":
            assert hasattr(mutoscope, node.attr)


def test_the_page_for_scripts_runs_at_toy_size(tmp_path, monkeypatch, single_thread, capsys):
    monkeypatch.chdir(tmp_path)
    toy = {"perceptors": "tiny", "width": 32, "height": 32, "cutouts": 2}
    brief = {"steps_per_scene": 6, "pre_animation_steps": 2, "steps_per_frame": 2, "save_every": 2}
    words = [f"{key}={value}" for key, value in {**toy, **brief}.items()]
    image, animate = mutoscope.image, mutoscope.animate
    render, sheet = mutoscope.render, mutoscope.contact_sheet

    def small_film(film, **more):
        return animate({**film, **toy, "steps_per_scene": 30, "display_every": 5}, **more)

    for name, smaller in {
        "image": lambda p, **kw: image(p, **{**kw, **toy, "steps_per_scene": 2}),
        "animate": small_film,
        "render": lambda *given: render(*given, *words),
        "contact_sheet": lambda p, **kw: sheet(p, **kw, **toy, steps_per_scene=2),
    }.items():
        monkeypatch.setattr(mutoscope, name, smaller, raising=False)
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "display", Mock())
    paint = notebook.paint
    monkeypatch.setattr(notebook, "paint", lambda *given: paint(*given, *words))
    film = blocks(ROOT / "docs/quickstart.md", "yaml")[0]
    Path("ship.yaml").write_text(film.replace("interpolation_steps: 50", ""), encoding="utf-8")

    names = {}
    for text in blocks(ROOT / "docs/python.md", "python"):
        exec(compile(text, "python.md", "exec"), names)  # noqa: S102 - our own page
    assert Path("fox.png").stat().st_size > 0
    assert names["frame"].image.shape == (1, 3, 32, 32)
    assert names["folder"].name == "ship-live"
    assert len(names["sheet"].pictures) == 4
    assert len(names["best"]) == 20
    assert "widht" in capsys.readouterr().out
