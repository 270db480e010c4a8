"""train-vqgan: as a user types it."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mutoscope.images import load_image
from mutoscope.train_vqgan import folder, lesson, presets
from mutoscope.train_vqgan.folder import Folder
from mutoscope.vqgan import Architecture, load_vqgan

TOY = presets.Preset(
    about="a toy",
    architecture=Architecture(
        kind="vq", embed_dim=4, n_embed=16, z_channels=4, ch=32, ch_mult=(1, 1, 1, 1),
        num_res_blocks=1, attn_resolutions=(), resolution=32,
    ),
    size=32, batch=1, rate=1e-3, critic=8, minutes=1,
)  # fmt: skip
COMMAND = ("train-vqgan", "pictures", "--preset", "toy", "--steps", "5", "-o", "out")
SHORT = (*COMMAND[:5], "2", *COMMAND[6:])


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setattr(lesson, "SHOWN", 32)
    monkeypatch.setitem(presets.PRESETS, "toy", TOY)


def draw_pictures(place):
    (place / "pictures").mkdir()
    for index in range(3):
        pixels = np.random.default_rng(index).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(place / "pictures" / f"{index}.png")
    return place / "pictures"


@pytest.fixture
def pictures(here):
    return draw_pictures(here)


@pytest.fixture
def training():
    return COMMAND, draw_pictures


def test_a_folder_of_pictures_becomes_a_pair_that_draws_them(call, here, pictures):
    code, out, err = call(*COMMAND)
    assert (code, out) == (0, ["out"])
    assert err[0] == "training toy for 5 steps of 1 crops, 32 × 32, on cpu"
    assert [path.name for path in sorted((here / "out/samples").iterdir())] == [
        f"{index:04}.png" for index in range(1, 6)
    ]
    records = [json.loads(line) for line in (here / "out/log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == list(range(1, 6))
    assert records[-1]["psnr"] > 0
    model = load_vqgan(here / "out/model.yaml", here / "out/model.safetensors")
    assert model.architecture == TOY.architecture
    # The last sheet is what the pair draws: originals above, below what comes of them.
    sheet = load_image(here / "out/samples/0005.png")
    original = sheet[..., 4:36, 4:36]
    with torch.no_grad():
        drawn = model.decode(model.encode(original)).clamp(0, 1)
    shown = sheet[..., 40:72, 4:36]
    assert (drawn - shown).abs().mean() < 2 / 255


def test_equal_commands_make_equal_files(call, here, pictures, contents):
    call(*SHORT)
    call(*SHORT[:-1], "again")
    assert contents(here / "out") == contents(here / "again")
    call(*SHORT[:-1], "other", "--seed", "1")
    assert (
        contents(here / "out")["model.safetensors"] != contents(here / "other")["model.safetensors"]
    )


def test_one_picture_is_enough_and_the_folder_has_a_name(call, here, draw):
    (here / "cats").mkdir()
    draw("cats/a.png", (20, 20))
    code, out, _ = call("train-vqgan", "cats", "--preset", "toy", "--steps", "2")
    assert (code, out) == (0, ["cats-vqgan"])


def test_samples_inside_the_folder_of_pictures_are_not_trained_on(call, here, pictures):
    place = ("--steps", "2", "-o", "pictures/out")
    assert call("train-vqgan", "pictures", "--preset", "toy", *place)[0] == 0
    settings = json.loads((here / "pictures/out/settings.json").read_text())
    code, _, err = call("train-vqgan", "pictures", "--preset", "toy", *place)
    assert code == 2
    assert "is finished" in err[0]
    assert settings["steps"] == 2


@pytest.mark.parametrize(
    ("fails", "when"),
    [("encode", 1), ("write_pair", 3), ("journal.append", 2), ("write_state", 4)],
)
def test_broken_off_anywhere_it_goes_on_to_the_same_files(
    call, contents, whole, broken_off, fails, when
):
    broken_off(folder, fails, when, *COMMAND)
    code, out, _ = call(*COMMAND)
    assert (code, out) == (0, ["out"])
    assert contents(Path("out")) == whole


def test_minutes_become_steps_once(call, here, pictures, monkeypatch):
    monkeypatch.setattr(lesson, "steps_in", lambda _: 3)
    command = ("train-vqgan", "pictures", "--preset", "toy", "--minutes", "0.5", "-o", "out")
    assert call(*command)[0] == 0
    settings = json.loads((here / "out/settings.json").read_text())
    assert (settings["minutes"], settings["steps"]) == (0.5, 3)


def test_the_steps_of_a_minute_are_measured(here, pictures, single_thread):
    from mutoscope.train_vqgan import Wishes
    from mutoscope.train_vqgan.recipe import settle
    from mutoscope.training.files import find_pictures

    recipe = settle(Wishes("toy", minutes=2), pictures="x", fingerprint="y")
    made = lesson.make_lesson(recipe, find_pictures(pictures), torch.device("cpu"))
    assert lesson.steps_in(made) > 20


def test_what_was_begun_otherwise_is_refused_and_stays(
    call, here, pictures, draw, monkeypatch, contents
):
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert call(*SHORT)[0] == 130
    before = contents(here / "out")
    code, _, err = call(*SHORT, "--seed", "3", "--batch", "2")
    assert code == 2
    assert err == [
        "mutoscope: out: --batch 2 (begun with 1), --seed 3 (begun with 0); leave that out to go "
        "on with it, or begin another training with -o and a new folder"
    ]
    (here / "others").mkdir()
    draw("others/a.png")
    code, _, err = call("train-vqgan", "others", "-o", "out")
    assert code == 2
    assert "was begun with the pictures in" in err[0]
    assert contents(here / "out") == before
    # What isn't said is as it was.
    assert call("train-vqgan", "pictures", "-o", "out")[0] == 0


def test_pictures_that_changed_are_said(call, here, pictures, draw, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "keep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        call(*SHORT)
    draw("pictures/new.png")
    code, _, err = call(*SHORT)
    assert code == 0
    assert "not those that the training was begun with" in err[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no"], "no: does not exist"),
        (["empty"], "there is no picture in it; allowed are PNG"),
        (["broken"], "can be read; allowed are PNG"),
        (["pictures", "--preset", "tini"], "did you mean 'tiny'"),
        (["pictures", "--steps", "0"], "--steps: 0 is not allowed"),
        (["pictures", "--steps", "many"], "many"),
        (["pictures", "--minutes", "0"], "--minutes: 0 is not allowed"),
        (["pictures", "--minutes", "nan"], "--minutes: nan is not allowed"),
        (["pictures", "--minutes", "1", "--steps", "5"], "give one of the two"),
        (["pictures", "--size", "100"], "is no multiple of 8; 96 is the nearest"),
        (["pictures", "--size", "8"], "give 32 to 512"),
        (["pictures", "--batch", "0"], "--batch: 0"),
        (["pictures", "--device", "gpu"], "--device: 'gpu' is not on this machine; there is cpu"),
        (["pictures", "-o", "taken"], "taken: holds mine.txt, and no training"),
        (["pictures", "-o", "taken/mine.txt"], "taken/mine.txt: is a file"),
        (["pictures", "-o", "forged"], "is damaged, or not the settings of a training"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(call, here, pictures, words, says, contents):
    for name in ("empty", "broken", "taken", "forged"):
        (here / name).mkdir()
    (here / "broken/a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (here / "taken/mine.txt").write_text("mine")
    (here / "forged/settings.json").write_text('{"kind": "other"}')
    before = contents(here)
    code, out, err = call("train-vqgan", *words)
    assert (code, out) == (2, [])
    assert says in err[-1]
    assert len(err) == (2 if "broken" in words else 1)
    assert contents(here) == before


def test_help_has_an_example(call):
    code, out, _ = call("train-vqgan", "--help")
    assert code == 0
    assert "Example:  mutoscope train-vqgan drawings/ --minutes 10 -o my-vqgan" in "\n".join(out)


@pytest.mark.long  # that of a generator's training shows the same
def test_stopped_by_signals_it_goes_on_to_the_same_files(here, call, pictures, nursery, contents):
    command = [*COMMAND[:5], "24", *COMMAND[6:]]
    assert call(*command)[0] == 0
    (here / "out").rename(here / "whole")
    log = here / "out/log.jsonl"
    for number, lines in ((signal.SIGINT, 7), (signal.SIGKILL, 13)):
        code, out, err = nursery.breaks_off(number, log, lines, *command)
        if number == signal.SIGINT:
            assert (code, out) == (130, [])
            assert "steps; the same command goes on with it" in err[-1]
        else:
            assert code == -signal.SIGKILL
    assert call(*command)[0] == 0
    assert contents(here / "out") == contents(here / "whole")
