"""The same settings give the same picture: to the bit, or as near as is said."""

import IPython.display
import pytest
import sameness
import torch

import mutoscope
from mutoscope import cli, notebook
from mutoscope.cli import sweep as sweep_door
from mutoscope.crew.kinds import Bench, kind_called
from mutoscope.crew.task import Outcome
from mutoscope.images import from_bytes, load_image, to_bytes
from mutoscope.perceptors.clip import Clip

pytestmark = pytest.mark.usefixtures("single_thread")

MARKS = (1, 8)
SHORT = sameness.TOY | {"width": 32, "height": 32, "steps_per_scene": 8}


@pytest.mark.long
def test_another_process_with_another_hash_seed_paints_the_same_to_the_bit():
    """The order of sets differs from this process; the picture must not."""
    settings = SHORT | {"smoothing_weight": 0.1, "init_noise": "gradient"}
    here = sameness.painted(settings, MARKS)
    there = sameness.painted_elsewhere(settings, {"PYTHONHASHSEED": "12345"}, MARKS)
    assert all(torch.equal(here[mark], there[mark]) for mark in MARKS)
    other = sameness.painted(settings | {"seed": 8}, MARKS)
    assert sameness.nearness(here[1], other[1]).largest > 0.01


@pytest.mark.parametrize("canvas", ["Unlimited Palette", "Limited Palette", "Fourier"])
@pytest.mark.parametrize("chunks", [2, 5])
def test_in_chunks_a_picture_is_the_same_but_for_rounding(canvas, chunks):
    settings = SHORT | {"image_model": canvas}
    whole = sameness.painted(settings, MARKS)
    split = sameness.painted(settings | {"gradient_accumulation_steps": chunks}, MARKS)
    first, last = (sameness.nearness(whole[mark], split[mark]) for mark in MARKS)
    assert first.largest < 1e-4
    assert last.mean < 1e-4
    assert last.bytes_apart < 0.01


def test_with_more_threads_a_picture_is_the_same_but_for_rounding():
    settings = SHORT | {"image_model": "Fourier", "width": 128, "height": 128}
    one = sameness.painted(settings, MARKS)
    torch.set_num_threads(3)
    more = sameness.painted(settings, MARKS)
    first, last = (sameness.nearness(one[mark], more[mark]) for mark in MARKS)
    assert first.largest < 1e-4
    assert last.mean < 1e-4


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_in_fewer_bits_a_picture_is_the_same_to_the_bit_but_in_other_chunks(
    tmp_path, monkeypatch, precision
):
    monkeypatch.setattr(Clip, "precisions", ("float32", precision))  # whatever the processor has
    eye = str(sameness.small_clip(tmp_path))
    settings = SHORT | {"image_model": "Fourier", "perceptors": eye, "precision": precision}
    whole = sameness.painted(settings, MARKS)
    split = sameness.painted(settings | {"gradient_accumulation_steps": 5}, MARKS)
    first, last = (sameness.nearness(whole[mark], split[mark]) for mark in MARKS)
    assert first.largest < 1e-4
    assert last.mean < 0.01
    exact = sameness.painted(settings | {"precision": "float32"}, MARKS)
    assert 0 < sameness.nearness(whole[MARKS[-1]], exact[MARKS[-1]]).mean < 0.02
    assert torch.equal(*sameness.resumed(settings, at=3))


def test_pictures_that_differ_are_told_apart():
    one = torch.full((1, 3, 4, 4), 0.5)
    assert str(sameness.nearness(one, one)) == "equal to the bit"
    other = one.clone()
    other[..., 0, 0] += 0.1
    told = sameness.nearness(one, other)
    assert told.largest == pytest.approx(0.1)
    assert told.bytes_apart == pytest.approx(1 / 16)


class Alone:
    """A crew of this process: what a worker is sent goes through the worker's own code."""

    def __init__(self, *_):
        pass

    def work(self, tasks, *, watch):
        for task in tasks:
            work = kind_called(task.kind)(
                Bench(task.folder, task.order, tell=lambda *_: None, stopped=lambda: False)
            )
            for _ in work:
                pass
            yield Outcome(task, None, 1, 0.1)


def test_all_doors_lead_to_the_same_picture(tmp_path, monkeypatch):
    """The command line, Python, a notebook's cell and a sweep: the same pixels."""
    settings = SHORT | {"save_every": 8, "animation_mode": "off", "file_namespace": "same"}
    file = tmp_path / "same.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "display", lambda *_, **__: Handle())
    monkeypatch.setattr(sweep_door, "Processes", Alone)
    runs = []
    for number, door in enumerate((typed, called, in_a_cell)):
        room = tmp_path / str(number)
        room.mkdir()
        monkeypatch.chdir(room)
        runs.append(door(file, room) / "frames" / "same_1.png")
    first, *others = (path.read_bytes() for path in runs)
    assert all(other == first for other in others)  # recipes included

    assert cli.run(["sweep", str(file), "seed=6,7"]) == 0
    swept = list((tmp_path / "2" / "images_out").rglob("*seed-7*/frames/*.png"))
    assert [torch.equal(load_image(path), load_image(runs[0])) for path in swept] == [True]
    *_, last = mutoscope.animate(file)
    assert torch.equal(from_bytes(to_bytes(last.image)), load_image(runs[0]))


class Handle:
    def update(self, *_, **__):
        pass


def typed(file, room):
    assert cli.run(["render", str(file)]) == 0
    return room / "images_out" / "same" / "same"


def called(file, room):
    return mutoscope.render(file, out=room)


def in_a_cell(file, room):
    return notebook.paint(file, out=room)
