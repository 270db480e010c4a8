import logging
import math

import cv2
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import avg_pool2d, interpolate, pad

from mutoscope.curves import parse_curve, parse_vector
from mutoscope.depth.relief import Relief
from mutoscope.errors import ScriptError, SettingsError
from mutoscope.motion.base import pixel_grid
from mutoscope.motion.resample import INFILLS, SAMPLINGS
from mutoscope.motion.space import Space, stand_out
from mutoscope.schedule import Moment, Shot

NAMES = ("t", "frame", "step", "r", "R", "mu")
STILL = "[1, 0, 0, 0]"


class Known:
    """A depth that is known, and how often it was asked for."""

    def __init__(self, depth):
        self.depth, self.asked = depth, 0

    def __call__(self, image):
        self.asked += 1
        return self.depth


def space(depth, size, *, x=0, y=0, z=0, rotate=STILL, far_plane=1000, lock=False, **options):
    def curve(text, place):
        return parse_curve(text, place=place, names=NAMES)

    return Space(
        curve(x, "translate_x"),
        curve(y, "translate_y"),
        curve(z, "translate_z_3d"),
        parse_vector(rotate, size=4, place="rotate_3d", names=NAMES),
        depth if callable(depth) else Known(depth),
        size,
        far_plane=far_plane,
        lock_camera=lock,
        **options,
    )


def shot(t=0.0):
    moment = Moment(step=0, scene=0, scene_step=0, frame=1, t=t)
    return Shot(steps=range(1), scene=0, moves=True, saves=None, moment=moment)


def warp(depth, size, **options):
    return space(depth, size, **options)(torch.zeros(1, 3, size[1], size[0]), shot())


def wall(size, distance=2.0):
    return torch.full((1, 1, size[1], size[0]), distance)


def pixels(depth):
    """Distance in pixels with the near plane at 1 and the far one at 1000."""
    return 1 + (depth - 1e-3) / (10 - 1e-3) * 999


def stand(size, radius=24, near=2.0, far=6.0, soft=False):
    """A disc before a wall: (1, 1, h, w) of distance and of where the disc is."""
    x, y = pixel_grid(size).float() * torch.tensor(size)[:, None, None]
    disc = ((x - size[0] * 0.36) ** 2 + (y - size[1] * 0.6) ** 2).sqrt() < radius
    depth = torch.where(disc, near, far)[None, None]
    if soft:
        depth = avg_pool2d(pad(depth, (2, 2, 2, 2), mode="replicate"), 5, 1)
    return depth, disc.float()[None, None]


def quaternion(degrees, axis):
    half = math.radians(degrees) / 2
    parts = [math.cos(half), 0, 0, 0]
    parts[1 + "xyz".index(axis)] = math.sin(half)
    return str(parts)


# ── Anchors: 101 × 101, 60°, planes at 1 and 1000, everything at 2, which is 200.72 pixels ──

SIZE = (101, 101)


def test_the_anchors_depth():
    assert pixels(2.0) == pytest.approx(200.72, abs=0.01)


@pytest.mark.parametrize("compat", [False, True])
def test_a_shift_goes_as_far_as_the_depth_allows(compat):
    """PyTTI's picture went 4.32 pixels, its formula says 4.36: its grid is a pixel narrower."""
    moved = warp(wall(SIZE), SIZE, x=10, y=5, compat_units=compat).displacement
    inner = moved[0, :, 8:-8, 8:-8]
    expected = 10 * (50.5 / math.tan(math.radians(30))) / pixels(2.0)
    assert expected == pytest.approx(4.32, abs=0.05)
    assert inner[0].sub(expected).abs().max() < 1e-3
    assert inner[1].add(expected / 2).abs().max() < 1e-3


