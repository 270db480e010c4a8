"""Numbers that are none: a run ends at its last good state, and says which term and step it was."""

import copy
from dataclasses import replace

import numbers_tried as tried
import pytest
import torch

from mutoscope import paint
from mutoscope.api import image
from mutoscope.build import build
from mutoscope.chart import read_records
from mutoscope.errors import RunError
from mutoscope.images import load_image
from mutoscope.perform import perform, start_run
from mutoscope.run import Run

pytestmark = pytest.mark.usefixtures("single_thread")

CANVASES = ("Unlimited Palette", "Limited Palette", "Fourier", "VQGAN", "GAN")


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    return tried.canvases(tmp_path_factory.mktemp("networks"))


class Sick:
    """A term without an opinion, but at one step, where it is no number."""

    name = "sick"

    def __init__(self, eye, how, step):
        self.eye, self.how, self.step = eye, how, step
        self.cuts = how.startswith("seen")

    def __call__(self, look):
        seen = look.views(self.eye).embeds if self.cuts else look.image
        if look.moment.step != self.step:
            return 0 * seen.sum()
        if self.how.endswith("slope"):
            return (seen - seen.detach()).abs().sqrt().sum()  # 0, but its gradient is NaN
        return seen.sum() * {"nan": torch.nan, "inf": torch.inf}[self.how.split()[-1]]


def with_sick(parts, how, step, eye=None):
    sick = Sick(eye or parts.perceptors[0], how, step)
    return replace(parts, ask=lambda shot: [*parts.ask(shot), sick])


# ── one term ──


@pytest.mark.parametrize(
    ("canvas", "how"),
    [
        ("Fourier", "nan"),
        ("Fourier", "seen inf"),
        ("Fourier", "slope"),
        *((canvas, "seen slope") for canvas in CANVASES),
    ],
)
def test_a_term_that_is_no_number_ends_the_run_at_the_step_before(toy, kinds, canvas, how):
    settings = toy(
        **kinds[canvas], scenes="a fox | snow:2", save_every=0, display_every=0,
        gradient_accumulation_steps=2,
    )  # fmt: skip
    parts = build(settings)
    frames = with_sick(parts, how, 2, copy.deepcopy(parts.perceptors[0])).animate()
    frame = next(frames)
    with pytest.raises(RunError) as refused:
        next(frames)
    *_, sound = build(toy(**(settings.to_dict() | {"steps_per_scene": 2}))).animate()
    assert (frame.number, frame.steps) == (None, 2)
    assert torch.equal(frame.image, sound.image)
    told = str(refused.value)
    assert told.startswith("step 3: ")
    assert "'sick'" in told
    assert "'a fox'" not in told
    assert "smaller learning_rate or smaller weights" in told


def test_every_term_that_is_no_number_is_named(toy):
    parts = build(toy(scenes="a fox:10**(100*step) | snow:2"))
    with pytest.raises(RunError, match=r"step 2: the loss of 'a fox' is inf and 'sick' is nan; "):
        list(with_sick(parts, "nan", 1).animate())


def test_a_picture_that_is_no_number_is_blamed_on_no_term(toy):
    parts = build(toy())
    with torch.no_grad():
        next(parts.canvas.parameters()).view(-1)[0] = torch.nan
    with pytest.raises(RunError, match="step 1: the picture's values are not numbers"):
        list(parts.animate())


def test_the_last_picture_of_a_run_is_looked_at_too(toy, monkeypatch):
    """The last step may lead to a picture that no term ever sees."""
    parts = build(toy(steps_per_scene=2, display_every=0))
    drawn = parts.canvas.image
    monkeypatch.setattr(parts.canvas, "image", lambda: drawn() * torch.nan)
    with pytest.raises(RunError, match="step 2: the picture's values are not numbers"):
        list(parts.animate())


# ── what stays of the run ──


def test_what_was_painted_before_is_on_the_disk_and_is_gone_on_with(toy, tmp_path):
    """A still that keeps nothing on its way: what it was after the last good step is there."""
    settings = toy(save_every=0, display_every=0, steps_per_scene=6, file_namespace="ill")
    with start_run(build(settings), tmp_path / "whole") as run:
        list(perform(build(settings), run))
    whole = run.folder
    parts = build(settings)
    with pytest.raises(RunError, match="step 5: the loss of 'sick'"), \
            start_run(parts, tmp_path) as run:  # fmt: skip
        list(perform(with_sick(parts, "nan", 4), run))
    assert not list((run.folder / "frames").iterdir())
    assert load_image(run.folder / "latest.png").std() > 0
    assert (run.folder / "log.jsonl").read_bytes().count(b"\n") == 4
    with Run.open(run.folder) as run:
        saved = run.state()
        assert saved is not None
        assert saved.meta == {"steps": 4}
        list(perform(build(settings), run, saved=saved))
    assert run.frame_path(1).read_bytes() == (whole / "frames" / "ill_1.png").read_bytes()
    lines = [line | {"sick": 0.0} for line in read_records(whole / "log.jsonl")]
    assert [line | {"sick": 0.0} for line in read_records(run.log_path)] == lines


def test_a_film_stops_within_a_frame(toy, tmp_path):
    settings = toy(animation_mode="2D", pre_animation_steps=2, steps_per_frame=3, save_every=3,
                   steps_per_scene=11, zoom_x_2d=1, file_namespace="ill")  # fmt: skip
    parts = build(settings)
    with pytest.raises(RunError, match="step 7: the gradient of 'sick'"), \
            start_run(parts, tmp_path) as run:  # fmt: skip
        list(perform(with_sick(parts, "slope", 6), run))
    with Run.open(run.folder) as run:
        saved = run.state()
    assert saved is not None
    assert saved.meta == {"steps": 6}
    assert [number for number, _ in run.frames()] == [1, 2]


# ── rates and sizes ──


@pytest.mark.parametrize("canvas", CANVASES)
@pytest.mark.parametrize("optimizer", ["Adam", "RMSprop"])
def test_the_least_and_the_greatest_rate_are_painted(kinds, canvas, optimizer, monkeypatch):
    monkeypatch.setattr(tried, "RATES", (1e-6, 10.0))
    only = {canvas: kinds[canvas]}
    for _, _, rate, outcome in tried.rates(only, optimizers=[optimizer], steps=3):
        assert (outcome.steps, outcome.error) == (3, ""), rate


def test_a_number_that_gets_out_is_seen(kinds, monkeypatch):
    """The trial itself can fail: without what refuses them, NaNs go through."""
    monkeypatch.setattr(paint, "trouble_in", lambda *_: "")
    monkeypatch.setattr(paint, "refuse_what_is_no_number", lambda *_: None)
    wild = kinds["Fourier"] | {"scenes": "a fox:10**(100*step)", "width": 16, "height": 16}
    with pytest.raises(AssertionError):
        tried.tried(wild | {"steps_per_scene": 3})
    monkeypatch.undo()
    assert "the loss of 'a fox' is inf" in tried.tried(wild | {"steps_per_scene": 3}).error


def test_one_line_that_makes_a_picture_gives_none_that_is_no_number():
    with pytest.raises(RunError, match="step 2: the loss of"):
        image("a fox:10**(100*step)", perceptors="tiny", width=16, height=16, steps_per_scene=3)
