"""A trained generator as a canvas, as users have it."""

import pytest
import torch

from mutoscope.build import build
from mutoscope.build.rehearsing import rehearse
from mutoscope.errors import RunError, SettingsError, WeightsError
from mutoscope.paint import Watch
from mutoscope.perform import perform, start_run
from mutoscope.provenance import read_recipe
from mutoscope.run import Run

pytestmark = pytest.mark.usefixtures("single_thread")

FILM = {
    "animation_mode": "2D", "pre_animation_steps": 2, "steps_per_frame": 2, "save_every": 2,
    "steps_per_scene": 8, "translate_x": 3,
}  # fmt: skip


def stopped_after(steps):
    left = iter([False] * (steps - 1))
    return Watch(stopped=lambda: next(left, True))


@pytest.fixture
def gan(toy, small_generator):
    def settings(**changes):
        return toy(image_model="GAN", gan_model=str(small_generator), **changes)

    return settings


def test_words_and_terms_steer_a_generator(gan):
    parts = build(gan(width=360, height=240, symmetry_weight=1, symmetry_axis="x"))
    assert parts.sizes == ((32, 32),)
    frames = list(parts.animate())
    assert frames[-1].image.shape == (1, 3, 32, 32)
    assert frames[-1].records[-1]["total"] < frames[0].records[0]["total"]


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_film_of_it_resumes_to_the_bit(gan, stop):
    settings = gan(**FILM, display_every=1)
    whole = list(build(settings).animate())
    rest = list(build(settings).animate(resume=whole[stop].state))
    for one, other in zip(whole[stop + 1 :], rest, strict=True):
        assert torch.equal(one.image, other.image)
        assert one.records == other.records


def test_it_begins_as_an_init_image_or_a_sample_of_a_seed(gan, draw):
    grey = str(draw("grey.png", (32, 32), colour=(128, 128, 128)))
    begun = build(gan(init_image=grey)).canvas.image()
    sample = build(gan()).canvas.image()
    assert float((begun - 0.5).abs().mean()) < float((sample - 0.5).abs().mean())
    assert not torch.equal(sample, build(gan(seed=8)).canvas.image())


def test_a_generator_that_was_trained_on_is_another(gan, tmp_path, small_generator):
    folder = tmp_path / "mine"
    folder.mkdir()
    data = (small_generator / "generator.safetensors").read_bytes()
    (folder / "generator.safetensors").write_bytes(data)
    settings = gan(steps_per_scene=4, save_every=2).replace(gan_model=str(folder))
    parts = build(settings)
    with start_run(parts, tmp_path) as run:
        list(perform(parts, run, watch=stopped_after(2)))
    told = read_recipe(run.frame_path(1))
    assert told["follows"].keys() == {"gan_model"}  # a frame leads back to its generator
    changed = bytearray(data)
    changed[-1] ^= 1
    (folder / "generator.safetensors").write_bytes(changed)
    with (
        Run.open(run.folder) as opened,
        pytest.raises(RunError, match=r"gan_model: .* not the file"),
    ):
        list(perform(build(settings), opened, saved=opened.state()))


def test_a_preview_has_its_size(gan):
    assert rehearse(gan(**FILM)).size == (32, 32)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gan_model": ""}, "gan_model names none"),
        ({"sizes": 2}, "sizes: 2"),
        ({"pixel_size": 3}, "pixel_size: 3"),
        ({"tile": "x"}, "tile: x"),
    ],
)
def test_what_a_generator_can_not_do_is_refused(gan, changes, words):
    with pytest.raises(SettingsError, match=words):
        gan().replace(**changes)


def test_a_folder_without_a_generator_is_said_in_one_line(gan, tmp_path):
    with pytest.raises(WeightsError, match=r"generator\.safetensors") as told:
        build(gan().replace(gan_model=str(tmp_path)))
    assert "\n" not in str(told.value)