@pytest.mark.parametrize(("compat", "to"), [(False, 90.05), (True, 85.06)])
def test_a_zoom_goes_as_far_as_the_depth_allows(compat, to):
    moved = warp(wall(SIZE), SIZE, z=50, compat_units=compat, sampling="bilinear")
    places = torch.arange(101.0).expand(1, 1, 101, 101)
    row = moved(places)[0, 0, 50]  # which column each pixel shows
    after = int((row <= 80).sum()) - 1
    shown = after + float((80 - row[after]) / (row[after + 1] - row[after]))
    assert shown == pytest.approx(to, abs=0.15)
    if not compat:
        assert shown == pytest.approx(50 + 30 * pixels(2.0) / (pixels(2.0) - 50), abs=1e-3)


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize(
    ("axis", "component", "sign", "where"),
    [
        ("x", 1, 1, (50, 50)),  # content goes down
        ("y", 0, -1, (50, 50)),  # to the left
        ("z", 1, 1, (50, 80)),  # clockwise: what is at the right goes down
    ],
)
def test_which_way_a_quaternion_turns(axis, component, sign, where, compat):
    depth = wall(SIZE, 10.0)
    moved = warp(depth, SIZE, rotate=quaternion(5, axis), compat_units=compat).displacement
    assert sign * float(moved[0, component, *where]) > 0.1


# ── Perspective ──


@pytest.mark.parametrize("depth", [2.0, 9.0])
def test_a_turn_is_the_same_at_every_distance(depth):
    """A turn of 10° to the side moves the middle by the focal length times its tangent."""
    moved = warp(wall(SIZE, depth), SIZE, rotate=quaternion(-10, "y")).displacement
    focal = 50.5 / math.tan(math.radians(30))
    shown = 50 + round(focal * math.tan(math.radians(10)))  # here is what was in the middle
    assert float(moved[0, 0, 50, shown]) == pytest.approx(shown - 50, abs=0.7)


def test_a_roll_turns_the_picture_in_its_plane():
    size = (80, 48)
    moved = warp(wall(size), size, rotate=quaternion(90, "z"), infill="black", sampling="nearest")
    image = torch.zeros(1, 1, 48, 80)
    image[..., 10, 39] = 1  # 13.5 above the middle goes 13.5 to its right
    assert divmod(int(moved(image).argmax()), 80) == (23, 53)


