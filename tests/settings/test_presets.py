import pytest

from mutoscope.settings import load_settings, presets


@pytest.mark.parametrize("name", presets())
def test_every_preset_loads_and_what_one_writes_wins_over_it(name):
    settings = load_settings({"scenes": "a fox", "width": 96}, preset=name)
    assert settings.width == 96


def test_a_still_is_large_enough_and_steered_by_what_photographs_are_like():
    still = load_settings({"scenes": "a fox"}, preset="still")
    assert min(still.width, still.height) >= 320
    assert still.image_model == "Fourier"
    assert still.natural_weight > 0
    assert still.contrast_weight > 0
    assert 0 < still.coarse_to_fine < 1
