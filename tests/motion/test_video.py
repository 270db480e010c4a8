import copy

import pytest
import torch
from torch.nn.functional import interpolate

from mutoscope.motion.flow import Dis
from mutoscope.motion.video import Follow
from mutoscope.schedule import Schedule

SIZE = (128, 96)


def texture(width, height, seed=0):
    """Blots of all sizes and colours, the larger the stronger, as in photographs."""
    rng = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 3, height, width)
    for grain in (48, 24, 12, 6, 3):
        blots = torch.rand(1, 3, height // grain + 2, width // grain + 2, generator=rng) - 0.5
        total += grain**0.7 * interpolate(blots, (height, width), mode="bicubic")
    return (0.5 + total / 24).clamp(0, 1)


class Reel:
    """Pictures in a list, as a film; notes which was asked for, by which reader."""

    def __init__(self, pictures):
        self.pictures, self.asked, self.others = pictures, [], []

    def frame(self, index):
        self.asked.append(index)
        return self.pictures[min(index, len(self.pictures) - 1)]

    def sibling(self):
        other = copy.copy(self)
        other.asked = []
        self.others.append(other)
        return other

    def close(self):
        self.asked = []


def pan(count=6, speed=6):
    """A camera that turns right: the picture goes left."""
    wide = texture(SIZE[0] + count * speed, SIZE[1])
    return [wide[..., n * speed : n * speed + SIZE[0]] for n in range(count)]


def two_shots():
    other = texture(*SIZE, seed=3) * torch.tensor([1.0, 0.5, 0.2]).reshape(1, 3, 1, 1)
    return [*pan(3), other, other]


def shot(frame):
    schedule = Schedule(1, 100, steps_per_frame=2, animated=True, save_every=2)
    return next(s for s in schedule.shots() if s.moves and s.moment.frame == frame)


def painting(n):
    """What is painted in frame ``n``: the pan in other colours, as a good painter would."""
    return 1 - pan()[n]


def middle(field):
    return field[..., 12:-12, 24:-24]


def test_the_painted_picture_goes_where_the_film_goes():
    follow = Follow(Reel(pan()), Dis())
    for n in range(1, 5):
        warp = follow(painting(n - 1), shot(n))
        assert warp.anew is None
        assert not warp.cut
        assert torch.equal(warp.picture, pan()[n])
        speeds = middle(warp.displacement).mean((0, 2, 3)).tolist()
        assert speeds == pytest.approx([-6, 0], abs=0.1)
        off = middle((warp(painting(n - 1)) - painting(n)).abs()).mean()
        assert off < 0.1 * middle((painting(n - 1) - painting(n)).abs()).mean()


def test_a_latent_goes_where_the_picture_goes():
    warp = Follow(Reel(pan(speed=8)), Dis()).step(1)
    latent = interpolate(pan(speed=8)[0], scale_factor=1 / 4, mode="area")
    expected = interpolate(pan(speed=8)[1], scale_factor=1 / 4, mode="area")
    off = (warp(latent) - expected).abs()[..., 3:-3, 3:-6].mean()
    assert off < 0.15 * (latent - expected).abs().mean()


def test_each_frame_may_begin_from_the_film():
    follow = Follow(Reel(pan()), Dis(), reencode=True)
    warp = follow(painting(0), shot(1))
    assert torch.equal(warp.anew, pan()[1])
    (carried,) = follow.carried(1)
    off = (carried.picture - painting(1)).abs()  # still held to what was painted
    assert float((off * carried.mask).sum() / carried.mask.sum() / 3) < 0.03


def test_at_a_cut_nothing_is_carried_over():
    follow = Follow(Reel(two_shots()), Dis(), long_term=2, painted=painting)
    assert not follow(painting(0), shot(1)).cut
    assert not follow(painting(1), shot(2)).cut
    warp = follow(painting(2), shot(3))
    assert warp.cut
    assert torch.equal(warp.anew, two_shots()[3])
    assert warp.still
    assert not warp.reliable.any()
    assert follow.carried(3) == ()
    assert follow(painting(3), shot(4)).anew is None
    assert [carried.back for carried in follow.carried(4)] == [1]


def test_a_film_that_stands_still_moves_nothing():
    follow = Follow(Reel(pan(2)), Dis())
    follow.step(1)
    for frame in (2, 3):
        warp = follow.step(frame)
        assert warp.still
        assert warp.reliable.all()


def blinking():
    """A bar passes before a wall in frame 1 only."""
    wall = texture(*SIZE)
    barred = wall.clone()
    barred[..., 40:72] = texture(32, SIZE[1], seed=9)
    return [wall, barred, wall]


def test_what_was_hidden_comes_back_from_an_older_frame():
    painted = [torch.full((1, 3, 96, 128), level) for level in (0.2, 0.6)]
    follow = Follow(Reel(blinking()), Dis(), long_term=1, painted=painted.__getitem__)
    follow(painted[1], shot(2))
    last, older = follow.carried(2)
    assert (last.back, older.back) == (1, 2)
    assert last.mask[..., 44:68].mean() < 0.5
    assert last.mask[..., :32].mean() > 0.9
    assert torch.equal(last.mask + older.mask, torch.ones_like(last.mask))  # never both
    assert float(older.picture.mean()) == pytest.approx(0.2, abs=0.003)
    assert float(last.picture.mean()) == pytest.approx(0.6, abs=0.003)


def test_every_reader_of_the_film_goes_forward_only():
    reel = Reel(pan(12, 3))
    follow = Follow(reel, Dis("fast"), long_term=2, painted=lambda _: pan()[0])
    for frame in range(1, 10):
        follow(pan()[0], shot(frame))
        backs = [carried.back for carried in follow.carried(frame)]
        assert set(backs) <= {1, 2, 4}
        assert all(back <= frame for back in backs)
    assert [other.asked for other in reel.others] == [list(range(8)), list(range(6))]
    assert reel.asked == sorted(reel.asked)


def test_frames_that_are_not_known_hold_nothing():
    follow = Follow(Reel(pan()), Dis(), long_term=2)
    assert follow.carried(3) == ()
    follow(painting(2), shot(3))
    assert [carried.back for carried in follow.carried(3)] == [1]


def test_a_film_resumed_within_a_frame_is_held_to_the_same():
    first = Follow(Reel(pan()), Dis(), long_term=1, painted=lambda n: painting(n))
    for frame in (1, 2, 3):
        first(painting(frame - 1) * 0.9, shot(frame))
    again = Follow(Reel(pan()), Dis(), long_term=1, painted=lambda n: painting(n))
    again.recall(first.tensors())
    for one, two in zip(first.carried(3), again.carried(3), strict=True):
        assert one.back == two.back
        assert torch.equal(one.picture, two.picture)
        assert torch.equal(one.mask, two.mask)
    assert torch.equal(first.step(3).displacement, again.step(3).displacement)


def test_before_the_first_move_there_is_nothing_to_keep():
    follow = Follow(Reel(pan()), Dis())
    assert follow.tensors() == {}
    follow.recall({})
    assert torch.equal(follow.picture(0), pan()[0])
    follow.close()


def on_the_left(_number):
    mask = torch.zeros(24, 32)
    mask[:, :16] = 1
    return mask


def test_outside_the_foreground_the_film_stands_still():
    free, held = (
        Follow(Reel(pan()), Dis(), foreground=front) for front in (None, lambda: on_the_left)
    )
    moved, stood = free.step(1), held.step(1)
    assert stood.displacement[..., 68:].abs().max() == 0 < moved.displacement[..., 68:].abs().min()
    assert torch.equal(stood.displacement[..., :60], moved.displacement[..., :60])
    assert stood.reliable[..., 68:].all()
    assert torch.equal(stood.reliable[..., :60], moved.reliable[..., :60])


def test_what_the_foreground_has_left_is_not_believed():
    def walks(number):
        mask = torch.zeros(12, 16)
        mask[:, 4 * number : 4 * number + 4] = 1  # quarter by quarter to the right
        return mask

    follow = Follow(Reel([texture(*SIZE)] * 4), Dis(), foreground=lambda: walks)
    assert not follow.step(1).reliable[..., 4:28].any()  # left just now
    assert follow.step(1).reliable[..., 32:].all()
    assert not follow.step(2).reliable[..., 36:60].any()
    assert follow.step(2).reliable[..., 4:28].all()


def test_every_reader_of_the_foreground_goes_forward_only():
    readers = []

    def reader():
        asked = []
        readers.append(asked)
        return lambda number: asked.append(number) or on_the_left(number)

    follow = Follow(Reel(pan(8, 3)), Dis("fast"), long_term=2, painted=lambda _: pan()[0],
                    foreground=reader)  # fmt: skip
    for frame in range(1, 7):
        follow(pan()[0], shot(frame))
        follow.carried(frame)
    assert len(readers) == 4
    assert all(asked == sorted(asked) for asked in readers)
    assert readers[1] == list(range(6))
