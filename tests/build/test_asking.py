"""Which terms judge which shot, with everything that prompts can say."""

from dataclasses import replace

import pytest
import torch

from mutoscope.build import build
from mutoscope.build.asking import Asking
from mutoscope.build.pictures import Pictures
from mutoscope.depth.relief import Relief
from mutoscope.look import Look
from mutoscope.motion.carried import Carrying
from mutoscope.paint import rng_for

pytestmark = pytest.mark.usefixtures("single_thread")

FILM = {"animation_mode": "2D", "pre_animation_steps": 2, "steps_per_frame": 2, "save_every": 2}


def asked(parts):
    """The names of the terms of each shot."""
    return [[term.name for term in parts.ask(shot)] for shot in parts.schedule.shots()]


def last(parts):
    *_, frame = parts.animate()
    return frame


def nearness(image, target):
    return float((image - target).square().mean())


# ── prompts ──


def test_scenes_change_the_prompts(toy):
    parts = build(toy(scenes="a fox || a boat | sea", scene_suffix="text:-1", smoothing_weight=0))
    assert asked(parts) == [["a fox", "text"], ["a boat", "sea", "text (2)"]]


def test_scenes_fade_into_one_another(toy):
    parts = build(toy(scenes="a fox || a boat", interpolation_steps=2, smoothing_weight=0))
    assert asked(parts) == [["a fox"], ["a boat", "a fox"]]
    records = [record for frame in parts.animate() for record in frame.records]
    fox, boat = ([record.get(name, 0.0) for record in records] for name in ("a fox", "a boat"))
    assert all(value > 0 for value in fox[:4])
    assert boat[4] == 0  # the old scene has it all
    assert fox[4] > fox[5] > 0
    assert fox[6:] == [0, 0]
    assert all(value > 0 for value in boat[5:])


def test_a_negative_weight_drives_away(toy):
    near, far = (
        last(build(toy(scenes=f"a fox:{weight}", steps_per_scene=20, cutouts=4)))
        for weight in ("1", "-1")
    )
    assert near.records[-1]["a fox"] < near.records[0]["a fox"]
    assert -far.records[-1]["a fox"] > -far.records[0]["a fox"]


def test_texts_are_embedded_once_for_each_perceptor(toy, monkeypatch):
    from mutoscope.perceptors.tiny import Tiny

    batches = []
    embed = Tiny.embed_text

    def counted(self, texts):
        batches.append(list(texts))
        return embed(self, texts)

    monkeypatch.setattr(Tiny, "embed_text", counted)
    build(toy(scenes="a fox | sky:1_clouds || a fox | a boat"))
    assert batches == [["a fox"], ["sky"], ["clouds"], ["a boat"]]


def test_an_image_prompt_leads_toward_what_is_in_the_picture(toy, draw):
    draw("red.png", colour=(230, 20, 30))
    image = last(build(toy(scenes="[red.png]", steps_per_scene=60, cutouts=8))).image
    red, green, blue = image.mean((0, 2, 3)).tolist()
    assert red > green + 0.1
    assert red > blue + 0.1


def test_a_picture_in_several_prompts_is_looked_at_once(toy, draw, monkeypatch):
    from mutoscope.build import asking

    draw("red.png")
    looked = []
    glimpse = asking.glimpse
    monkeypatch.setattr(
        asking, "glimpse", lambda *a, **k: looked.append(a[0].shape) or glimpse(*a, **k)
    )
    build(toy(scenes="[red.png] || [red.png]:-1_l", init_image="red.png",
              semantic_init_weight="1"))  # fmt: skip
    assert looked == [(1, 3, 18, 24)]


# ── masks ──


@pytest.mark.parametrize(
    "mask",
    ["r", "l", "u:0", "n_0.2", "[mask.png]", "[-mask.png]", "[film.mp4]", "[-film.mp4]", "snow",
     "snow_0.9"],
)  # fmt: skip
def test_every_kind_of_mask_is_understood(toy, draw, shoot, mask):
    draw("mask.png", colour=(200, 200, 200))
    shoot("film.mp4", [0.5, 0.9])
    frame = last(build(toy(scenes=f"a fox:1_{mask} | a tree")))
    assert frame.image.isfinite().all()
    assert "a fox" in frame.records[-1]


