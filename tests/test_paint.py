"""The loop: resumable anywhere, one decode a step, and what it refuses."""

import copy
import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from mutoscope.build import build
from mutoscope.canvas.pixels import Pixels
from mutoscope.curves import parse_curve
from mutoscope.cutouts import Cutouts
from mutoscope.descent import OPTIMIZERS, Descent
from mutoscope.errors import RunError
from mutoscope.motion.plane import Plane
from mutoscope.paint import Watch, animate, rng_for
from mutoscope.schedule import Schedule

pytestmark = pytest.mark.usefixtures("single_thread")

CANVASES = {
    "pixels": {"image_model": "Unlimited Palette"},
    "palette": {"image_model": "Limited Palette", "palettes": 3, "palette_size": 4},
    "fourier": {"image_model": "Fourier"},
    "opening": {"image_model": "Fourier", "coarse_to_fine": 0.6},
    "squares": {"image_model": "Fourier", "pixel_size": 2, "coarse_to_fine": 0.6},
}
FILM = {
    "scenes": "a fox | snow:-0.3 || a boat:1+t",
    "interpolation_steps": 3,
    "steps_per_scene": 5,
    "animation_mode": "2D",
    "pre_animation_steps": 3,
    "steps_per_frame": 2,
    "save_every": 2,
    "zoom_x_2d": 2,
    "zoom_y_2d": 1,
    "rotate_2d": "3+t",
    "translate_x": "sin(frame)",
}


def painted(parts, **how):
    return list(parts.animate(**how))


def same(one, other):
    assert (one.number, one.steps, one.records) == (other.number, other.steps, other.records)
    assert torch.equal(one.image, other.image)
    assert one.state.tensors.keys() == other.state.tensors.keys()
    for name, value in one.state.tensors.items():
        assert torch.equal(value, other.state.tensors[name]), name


def resumes_anywhere(settings):
    """Every state of a run, one a step, leads to the very rest of it."""
    parts = build(settings.replace(display_every=1))
    fresh = copy.deepcopy(parts.canvas)
    whole = painted(parts)
    assert [frame.steps for frame in whole] == list(range(1, parts.schedule.total_steps + 1))
    for index, frame in enumerate(whole):
        rest = painted(replace(parts, canvas=copy.deepcopy(fresh)), resume=frame.state)
        assert len(rest) == len(whole) - index - 1
        for one, other in zip(whole[index + 1 :], rest, strict=True):
            same(one, other)


# ── resuming ──


@pytest.mark.parametrize("canvas", CANVASES)
def test_a_still_resumes_from_every_step(toy, canvas):
    resumes_anywhere(toy(**CANVASES[canvas], learning_rate_decay=0.1))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_resumes(toy, optimizer):
    resumes_anywhere(toy(optimizer=optimizer, adaptive_learning_rate=True, steps_per_scene=4))


@pytest.mark.parametrize("canvas", CANVASES)
def test_a_still_that_grows_resumes_from_every_step(toy, canvas):
    settings = toy(
        **CANVASES[canvas], sizes=3, width=96, height=64, steps_per_scene=7, save_every=3
    )
    parts = build(settings)
    size = (96 * settings.pixel_size, 64 * settings.pixel_size)
    sides = [tuple(reversed(frame.image.shape[-2:])) for frame in painted(parts)]
    assert sides[-1] == size == parts.sizes[-1]
    assert sides[0] < size
    resumes_anywhere(settings)


@pytest.mark.parametrize(
    "changes", [{"sizes": 2}, {**FILM, "init_weight": 1.0}, {"init_noise": "gradient"}]
)
def test_a_vqgan_resumes_from_every_step(toy, small_vqgan, changes):
    resumes_anywhere(
        toy(**{"steps_per_scene": 5, **changes}, image_model="VQGAN", clamp_latent=True,
            vqgan_model=str(small_vqgan), width=64, height=64)
    )  # fmt: skip


def test_what_comes_before_a_film_grows_and_its_frames_do_not(toy):
    settings = toy(**{**FILM, "pre_animation_steps": 4}, sizes=2, width=96, height=64)
    frames = painted(build(settings))
    assert {tuple(frame.image.shape[-2:]) for frame in frames if frame.number} == {(64, 96)}
    resumes_anywhere(settings)


@pytest.mark.parametrize("canvas", CANVASES)
def test_a_film_resumes_from_every_step(toy, canvas):
    resumes_anywhere(toy(**FILM, **CANVASES[canvas]))
    resumes_anywhere(toy(**FILM, **CANVASES[canvas], reset_lr_each_frame=False))