def test_the_length_of_a_quaternion_makes_no_difference():
    one = warp(wall(SIZE), SIZE, rotate="[1, 0.1, 0.2, -0.1]").displacement
    two = warp(wall(SIZE), SIZE, rotate="[-1e300, -1e299, -2e299, 1e299]").displacement
    assert torch.allclose(one, two, atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(
    x=st.floats(-20, 20),
    y=st.floats(-20, 20),
    z=st.floats(-80, 150),
    turn=st.tuples(*[st.floats(-0.1, 0.1)] * 3),
    tilt=st.floats(-0.3, 0.3),
)
def test_a_slanted_plane_is_seen_in_true_perspective_without_a_crack(x, y, z, turn, tilt):
    """However much it grows: each pixel shows the point at which its ray meets the plane.

    The medians that round edges of depth see half a neighbourhood at the picture's rim, so the
    plane is bent there, by less than a pixel.
    """
    size, focal = (72, 64), 32 / math.tan(math.radians(30))
    places = (pixel_grid(size) - 0.5) * torch.tensor(size)[:, None, None]
    near = (1 + (places[0] + places[1]) / 64 * tilt) / 300  # 1 / distance, linear: a plane
    depth = ((1 / near - 1) / 999 * (10 - 1e-3) + 1e-3)[None, None].float()
    moved = warp(depth, size, x=x, y=y, z=z, rotate=str([1, *turn]))
    read = (moved.sources(size) - 0.5) * torch.tensor(size)[:, None, None]
    inside = (read.abs() < torch.tensor([36.0, 32.0])[:, None, None]).all(dim=0)
    at = (1 + (read[0] + read[1]) / 64 * tilt) / 300
    point = torch.stack([read[0] / focal, read[1] / focal, -torch.ones_like(at)]) / at
    point += torch.tensor([x, -y, z])[:, None, None]
    w, a, b, c = (part / math.hypot(1, *turn) for part in (1, *turn))
    axis = torch.tensor([a, b, c], dtype=torch.float64)[:, None, None].expand_as(point)
    twice = 2 * torch.linalg.cross(axis, point, dim=0)
    point = point + w * twice + torch.linalg.cross(axis, twice, dim=0)
    seen = -point[:2] / point[2] * focal
    error = (seen - places).abs().amax(dim=0)
    middle = (read.abs() < torch.tensor([31.0, 27.0])[:, None, None]).all(dim=0)
    assert (error[middle] < 0.1).all()
    assert (error[inside] < 1).all()
    assert not (moved.revealed[0, 0] & inside).any()


@pytest.mark.parametrize("compat", [False, True])
def test_a_locked_camera_keeps_the_scene_in_place(compat):
    depth, _ = stand((96, 96))
    options = {"x": 15, "z": 10, "compat_units": compat}
    free = warp(depth, (96, 96), **options).displacement
    locked = warp(depth, (96, 96), lock=True, **options).displacement
    assert free[0, 0].mean() > 2
    assert locked.mean((0, 2, 3)).abs().max() < 1
    assert locked.std() > 0.5


# ── What hides and what is uncovered ──


def test_the_nearer_thing_wins():
    """A disc that goes further than the wall covers it, and where it was there is wall."""
    size = (128, 96)
    depth, disc = stand(size)
    moved = warp(depth, size, x=20, sampling="nearest", infill="mirror")
    focal = 48 / math.tan(math.radians(30))
    by = 20 * focal / pixels(2.0)
    x, y = pixel_grid(size) * torch.tensor(size)[:, None, None]
    distance = ((x - 128 * 0.36 - by) ** 2 + (y - 96 * 0.6) ** 2).sqrt()
    after = moved(disc)[0, 0]
    assert bool((after[distance < 22.5] == 1).all())
    assert bool((after[distance > 25.5] == 0).all())


@pytest.mark.parametrize("infill", INFILLS)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("way", [{"x": 20}, {"y": 14}, {"z": 40}, {"z": -60}, {"x": 6, "z": 20}])
def test_nothing_near_is_stretched_and_nothing_cracks(way, soft, infill):
    """Of a red disc on a blue wall nothing is red but the disc, and nothing in it is blue."""
    size = (128, 96)
    depth, disc = stand(size, soft=soft)
    moved = warp(depth, size, infill=infill, sampling="bilinear", **way)
    after = moved(disc)[0, 0]
    focal, towards = 48 / math.tan(math.radians(30)), way.get("z", 0)
    scale = pixels(2.0) / (pixels(2.0) - towards)
    shift = focal / (pixels(2.0) - towards)
    x = 64 + (128 * 0.36 - 64) * scale + way.get("x", 0) * shift
    y = 48 + (96 * 0.6 - 48) * scale - way.get("y", 0) * shift
    columns, rows = pixel_grid(size) * torch.tensor(size)[:, None, None]
    distance = ((columns - x) ** 2 + (rows - y) ** 2).sqrt() / scale
    edges = (columns < 14) | (rows < 14) | (columns > 114) | (rows > 82)  # infill's business
    assert after[(distance < 22) & ~edges].min() > 0.99
    assert after[(distance > 27) & ~edges].max() < 0.01


def ragged(size, seed=0):
    """The disc before the wall, as an estimate sees it that follows the grain of a picture."""
    columns, rows = pixel_grid(size).float() * torch.tensor(size)[:, None, None]
    distance = ((columns - size[0] * 0.4) ** 2 + (rows - size[1] * 0.5) ** 2).sqrt()
    grain = torch.rand(
        1, 1, size[1] // 3, size[0] // 3, generator=torch.Generator().manual_seed(seed)
    )
    grain = interpolate(grain, (size[1], size[0]))[0, 0] - 0.5
    return torch.where(distance + 32 * grain < size[1] * 0.3, 2.0, 6.0)[None, None]


@pytest.mark.parametrize("way", [{"z": 60}, {"x": 20}, {"z": -60}])
def test_a_ragged_edge_leaves_no_specks(way):
    """Hardly a pixel goes elsewhere than most around it; with the edge as it was, one in 100."""
    size = (160, 120)
    moved = warp(ragged(size), size, infill="mirror", **way)
    field = moved.displacement[0]
    around = torch.stack([torch.from_numpy(cv2.medianBlur(part.numpy(), 5)) for part in field])
    alone = ((field - around).abs().amax(0) > 1) & ~moved.revealed[0, 0]
    assert alone[10:-10, 10:-10].float().mean() < 0.004


def test_a_thin_thing_stays():
    """A post of one pixel is no speck: with its mixed neighbours it is wide enough."""
    near = torch.full((60, 80), 1 / 600)
    near[:, 40] = 1 / 200
    assert (stand_out(near)[:, 40] == 1 / 200).all()


def test_a_plane_and_a_smooth_hill_stay_as_they_are():
    x, y = pixel_grid((160, 120)).float()
    plane = (1 + x + 0.5 * y) / 1000
    hill = (1 + torch.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) * 5)) / 1000
    for near in (plane, hill):
        inner = (stand_out(near) / near - 1)[5:-5, 5:-5]
        assert inner.abs().max() < 0.005


