import pytest
import torch

from mutoscope.curves import parse_curve, parse_vector
from mutoscope.motion.carried import Carrying, revealed
from mutoscope.motion.plane import Plane
from mutoscope.motion.space import Space
from mutoscope.schedule import Schedule

SIZE = (40, 32)
PAINTED = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))


def plane(**numbers):
    zero = {"zoom_x": 0, "zoom_y": 0, "rotate": 0, "translate_x": 0, "translate_y": 0}
    curves = {name: parse_curve(value, place=name) for name, value in (zero | numbers).items()}
    return Plane(**curves, size=SIZE)


def near_on_the_left(image):
    depth = torch.full((1, 1, *image.shape[-2:]), 10.0)
    depth[..., :20] = 0.05
    return depth


def space(**numbers):
    zero = {"translate_x": 0, "translate_y": 0, "translate_z": 0}
    curves = {name: parse_curve(value, place=name) for name, value in (zero | numbers).items()}
    turn = parse_vector("[1, 0, 0, 0]", size=4, place="rotate_3d")
    return Space(**curves, rotate=turn, depth=near_on_the_left, size=SIZE, lock_camera=False)


def shot(frame=1):
    schedule = Schedule(1, 100, steps_per_frame=2, animated=True, save_every=2)
    return next(s for s in schedule.shots() if s.moves and s.moment.frame == frame)


def test_the_warp_is_the_cameras():
    inner = plane(translate_x=3)
    warp = Carrying(inner)(PAINTED, shot())
    assert torch.equal(warp(PAINTED), inner(PAINTED, shot())(PAINTED))


def test_what_came_in_from_beyond_the_edge_is_not_held():
    carrying = Carrying(plane(translate_x=3))
    carrying(PAINTED, shot())
    (carried,) = carrying.carried(1)
    assert carried.back == 1
    assert carried.mask[..., :3].max() == 0
    assert carried.mask[..., 3:].min() == 1
    torch.testing.assert_close(carried.picture[..., 3:], PAINTED[..., :-3], atol=1e-5, rtol=0)


def test_zooming_in_reveals_nothing_and_out_the_rim():
    assert not revealed(plane(zoom_x=4, zoom_y=4)(PAINTED, shot())).any()
    rim = revealed(plane(zoom_x=-8, zoom_y=-8)(PAINTED, shot()))
    assert rim[..., 0].all()
    assert not rim[..., 8:-8, 8:-8].any()


def test_what_a_near_thing_uncovered_is_not_held():
    carrying = Carrying(space(translate_x=-20))  # the near half goes left by 1.1 at its depth
    warp = carrying(PAINTED, shot())
    (carried,) = carrying.carried(1)
    assert torch.equal(carried.mask == 0, warp.revealed)
    inside = carried.mask[..., 4:-4]
    assert 0 < (inside == 0).float().mean() < 0.5
    assert (carried.mask[..., 10:30] == 0).any()  # at the edge of the near thing


@pytest.mark.parametrize("motion", [plane(), space()], ids=["plane", "space"])
def test_a_camera_that_stands_still_carries_everything(motion):
    carrying = Carrying(motion)
    carrying(PAINTED, shot())
    (carried,) = carrying.carried(1)
    assert torch.equal(carried.picture, PAINTED)
    assert carried.mask.all()


def test_only_the_present_frame_is_known():
    carrying = Carrying(plane(translate_x=3))
    assert carrying.carried(1) == ()
    assert carrying.tensors() == {}
    carrying(PAINTED, shot(1))
    carrying(PAINTED, shot(2))
    assert carrying.carried(1) == ()
    assert len(carrying.carried(2)) == 1


class Dreamer:
    """A motion that has something to remember."""

    def __init__(self):
        self.kept = torch.zeros(2)

    def __call__(self, image, shot):
        self.kept += 1
        return plane(translate_x=3)(image, shot)

    def tensors(self):
        return {"frame": self.kept.clone()}

    def recall(self, kept):
        self.kept = kept.get("frame", torch.zeros(2))


def test_it_goes_on_from_what_it_kept_and_so_does_its_camera():
    first, again = Carrying(Dreamer()), Carrying(Dreamer())
    first(PAINTED, shot())
    again.recall(first.tensors())
    (one,), (two,) = first.carried(1), again.carried(1)
    assert torch.equal(one.picture, two.picture)
    assert torch.equal(one.mask, two.mask)
    assert one.mask.dtype == two.mask.dtype
    assert again.motion.kept.tolist() == [1, 1]
    again.recall({})
    assert again.carried(1) == ()
    assert again.motion.kept.tolist() == [0, 0]
