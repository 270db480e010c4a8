"""The rehearsal of a film: its moves are the render's, what it tells is what the script says."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mutoscope.build import build
from mutoscope.build.rehearsing import rehearse
from mutoscope.errors import MutoscopeError, SettingsError
from mutoscope.frames import ClipSource, FilmSink
from mutoscope.preview import Preview, walk
from mutoscope.preview.card import card
from mutoscope.preview.carry import Carried, lattice
from mutoscope.preview.cues import Wish, beats, cues
from mutoscope.preview.film import shown_size
from mutoscope.preview.plot import curves_plot
from mutoscope.preview.regions import outline, region, told
from mutoscope.script import Mask
from mutoscope.sound import SoundFile
from mutoscope.terms.fade import fade

FILM = {
    "animation_mode": "2D",
    "pre_animation_steps": 2,
    "steps_per_frame": 2,
    "save_every": 2,
    "steps_per_scene": 8,
    "interpolation_steps": 3,
    "scenes": "a fox:1+t | snow:0.5_r_0.6 || a boat:-0.5",
}
MOVES = {"zoom_x_2d": "2*t", "rotate_2d": "3 + sin(t)", "translate_x": "frame", "translate_y": 1}


@pytest.fixture
def reel(tmp_path, single_thread):
    """A film that pans for six frames, cuts, and pans on."""

    def write(name="reel.mp4"):
        rng = torch.Generator().manual_seed(3)
        wide, other = (
            torch.nn.functional.interpolate(
                torch.rand(1, 3, 12, 24, generator=rng), (48, 96), mode="bicubic"
            ).clamp(0, 1)
            for _ in range(2)
        )
        with FilmSink(tmp_path / name, 12, crf=5) as sink:
            for i in range(6):
                sink.write(wide[..., 2 * i : 2 * i + 48])
            for i in range(6):
                sink.write(0.3 * other[..., 40 - 2 * i : 88 - 2 * i])
        return name

    return write


class Recorder:
    """A motion that keeps what it was asked and what it answered."""

    def __init__(self, motion):
        self.motion, self.asked, self.warps = motion, [], []

    def __call__(self, image, shot):
        warp = self.motion(image, shot)
        self.asked.append((image.clone(), shot))
        self.warps.append((warp.displacement.clone(), None if warp.anew is None else warp.anew))
        return warp


def rendered(settings):
    """What the motion of a real run was asked and answered."""
    parts = build(settings)
    recorder = Recorder(parts.motion)
    # The protocol of motions that remember is asked of the part itself.
    for name in ("tensors", "recall"):
        if hasattr(parts.motion, name):
            setattr(recorder, name, getattr(parts.motion, name))
    list(replace(parts, motion=recorder).animate())
    return recorder


def walked(settings, size=(40, 40)):
    rehearsal = rehearse(settings)
    return [
        SimpleNamespace(cue=step.cue, warp=step.warp)
        for step in walk(rehearsal, cues(settings, rehearsal.schedule), size)
        if step.warp is not None
    ]


# ── what moves ──


@pytest.mark.parametrize("size", [(40, 40), (17, 17)])
def test_a_flat_film_moves_as_its_render_does(toy, size):
    settings = toy(**FILM, **MOVES)
    recorder, steps = rendered(settings), walked(settings, size)
    assert len(steps) == len(recorder.warps) == 7
    for step, (displacement, _), (_, shot) in zip(
        steps, recorder.warps, recorder.asked, strict=True
    ):
        assert torch.equal(step.warp.displacement, displacement)
        assert step.cue.beat.shot == shot
    assert bool(recorder.warps[3][0].abs().max() > 2)


def test_a_followed_film_moves_as_its_render_does(toy, reel):
    settings = toy(
        **{**FILM, "animation_mode": "Video Source", "steps_per_scene": 12},
        video_path=reel(), width=48, height=48, frame_stride=1, reencode_each_frame=False,
    )  # fmt: skip
    recorder, steps = rendered(settings), walked(settings)
    assert len(steps) == len(recorder.warps) > 8
    cut = 0
    for step, (displacement, anew) in zip(steps, recorder.warps, strict=True):
        assert torch.equal(step.warp.displacement, displacement)
        assert (step.warp.anew is None) == (anew is None)
        cut += anew is not None
    assert cut == 1
    assert bool(recorder.warps[2][0].abs().max() > 1)


def test_a_film_in_space_moves_as_its_render_does_from_the_same_picture(toy):
    settings = toy(
        **{**FILM, "animation_mode": "3D", "depth_model": "relief"}, width=48, height=40,
        translate_x="3 + t", translate_z_3d=20, near_plane=50, far_plane=500, translate_y="0.01*mu",
        rotate_3d="[1, 0, 0.01*frame, 0]",
    )  # fmt: skip
    recorder = rendered(settings)
    motion = rehearse(settings).motion
    for (image, shot), (displacement, _) in zip(recorder.asked, recorder.warps, strict=True):
        assert torch.equal(motion(image, shot).displacement, displacement)
    assert bool(recorder.warps[0][0].std() > 0.05)  # near and far move differently
    assert len(walked(settings)) == len(recorder.warps)


def test_the_depth_of_a_preview_is_that_of_the_picture_carried(toy, draw):
    draw("init.png", (48, 40), seed=4)
    settings = toy(
        **{**FILM, "animation_mode": "3D", "depth_model": "relief"}, width=48, height=40,
        init_image="init.png", translate_z_3d=20, near_plane=50, far_plane=500,
    )  # fmt: skip
    rehearsal = rehearse(settings)
    first = walked(settings, (48, 40))[0]
    picture = rehearsal.pictures.initial
    expected = rehearsal.motion(picture, first.cue.beat.shot).displacement
    torch.testing.assert_close(first.warp.displacement, expected, atol=1e-3, rtol=1e-3)


def test_no_network_that_judges_or_paints_is_loaded(toy, monkeypatch):
    from mutoscope.build import parts

    def refused(*_, **__):
        raise AssertionError("a perceptor was loaded")

    monkeypatch.setattr(parts, "load_perceptor", refused)
    assert rehearse(toy(**FILM, perceptors="RN50")).motion is not None


def test_a_vqgan_is_as_large_as_its_render_without_its_weights(toy):
    settings = toy(**FILM | {"image_model": "VQGAN", "vqgan_model": "sflckr", "width": 100})
    assert rehearse(settings).size == (96, 32)


def test_the_frames_are_those_of_the_film_that_render_writes(toy):
    for changes in ({}, {"pre_animation_steps": 0}, {"steps_per_scene": 7}, {"scenes": "a"}):
        settings = toy(**FILM | changes)
        rehearsal = rehearse(settings)
        told = list(beats(rehearsal.schedule))
        assert len(told) == rehearsal.schedule.files
        assert [beat.number for beat in told] == list(range(len(told)))


# ── what is carried ──


def affine(settings, size):
    rehearsal = rehearse(settings)
    return list(walk(rehearsal, cues(settings, rehearsal.schedule), size))


def test_a_picture_carried_far_is_as_sharp_as_it_was(toy):
    """Quarter pixels to the right, forty times, and as many back."""
    way = "0.25 if frame <= 40 else -0.25"
    settings = toy(**FILM | {"steps_per_scene": 81, "translate_x": way})
    for step in walk(r := rehearse(settings), cues(settings, r.schedule), (64, 64)):
        if step.cue.beat.number == 80:
            there = step.carried.picture()
    off = (there - card((64, 64))).abs().amax(1)[0]
    assert float(off[:, 16:36].max()) < 0.01  # where no seam was near


def test_what_comes_in_is_tinted_and_the_tint_fades(toy):
    settings = toy(
        **FILM | {"translate_x": "8 if frame == 1 else 0", "steps_per_scene": 20, "scenes": "a"}
    )
    fresh = []
    for step in walk(r := rehearse(settings), cues(settings, r.schedule), (32, 32)):
        fresh.append(step.carried._fresh.clone())
    assert float(fresh[0].max()) == 0
    assert bool((fresh[1][..., :8] == 1).all())
    assert bool((fresh[1][..., 9:] == 0).all())
    assert 0 < float(fresh[4].max()) < 0.6


def test_black_beyond_the_edges_stays_black(toy):
    settings = toy(**FILM | {"translate_x": 2, "infill_mode": "black", "scenes": "a"})
    *_, last = walk(r := rehearse(settings), cues(settings, r.schedule), (32, 32))
    picture = last.carried.picture()
    assert last.cue.beat.number == 3
    assert float(picture[..., :6].max()) == 0
    assert float(picture[..., 7:].min(dim=1).values.max()) > 0.3


def test_lines_together_are_always_as_strong():
    carried = Carried(card((64, 48)), rate=6)
    for frame in range(40):
        carried._frame = frame
        assert carried._weight(0) + carried._weight(1) == pytest.approx(1)
        for layer in (0, 1):
            if carried._age(layer) == 0:
                assert carried._weight(layer) == pytest.approx(0, abs=0.1)
    assert 0 < float(lattice((64, 48)).mean()) < 0.5


def test_a_cut_shows_the_films_own_picture(toy, reel, tmp_path):
    settings = toy(
        **{**FILM, "animation_mode": "Video Source", "steps_per_scene": 12},
        video_path=reel(), width=48, height=48, reencode_each_frame=False,
    )  # fmt: skip
    own = list(ClipSource(tmp_path / "reel.mp4"))
    for step in walk(r := rehearse(settings), cues(settings, r.schedule), (48, 48)):
        if step.warp is not None and step.warp.anew is not None:
            at = step.cue.beat.number
            assert at == 6
            assert float((step.carried.picture() - own[at]).abs().max()) < 0.02
            break
    else:
        raise AssertionError("no cut was found")


# ── what is told ──


def weigh(prompt):
    """A term whose loss is the prompt's weight."""
    return lambda look: torch.tensor(prompt.weight(look.moment.values))