def test_a_picture_mask_says_where(toy, tmp_path):
    """With cutouts on both sides, the white half changes more than the black one."""
    import numpy as np
    from PIL import Image

    pixels = np.zeros((16, 16), np.uint8)
    pixels[:, 8:] = 255
    Image.fromarray(pixels).save(tmp_path / "right.png")
    settings = {"width": 128, "height": 32, "cutouts": 16, "cut_pow": 8, "smoothing_weight": 0}
    changes = {}
    for mask in ("[right.png]", "[-right.png]"):
        parts = build(toy(scenes=f"a fox:1_{mask}", **settings))
        before = parts.canvas.image()
        moved = (last(parts).image - before).abs()
        changes[mask] = float(moved[..., :48].mean()), float(moved[..., 80:].mean())
    left, right = changes["[right.png]"]
    assert right > 2 * left
    left, right = changes["[-right.png]"]
    assert left > 2 * right


def test_a_mask_video_moves_with_the_film_and_may_end_early(toy, shoot):
    shoot("mask.mp4", [0.0, 1.0])  # two frames of mask for four of film
    parts = build(
        toy(scenes="a fox:1_[mask.mp4]", steps_per_scene=8, smoothing_weight=0, cutouts=4, **FILM)
    )
    losses = [record["a fox"] for frame in parts.animate() for record in frame.records]
    assert losses[:2] == [0, 0]  # black: it acts nowhere
    assert any(losses[2:4])
    assert any(losses[6:])  # the last frame is held


def test_a_mask_video_stays_at_the_films_rate(toy, shoot):
    shoot("slow.mp4", [0.0, 1.0], rate=6)  # each of its frames lasts two of ours at 12
    parts = build(toy(scenes="a fox:1_[slow.mp4]", steps_per_scene=8, cutouts=4, **FILM))
    losses = [record["a fox"] for frame in parts.animate() for record in frame.records]
    assert losses[:4] == [0] * 4
    assert any(losses[4:6])


# ── the init image ──


def test_init_weights_hold_in_a_still(toy, draw):
    draw("start.png")
    parts = build(
        toy(scenes="a fox || a boat", init_image="start.png", direct_init_weight="1",
            semantic_init_weight="1", display_every=2, smoothing_weight=0)
    )  # fmt: skip
    direct, semantic = "init image (direct)", "init image (semantic)"
    held = [(direct in names, semantic in names) for names in asked(parts)]
    assert held == [(True, True)] * 2 + [(True, False)] * 2


def test_init_weights_let_go_at_the_first_move_of_a_film(toy, draw):
    draw("start.png")
    parts = build(
        toy(scenes="a fox || a boat", init_image="start.png", direct_init_weight="1",
            semantic_init_weight="1", smoothing_weight=0, **FILM)
    )  # fmt: skip
    shots = list(parts.schedule.shots())
    for shot, names in zip(shots, asked(parts), strict=True):
        before = shot.steps.start < 2
        assert ("init image (direct)" in names) is before
        assert ("init image (semantic)" in names) is before


def test_a_direct_init_weight_keeps_the_picture_near(toy, draw):
    target = draw("start.png", (32, 32))
    images = {
        weight: last(build(toy(init_image=str(target), direct_init_weight=weight,
                               steps_per_scene=30))).image
        for weight in ("0", "50")
    }  # fmt: skip
    start = build(toy(init_image=str(target))).canvas.image()
    assert nearness(images["50"], start) < 0.5 * nearness(images["0"], start)


def test_a_direct_image_prompt_leads_to_its_pixels(toy, draw):
    target = build(toy(init_image=str(draw("goal.png", (32, 32))))).canvas.image()
    settings = {"scenes": "", "direct_image_prompts": "goal.png:10", "smoothing_weight": 0}
    parts = build(toy(steps_per_scene=60, **settings))
    begun = nearness(parts.canvas.image(), target)
    frame = last(parts)
    assert nearness(frame.image, target) < 0.1 * begun
    away = last(build(toy(direct_image_prompts="goal.png:-10", steps_per_scene=20, scenes="")))
    assert nearness(away.image, target) > begun


