import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mutoscope.curves import parse_curve
from mutoscope.errors import ScriptError
from mutoscope.motion.base import pixel_grid
from mutoscope.motion.plane import Plane
from mutoscope.motion.resample import INFILLS, SAMPLINGS
from mutoscope.schedule import Moment, Shot

KEYS = {
    "zoom_x": "zoom_x_2d",
    "zoom_y": "zoom_y_2d",
    "rotate": "rotate_2d",
    "translate_x": "translate_x",
    "translate_y": "translate_y",
}


def plane(size=(9, 9), sampling="bicubic", infill="wrap", **numbers):
    curves = {name: parse_curve(numbers.get(name, 0), place=place) for name, place in KEYS.items()}
    return Plane(**curves, size=size, sampling=sampling, infill=infill)


def shot(t=0.0, frame=1):
    moment = Moment(step=0, scene=0, scene_step=0, frame=frame, t=t)
    return Shot(steps=range(1), scene=0, moves=True, saves=None, moment=moment)


def warp(t=0.0, **kwargs):
    made = plane(**kwargs)
    return made(torch.zeros(1, 3, made.size[1], made.size[0]), shot(t))


def dot(row, column, size=(9, 9)):
    image = torch.zeros(1, 1, size[1], size[0])
    image[..., row, column] = 1
    return image


def where(image):
    return divmod(int(image.argmax()), image.shape[-1])


def noise(width, height, channels=3):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(0))


def smooth(size):
    x, y = pixel_grid(size) * 2 * torch.pi
    return torch.stack([torch.sin(x + 2 * y), torch.cos(2 * x), torch.sin(y)])[None].float()


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(
    ("numbers", "before", "after"),
    [
        ({"translate_x": 2}, (4, 4), (4, 6)),
        ({"translate_y": 2}, (4, 4), (2, 4)),
        ({"rotate": 90}, (4, 7), (1, 4)),
        ({"zoom_x": 4.5}, (4, 6), (4, 8)),
        ({"zoom_y": 4.5}, (2, 4), (0, 4)),
    ],
)
def test_directions(sampling, numbers, before, after):
    moved = warp(sampling=sampling, **numbers)(dot(*before))
    assert moved[0, 0, *after] == pytest.approx(1, abs=1e-5)
    assert moved.max() == pytest.approx(1, abs=1e-5)


def test_a_turn_does_not_shear_a_picture_that_is_not_square():
    size = (21, 9)
    moved = warp(size=size, rotate=90, infill="black", sampling="nearest")(dot(4, 13, size))
    assert where(moved) == (1, 10)  # three right of the centre becomes three above it


def test_scale_then_turn_then_shift():
    """In sampling space, so in the content's the shift comes first and the zoom last."""
    moved = warp(
        size=(41, 41), rotate=90, zoom_x=20.5, zoom_y=20.5, translate_x=5, sampling="nearest"
    )
    assert moved(dot(20, 20, (41, 41)))[0, 0, 10, 20] == 1