def test_weights_are_the_scripts_and_fade_as_the_terms_do(toy):
    settings = toy(**FILM)
    for cue in cues(settings, rehearse(settings).schedule):
        moment = cue.beat.moment
        scenes = settings.script.scenes
        look = SimpleNamespace(moment=moment, image=torch.zeros(1))
        previous = scenes[moment.scene - 1].prompts if moment.scene else ()
        terms = fade(
            [weigh(p) for p in scenes[moment.scene].prompts], [weigh(p) for p in previous],
            settings.interpolation_steps,
        )  # fmt: skip
        wanted = [float(one(look)) for one in terms]
        found = [wish.weight for wish in cue.wishes]
        found += [0.0] * (len(wanted) - len(found))
        assert found == pytest.approx(wanted, abs=1e-6)


def test_bands_are_those_of_the_sound_at_that_moment(toy, play):
    play("song.wav", start=0.25, stop=2.0)
    settings = toy(**FILM, input_audio="song.wav", frames_per_second=4, translate_x="3*bass")
    schedule = rehearse(settings).schedule
    told = cues(settings, schedule)
    assert set(told[0].bands) >= {"bass", "treble"}
    assert not any(name.endswith("_prev") for name in told[0].bands)
    for cue in told:
        assert cue.bands["bass"] == schedule.signals(cue.t)["bass"]
        assert cue.motion["translate_x"] == pytest.approx(3 * cue.bands["bass"])
    assert max(cue.bands["bass"] for cue in told) > 0.5