# ── what is wanted of any picture ──


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"smoothing_weight": 0}, []),
        ({}, ["smoothing"]),
        ({"smoothing_weight": "t"}, ["smoothing"]),
        ({"contrast_weight": 1, "natural_weight": 2}, ["smoothing", "contrast", "strangeness"]),
        ({"image_model": "Limited Palette"}, ["smoothing", "hdr", "palette normalisation"]),
        ({"image_model": "Limited Palette", "hdr_weight": 0, "palette_normalization_weight": 0},
         ["smoothing"]),
    ],
)  # fmt: skip
def test_terms_come_with_their_weights(toy, changes, names):
    parts = build(toy(**changes))
    assert asked(parts) == [["a fox", *names]]
    assert last(parts).image.isfinite().all()


def test_perceptors_have_an_equal_say(toy):
    from mutoscope.perceptors.tiny import Tiny

    settings = toy()
    parts = build(settings)
    other = Tiny(seed=1)
    look_alone = [one_value(parts, settings, [eye]) for eye in (parts.perceptors[0], other)]
    together = one_value(parts, settings, [parts.perceptors[0], other])
    assert together == pytest.approx(sum(look_alone) / 2, rel=1e-5)


def one_value(parts, settings, perceptors):
    ask = Asking(settings, perceptors, canvas=parts.canvas, pictures=Pictures(settings),
                 cutouts=parts.cutouts, rng_of=lambda name: rng_for(0, name))  # fmt: skip
    # Perceptors of one size draw after one another, so each gets boxes of its own: the picture is
    # even, and they don't matter.
    image = torch.full((1, 3, 32, 32), 0.3, requires_grad=True)
    clean = parts.cutouts.clean()
    shot = next(parts.schedule.shots())
    look = Look(image, canvas=parts.canvas, cutouts=clean, moment=shot.moment, rng=rng_for(0, 0))
    return float(ask(shot)[0](look).detach())


# ── what holds frames ──

STEADY = {"scenes": "a fox", "steps_per_scene": 20, "pre_animation_steps": 4, "cutouts": 4,
          "steps_per_frame": 4, "save_every": 4, "width": 48, "height": 40,
          "smoothing_weight": 0}  # fmt: skip
CAMERAS = {
    "2D": {"animation_mode": "2D", "translate_x": "3", "zoom_x_2d": "1"},
    "3D": {"animation_mode": "3D", "translate_z_3d": "200", "translate_x": "4",
           "depth_model": "relief"},
}  # fmt: skip


class Counting(Relief):
    """An eye that notes the pictures at which it looks."""

    def __init__(self):
        super().__init__()
        self.looked = []

    def look(self, image):
        self.looked.append(image.detach())
        return super().look(image)


def holding(settings, depth=None):
    """The parts of ``settings``, with frames held to what was carried into them, and by depth."""
    parts = build(settings)
    motion = parts.motion if isinstance(parts.motion, Carrying | None) else Carrying(parts.motion)
    ask = Asking(settings, parts.perceptors, canvas=parts.canvas, pictures=Pictures(settings),
                 cutouts=parts.cutouts, rng_of=lambda name: rng_for(0, name), carrying=motion,
                 depth=depth)  # fmt: skip
    return replace(parts, ask=ask, hold=ask.hold if ask.holds else None, motion=motion)


def seen(parts, image, shot):
    image = image.clone().requires_grad_()
    return Look(image, canvas=parts.canvas, cutouts=parts.cutouts.clean(), moment=shot.moment,
                rng=rng_for(0, 0))  # fmt: skip


def test_in_a_still_the_depth_of_the_init_image_is_held(toy, draw):
    eye = Counting()
    settings = toy(init_image=str(draw("start.png", (32, 32))), depth_stabilization_weight="3")
    parts = holding(settings, eye)
    shot = next(parts.schedule.shots())
    (term,) = parts.hold(shot, None)
    assert term.name == "stabilisation (depth)"
    target = Pictures(settings).initial
    assert term(seen(parts, target, shot)).item() == 0
    assert term(seen(parts, target.flip(2), shot)).item() > 0
    assert [image.shape for image in eye.looked] == [target.shape] * 3  # the target is seen once
    assert parts.hold(shot, None)[0] is term