@pytest.mark.parametrize("model", ["Fourier", "Limited Palette"])
def test_a_flight_through_depth_resumes_from_every_step(toy, model):
    flight = {"animation_mode": "3D", "translate_z_3d": "200*sin(t)+mu/50", "translate_x": 4,
              "rotate_3d": "[1, 0, 0.02, 0]", "depth_model": "relief"}  # fmt: skip
    settings = toy(**{**FILM, **flight}, image_model=model, width=48, height=40)
    frames = painted(build(settings))
    assert not torch.equal(frames[0].image, frames[-1].image)
    resumes_anywhere(settings)


@pytest.mark.parametrize("again", [True, False])
def test_a_film_along_another_resumes_from_every_step(toy, shoot, again):
    shoot("clip.mp4", [0.2, 0.4, 0.5, 0.9, 0.3, 0.6], size=(48, 40))
    follow = {"animation_mode": "Video Source", "video_path": "clip.mp4", "width": 48,
              "height": 40, "reencode_each_frame": again, "flow_stabilization_weight": "5",
              "edge_stabilization_weight": "1"}  # fmt: skip
    resumes_anywhere(toy(**{**FILM, **follow}))


def test_a_film_along_another_begins_as_it(toy, shoot):
    shoot("clip.mp4", [0.5] * 4, size=(64, 48))
    follow = {"animation_mode": "Video Source", "video_path": "clip.mp4"}
    parts = build(toy(**{**FILM, **follow, "width": -1, "height": 24}))
    assert parts.canvas.size == (32, 24)
    image = parts.canvas.image()
    assert image[..., :12].mean() < 0.1 < 0.4 < image[..., 20:].mean()


def test_a_film_that_is_held_steady_resumes_from_every_step(toy, draw):
    draw("mask.png", (16, 16))
    draw("start.png")
    held = {"direct_stabilization_weight": "1_mask.png", "edge_stabilization_weight": "2:0.001",
            "semantic_stabilization_weight": "0.5_fur", "init_image": "start.png"}  # fmt: skip
    resumes_anywhere(toy(**{**FILM, **held}))


def test_what_is_held_strays_less(toy):
    film = {**FILM, "steps_per_frame": 6, "steps_per_scene": 30, "pre_animation_steps": 12,
            "save_every": 6, "scenes": "a fox", "interpolation_steps": 0}  # fmt: skip

    def strayed(**values):
        parts = build(toy(**film, **values))
        began = []
        motion = parts.motion

        def watched(image, shot):
            warp = motion(image, shot)
            began.append(warp(image))
            return warp

        frames = [f.image for f in painted(replace(parts, motion=watched)) if f.number]
        return sum((a - b).square().mean() for a, b in zip(frames[1:], began, strict=True))

    free = strayed()
    for key, weight in {"direct": 200, "edge": 5000}.items():
        assert strayed(**{f"{key}_stabilization_weight": weight}) < 0.8 * free, key


def test_a_film_that_keeps_its_momentum_resumes(toy):
    resumes_anywhere(toy(**FILM, reset_lr_each_frame=False, learning_rate_decay=0.5))


def test_a_run_with_pictures_and_masks_resumes(toy, draw, shoot):
    draw("fox.png")
    draw("mask.png", colour=(255, 255, 255))
    shoot("moving.mp4", [0.2, 0.5, 0.9])  # ends before the run does
    resumes_anywhere(
        toy(
            scenes="a fox:1_[mask.png] | [fox.png]:0.5_l | sky:1_[moving.mp4] | snow:1_white",
            direct_image_prompts="fox.png:0.3_moving.mp4",
            init_image="fox.png",
            direct_init_weight="0.5_[mask.png]",
            semantic_init_weight="0.5",
            mask_dither=True,
            animation_mode="2D",
            pre_animation_steps=1,
            steps_per_frame=1,
            steps_per_scene=6,
            translate_x=1,
        )
    )


def test_locked_colours_resume(toy, draw):
    draw("sunset.png")
    resumes_anywhere(toy(**FILM, **CANVASES["palette"], target_palette="sunset.png"))


@pytest.mark.parametrize("last", range(1, 10))
def test_a_run_stopped_in_the_middle_of_a_shot_goes_on(toy, last):
    settings = toy(**FILM)
    whole = painted(build(settings))
    stopped = painted(build(settings), watch=Watch(stopped=stops_after(last)))
    assert stopped[-1].steps == last  # and not a step further
    rest = painted(build(settings), resume=stopped[-1].state)
    same(rest[-1], whole[-1])
    records = [record for frame in [*stopped, *rest] for record in frame.records]
    assert records == [record for frame in whole for record in frame.records]


def stops_after(steps):
    left = iter([False] * (steps - 1))
    return lambda: next(left, True)