def test_weights_that_weigh_nothing_are_not_told(toy):
    told = cues(s := toy(**FILM), rehearse(s).schedule)
    assert not {"edge_weight", "style_weight", "direct_init_weight"} & set(told[0].holds)
    told = cues(s := toy(**FILM, edge_colour="red"), rehearse(s).schedule)
    assert told[0].holds["edge_weight"] == 1


def test_rotations_are_told_in_degrees(toy):
    half = math.radians(15) / 2
    settings = toy(
        **FILM | {"animation_mode": "3D", "depth_model": "flat"},
        rotate_3d=f"[{math.cos(half)}, 0, {math.sin(half)}, 0]",
    )
    cue = cues(settings, rehearse(settings).schedule)[1]
    assert cue.motion["rotate_3d about y (°)"] == pytest.approx(15)


def test_a_number_without_value_is_refused_with_key_and_time(toy):
    settings = toy(**FILM, zoom_x_2d="1/(frame - 3)")
    with pytest.raises(MutoscopeError, match=r"^zoom_x_2d: .*frame=3"):
        Preview(rehearse(settings))


# ── where masks act ──


def test_a_side_is_where_the_middle_of_a_cutout_lies(toy):
    rehearsal = rehearse(toy(**FILM))
    moment = rehearsal.schedule.moment(4)
    for letter, expected in {"r": (0, 1), "l": (1, 0), "u": (1, 0), "d": (0, 1)}.items():
        wish = Wish("x", 1.0, Mask("letter", letter), 0.75, 0)
        acts = region(wish, moment, rehearsal.pictures, (40, 20), stride=1)
        assert acts.shape == (20, 40)
        line = acts[0] if letter in "rl" else acts[:, 0]
        assert (int(line[0]), int(line[-1])) == expected
        share = 0.25 if letter in "rd" else 0.75
        assert float(line.mean()) == pytest.approx(share, abs=0.03)
    assert told(Wish("x", 1.0, Mask("letter", "r"), 0.75, 0)) == "right, 0.75"


