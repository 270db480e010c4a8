"""The doors for Python."""

import numpy as np
import pytest
import torch

import mutoscope
from mutoscope import api
from mutoscope.errors import MediaError, MutoscopeError, RunError
from mutoscope.images import load_image
from mutoscope.paint import Watch
from mutoscope.provenance import read_recipe

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def words(small):
    """The small keys without the prompt."""
    return {key: value for key, value in small.items() if key != "scenes"}


# ── a picture from a line ──


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_is_made_and_saved_with_its_recipe(here, words, suffix):
    picture = mutoscope.image("a red fox in the snow", **words)
    path = picture.save(f"fox{suffix}")
    assert load_image(path).shape == picture.tensor.shape == (1, 3, 32, 32)
    told = read_recipe(path)
    assert told["settings"]["scenes"] == "a red fox in the snow"
    assert told["settings"]["seed"] == 7
    assert told["settings"]["perceptors"] == "tiny"
    assert not (here / "images_out").exists()


def test_a_picture_for_pillow_numpy_and_notebooks(words):
    picture = mutoscope.image("a fox", **words)
    assert picture.pil().size == (32, 32)
    assert np.array_equal(np.asarray(picture.pil()), picture.numpy())
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_saving_overwrites_nothing_unless_it_may(here, words):
    picture = mutoscope.image("a fox", **words)
    (here / "fox.png").write_bytes(b"mine")
    with pytest.raises(MediaError, match="is there already"):
        picture.save("fox.png")
    assert (here / "fox.png").read_bytes() == b"mine"
    picture.save("fox.png", overwrite=True)
    assert load_image(here / "fox.png").shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("path", "why"),
    [("no/fox.png", "no folder"), ("fox.gif", "are written as"), ("fox", "are written as"),
     ("folder.png", "is there already")],
)  # fmt: skip
def test_what_cannot_be_saved_is_refused(here, words, path, why):
    (here / "folder.png").mkdir()
    picture = mutoscope.image("a fox", **words)
    with pytest.raises(MediaError, match=why):
        picture.save(path, overwrite=True)


def test_the_same_seed_is_the_same_picture(words):
    one, same, other = (
        mutoscope.image("a fox", **words | {"seed": seed}).tensor for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_wrong_key_is_refused_with_the_nearest(words):
    with pytest.raises(MutoscopeError, match=r"did you mean 'steps_per_scene'"):
        mutoscope.image("a fox", steps_per_scenes=3)


# ── a film ──


FILM = {
    "animation_mode": "2D",
    "steps_per_scene": 6,
    "pre_animation_steps": 2,
    "steps_per_frame": 2,
    "save_every": 2,
    "display_every": 1,
    "zoom_x_2d": 1,
    "file_namespace": "film",
}


def test_frames_come_from_a_mapping_settings_or_a_file(here, small):
    values = {**small, **FILM}
    settings = mutoscope.load_settings(values)
    (here / "film.yaml").write_text(settings.to_yaml())
    sources = [values, settings, "film.yaml", here / "film.yaml"]
    films = [list(mutoscope.animate(source)) for source in sources]
    for film in films:
        assert [frame.number for frame in film] == [1, 2, 3]
        for frame, first in zip(film, films[0], strict=True):
            assert torch.equal(frame.image, first.image)


def test_overrides_win(small):
    settings = mutoscope.load_settings(small)
    (frame,) = mutoscope.animate(settings, "width=48", "seed=9")
    assert frame.image.shape == (1, 3, 32, 48)


def test_frames_come_as_soon_as_they_are_finished(small):
    heard = []
    watch = Watch(step=lambda done, _losses: heard.append(done))
    frames = mutoscope.animate({**small, **FILM}, watch=watch)
    assert next(frames).steps == 2
    assert heard == [1, 2]


def test_errors_come_before_the_first_frame(small):
    with pytest.raises(MediaError, match=r"missing\.png"):
        next(mutoscope.animate({**small, "init_image": "missing.png"}))


# ── runs ──


def test_render_and_resume(here, small):
    folder = mutoscope.render({**small, **FILM}, "seed=3")
    assert folder.resolve() == here / "images_out/film/film"
    assert len(list(folder.glob("frames/*.png"))) == 3
    assert mutoscope.resume(folder) == folder
    other = mutoscope.render({**small, **FILM}, "seed=3", out=here / "elsewhere")
    assert other == here / "elsewhere/images_out/film/film"
    assert load_image(other / "latest.png").equal(load_image(folder / "latest.png"))


def test_relative_paths_begin_where_they_did_when_the_run_goes_on(here, small, draw, monkeypatch):
    draw("start.png")
    folder = mutoscope.render({**small, "init_image": "start.png"})
    (folder / "state/1.safetensors").unlink()
    (here / "other").mkdir()
    before = load_image(folder / "latest.png")
    monkeypatch.chdir(here / "other")
    assert mutoscope.resume(here / folder) == here / folder
    assert load_image(here / folder / "latest.png").equal(before)


def test_what_is_no_run_is_not_resumed(here):
    for folder in ("missing", here):
        with pytest.raises(RunError):
            mutoscope.resume(folder)


def test_a_picture_is_a_source(small, here):
    folder = mutoscope.render({**small, **FILM})
    for name in ("frames/film_2.png", "film.mp4"):
        frames = list(mutoscope.animate(folder / name))
        assert [frame.number for frame in frames] == [1, 2, 3]


def test_a_picture_without_a_recipe_is_no_source(draw):
    with pytest.raises(MediaError, match="carries no recipe"):
        next(mutoscope.animate(draw("plain.png")))


def test_no_frame_yet(here, small):
    from mutoscope.build import build
    from mutoscope.perform import start_run

    run = start_run(build(mutoscope.load_settings(small)), here)
    with run, pytest.raises(RunError, match="no frame was kept"):
        api.newest_picture(run)