def test_a_flight_leaves_no_streak_beside_things():
    """The uncovered wall keeps its grain, frame after frame, along the way as across it."""
    size = (128, 96)
    disc = stand(size)[1]
    noise = torch.rand(1, 1, 96, 128, generator=torch.Generator().manual_seed(0))
    image, was = noise, disc
    moved = space(Known(None), size, x=5, infill="mirror", sampling="nearest")
    uncovered = torch.zeros_like(disc).bool()
    for _ in range(10):
        moved.depth.depth = torch.where(was > 0, 2.0, 6.0)
        step = moved(image, shot())
        uncovered = (step(uncovered.float()) > 0) | step.revealed
        image, was = step(image), step(was)
    uncovered &= was == 0
    uncovered[..., :16] = False
    assert uncovered.sum() > 300
    inner = uncovered[..., 1:] & uncovered[..., :-1]
    assert image.diff(dim=3)[inner].std() > 0.7 * noise.diff(dim=3).std()


def test_what_is_uncovered_is_told():
    size = (128, 96)
    depth, _ = stand(size)
    revealed = warp(depth, size, x=20, infill="mirror").revealed
    assert revealed.shape == (1, 1, 96, 128)
    assert revealed[0, 0, 58, 24]  # behind the disc, which has left
    assert revealed[0, 0, 10, 0]  # from beyond the left edge
    assert not revealed[0, 0, 58, 80]
    assert not warp(wall(size), size, z=40).revealed.any()
    assert 0.01 < revealed.float().mean() < 0.2


@pytest.mark.parametrize("infill", INFILLS)
def test_what_comes_in_over_the_edges_is_the_infills(infill):
    size = (96, 64)
    raster = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    distance = 64 / 2 / math.tan(math.radians(30))  # where a pixel is a pixel
    depth = wall(size, (distance - 1) / 999 * (10 - 1e-3) + 1e-3)
    after = warp(depth, size, x=7, infill=infill, sampling="nearest")(raster)
    assert torch.equal(after[..., 7:], raster[..., :-7])
    expected = {
        "wrap": raster[..., -7:],
        "mirror": raster[..., 1:8].flip(3),
        "smear": raster[..., :1].expand(-1, -1, -1, 7),
        "black": torch.zeros(1, 3, 64, 7),
    }
    assert torch.equal(after[..., :7], expected[infill])