def test_a_file_is_where_it_is_light_and_drawn_as_an_outline(toy, draw):
    from PIL import Image

    path = draw("m.png", (40, 20), colour=(0, 0, 0))
    pixels = np.zeros((20, 40), np.uint8)
    pixels[5:15, 10:20] = 255
    Image.fromarray(pixels).save(path)
    settings = toy(**FILM | {"scenes": "a fox:1_[m.png]"})
    rehearsal = rehearse(settings)
    wish = cues(settings, rehearsal.schedule)[0].wishes[0]
    acts = region(wish, rehearsal.schedule.moment(0), rehearsal.pictures, (40, 20), stride=1)
    assert torch.equal(acts, torch.from_numpy(pixels).float() / 255)
    edge = outline(acts, 1)
    assert int(edge.sum()) == 2 * 10 + 2 * 8
    shown = Preview(rehearsal)
    frame = next(shown.frames())
    plain = next(Preview(rehearse(settings.replace(scenes="a fox:1"))).frames())
    width, height = shown.size
    changed = (frame - plain).abs().amax(1)[0, :, :width] > 0.05
    top = (frame.shape[2] - height) // 2
    inside = changed[top : top + height][height // 4 : height * 3 // 4, width // 4 : width // 2]
    assert float(inside.float().mean()) > 0.5
    assert float(changed[:, : width // 5].float().mean()) == 0


# ── what is shown ──


def test_sizes_are_even_enough_and_keep_the_shape():
    assert shown_size((1920, 1080)) == (768, 432)
    assert shown_size((32, 32)) == (448, 448)
    assert shown_size((512, 384)) == (512, 384)
    assert shown_size((1000, 10), 64) == (64, 2)


def test_bars_grow_with_their_weights(toy):
    """The prompt's bar is drawn in its colour, as long as its weight says."""

    def blue(weight):
        scenes = f"a fox:{weight} | b:1"
        made = Preview(rehearse(toy(**FILM | {"scenes": scenes, "interpolation_steps": 0})))
        panel = next(made.frames())[0, :, :, made.size[0] :]
        return int(((panel[2] - panel[0] > 0.4) & (panel[2] > 0.6)).sum())

    half, whole = blue(0.5), blue(1.0)
    assert half > 50
    assert whole == pytest.approx(2 * half, rel=0.05)
    assert blue(0.0) == 0


def test_a_film_carries_its_sound_and_one_frame_a_move(toy, play, tmp_path):
    play("song.wav", length=3.0)
    settings = toy(**FILM, input_audio="song.wav", translate_x="bass")
    made = Preview(rehearse(settings), side=64)
    told = []
    made.write(tmp_path / "a.mp4", watch=lambda done, total: told.append((done, total)))
    film = ClipSource(tmp_path / "a.mp4")
    assert film.length == 8
    assert told == [(i + 1, 8) for i in range(8)]
    assert SoundFile(tmp_path / "a.mp4").channels == 1
    # A film whose files aren't its moves is silent, as the render's is.
    silent = Preview(rehearse(settings.replace(save_every=4)), side=64)
    silent.write(tmp_path / "b.mp4")
    assert ClipSource(tmp_path / "b.mp4").length == 8
    with pytest.raises(MutoscopeError):
        SoundFile(tmp_path / "b.mp4")


def test_what_is_stopped_leaves_no_film(toy, tmp_path):
    made = Preview(rehearse(toy(**FILM)), side=64)

    def stop(done, _total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.write(tmp_path / "a.mp4", watch=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_stretch_is_the_same_as_in_the_whole_film(toy):
    settings = toy(**FILM, **MOVES)
    whole = list(Preview(rehearse(settings), side=64).frames())
    part = list(Preview(rehearse(settings), side=64).frames(3, 5))
    assert len(part) == 2
    assert torch.equal(torch.cat(part), torch.cat(whole[3:5]))


def test_a_time_has_its_frame(toy):
    made = Preview(rehearse(toy(**FILM)), side=64)
    assert [made.number_at(t) for t in (0.0, 1 / 12, 0.5)] == [1, 2, 7]
    with pytest.raises(SettingsError, match="t = 9"):
        made.number_at(9)
    with pytest.raises(SettingsError):
        made.number_at(math.nan)


def test_the_plot_shows_each_kind_of_curve(toy, play):
    play("song.wav")
    settings = toy(**FILM, **MOVES)
    made = Preview(rehearse(settings), side=64)
    bare = made.plot()
    list(made.frames())
    walked_through = made.plot()
    heard = Preview(rehearse(settings.replace(input_audio="song.wav"))).plot()
    assert bare.shape[3] == walked_through.shape[3] == 1280
    # One panel more each: what it really moved, and the sound.
    assert walked_through.shape[2] > bare.shape[2] < heard.shape[2]
    assert int((bare.amax(1) - bare.amin(1) > 0.3).sum()) > 2000
    assert bool(torch.isfinite(walked_through).all())


def test_a_still_shows_weights_and_no_motion(toy):
    settings = toy(**FILM | {"animation_mode": "off", "scenes": "a fox:1+t || a boat:-0.5"})
    made = Preview(rehearse(settings), side=64)
    assert len(made.cues) == 8
    assert made.rehearsal.motion is None
    first, *_, last = made.frames()
    assert torch.equal(first[..., :64], last[..., :64])
    assert not torch.equal(first, last)
    assert float(curves_plot(settings, made.cues).min()) < 0.5


def test_a_film_without_scenes_is_shown(toy, draw):
    draw("a.png")
    settings = toy(**FILM | {"scenes": ""}, translate_x=2, direct_image_prompts="a.png:3")
    made = Preview(rehearse(settings), side=64)
    assert len(list(made.frames())) == len(made.cues)
    assert all(not cue.wishes and 3 in cue.holds.values() for cue in made.cues)


def test_the_card_has_a_colour_on_each_edge_and_is_drawn_in_any_size():
    for size in ((16, 16), (2, 2), (200, 40), (40, 200)):
        assert card(size).shape == (1, 3, size[1], size[0])
    picture = card((200, 160))[0]
    left, top = picture[:, 80, 0], picture[:, 0, 100]
    right, bottom = picture[:, 80, -1], picture[:, -1, 100]
    colours = torch.stack([left, top, right, bottom])
    assert float(torch.cdist(colours, colours).add(torch.eye(4)).min()) > 0.3
