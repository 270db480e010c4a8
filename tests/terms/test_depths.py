from functools import partial

import pytest
import torch
from torch.nn.functional import interpolate

from mutoscope.depth.flat import Flat
from mutoscope.depth.relief import Relief
from mutoscope.terms.depths import HoldDepth
from mutoscope.terms.masks import Still

Relieved = partial(HoldDepth, eye=Relief().look)


def scene(size=(64, 48), seed=0):
    """Sky over ground with blots of colour: a picture in which `relief` tells near from far."""
    rng = torch.Generator().manual_seed(seed)
    width, height = size
    down = torch.linspace(0, 1, height)[:, None].expand(height, width)
    ground = torch.stack([0.3 + 0.4 * down, 0.5 - 0.1 * down, 0.9 - 0.7 * down])
    blots = torch.rand(1, 3, 6, 8, generator=rng) - 0.5
    return (ground + 0.5 * interpolate(blots, (height, width), mode="bicubic")).clamp(0, 1)


def brightness_is_distance(image):
    return 1 + 9 * image.mean(1, keepdim=True)


def look(tools, image):
    return tools.look_at(tools.Pixels(), image=image)


def test_a_picture_is_at_no_distance_from_itself(tools):
    assert Relieved("x", scene())(look(tools, scene())).item() == 0
    assert Relieved("x", scene())(look(tools, scene(seed=1))).item() > 1e-3


def test_nearness_is_compared(tools):
    black, white = torch.zeros(1, 3, 24, 32), torch.ones(1, 3, 24, 32)
    term = HoldDepth("x", white, eye=brightness_is_distance)
    assert term(look(tools, black)).item() == pytest.approx(0.9**2)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_relief_leads_back_to_the_depth_that_was(tools, seed):
    canvas = tools.Pixels((64, 48), seed=seed)
    with torch.no_grad():
        canvas.pixels.copy_(scene(seed=seed) * 0.7 + canvas.pixels * 0.3)
    values = tools.assert_descends(Relieved("x", scene(seed=seed)), canvas)
    assert values[-1] < 0.5 * values[0]


def test_a_negative_weight_drives_away(tools):
    canvas = tools.Pixels((64, 48))
    tools.assert_descends(Relieved("x", scene(), weight=lambda v: -1.0), canvas)


def test_relief_has_a_gradient_everywhere_that_is_a_number(tools):
    for image in (torch.zeros(1, 3, 24, 32), torch.ones(1, 3, 24, 32), scene((32, 24), seed=4)):
        image.requires_grad_()
        Relieved("x", scene())(look(tools, image)).backward()
        assert image.grad.isfinite().all()


def test_a_wall_holds_nothing(tools):
    image = scene(seed=1).requires_grad_()
    assert HoldDepth("x", scene(), eye=Flat().look)(look(tools, image)).item() == 0


def test_a_mask_says_where(tools):
    black, white = torch.zeros(1, 3, 24, 32), torch.ones(1, 3, 24, 32)
    half = torch.zeros(24, 32)
    half[:, :16] = 1
    given = {"eye": brightness_is_distance, "mask": Still(half)}
    assert HoldDepth("x", white, **given)(look(tools, black)).item() == pytest.approx(0.405)
    image = torch.zeros(1, 3, 24, 32, requires_grad=True)
    HoldDepth("x", white, **given, inverted=True)(look(tools, image)).backward()
    assert image.grad[..., :16].abs().max() == 0
    assert image.grad[..., 16:].abs().min() > 0


def test_the_target_is_seen_once_for_each_size(tools):
    seen = []

    def eye(image):
        seen.append(tuple(image.shape[-2:]))
        return brightness_is_distance(image)

    term = HoldDepth("x", scene(), eye=eye)
    for size in ((32, 24), (32, 24), (64, 48)):
        term(look(tools, scene(size)))
    assert seen == [(24, 32)] * 3 + [(48, 64)] * 2