# ── Warps ──


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_no_motion_is_the_picture_itself_and_asks_for_no_depth(sampling, compat):
    depth = Known(wall((32, 24)))
    made = space(depth, (32, 24), rotate="[-2, 0, 0, 0]", sampling=sampling, compat_units=compat)
    raster = torch.rand(1, 5, 6, 8)
    still = made(torch.zeros(1, 3, 24, 32), shot())
    assert still.still
    assert still(raster) is raster
    assert not still.displacement.any()
    assert not still.revealed.any()
    assert depth.asked == 0


def test_a_turn_alone_asks_for_no_depth():
    depth = Known(wall((32, 24)))
    space(depth, (32, 24), rotate=quaternion(3, "x"))(torch.zeros(1, 3, 24, 32), shot())
    assert depth.asked == 0


@pytest.mark.parametrize("part", [1, 2, 4])
def test_a_coarser_raster_goes_where_the_picture_goes(part):
    """And each of its pixels with the disc or with the wall, never half way between."""
    size = (128, 96)
    depth, _ = stand(size, near=1.0)
    moved = warp(depth, size, x=10, sampling="bilinear")
    small = (128 // part, 96 // part)
    gone = (pixel_grid(small) - moved.sources(small))[0] * 128
    layers = moved.displacement[0, 0].double()
    assert gone.shape == (96 // part, 128 // part)
    near_any = (gone.flatten()[:, None] - layers.flatten()[None, ::37]).abs().min(dim=1).values
    assert near_any.max() < 0.5


def test_a_finer_raster_can_be_moved():
    size = (64, 48)
    places = pixel_grid((128, 96)).float()[None]
    after = warp(wall(size), size, z=50, sampling="bilinear")(places)
    scale = 1 - 50 / pixels(2.0)
    expected = 0.5 + (places - 0.5) * scale
    assert torch.allclose(after[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4], atol=1e-3)


# ── Depth ──


@pytest.mark.parametrize(
    ("text", "value"), [("r/10", 2.0), ("R/10", 8.0), ("mu/10", (5.0 + 8.0) / 2)]
)
def test_expressions_know_the_nearest_the_farthest_and_the_typical_depth(text, value):
    size = (40, 40)
    depth = wall(size, 8.0)
    depth[..., :20] = 2.0
    depth[..., 0] = 8.0
    depth[..., 20] = 2.0
    depth[..., 0, 19] = 8.0  # a little more than half is far
    named = warp(depth, size, x=text).displacement
    mean = float(depth.mean())
    value = (mean + 8.0) / 2 if text.startswith("mu") else value
    written = warp(depth, size, x=pixels(value) / 10).displacement
    assert torch.allclose(named, written, atol=1e-2)


def test_a_depth_of_another_resolution_fits():
    size = (64, 48)
    coarse = warp(wall((16, 12), 3.0), size, z=20).displacement
    assert torch.allclose(coarse, warp(wall(size, 3.0), size, z=20).displacement, atol=1e-4)


def test_a_depth_without_values_is_far_away():
    size = (32, 24)
    depth = wall(size, 10.0)
    broken = depth.clone()
    broken[..., 3:9, 5:11] = math.nan
    broken[..., 12, 5] = math.inf
    broken[..., 13, 6] = 99.0
    expected = warp(depth, size, z=40).displacement
    assert torch.equal(warp(broken, size, z=40).displacement, expected)


# ── Through the scene, and out of it ──


@pytest.mark.parametrize(
    "way", [{"z": 1001}, {"z": 1e300}, {"rotate": "[0, 0, 1, 0]"}, {"rotate": "[0, 1, 0, 0]"}]
)
def test_with_nothing_left_to_see_the_picture_stays(way, caplog):
    size = (48, 32)
    depth, _ = stand(size, radius=9)
    with caplog.at_level(logging.WARNING, "mutoscope"):
        moved = warp(depth, size, **way)
    assert moved.still
    assert "nothing of the scene is left before the camera" in caplog.text


def test_a_flight_that_has_left_the_scene_says_so_once(caplog):
    """Frame after frame the picture stays what it is."""
    size = (48, 32)
    flight = space(stand(size, radius=9)[0], size, z=2000)
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(2))
    with caplog.at_level(logging.WARNING, "mutoscope"):
        for frame in range(5):
            assert flight(image, shot(frame / 12))(image) is image
    (line,) = caplog.messages
    assert "at t = 0 " in line
    assert "wherever that happens again" in line


def test_a_long_flight_through_everything_keeps_a_picture(caplog):
    """Each move goes past near things, and some leave nothing at all."""
    size = (64, 48)
    flight = space(lambda image: Relief().estimate(image), size, z="400 + 900*t", infill="mirror")
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(3))
    with caplog.at_level(logging.WARNING, "mutoscope"):
        for frame in range(16):
            image = flight(image, shot(frame / 12))(image).clamp(0, 1)
            assert torch.isfinite(image).all()
    assert image.std() > 0.01
    assert len(caplog.messages) == 1


