"""What changes between two pictures without having moved."""

import cv2
import numpy as np
import pytest

from mutoscope.quality.steps import apart, flicker, step_between


def noise(shape, sigma, *, blob=0.0, seed=1):
    grain = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    if blob:
        grain = cv2.GaussianBlur(grain, (0, 0), blob)
    return grain * (sigma / grain.std())


def test_equal_pictures_differ_by_nothing(pan):
    one = pan(1)[0]
    step = step_between(one, one.copy())
    assert (step.change, step.flicker) == (0, 0)


def test_apart_is_a_root_mean_square_in_per_cent():
    one = np.full((40, 40, 3), 0.2, np.float32)
    assert apart(one, one + np.float32(0.1)) == pytest.approx(10, rel=1e-4)
    half = one.copy()
    half[:20] += np.float32(0.1)
    assert apart(one, half) == pytest.approx(10 / 2**0.5, rel=1e-4)


@pytest.mark.parametrize("step", [2, 9])
def test_motion_alone_is_no_flicker(pan, step):
    one, two = pan(2, step=step)
    assert apart(one, two) > 2
    assert flicker(one, two) < 0.1 * apart(one, two)


@pytest.mark.parametrize("sigma", [0.01, 0.03])
@pytest.mark.parametrize("blob", [0, 1, 3])
@pytest.mark.parametrize("step", [0, 3])
def test_noise_of_a_known_strength_is_measured(pan, sigma, blob, step):
    one, two = pan(2, step=step)
    one = one + noise(one.shape, sigma, blob=blob, seed=1)
    two = two + noise(two.shape, sigma, blob=blob, seed=2)
    assert flicker(one, two) == pytest.approx(100 * sigma * 2**0.5, rel=0.07)


def test_a_change_of_light_is_measured_whole_while_the_camera_moves(pan):
    one, two = pan(2, step=3)
    assert flicker(one, two + np.float32(0.05)) == pytest.approx(5, rel=0.05)


def test_what_comes_into_sight_counts_as_no_flicker(texture):
    """A patch goes right in front of a wall that stands still: it uncovers what nobody saw."""
    wall, patch = texture(0)[:, :120], texture(5)[:40, :40]

    def at(x):
        scene = wall.copy()
        scene[20:60, x : x + 40] = patch + np.float32(0.25)
        return scene

    whole = apart(at(30), at(36))
    assert flicker(at(30), at(36)) < 0.3 * whole


def test_two_scenes_have_no_motion_between_them(texture):
    one, two = texture(0)[:, :120], texture(9)[:, :120]
    assert flicker(one, two) > 0.6 * apart(one, two)


def test_the_picture_before_is_compared_as_well(pan):
    one, two, three = pan(3)
    assert step_between(two, three, before=one).back == pytest.approx(apart(one, three))
    assert step_between(two, three).back == float("inf")
