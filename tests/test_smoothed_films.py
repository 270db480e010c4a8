"""Films of a VQGAN smoothed over time: what is kept, what the film shows, and going on with it."""

import pytest
import torch

from mutoscope.api import settings_of_run
from mutoscope.build import build
from mutoscope.errors import RunError, SettingsError
from mutoscope.frames import ClipSource
from mutoscope.images import load_image, luma
from mutoscope.paint import Watch
from mutoscope.perform import finish, perform, smoother_of, start_run
from mutoscope.provenance import read_recipe
from mutoscope.run import Run
from mutoscope.run.material import material_of
from mutoscope.settings import load_settings

pytestmark = pytest.mark.usefixtures("single_thread")

CLOCKED = ("run.json", ".lock")  # what tells when and by whom


@pytest.fixture
def smooth(toy, small_vqgan):
    """Makes settings of a film of six frames on a small VQGAN."""

    def settings(**changes):
        film = {
            "image_model": "VQGAN", "vqgan_model": str(small_vqgan), "animation_mode": "2D",
            "scenes": "a fox || a boat", "interpolation_steps": 2, "steps_per_scene": 6,
            "pre_animation_steps": 2, "steps_per_frame": 2, "save_every": 2, "zoom_x_2d": 3,
            "learning_rate": 0.5, "file_namespace": "toy", "film_quality": 0,
            "z_smoother": True, "z_smoother_buffer_len": 3, "quality": False,
        }  # fmt: skip
        return toy(**film | changes)

    return settings


def contents(folder, *but):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (*CLOCKED, *but)
    }


def begin(settings, out, watch=None):
    parts = build(settings)
    with start_run(parts, out) as run:
        list(perform(parts, run, watch=watch))
    return run.folder


def go_on(folder, watch=None):
    with Run.open(folder) as run:
        settings, saved = settings_of_run(run), run.state()
        if not finish(run, settings, saved):
            list(perform(build(settings), run, saved=saved, watch=watch))


def stops_after(steps):
    left = iter([False] * (steps - 1))
    return Watch(stopped=lambda: next(left, True))


def numbered(folder, room):
    return {number: folder / room / f"toy_{number}.png" for number in range(1, 7)}


def test_frames_stay_as_they_were_painted_and_the_film_shows_them_smoothed(smooth, tmp_path):
    plain = begin(smooth(z_smoother=False), tmp_path / "plain")
    folder = begin(smooth(), tmp_path / "smooth")
    assert not (plain / "smoothed").exists()
    raw, shown = numbered(folder, "frames"), numbered(folder, "smoothed")
    for number, path in numbered(plain, "frames").items():
        assert torch.equal(load_image(path), load_image(raw[number]))
    # The window narrows to the frame itself at both ends, and nowhere else.
    same = [torch.equal(load_image(raw[n]), load_image(shown[n])) for n in range(1, 7)]
    assert same == [True, False, False, False, False, True]

    with Run.open(folder) as run:
        assert run.shown() == list(shown.values())
    assert material_of(folder).paths == list(shown.values())
    film = zip(ClipSource(folder / "toy.mp4"), shown.values(), raw.values(), strict=True)
    for picture, path, painted in film:
        off, other = (luma(picture) - luma(load_image(each)) for each in (path, painted))
        assert off.abs().mean() < 0.02  # the coding's own
        assert torch.equal(off, other) or off.abs().mean() < 0.5 * other.abs().mean()
        recipe = read_recipe(path)
        assert recipe["settings"]["z_smoother"] is True
        assert {k: recipe[k] for k in ("frame", "step")} == {
            k: read_recipe(raw[recipe["frame"]])[k] for k in ("frame", "step")
        }


def test_alpha_1_smooths_nothing(smooth, tmp_path):
    folder = begin(smooth(z_smoother_alpha=1), tmp_path)
    for number, path in numbered(folder, "smoothed").items():
        assert torch.equal(load_image(path), load_image(numbered(folder, "frames")[number]))