def test_what_the_camera_passes_uncovers_what_is_behind():
    size = (128, 96)
    depth, disc = stand(size)
    moved = warp(depth, size, z=pixels(2.0) + 5, infill="mirror", sampling="nearest")
    after = moved(disc)
    assert moved.revealed.any()
    assert after.mean() < disc.mean()


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(-1e6, 1e6),
    y=st.floats(-1e300, 1e300),
    z=st.floats(-2000, 1200),
    rotate=st.tuples(*[st.floats(-1, 1)] * 4).filter(any),
    lock=st.booleans(),
    compat=st.booleans(),
    infill=st.sampled_from(INFILLS),
)
def test_no_path_breaks_the_picture(x, y, z, rotate, lock, compat, infill):
    size = (24, 16)
    depth, _ = stand(size, radius=5)
    moved = warp(
        depth, size, x=x, y=y, z=z, rotate=str(list(rotate)), lock=lock,
        compat_units=compat, infill=infill,
    )  # fmt: skip
    assert torch.isfinite(moved.displacement).all()
    assert torch.isfinite(moved(torch.rand(1, 3, 16, 24))).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_the_smallest_pictures_can_be_moved(size):
    moved = warp(wall(size), size, x=3, z=30, rotate=quaternion(4, "z"))
    assert torch.isfinite(moved(torch.rand(1, 3, size[1], size[0]))).all()


# ── Refusals, and the rest ──


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"field_of_view": 180}, "field_of_view: 180 degrees; it must be above 0 and below 180"),
        ({"near_plane": 0}, "near_plane, far_plane: 0 and 1000 pixels; the near one must be above"),
        ({"near_plane": 2000}, "near_plane, far_plane: 2000 and 1000 pixels; the near one must"),
    ],
)
def test_impossible_cameras_are_refused(options, message):
    with pytest.raises(SettingsError) as error:
        space(wall(SIZE), SIZE, **options)
    assert str(error.value).startswith(message)


def test_no_quaternion_is_refused_before_anything_runs():
    with pytest.raises(ScriptError) as error:
        space(wall(SIZE), SIZE, rotate="[0, 0, 0, 0]")
    assert str(error.value) == (
        "rotate_3d: '[0, 0, 0, 0]' is [0, 0, 0, 0] always, which turns by no angle; a quaternion "
        "[w, x, y, z] is needed, [1, 0, 0, 0] for no turn"
    )


def test_a_quaternion_that_comes_to_nothing_is_refused_at_its_frame():
    made = space(wall(SIZE), SIZE, rotate="[2 - t, 0, 0, 0]")
    made(torch.zeros(1, 3, 101, 101), shot(1.0))
    with pytest.raises(ScriptError, match=r"is \[0, 0, 0, 0\] at t = 2"):
        made(torch.zeros(1, 3, 101, 101), shot(2.0))
