"""Where a change begins to be seen, against what painting both shows."""

import os

import pytest

from mutoscope.build import build
from mutoscope.retake import first_touched
from mutoscope.retake.keys import HARMLESS, LOCAL, MOVING, PERCEPTORS, WHOLE
from mutoscope.settings import Settings

pytestmark = pytest.mark.usefixtures("single_thread")

# Two scenes of 6 steps; the first move before step 3, then every 3; files of 3, 6, 9, 12 steps.
FILM = {
    "scenes": "a fox || a boat",
    "steps_per_scene": 6,
    "animation_mode": "2D",
    "pre_animation_steps": 3,
    "steps_per_frame": 3,
    "save_every": 3,
    "zoom_x_2d": 1,
}


def test_every_key_is_in_one_list():
    lists = [HARMLESS, LOCAL, MOVING, PERCEPTORS, WHOLE]
    listed = [key for keys in lists for key in keys]
    assert len(listed) == len(set(listed))
    # A key that is new: what can a change of it touch? Until that is known, it belongs in WHOLE.
    assert set(listed) == set(Settings.model_fields)


def painted(settings):
    """Each step's losses and each file's pixels, by the steps that they hold."""
    steps, files = {}, {}
    for frame in build(settings).animate():
        for record in frame.records:
            steps[record["step"]] = {k: v for k, v in record.items() if v != 0 or k in ("t",)}
        if frame.number is not None:
            files[frame.steps] = (frame.number, frame.image.numpy().tobytes())
    return steps, files


CHANGES = [
    ({"scenes": "a fox || a ship"}, 6, "scenes"),
    ({"scenes": "a fox || a boat || a house"}, 12, "scenes"),
    ({"scenes": "a fox:2 || a boat"}, 0, "scenes"),
    ({"scenes": "a fox || a boat | b:0"}, None, ""),
    ({"scenes": "a fox:{step} || a boat"}, 3, "scenes"),
    ({"scenes": "a fox:1:0:(-9), 3:(5) || a boat"}, 0, "scenes"),
    ({"scenes": "a fox_r || a boat"}, 0, "scenes"),
    ({"scenes": "a fox || a boat", "interpolation_steps": 2}, 6, "interpolation_steps"),
    ({"scene_suffix": "| dusk:0 if step < 8 else 1"}, 8, "scene_suffix"),
    ({"smoothing_weight": "0.02 if step < 5 else 0.5"}, 5, "smoothing_weight"),
    ({"smoothing_weight": "0:(0.02), 2:(0.02), 3:(1)"}, 9, "smoothing_weight"),
    ({"symmetry_weight": "0:(0), 2:(0), 3:(1)"}, 9, "symmetry_weight"),
    ({"edge_weight": 3}, None, ""),
    ({"edge_colour": "white", "edge_weight": "0 if step < 4 else 1"}, 4, "edge_colour"),
    ({"zoom_x_2d": "1 + 0*t"}, None, ""),
    ({"zoom_x_2d": "1 if frame < 2 else 2"}, 6, "zoom_x_2d"),
    ({"rotate_2d": "0:(0), 2:(0), 3:(9)"}, 9, "rotate_2d"),
    ({"rotate_3d": "[2, 1, 0, 0]", "translate_z_3d": 9}, None, ""),
    ({"infill_mode": "black"}, 3, "infill_mode"),
    ({"field_of_view": 20}, None, ""),
    ({"direct_stabilization_weight": 1}, 3, "direct_stabilization_weight"),
    ({"steps_per_frame": 2, "save_every": 2}, 0, "steps_per_frame"),
    ({"save_every": 1}, 3, "save_every"),
    ({"steps_per_scene": 7}, 6, "steps_per_scene"),
    ({"frames_per_second": 6}, 0, "frames_per_second"),
    ({"learning_rate": 0.1}, 0, "learning_rate"),
    ({"seed": 8}, 0, "seed"),
    ({"image_model": "Fourier"}, 0, "image_model"),
    ({"hdr_weight": 3}, None, ""),
    ({"perceptors": ["tiny"]}, None, ""),
    ({"display_every": 1}, None, ""),
    ({"film_quality": 30, "file_namespace": "other", "backups": 9}, None, ""),
]
TEXTS = {"{step}": "1 if step < 3 else 2"}


