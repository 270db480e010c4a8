"""Sweeps, as a user types them; the crew works in this process, but for one test."""

import csv
import itertools
import shlex
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from mutoscope.cli import sweep as door
from mutoscope.crew.kinds import Bench, kind_called
from mutoscope.crew.task import News, Outcome
from mutoscope.errors import MutoscopeError
from mutoscope.images import load_image
from mutoscope.provenance import read_recipe

AXES = ["seed=range(2)", "cut_pow=1,2", 'scenes="a fox, red",a crow']
FOLDER = "images_out/toy"


class Alone:
    """A crew of this process."""

    begun = None

    def __init__(self, workers, threads):
        self.size = workers, threads

    def work(self, tasks, *, watch):
        for task in tasks:
            Alone.begun.append(task.name)
            bench = Bench(
                task.folder, task.order,
                tell=lambda done, total, losses, task=task: watch.news(
                    task, News(done, total, losses)
                ),
                stopped=watch.stopped,
            )  # fmt: skip
            error = None
            try:
                complete = True
                work = kind_called(task.kind)(bench)
                while True:
                    next(work)
            except StopIteration as ended:
                complete = ended.value
            except MutoscopeError as failed:
                error = str(failed)
            if watch.stopped() and not complete:
                return
            yield Outcome(task, error, 1, 0.5)


@pytest.fixture
def alone(monkeypatch):
    Alone.begun = []
    monkeypatch.setattr(door, "Processes", Alone)
    return Alone


@pytest.fixture
def toy(here, small):
    values = dict(one.split("=") for one in small)
    text = "".join(f"{key}: {value}\n" for key, value in values.items())
    path = here / "toy.yaml"
    path.write_text(f"{text}scenes: a fox\nanimation_mode: 'off'\nfile_namespace: toy\n")
    return path


