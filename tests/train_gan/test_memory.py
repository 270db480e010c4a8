import pytest
import torch

from mutoscope.gan import lessons
from mutoscope.plan import counting_saved
from mutoscope.train_gan.memory import picture_bytes, predicted_bytes, weight_bytes
from mutoscope.train_gan.players import Players
from mutoscope.train_gan.presets import PRESETS


def test_what_pictures_leave_in_memory_is_told_before(single_thread):
    settings = PRESETS["tiny"].settings.settled()
    players = Players.start(settings, torch.device("cpu"))
    with counting_saved(players.generator, players.discriminator) as counted:
        lessons.draw(players.pair("x", range(4)), 4, p=0.0)
    assert picture_bytes(settings) == pytest.approx(counted[0] / 4, rel=0.25)


def test_weights_are_counted_with_averages_gradients_and_moments(toy_settings):
    settings = toy_settings()
    players = Players.start(settings, torch.device("cpu"))
    drawing, judging = (
        sum(value.numel() for value in network.parameters())
        for network in (players.generator, players.discriminator)
    )
    assert weight_bytes(settings) == 4 * (5 * drawing + 4 * judging)
    assert predicted_bytes(settings) > weight_bytes(settings)


def test_presets_grow_and_the_small_ones_fit_a_laptop():
    wanted = {name: predicted_bytes(preset.settings) for name, preset in PRESETS.items()}
    assert wanted["smoke"] < wanted["tiny"] < 2**30 < wanted["small"] < wanted["medium"]