@pytest.mark.parametrize(("change", "step", "key"), CHANGES, ids=lambda value: str(value)[:60])
def test_all_before_it_is_the_same_and_it_is_not(toy, change, step, key):
    change = {
        name: value.replace("{step}", TEXTS["{step}"]) if isinstance(value, str) else value
        for name, value in change.items()
    }
    old, new = toy(**FILM), toy(**FILM | change)
    touch = first_touched(old, new)
    assert (touch and touch.step) == step
    if touch is not None:
        assert key in touch.keys
    (steps, files), (others, other_files) = painted(old), painted(new)
    until = len(steps) if step is None else step
    assert [steps[n] for n in range(1, until + 1)] == [others[n] for n in range(1, until + 1)]
    assert [value for n, value in files.items() if n <= until] == [
        value for n, value in other_files.items() if n <= until
    ]
    if step is None:
        assert files == other_files
    elif step:  # not too careful: what it names does differ
        assert steps.get(step + 1) != others.get(step + 1) or files != other_files


def test_a_still_of_more_steps_goes_on_where_the_rate_does_not_hang_on_them(toy):
    still = {"save_every": 2, "steps_per_scene": 4}
    assert first_touched(toy(**still), toy(**still | {"steps_per_scene": 8})).step == 4
    falling = still | {"learning_rate_decay": 0.5}
    assert first_touched(toy(**falling), toy(**falling | {"steps_per_scene": 8})).step == 1


def test_a_shorter_film_is_touched_where_it_ends(toy):
    assert first_touched(toy(**FILM), toy(**FILM | {"scenes": "a fox"})).step == 6


def test_a_rate_that_adapts_hears_of_every_term(toy):
    change = {"symmetry_weight": "0:(0), 2:(0), 3:(1)"}
    film = FILM | {"adaptive_learning_rate": True}
    assert first_touched(toy(**film), toy(**film | change)).step == 0


def test_the_depth_of_a_picture_is_known_only_when_it_is_painted(toy):
    film = FILM | {"animation_mode": "3D", "depth_model": "flat", "translate_z_3d": "R"}
    assert first_touched(toy(**film), toy(**film | {"translate_z_3d": "R + 0"})).step == 3
    assert first_touched(toy(**film), toy(**film)) is None
    assert first_touched(toy(**film), toy(**film | {"near_plane": 2})).step == 3


def test_a_file_that_was_changed_since_is_another(toy, draw):
    path = draw("mask.png")
    film = FILM | {"scenes": "a fox || a boat:1_[mask.png]"}
    written = path.stat().st_mtime
    assert first_touched(toy(**film), toy(**film), since=written + 5) is None
    os.utime(path, (written + 9, written + 9))
    touch = first_touched(toy(**film), toy(**film), since=written + 5)
    assert (touch.step, touch.keys[0]) == (6, "scenes")
    film = FILM | {"init_image": "mask.png"}
    assert first_touched(toy(**film), toy(**film), since=written + 5).step == 0


def test_sound_counts_where_it_is_heard(toy, play):
    play("early.wav", start=0.0, stop=0.1)
    play("late.wav", start=0.0, stop=0.1)
    film = FILM | {"input_audio": "early.wav", "scenes": "a fox || a boat", "zoom_x_2d": 1}
    assert first_touched(toy(**film), toy(**film | {"input_audio": "late.wav"})) is None
    heard = film | {"zoom_x_2d": "1 + bass"}
    # The same sound under another name is heard, and found to be the same.
    assert first_touched(toy(**heard), toy(**heard | {"input_audio": "late.wav"})) is None
    assert first_touched(toy(**heard), toy(**heard | {"input_audio_offset": 1})).step == 3
    assert first_touched(toy(**film), toy(**heard)).step == 3
    once = film | {"zoom_x_2d": "1 if frame < 3 else 1 + bass"}
    assert first_touched(toy(**once), toy(**once | {"input_audio_offset": 1})).step == 9
    named = film | {"curves": {"sway": "step"}, "zoom_x_2d": "1 if frame < 3 else sway"}
    assert first_touched(toy(**named), toy(**named | {"curves": {"sway": "2*step"}})).step == 9


def test_a_sound_that_is_gone_leaves_nothing_to_stand(toy, play):
    path = play("early.wav")
    film = FILM | {"input_audio": "early.wav", "zoom_x_2d": "1 + bass"}
    play("other.wav")
    old, new = toy(**film), toy(**film | {"input_audio": "other.wav"})
    path.unlink()
    assert first_touched(old, new).step == 0