@pytest.mark.parametrize("stop", [2, 7])
def test_a_stopped_film_goes_on_to_the_same_bytes(smooth, tmp_path, stop):
    whole = begin(smooth(), tmp_path / "whole")
    folder = begin(smooth(), tmp_path / "stopped", stops_after(stop))
    shown = material_of(folder).paths
    assert [path.parent.name for path in shown] == ["smoothed"] * len(shown)
    go_on(folder)
    assert contents(folder) == contents(whole)


@pytest.mark.slow
def test_a_film_stopped_at_every_step_goes_on_to_the_same_bytes(smooth, tmp_path):
    wide = {"z_smoother_buffer_len": 5, "z_smoother_alpha": 0.4}
    whole = begin(smooth(**wide), tmp_path / "whole")
    folder = begin(smooth(**wide), tmp_path / "stopped", stops_after(1))
    for _ in range(11):
        go_on(folder, stops_after(1))
    assert contents(folder) == contents(whole)
    go_on(folder)
    assert contents(folder) == contents(whole)


def test_a_consumer_that_goes_away_leaves_a_film_that_goes_on(smooth, tmp_path):
    whole = begin(smooth(), tmp_path / "whole")
    parts = build(smooth())
    with start_run(parts, tmp_path / "left") as run:
        frames = perform(parts, run)
        for _ in range(3):
            next(frames)
        frames.close()
    # The newest frame waits for its neighbour: till then the film shows it as it was painted.
    shown = material_of(run.folder).paths
    rooms = [path.parent.name for path in shown]
    # Of the frame after the third, what was painted meanwhile may be kept too.
    assert rooms == [*["smoothed"] * (len(rooms) - 1), "frames"]
    assert len(rooms) in (3, 4)
    go_on(run.folder)
    assert contents(run.folder) == contents(whole)


def test_a_loop_is_smoothed_too(smooth, tmp_path):
    folder = begin(smooth(loop=True, loop_overlap=2), tmp_path)
    with Run.open(folder) as run:
        shown = run.shown()
    assert all(path.parent.name == "smoothed" for path in shown)
    assert len(list(ClipSource(folder / "toy.mp4"))) == len(shown) == 6


def test_a_run_that_takes_the_place_of_one_leaves_nothing_of_it(smooth, tmp_path):
    folder = begin(smooth(), tmp_path)
    again = begin(smooth(z_smoother=False, allow_overwrite=True), tmp_path)
    assert again == folder
    assert not list((folder / "smoothed").iterdir())


def test_a_state_of_another_window_is_refused(smooth, tmp_path):
    folder = begin(smooth(z_smoother_buffer_len=5), tmp_path, stops_after(8))
    with Run.open(folder) as run:
        saved = run.state()
    with pytest.raises(RunError, match="not those of its window"):
        smoother_of(build(smooth()), saved)


def test_an_even_window_is_refused_where_it_is_used(smooth, caplog):
    caplog.set_level("INFO", "mutoscope")
    with pytest.raises(SettingsError, match="z_smoother_buffer_len: 4 frames have no middle"):
        smooth(z_smoother_buffer_len=4)
    smooth(z_smoother_buffer_len=4, z_smoother=False)
    assert "z_smoother_buffer_len has no effect without z_smoother: true" in caplog.text


@pytest.mark.parametrize(
    ("changes", "notice"),
    [
        ({"image_model": "Fourier"}, "z_smoother has no effect with image_model: Fourier"),
        ({"animation_mode": "off"}, "z_smoother has no effect with animation_mode: off"),
    ],
)
def test_what_can_t_be_smoothed_is_said(tmp_path, caplog, changes, notice):
    caplog.set_level("INFO", "mutoscope")
    said = {"scenes": "a fox", "image_model": "VQGAN", "animation_mode": "2D", "z_smoother": True}
    load_settings(said | changes, base=tmp_path)
    assert notice in caplog.text
