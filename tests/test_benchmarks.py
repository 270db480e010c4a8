"""The benchmarks still run, and say what the parts of the program promise."""

import importlib
import importlib.util
import json
import math
from pathlib import Path

import pytest
import torch

from mutoscope.perceptors.load import load_perceptor
from mutoscope.vqgan import load_vqgan

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
PERCEPTORS = ("toy ViT", "toy ResNet", "labels")


@pytest.fixture(autouse=True)
def reachable(monkeypatch):
    """The scripts find one another, as they do when they are called."""
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Paths of toy networks of random weights, by name."""
    checkpoints = loaded("checkpoints")
    folder = tmp_path_factory.mktemp("networks")
    paths = {name: str(checkpoints.write(folder, name)) for name in PERCEPTORS[:2]}
    return {**paths, "toy VQGAN": str(checkpoints.write_decoder(folder, "toy VQGAN"))}


@pytest.mark.parametrize("name", PERCEPTORS)
def test_the_notebook_sees_what_we_see(files, name, tmp_path):
    eye = importlib.import_module("stock").load_eye(files.get(name, name))
    ours = load_perceptor(files.get(name, name), models_parent_dir=tmp_path)
    batch = torch.rand(2, 3, eye.size, eye.size, generator=torch.Generator().manual_seed(0))
    seen = torch.nn.functional.normalize(eye(batch), dim=-1)
    torch.testing.assert_close(seen, ours.embed_image(batch), atol=1e-4, rtol=0)
    eye(batch).sum().backward()  # as where nobody froze it
    grads = [p.grad is not None for key, p in eye.named_parameters() if ".rest." not in key]
    assert grads
    assert all(grads)


def test_the_notebook_draws_what_we_draw(files):
    canvas = importlib.import_module("canvases").Vqgan(Path(files["toy VQGAN"]), 32)
    ours = load_vqgan(Path(files["toy VQGAN"]).with_suffix(".yaml"), Path(files["toy VQGAN"]))
    codes = ours.nearest(canvas.latent.detach().permute(0, 3, 1, 2))
    torch.testing.assert_close(canvas(), ours.decode(codes).clamp(0, 1), atol=1e-4, rtol=0)


@pytest.mark.usefixtures("single_thread")
@pytest.mark.parametrize("name", ["Unlimited Palette", "Limited Palette", "Fourier", "toy VQGAN"])
def test_the_notebook_descends(files, name):
    notebook = importlib.import_module("notebook")
    torch.manual_seed(0)
    canvas = notebook.load_canvas(files.get(name, name), 16)
    eye = notebook.load_eye(files["toy ViT"])
    with torch.no_grad():  # toward a picture that the canvas can nearly draw
        wish = eye(torch.full((1, 3, eye.size, eye.size), 0.9))
    adam = torch.optim.Adam(canvas.drawn(), lr=canvas.lr)
    losses = [notebook.descend(canvas, eye, wish, adam, 8) for _ in range(20)]
    first, last = (sum(told["prompt"] for told in part) for part in (losses[:5], losses[-5:]))
    assert last < 0.99 * first
    assert all(math.isfinite(value) for told in losses for value in told.values())


def test_the_notebooks_augmentations_are_what_they_say():
    notebook = importlib.import_module("notebook")
    batch = torch.rand(6, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(notebook.to_rgb(*notebook.to_hsv(batch)), batch, atol=1e-5, rtol=0)
    assert (notebook.colours(batch) - batch).abs().max() < 0.1
    black = (notebook.erased(batch + 0.01) == 0).float().mean(dim=(1, 2, 3))
    assert ((black > 0.05) & (black < 0.45)).all()
    even = torch.full((3, 3, 24, 24), 0.5)
    torch.testing.assert_close(notebook.affine(even), even)
    torch.testing.assert_close(notebook.perspective(even), even)
    sharp = notebook.cut(torch.rand(1, 3, 40, 30), 5, 16)
    assert sharp.shape == (5, 3, 16, 16)
    assert sharp.std() > 0.05


def report(folder, *arguments):
    given = ["--quick", "--in-process", "--page", str(folder / "page.md"), *arguments]
    return importlib.import_module("report").main(given)


def measured(folder, table):
    found = json.loads((folder / "page.json").read_text(encoding="utf-8"))["cpu"][table]
    return {name: case["figures"] for name, case in found.items()}


@pytest.mark.usefixtures("single_thread")
def test_cases_are_measured_and_told(tmp_path, capsys):
    chosen = ["--only", "steps", "Fourier", "toy VQGAN", "toy ViT", "2", "32²"]
    assert report(tmp_path, *chosen) == 0
    found = measured(tmp_path, "steps")
    assert list(found) == ["Fourier, toy ViT, 2, 32²", "toy VQGAN, toy ViT, 2, 32²"]
    for name, (ours, theirs) in found.items():
        assert ours["decodes_per_step"] == 1
        assert ours["weight_gradients"] == 0
        assert ours["perceptor_seconds"] > 0
        assert (ours["decoder_seconds"] > 0) is name.startswith("toy VQGAN")
        assert ours["outside"] < 1
        assert 0 < ours["loaded_bytes"] <= ours["peak_bytes"]
        assert theirs["frozen"]["seconds"] > 0
        assert theirs["open"]["peak_bytes"] >= theirs["frozen"]["peak_bytes"]
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert page.count("| toy ViT | 2 | 32² |") == 2
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.usefixtures("single_thread")
def test_what_was_interrupted_goes_on_and_one_table_can_be_measured_anew(tmp_path, monkeypatch):
    calls, broken = [], {"2"}
    crafts = importlib.import_module("crafts")

    def cheap(order, _folder):
        calls.append(order["size"])
        if broken:
            broken.clear()
            raise importlib.import_module("turns").Failed("a lamp has gone out")
        return {"forward, 40 px": 1, "relief": 2, "forward, 300 px": 3, "orbit": 4, "remap": 5}

    monkeypatch.setitem(crafts.CRAFTS, "moves", cheap)
    assert report(tmp_path, "--only", "moves") == 1
    assert measured(tmp_path, "moves") == {}
    assert report(tmp_path, "--only", "moves", "--resume") == 0
    assert report(tmp_path, "--only", "moves", "--resume") == 0
    assert len(calls) == 2
    before = measured(tmp_path, "moves")
    assert report(tmp_path, "--only", "upscaling") == 0
    assert measured(tmp_path, "moves") == before
    assert len(calls) == 2
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "## Upscaling" in page
    assert "## Moves in space" in page
    assert str(Path.home()) not in page


@pytest.mark.usefixtures("single_thread")
@pytest.mark.parametrize("table", ["walks", "tiles", "training", "between"])
def test_the_other_crafts_are_measured(tmp_path, table):
    assert report(tmp_path, "--only", table) == 0
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "nan" not in page.replace("nanosecond", "")
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.usefixtures("single_thread")
def test_films_are_measured_by_what_comes_between_frames(tmp_path):
    assert report(tmp_path, "--only", "films") == 0
    found = measured(tmp_path, "films")
    assert [name.split(",")[0] for name in found] == ["2D", "3D", "Video Source"]
    for (figures,) in found.values():
        assert figures["between"] > 0
        assert figures["share"] == pytest.approx(
            figures["between"] / (figures["between"] + 50 * figures["step"])
        )


@pytest.mark.slow
def test_processes_take_turns_and_say_why_they_failed(tmp_path):
    turns = importlib.import_module("turns")
    player = tmp_path / "player.py"
    player.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(BENCHMARKS)!r})\n"
        "import turns\n"
        "def contestant(order, turn):\n"
        "    for lap in range(order['laps']):\n"
        "        turn()\n"
        "        with open(order['book'], 'a') as book:\n"
        "            book.write(order['name'])\n"
        "    if order['laps'] == 0:\n"
        "        raise SystemExit('out of breath')\n"
        "    return {'name': order['name']}\n"
        "turns.play(contestant)\n",
        encoding="utf-8",
    )
    book = tmp_path / "book.txt"
    orders = [(str(player), {"laps": laps, "name": name, "book": str(book)})
              for name, laps in (("a", 3), ("b", 3), ("c", 1))]  # fmt: skip
    assert turns.side_by_side(orders) == [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    assert book.read_text(encoding="utf-8") == "abcabab"
    with pytest.raises(turns.Failed, match="out of breath"):
        turns.side_by_side([orders[0], (str(player), {"laps": 0, "name": "d", "book": str(book)})])


def test_what_is_not_there_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        report(tmp_path, "--only", "Oil on canvas")
    assert "'Oil on canvas' is none of " in capsys.readouterr().err
    with pytest.raises(SystemExit):
        importlib.import_module("report").main(["--quick"])
    assert "toy figures are not for the docs" in capsys.readouterr().err


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("single_thread")
@pytest.mark.long
def test_ways_for_frames_to_start_are_compared(small_vqgan, tmp_path, capsys):
    starts = loaded("starts")
    given = ["perceptors=tiny", "cutouts=2", "width=32", "height=32"]
    given += ["--models", "Unlimited Palette", "--vqgan", small_vqgan, "--cameras", "zoom"]
    given += ["--frames", "3", "--steps", "2", "--first", "2", "--rates", "1", "0.5"]
    starts.main([*map(str, given), "--json", str(tmp_path / "figures.json")])
    rows = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    told = {(row["model"], row["way"], row["rate"]): row for row in rows}
    assert len(told) == len(rows) == 2 * 3 + 2 * 4
    assert all(row["flicker"] > 0 and math.isfinite(row["prompt"]) for row in rows)
    pixels, vqgan = ({way: told[model, way, 1] for m, way, rate in told if (m, rate) == (model, 1)}
                     for model in ("Unlimited Palette", "VQGAN"))  # fmt: skip
    assert pixels["cleared"]["flicker"] > 1.2 * pixels["carried"]["flicker"]
    assert vqgan["cleared"]["prompt"] != vqgan["latent"]["prompt"]
    assert told["Unlimited Palette", "cleared", 0.5]["flicker"] < pixels["cleared"]["flicker"]
    assert len(capsys.readouterr().out.splitlines()) == 2 * len(rows) + 1


@pytest.mark.usefixtures("single_thread")
def test_moves_in_space_are_measured(tmp_path, capsys):
    loaded("space").main(["--size", "64", "--repeats", "1", "--json", str(tmp_path / "m.json")])
    measured = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert measured
    told = capsys.readouterr().out.splitlines()[1:]
    assert len(told) >= 5
    assert all(float(line.split()[-1]) > 0 for line in told)