def test_a_run_of_one_step_shots_can_be_stopped(toy):
    frames = painted(build(toy(display_every=1)), watch=Watch(stopped=stops_after(2)))
    assert [frame.steps for frame in frames] == [1, 2]


def test_another_seed_is_another_picture(toy):
    one, same_seed, other = (painted(build(toy(seed=seed)))[-1].image for seed in (1, 1, 2))
    assert torch.equal(one, same_seed)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("seed", [0, -(2**63), 2**64 - 1])
def test_every_seed_is_a_seed(toy, seed):
    assert painted(build(toy(seed=seed)))[-1].image.isfinite().all()


def test_random_numbers_are_those_of_seed_and_step():
    def first(seed, step):
        return float(torch.rand((), generator=rng_for(seed, step)))

    drawn = {first(seed, step) for seed in (-1, 0, 1) for step in (0, 1, 2, "canvas")}
    assert len(drawn) == 12
    assert first(5, 3) == first(5, 3)


def test_looking_more_often_changes_nothing(toy):
    rare, often = (
        {frame.number: frame.image for frame in painted(build(toy(**FILM, display_every=every)))}
        for every in (0, 1)
    )
    for number, image in rare.items():
        assert torch.equal(image, often[number])


def test_a_state_of_another_canvas_is_refused(toy):
    state = painted(build(toy()))[-1].state
    for other in (toy(width=48), toy(**CANVASES["fourier"])):
        with pytest.raises(RunError, match="does not fit the canvas"):
            painted(build(other), resume=state)


# ── what a step costs ──


class Counting(Pixels):
    def __init__(self, size):
        super().__init__(size, generator=rng_for(0, "canvas"))
        self.calls = Counter()

    def forward(self):
        self.calls["forward"] += 1
        drawn = super().forward()
        if drawn.requires_grad:
            drawn.register_hook(lambda _gradient: self.calls.update(backward=1))
        return drawn

    def image(self):
        with torch.no_grad():
            before = self.calls["forward"]
            shown = super().image()
            self.calls["forward"] = before
        return shown


@pytest.mark.parametrize("chunks", [1, 3])
def test_the_canvas_is_drawn_once_and_differentiated_once_a_step(toy, chunks):
    parts = build(toy(cutouts=8, scenes="a fox | snow | a tree:-1", smoothing_weight=1))
    canvas = Counting((32, 32))
    descent = Descent(chunks=chunks)
    list(animate(canvas, parts.schedule, parts.ask, parts.cutouts, descent=descent))
    assert canvas.calls == {"forward": 4, "backward": 4}


@pytest.mark.parametrize("canvas", CANVASES)
def test_chunks_leave_the_picture_as_it_is(toy, canvas):
    one, three = (
        painted(build(toy(**CANVASES[canvas], cutouts=8, gradient_accumulation_steps=chunks)))[-1]
        for chunks in (1, 3)
    )
    # Adam turns the sign of a gradient near 0 into a whole step, so rounding may flip a few pixels.
    off = (one.image - three.image).abs()
    assert float(off.mean()) < 1e-4
    assert one.records[0].keys() == three.records[0].keys()
    for name, value in one.records[0].items():
        assert value == pytest.approx(three.records[0][name], rel=1e-4, abs=1e-6)


def test_a_state_is_lent_only_where_it_is_large_and_that_is_asked_for(toy, monkeypatch):
    parts = build(toy())

    def first(**options):
        frames = parts.animate(**options)
        frame = next(frames)
        own = {p.data_ptr() for p in parts.canvas.parameters()}
        shares = any(value.data_ptr() in own for value in frame.state.tensors.values())
        return frame.state.lent, shares

    assert first(lends=True) == (False, False)  # small
    monkeypatch.setattr("mutoscope.paint.LARGE", 100)
    assert first() == (False, False)
    assert first(lends=True) == (True, True)


def test_no_weight_of_a_perceptor_gets_a_gradient(toy):
    parts = build(toy(scenes="a fox | snow:-1"))
    painted(parts)
    for perceptor in parts.perceptors:
        assert not perceptor.training
        for weight in perceptor.parameters():
            assert not weight.requires_grad
            assert weight.grad is None


# ── what happens when ──


def test_nothing_is_reset_in_a_still(toy):
    """Files in between, looks in between: the still is the same as without them."""
    plain, busy = (
        painted(build(toy(steps_per_scene=9, save_every=save, display_every=2)))[-1]
        for save in (0, 3)
    )
    assert torch.equal(plain.image, busy.image)
    steps = busy.state.tensors["adam.0.step"]
    assert float(steps) == 9  # Adam remembers all of them