@pytest.mark.parametrize("weight", ["direct", "edge", "semantic", "depth"])
def test_without_an_init_image_nothing_holds_a_still(toy, weight):
    parts = holding(toy(**{f"{weight}_stabilization_weight": "1"}), Counting())
    assert parts.hold(next(parts.schedule.shots()), None) == []


def test_depth_strays_less_where_it_is_held(toy, draw):
    draw("start.png", (12, 10))

    def strayed(weight):
        settings = toy(**STEADY, **CAMERAS["2D"], init_image="start.png",
                       depth_stabilization_weight=weight)  # fmt: skip
        parts, eye = holding(settings, Relief()), Relief()
        images = [frame.image for frame in parts.animate()]
        began = []
        for before, shot in zip(images, [s for s in parts.schedule.shots() if s.moves],
                                strict=False):  # fmt: skip
            began.append(parts.motion(before, shot)(before).clamp(0, 1))
        ends = zip(images[1:], began, strict=True)
        return sum(float((eye.look(a) - eye.look(b)).square().mean()) for a, b in ends)

    assert strayed("1000") < 0.6 * strayed("0")


@pytest.mark.parametrize("camera", CAMERAS)
def test_what_the_camera_saw_before_strays_less_where_it_is_held(toy, camera):
    def strayed(weight):
        parts = holding(toy(**STEADY, **CAMERAS[camera], flow_stabilization_weight=weight))
        images = [frame.image for frame in parts.animate()]
        off = []
        for before, shot in zip(images, [s for s in parts.schedule.shots() if s.moves],
                                strict=False):  # fmt: skip
            parts.motion(before, shot)
            (past,) = parts.motion.carried(shot.moment.frame)
            now = images[shot.moment.frame]
            off.append(float(((now - past.picture) * past.mask).square().mean()))
        return sum(off)

    free = strayed("0")
    assert free > 0
    assert strayed("300") < 0.6 * free


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("momentum", [True, False])
def test_a_film_held_to_what_was_carried_resumes_from_every_step(toy, camera, momentum):
    settings = toy(
        **{**STEADY, "steps_per_scene": 12}, **CAMERAS[camera], display_every=1,
        flow_stabilization_weight="5", depth_stabilization_weight="5",
        reset_lr_each_frame=not momentum,
    )  # fmt: skip
    whole = list(holding(settings, Relief()).animate())
    assert len(whole) == 12
    assert whole[-1].records[-1]["stabilisation (flow)"] > 0
    for place in range(3, 11):
        again = next(holding(settings, Relief()).animate(resume=whole[place].state))
        assert torch.equal(again.image, whole[place + 1].image), place
        assert again.records == whole[place + 1].records


def test_a_camera_that_stands_still_divides_by_nothing(toy):
    parts = holding(toy(**STEADY, animation_mode="2D", flow_stabilization_weight="5"))
    frames = list(parts.animate())
    assert all(0 <= record["stabilisation (flow)"] < 1 for f in frames[1:] for record in f.records)


def test_the_mask_of_a_camera_is_where_it_acts(toy, draw):
    draw("black.png", colour=(0, 0, 0))
    for mask, acts in (("[black.png]", False), ("[-black.png]", True)):
        settings = toy(**STEADY, **CAMERAS["2D"], flow_stabilization_weight=f"5_{mask}")
        record = list(holding(settings).animate())[-1].records[-1]
        assert (record["stabilisation (flow)"] > 0) is acts


def test_the_mask_of_a_film_is_what_moves_and_not_where_it_acts(toy, draw, shoot):
    draw("black.png", colour=(0, 0, 0))
    shoot("clip.mp4", [0.2, 0.4, 0.5, 0.9, 0.3, 0.6], size=(48, 40))
    settings = toy(
        **STEADY, animation_mode="Video Source", video_path="clip.mp4", reencode_each_frame=False,
        flow_stabilization_weight="5_[black.png]",
    )  # fmt: skip
    records = [record for frame in build(settings).animate() for record in frame.records]
    assert all(record["stabilisation (flow)"] > 0 for record in records[5:8])