@pytest.mark.parametrize("size", [(64, 48), (32, 24), (16, 12)])
def test_units_are_pixels_of_the_picture_whatever_the_raster(size):
    """Places as colours: a quarter of the picture is a quarter of every raster of it."""
    moved = warp(size=(64, 48), translate_x=16, translate_y=12, infill="wrap")
    raster = noise(*size)
    rolled = raster.roll((-size[1] // 4, size[0] // 4), (2, 3))
    assert torch.allclose(moved(raster), rolled, atol=1e-4)


def test_zoom_widens_by_the_window_that_is_lost():
    moved = warp(size=(64, 64), zoom_x=16, sampling="bilinear", infill="smear")
    ramp = pixel_grid((64, 64)).float()[None]
    expected = 0.5 + (pixel_grid((64, 64))[0].float() - 0.5) * 48 / 64
    assert torch.allclose(moved(ramp)[0, 0], expected, atol=1e-5)
    assert torch.allclose(moved(ramp)[0, 1], ramp[0, 1], atol=1e-5)


@pytest.mark.parametrize("infill", INFILLS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("degrees", [0, 360, -720])
def test_no_motion_changes_nothing(sampling, infill, degrees):
    raster = noise(7, 5) * 3 - 1
    still = warp(size=(28, 20), sampling=sampling, infill=infill, rotate=degrees)
    assert torch.equal(still(raster), raster)
    assert not still.displacement.any()
    assert still.displacement.shape == (1, 2, 20, 28)


@settings(max_examples=25, deadline=None)
@given(
    a=st.tuples(st.integers(-30, 30), st.integers(-30, 30)),
    b=st.tuples(st.integers(-30, 30), st.integers(-30, 30)),
)
def test_whole_shifts_compose(a, b):
    size = (12, 10)
    one, two = (warp(size=size, translate_x=x, translate_y=y) for x, y in (a, b))
    both = warp(size=size, translate_x=a[0] + b[0], translate_y=a[1] + b[1])
    raster = noise(*size)
    assert torch.allclose(two(one(raster)), both(raster), atol=1e-4)


def test_fractional_shifts_compose_on_a_smooth_picture():
    one = warp(size=(64, 64), translate_x=1.3, translate_y=-0.4)
    two = warp(size=(64, 64), translate_x=0.25, translate_y=2.2)
    both = warp(size=(64, 64), translate_x=1.55, translate_y=1.8)
    raster = smooth((64, 64))
    assert torch.allclose(two(one(raster)), both(raster), atol=2e-3)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_shift_by_the_width_is_none_when_the_picture_wraps(sampling):
    raster = noise(33, 20)
    assert torch.allclose(
        warp(size=(33, 20), translate_x=33, translate_y=-20, sampling=sampling)(raster),
        raster,
        atol=1e-5,
    )


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_four_quarter_turns_are_none(sampling):
    raster = noise(32, 32)
    quarter = warp(size=(32, 32), rotate=90, sampling=sampling)
    moved = raster
    for _ in range(4):
        moved = quarter(moved)
    assert torch.allclose(moved, raster, atol=1e-4)
    assert torch.allclose(quarter(raster), raster.rot90(1, (2, 3)), atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(degrees=st.floats(-180, 180), zoom=st.floats(-8, 8), shift=st.floats(-5, 5))
def test_a_smooth_picture_is_read_where_the_displacement_says(degrees, zoom, shift):
    size = (96, 64)
    moved = warp(size=size, rotate=degrees, zoom_x=zoom, zoom_y=zoom, translate_x=shift)
    sources = pixel_grid(size) - moved.displacement[0] / torch.tensor(size)[:, None, None]
    x, y = sources.float() * 2 * torch.pi
    expected = torch.stack([torch.sin(x + 2 * y), torch.cos(2 * x), torch.sin(y)])[None]
    assert torch.allclose(moved(smooth(size)), expected, atol=2e-3)


def test_displacement_points_the_way_the_content_went():
    right_and_up = warp(translate_x=2, translate_y=3).displacement
    assert torch.allclose(right_and_up[0, 0], torch.tensor(2.0))
    assert torch.allclose(right_and_up[0, 1], torch.tensor(-3.0))


def test_numbers_are_asked_for_at_the_shots_moment():
    made = plane(translate_x="2*t", translate_y="frame")
    moved = made(torch.zeros(1, 3, 9, 9), shot(t=1.0, frame=3))
    assert where(moved(dot(4, 4))) == (1, 6)


@pytest.mark.parametrize(("key", "side", "n"), [("zoom_x", "width", 64), ("zoom_y", "height", 48)])
def test_a_zoom_that_leaves_nothing_is_refused_before_anything_runs(key, side, n):
    with pytest.raises(ScriptError) as error:
        plane(size=(64, 48), **{key: n})
    assert str(error.value) == (
        f"{key}_2d: '{n}' is {n} always; it must stay below the picture's {side}, {n} pixels, "
        "by which nothing would be left to see; use a smaller zoom"
    )


def test_a_zoom_that_comes_to_leave_nothing_is_refused_at_its_frame():
    made = plane(size=(64, 48), zoom_x="40*t")
    made(torch.zeros(1, 3, 48, 64), shot(t=1.5))
    with pytest.raises(ScriptError, match=r"zoom_x_2d: '40\*t' is 80 at t = 2; it must stay below"):
        made(torch.zeros(1, 3, 48, 64), shot(t=2.0))
