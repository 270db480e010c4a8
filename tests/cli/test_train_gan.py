"""train: as a user types it."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mutoscope.gan.files import read_generator
from mutoscope.images import load_image
from mutoscope.run.checkpoint import read_header, read_state
from mutoscope.train_gan import folder, lesson
from mutoscope.train_gan.folder import Folder

KEYS = (
    "z=8", "w=8", "cbase=64", "cmax=4", "batch=4", "images=24", "tick=8", "compared=8",
    "path_every=2", "penalty_every=3", "augment_images=64",
)  # fmt: skip
COMMAND = ("train", "tiles", "--preset", "smoke", "-o", "out", *KEYS)


@pytest.fixture(autouse=True)
def no_network(monkeypatch, single_thread):
    monkeypatch.setattr(lesson, "embedded_embedding", lambda: None)


def draw_tiles(place):
    (place / "tiles").mkdir()
    for index in range(6):
        pixels = np.full((40, 40), 255, np.uint8)
        pixels[:, 4 + 5 * index : 7 + 5 * index] = 10
        Image.fromarray(pixels).save(place / "tiles" / f"{index}.png")
    return place / "tiles"


@pytest.fixture
def tiles(here):
    return draw_tiles(here)


@pytest.fixture
def training():
    return COMMAND, draw_tiles


def test_a_folder_of_tiles_becomes_a_generator(call, here, tiles, contents):
    code, out, err = call(*COMMAND)
    assert (code, out) == (0, ["out"])
    assert err[0].startswith("training smoke on tiles in")
    assert "24 images, 4 in a step, 32 × 32 grey, on cpu" in err[0]
    names = {name for name in contents(here / "out") if not name.startswith(("check", "sample"))}
    assert names == {
        "settings.json", "material.json", "log.jsonl", "curves.png", "drawings.png",
        "generator.safetensors",
    }  # fmt: skip
    samples = sorted(path.name for path in (here / "out/samples").iterdir())
    assert samples == ["00000008.png", "00000016.png", "00000024.png"]
    assert read_generator(here / "out/generator.safetensors").shape.size == 32
    # The generator is the average of the best checkpoint.
    best = read_state(here / "out/checkpoints/best.safetensors")
    records = [json.loads(line) for line in (here / "out/log.jsonl").read_text().splitlines()]
    figures = {record["step"]: record["distance"] for record in records if "distance" in record}
    assert best.number == min(figures, key=figures.get)
    weights = read_generator(here / "out/generator.safetensors").state_dict()
    assert (weights["start"] == best.tensors["average.start"]).all()
    sheet = load_image(here / "out/samples/00000024.png")
    assert sheet.shape[-1] == 12 * 68 + 4


def test_scans_are_cut(call, here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))
    (here / "scans").mkdir()
    rng = np.random.default_rng(0)
    for index in range(2):
        page = np.full((220, 170), 255, np.uint8)
        for row in rng.integers(20, 200, 12):
            page[row : row + 2, 15:150] = 0
        Image.fromarray(page).save(here / "scans" / f"{index}.png", dpi=(20, 20))
    code, out, err = call("train", "scans", "--preset", "smoke", *KEYS, "images=8")
    assert code == 2
    assert "images: is given twice" in err[0]
    code, out, err = call("train", "scans", "--preset", "smoke", *KEYS)
    assert (code, out) == (0, ["scans-gan"])
    assert any("on scans in" in line for line in err)


def test_old_checkpoints_go_and_the_best_stays(call, here, tiles):
    assert call(*COMMAND, "keep=2")[0] == 0
    kept = sorted(path.name for path in (here / "out/checkpoints").iterdir())
    assert kept == ["00000016.safetensors", "00000024.safetensors", "best.safetensors"]


@pytest.mark.parametrize(
    ("fails", "when"),
    [("encode", 2), ("write_generator", 1), ("journal.append", 2), ("write_state", 2)],
)
def test_broken_off_anywhere_it_goes_on_to_the_same_files(
    call, contents, whole, broken_off, fails, when
):
    broken_off(folder, fails, when, *COMMAND)
    code, out, _ = call(*COMMAND)
    assert (code, out) == (0, ["out"])
    assert contents(Path("out")) == whole


def test_minutes_stop_it_and_the_folder_itself_goes_on(call, whole, contents):
    code, out, err = call(*COMMAND, "--minutes", "1e-9")
    assert (code, out) == (0, ["out"])
    assert err[-1] == "stopped after 8 of 24 images; the same command goes on with it"
    code, out, _ = call("train", "out")
    assert (code, out) == (0, ["out"])
    assert contents(Path("out")) == whole


def test_a_finished_training_goes_on_with_more_images(call, here, tiles):
    call(*COMMAND)
    code, _, err = call(*COMMAND)
    assert code == 2
    assert "is finished (24 images) and is not overwritten; go on with a larger images=" in err[0]
    assert call("train", "out", "images=32")[0] == 0
    assert read_header(here / "out/checkpoints/00000032.safetensors").number == 8
    assert json.loads((here / "out/settings.json").read_text())["images"] == 32


def test_what_was_begun_otherwise_is_refused_and_stays(
    call, here, tiles, draw, monkeypatch, contents
):
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert call(*COMMAND)[0] == 130
    before = contents(here / "out")
    code, _, err = call("train", "tiles", "-o", "out", "size=64", "cmax=4", "seed=3")
    assert code == 2
    assert err == [
        "mutoscope: out: size=64 (begun with 32), seed=3 (begun with 0); leave that out to go on "
        "with it, or begin another training with -o and a new folder"
    ]
    (here / "others").mkdir()
    for name in "ab":
        draw(f"others/{name}.png", (40, 40))
    code, _, err = call("train", "others", "-o", "out")
    assert code == 2
    assert "was begun with the drawings in" in err[0]
    assert contents(here / "out") == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no"], "no: does not exist"),
        (["empty"], "there is no picture in it; allowed are PNG"),
        (["tiles", "--preset", "smoek"], "did you mean 'smoke'"),
        (["tiles", "sise=64"], "sise: is no key of a training; there are size"),
        (["tiles", "sise=64"], "did you mean 'size'"),
        (["tiles", "size"], "'size': what stands behind the folder is key=value"),
        (["tiles", "size=65"], "size: '65' is not allowed; 32, 64, 128"),
        (["tiles", "batch=1.5"], "batch: '1.5' is not allowed; give a whole number from 2 to"),
        (["tiles", "rate=nan"], "rate: 'nan' is not allowed"),
        (["tiles", "gamma=-1"], "or auto"),
        (["tiles", "loss=logistc"], "did you mean 'logistic'"),
        (["tiles", "cbase=32"], "cbase of a generator is 32: at least its size"),
        (["tiles", "--minutes", "0"], "--minutes: 0 is not allowed"),
        (["tiles", "--device", "gpu"], "--device: 'gpu' is not on this machine"),
        (["tiles", "-o", "taken"], "taken: holds mine.txt, and no training"),
        (["tiles", "-o", "forged"], "not the settings of a training of this kind"),
        (["tiles", "-o", "wider", *KEYS], "is damaged, or not the settings"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(call, here, tiles, words, says, contents):
    for name in ("empty", "taken", "forged", "wider"):
        (here / name).mkdir()
    (here / "taken/mine.txt").write_text("mine")
    (here / "forged/settings.json").write_text('{"kind": "mutoscope train-vqgan"}')
    (here / "wider/settings.json").write_text('{"kind": "mutoscope train", "pictures": "x"}')
    before = contents(here)
    code, out, err = call("train", *words)
    assert (code, out, len(err)) == (2, [], 1)
    assert says in err[0]
    assert contents(here) == before


def test_a_picture_that_is_no_square_is_named(call, here, tiles, draw):
    draw("tiles/wide.png", (40, 20))
    code, _, err = call(*COMMAND, "data=tiles")
    assert code == 2
    assert "wide.png: is 40 × 20, and tiles are square" in err[-1]


def test_keys_are_listed_with_the_presets_values(call):
    code, out, _ = call("train", ".", "--keys", "--preset", "small")
    assert code == 0
    assert any(line.startswith("size=256 ") for line in out)
    assert any(line.startswith("gamma=auto ") for line in out)


@pytest.mark.slow
def test_stopped_by_signals_it_goes_on_to_the_same_files(here, call, tiles, nursery, contents):
    command = [word for word in COMMAND if not word.startswith("images")] + ["images=96"]
    assert call(*command)[0] == 0
    (here / "out").rename(here / "whole")
    log = here / "out/log.jsonl"
    for number, lines in ((signal.SIGINT, 2), (signal.SIGKILL, 6)):
        code, out, err = nursery.breaks_off(number, log, lines, *command)
        if number == signal.SIGINT:
            assert (code, out) == (130, [])
            assert "images; the same command goes on with it" in err[-1]
        else:
            assert code == -signal.SIGKILL
    assert call(*command)[0] == 0
    assert contents(here / "out") == contents(here / "whole")


def test_more_gpus_than_there_are_and_a_single_one_are_refused(call, tiles, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    code, _, err = call(*COMMAND, "--gpus", "2")
    assert code != 0
    assert "--gpus: 2 are not on this machine; there are 1" in err[-1]
    code, _, err = call(*COMMAND, "--gpus", "2", "--device", "cuda:0")
    assert code != 0
    assert "leave it out with --gpus" in err[-1]


def test_several_processes_want_accelerate(call, tiles, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = call(*COMMAND, "--gpus", "2", "--device", "cpu")
    assert code != 0
    assert "needs accelerate; pip install 'mutoscope[gpus]'" in err[-1]