@pytest.mark.parametrize(("fresh", "remembered"), [(True, 2), (False, 9)])
def test_momentum_is_forgotten_when_the_picture_moves(toy, fresh, remembered):
    film = {**FILM, "scenes": "a fox", "steps_per_scene": 9, "interpolation_steps": 0}
    last = painted(build(toy(**film, reset_lr_each_frame=fresh)))[-1]
    assert float(last.state.tensors["adam.0.step"]) == remembered


def test_files_hold_their_steps_and_the_last_is_saved(toy):
    frames = painted(build(toy(steps_per_scene=10, save_every=4, display_every=3)))
    saved = {frame.number: frame.steps for frame in frames if frame.number}
    assert saved == {1: 4, 2: 8, 3: 10}


def test_motion_goes_on_through_a_change_of_scenes(toy):
    class Tape:
        def __init__(self):
            self.steps = []

        def __call__(self, image, shot):
            self.steps.append(shot.steps.start)
            return Plane(*[parse_curve(0, place="x")] * 5, size=(32, 32))(image, shot)

    parts, tape = build(toy(**FILM)), Tape()
    painted(replace(parts, motion=tape))
    assert tape.steps == [3, 5, 7, 9]


def test_the_rate_falls_along_a_cosine(toy):
    parts = build(toy(steps_per_scene=5, learning_rate=0.1, learning_rate_decay=0.2))
    stride = parts.descent.start(parts.canvas)
    rates = []
    for step in range(5):
        stride.prepare(parts.schedule.progress(step))
        rates.append(stride.rate)
    assert rates[0] == pytest.approx(0.1)
    assert rates[2] == pytest.approx(0.06)
    assert rates[-1] == pytest.approx(0.02)


def test_the_total_is_the_sum_of_the_terms(toy):
    for frame in painted(build(toy(scenes="a fox:2 | snow:-1", smoothing_weight=3))):
        for record in frame.records:
            terms = [value for key, value in record.items() if key in ("a fox", "snow")]
            assert len(terms) == 2
            assert record["total"] == pytest.approx(sum(terms) + record["smoothing"])


def test_a_prompt_may_have_the_name_of_a_column(toy):
    frames = painted(build(toy(scenes="step | frame | t | total | fox")))
    record = frames[-1].records[-1]
    assert (record["step"], record["frame"]) == (4, 0)
    assert {"step (2)", "frame (2)", "t (2)", "total (2)", "fox"} <= record.keys()
    terms = [value for key, value in record.items() if key not in ("step", "frame", "t", "total")]
    assert record["total"] == pytest.approx(sum(terms))


def test_where_nothing_pulls_nothing_moves(toy):
    """A weight may be 0 for a while: no crash, and the picture stands."""
    parts = build(toy(scenes="a fox:max(step-2,0)", smoothing_weight=0, display_every=1))
    first, second, third, fourth = painted(parts)
    assert torch.equal(first.image, second.image)
    assert torch.equal(second.image, third.image)
    assert not torch.equal(third.image, fourth.image)
    assert first.records[0]["total"] == 0


# ── what can't go on ──


def collect(source, into):
    for frame in source:
        into.append(frame)  # what came before an error is kept


def test_a_loss_that_is_no_number_stops_the_run_at_the_last_good_state(toy):
    parts = build(toy(scenes="a fox:10**(20*step)", display_every=2, steps_per_scene=6))
    frames = []
    with pytest.raises(RunError, match=r"step 3: the loss of 'a fox' is inf; .*learning_rate"):
        collect(parts.animate(), frames)
    assert [frame.steps for frame in frames] == [2]
    assert frames[-1].image.isfinite().all()


def test_a_gradient_that_is_no_number_stops_the_run():
    class Broken:
        name, cuts = "broken", False

        def __call__(self, look):
            return (look.image - look.image.detach()).abs().sqrt().sum()  # its gradient is NaN

    canvas = Pixels((4, 4), generator=rng_for(0, "canvas"))
    schedule = Schedule(scenes=1, steps_per_scene=2, display_every=1)
    with pytest.raises(RunError, match="step 1: the gradient of 'broken' is no number"):
        list(animate(canvas, schedule, lambda _shot: [Broken()], Cutouts(1)))


def test_losses_are_heard_of_at_every_step(toy):
    heard = []
    watch = Watch(step=lambda done, losses: heard.append((done, float(losses["a fox"]))))
    frames = painted(build(toy()), watch=watch)
    told = [(record["step"], record["a fox"]) for record in frames[-1].records]
    assert heard == [(step, pytest.approx(value)) for step, value in told]
    assert all(math.isfinite(value) for _, value in heard)
