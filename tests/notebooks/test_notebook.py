"""The notebook is clean, uses what is public, and runs in a kernel at toy size."""

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PATH = Path(__file__).parents[2] / "notebooks/mutoscope.ipynb"
TOY = """
def _smaller():
    small = {"perceptors": "tiny", "width": 32, "height": 32, "cutouts": 2}
    image, load = mutoscope.image, mutoscope.load_settings
    brief = {"pre_animation_steps": 2, "steps_per_frame": 2, "steps_per_scene": 8,
             "save_every": 2, "interpolation_steps": 2, "display_every": 2}
    mutoscope.image = lambda prompt, **more: image(prompt, **more, **small, steps_per_scene=2)
    mutoscope.load_settings = lambda film: load({**film, **small, **brief})

_smaller()
"""


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(PATH, as_version=4)


def code(notebook):
    """The Python of its cells, without the lines that are for IPython."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return [re.sub(r"^( *)[%!].*$", r"\1pass", source, flags=re.MULTILINE) for source in cells]


def test_it_is_valid_and_clean(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    text = PATH.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"


def test_the_steps_come_in_the_order_that_is_known(notebook):
    heads = re.findall(r"^## \d\. (\w+)$", "\n".join(c.source for c in notebook.cells), re.M)
    assert heads == ["Install", "Prompts", "Settings", "Run", "Film"]


def test_it_installs_only_where_it_has_to(notebook):
    source = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    (tried,) = (node for node in ast.parse(code(notebook)[0]).body if isinstance(node, ast.Try))
    assert ast.unparse(tried.body[0]) == "import mutoscope"
    assert ast.unparse(tried.handlers[0].type) == "ImportError"
    assert "%pip install" in source.partition("except ImportError")[2]


def test_it_uses_only_public_names(notebook):
    used = set()
    for node in ast.walk(ast.parse("\n".join(code(notebook)))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("mutoscope"):
            used |= {(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "mutoscope":
            used.add(("mutoscope", node.attr))
    assert len(used) > 4
    for module, name in used - {("mutoscope", "__version__")}:
        home = import_module(module)
        assert not name.startswith("_")
        assert hasattr(home, name)
        assert name in getattr(home, "__all__", [name])
        assert not any(part.startswith("_") for part in module.split("."))


@pytest.mark.slow
def test_it_runs_in_a_kernel(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    small = nbformat.from_dict(notebook)
    small.cells.insert(3, nbformat.v4.new_code_cell(TOY))
    assert "import mutoscope" in small.cells[2].source
    resources = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(small, timeout=250, kernel_name="python3", resources=resources)
    client.execute()
    by_id = {cell.id: cell for cell in small.cells}

    assert "image/png" in by_id["prompts"].outputs[0].data
    run = tmp_path / "images_out/ship/ship"
    frames = sorted((run / "frames").iterdir())
    assert len(frames) == 8
    picture, line = (output.data for output in by_id["run"].outputs)
    assert "image/png" in picture
    assert "16 of 16 steps" in line["text/plain"] or "16 steps, done" in line["text/plain"]
    assert "is complete" in by_id["resume"].outputs[-1].data["text/plain"]
    assert "video/mp4" in by_id["film"].outputs[0].data["text/html"]
    assert (run / "ship.mp4").stat().st_size > 0
