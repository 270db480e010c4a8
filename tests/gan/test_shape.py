from dataclasses import asdict

import pytest

from mutoscope.errors import SettingsError
from mutoscope.gan import Shape


def test_widths_shrink_with_the_resolution_and_are_capped():
    shape = Shape(size=256, channels=3, z=512, w=512, cbase=16384, cmax=512, mapping_layers=2)
    assert shape.resolutions == (4, 8, 16, 32, 64, 128, 256)
    assert [shape.width(r) for r in shape.resolutions] == [512, 512, 512, 512, 256, 128, 64]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"size": 48}, "one of 32, 64, 128, 256, 512, 1024"),
        ({"size": 2048}, "one of 32"),
        ({"channels": 2}, "1 (grey) or 3 (RGB)"),
        ({"z": 0}, "z of a generator is 0: from 1 to 4096"),
        ({"cmax": 10**9}, "cmax of a generator is 1000000000"),
        ({"mapping_layers": 99}, "from 1 to 16"),
        ({"size": 512, "cbase": 256}, "at least its size, 512"),
        ({"w": True}, "w of a generator is True: a whole number"),
        ({"z": 8.0}, "a whole number"),
        ({"size": "32"}, "size of a generator is '32'"),
    ],
)
def test_a_shape_that_can_not_be_is_refused_in_one_line(shape, changes, told):
    with pytest.raises(SettingsError) as raised:
        Shape(**{**asdict(shape()), **changes})
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