def table(here, folder=FOLDER):
    with (here / folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


class Cells(HTMLParser):
    """What stands in a page: its links, pictures and headings."""

    def __init__(self, path):
        super().__init__()
        self.links, self.images, self.empty, self.heads, self.within = [], [], [], [], None
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.within = tag
        if tag == "a" and "data-named" in attrs:
            self.links.append(attrs)
        elif "data-named" in attrs:
            self.empty.append(attrs)
        if tag == "img":
            self.images.append(attrs)

    def handle_data(self, data):
        if self.within in ("th", "h2", "figcaption") and data.strip():
            self.heads.append(data)


@pytest.mark.usefixtures("alone")
def test_every_combination_has_its_run_its_row_and_its_place(call, here, toy):
    code, out, err = call("sweep", toy, *AXES, "steps_per_scene=2")
    assert (code, out) == (0, [f"{FOLDER}/index.html"])
    assert err[0].startswith("plan: ")
    assert "8 pictures" in err[0]
    rows = table(here)
    keys = ["seed", "cut_pow", "scenes"]
    expected = list(itertools.product(["0", "1"], ["1", "2"], ["a fox, red", "a crow"]))
    assert [tuple(row[key] for key in keys) for row in rows] == expected
    assert {(row["state"], row["steps"], row["tries"], row["error"]) for row in rows} == {
        ("done", "2", "1", "")
    }
    for row, values in zip(rows, expected, strict=True):
        settings = read_recipe(here / FOLDER / row["picture"])["settings"]
        assert (settings["seed"], settings["scenes"]) == (int(values[0]), values[2])
        assert float(row["loss"]) == pytest.approx(
            sum(float(v) for k, v in row.items() if k.startswith("loss of ") and v), rel=1e-4
        )
    cells = Cells(here / FOLDER / "index.html")
    assert [link["data-named"] for link in cells.links] == [
        ", ".join(f"{k}={v}" for k, v in zip(keys, values, strict=True)) for values in expected
    ]
    assert cells.heads[:6] == [
        "seed=0", "scenes=a fox, red", "scenes=a crow", "cut_pow=1", "cut_pow=2", "seed=1",
    ]  # fmt: skip
    for address in [link["href"] for link in cells.links] + [i["src"] for i in cells.images]:
        assert (here / FOLDER / unquote(address)).is_file()
    assert load_image(here / FOLDER / "sheet.png").shape[-1] > 100


@pytest.mark.usefixtures("alone")
def test_parquet_holds_the_table_with_numbers_as_numbers(call, here, toy):
    parquet = pytest.importorskip("pyarrow.parquet")
    call("sweep", toy, "seed=3,4", "cut_pow=1.5,2")
    columns = parquet.read_table(here / FOLDER / "results.parquet").to_pydict()
    assert columns["seed"] == [3, 3, 4, 4]
    assert columns["cut_pow"] == [1.5, 2.0, 1.5, 2.0]
    rows = table(here)
    assert list(columns) == list(rows[0])
    for name in ("job", "state", "picture"):
        assert columns[name] == [row[name] for row in rows]


@pytest.mark.usefixtures("alone")
def test_without_pyarrow_it_is_said_how_it_is_had(call, here, toy, monkeypatch):
    from mutoscope.sweep import results

    find = results.importlib.util.find_spec
    monkeypatch.setattr(
        results.importlib.util, "find_spec", lambda name: None if name == "pyarrow" else find(name)
    )
    code, _, err = call("sweep", toy, "seed=3,4")
    assert code == 0
    assert [line for line in err if "pip install 'mutoscope[sweep]'" in line]
    assert not (here / FOLDER / "results.parquet").exists()


def test_a_job_that_fails_stops_no_other_and_is_tried_again(call, here, toy, alone):
    words = ["sweep", toy, "init_image=none.png,fox.png", "seed=0,1"]
    from mutoscope.images import save_image

    code, _, _ = call("sweep", toy, "seed=5,6", "file_namespace=first")
    save_image(load_image(here / "images_out/first/1-seed-5/frames/1-seed-5_1.png"),
               here / "fox.png")  # fmt: skip
    alone.begun.clear()
    code, out, err = call(*words)
    assert (code, out) == (2, [f"{FOLDER}/index.html"])
    assert [row["state"] for row in table(here)] == ["failed", "failed", "done", "done"]
    assert all("none.png" in row["error"] for row in table(here)[:2])
    assert len([line for line in err if "none.png" in line]) == 2
    cells = Cells(here / FOLDER / "index.html")
    assert ["none.png" in cell["title"] for cell in cells.empty] == [True, True]
    # What was mended is made, and nothing else.
    (here / "none.png").write_bytes((here / "fox.png").read_bytes())
    assert err[-1].startswith("2 of 4 jobs failed")
    first = [name for name in alone.begun if "none" in name]
    alone.begun.clear()
    code, out, _ = call(*shlex.split(err[-1].partition("mutoscope ")[2]))
    assert (code, alone.begun) == (0, first)
    assert [(row["state"], row["tries"], row["seconds"], row["error"]) for row in table(here)] == [
        ("done", "2", "1.0", ""), ("done", "2", "1.0", ""),
        ("done", "1", "0.5", ""), ("done", "1", "0.5", ""),
    ]  # fmt: skip
    assert not Cells(here / FOLDER / "index.html").empty


def test_stopped_it_says_how_to_go_on_and_does_nothing_twice(call, here, toy, alone, monkeypatch):
    from contextlib import contextmanager

    call("sweep", toy, "seed=range(4)", "file_namespace=whole")
    asked = itertools.count()

    @contextmanager
    def stopping():
        yield lambda: next(asked) > 6

    with monkeypatch.context() as patched:
        patched.setattr(door, "stopping", stopping)
        code, out, err = call("sweep", toy, "seed=range(4)")
    assert (code, out) == (130, [])
    done = [row["state"] for row in table(here)].count("done")
    assert 0 < done < 4
    assert {row["state"] for row in table(here)} >= {"begun", "waiting"}
    assert err[-1] == f"stopped after {done} of 4 jobs; go on with: mutoscope resume {FOLDER}"
    alone.begun.clear()
    assert call("resume", FOLDER)[0] == 0
    assert len(alone.begun) == 4 - done
    for whole in sorted((here / "images_out/whole").glob("*/log.jsonl")):
        own = here / FOLDER / whole.parent.name
        assert (own / "log.jsonl").read_bytes() == whole.read_bytes()
        assert load_image(own / f"frames/{own.name}_1.png").equal(
            load_image(whole.parent / f"frames/{own.name}_1.png")
        )
    alone.begun.clear()
    code, _, err = call("resume", FOLDER)
    assert (code, alone.begun) == (0, [])
    assert err == [f"{FOLDER}: is complete; there is nothing left to do"]


@pytest.mark.usefixtures("alone")
def test_a_job_is_what_render_makes_of_its_settings(call, here, film):
    """A film too: every file is the same, and the page shows it."""
    code, _, _ = call("sweep", film, "seed=7,8", "steps_per_scene=9")
    assert code == 0
    job = here / FOLDER / "1-seed-7"
    code, (made,), _ = call("render", job / "settings.yaml", "file_namespace=toy")
    assert code == 0
    run = (here / made).parent
    pictures = sorted(run.glob("frames/*.png"))
    assert len(pictures) > 2
    for path in pictures:
        number = path.stem.rpartition("_")[2]
        assert (job / f"frames/1-seed-7_{number}.png").read_bytes() == path.read_bytes()
    assert (job / "1-seed-7.mp4").read_bytes() == (here / made).read_bytes()
    assert (job / "log.jsonl").read_bytes() == (run / "log.jsonl").read_bytes()
    link = Cells(here / FOLDER / "index.html").links[0]
    assert (link["href"], "data-film" in link) == ("1-seed-7/1-seed-7.mp4", True)
    assert table(here)[0]["film"] == "1-seed-7/1-seed-7.mp4"


@pytest.mark.usefixtures("alone")
def test_the_command_that_is_shown_makes_the_sweep_again(call, here, small):
    code, _, _ = call("sweep", "--prompt", "a | fox", "seed=1,2", *small[:-1], "--threads", "1")
    assert code == 0
    sheet = here / "images_out/a/sheet.png"
    code, out, _ = call("show", sheet)
    command = shlex.split(out[-1])
    assert command[:2] == ["mutoscope", "sweep"]
    assert call(*command[1:])[0] == 0
    again = here / "images_out/a(1)/sheet.png"
    assert load_image(again).equal(load_image(sheet))
    assert call("render", sheet, "seed=1,2")[0] == 0
    assert load_image(here / "images_out/a(2)/sheet.png").equal(load_image(sheet))


@pytest.mark.usefixtures("alone")
def test_words_from_outside_are_text_in_the_page(call, here, small):
    words = ["<script>alert(1)</script>", "'><img src=x onerror=alert(1)>"]
    texts = ",".join(f'"{word}"' for word in words)
    code, _, _ = call("sweep", f"scenes={texts}", *small)
    assert code == 0
    (page,) = here.glob("images_out/*/index.html")
    cells = Cells(page)
    assert [link["data-named"] for link in cells.links] == [f"scenes={word}" for word in words]
    assert {image["src"].partition("/")[0] for image in cells.images} == {"thumbs"}
    assert page.read_text().count("<script") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["toy.yaml", "seed=3"], "there is nothing to try"),
        (["toy.yaml"], "there is nothing to try"),
        (["toy.yaml", "sead=1,2"], "did you mean 'seed'"),
        (["toy.yaml", "seed=range(99)", "cut_pow=linspace(1,2,50)"], "make 4950 jobs; at most"),
        (["toy.yaml", "file_namespace=a,b"], "can't be varied"),
        (["toy.yaml", "width=32,wide"], "wide"),
        (["toy.yaml", "seed=1,2", "seed=3,4"], "stands twice"),
        (["none.yaml", "seed=1,2"], "none.yaml"),
        (["toy.yaml", "seed=range(2", "a,b"], "seed"),
    ],
)
@pytest.mark.usefixtures("toy")
def test_bad_input_is_one_line_and_leaves_nothing(refused, words, says):
    assert says in refused("sweep", *words)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_killed_with_its_workers_left_alone_it_goes_on(call, here, toy, nursery):
    import os
    import signal

    longer = ["seed=range(3)", "steps_per_scene=120", "save_every=5", "backups=all"]
    sizes = ["--workers", "2", "--threads", "1"]
    call("sweep", toy, *longer, *sizes, "file_namespace=whole")
    nursery.begin("sweep", toy, *longer, *sizes)
    folder = here / FOLDER
    nursery.until(lambda: len(list(folder.glob("*/state/*"))) > 4)
    holders = {int(path.read_text() or 0) for path in folder.glob("*/.lock")} - {0}
    nursery.signal(signal.SIGKILL)
    nursery.ended()
    for worker in holders:
        nursery.until(lambda worker=worker: not os.path.exists(f"/proc/{worker}"), 30)  # noqa: PTH110
    assert call("resume", folder)[0] == 0
    for whole in sorted((here / "images_out/whole").glob("*/*/*.safetensors")):
        own = folder / whole.relative_to(here / "images_out/whole")
        assert own.read_bytes() == whole.read_bytes()
    assert {row["state"] for row in table(here)} == {"done"}
