import math

import pytest
import torch

from mutoscope.cutouts import Cutouts
from mutoscope.terms.masks import Painted, Place, Still, area_table, box_means, diffused

HALF = torch.cat([torch.zeros(4, 2), torch.ones(4, 2)], 1)  # right half white
THIRDS = [[0.25, 0.0], [0.0, 0.0], [0.5, 0.0]], [[0.5, 1.0]] * 3  # middle, black, white


def shares(tools, mask, positions, sizes, **kw):
    floor, share = mask(tools.Given(torch.zeros(len(positions), 2), positions, sizes, **kw), None)
    assert floor == -math.inf
    return share.tolist()


def test_a_white_mask_gives_one_everywhere(tools):
    # PyTTI gave this box weight 0.
    mask = Painted(Still(torch.ones(4, 4)))
    assert shares(tools, mask, [[0.0, 0.0], [0.5, 0.5]], [[0.5, 0.5]] * 2) == [1.0, 1.0]


def test_a_black_mask_gives_nothing(tools):
    for inverted, mask in ((False, torch.zeros(4, 4)), (True, torch.ones(4, 4))):
        painted = Painted(Still(mask), inverted=inverted)
        assert shares(tools, painted, [[0.0, 0.0]], [[1.0, 1.0]]) == [0.0]


def test_shares_are_box_means_over_the_mean_and_have_no_history(tools):
    mask = Painted(Still(HALF))
    for _ in range(3):
        assert shares(tools, mask, *THIRDS) == pytest.approx([1.0, 0.0, 2.0])
    inverted = Painted(Still(HALF), inverted=True)
    assert shares(tools, inverted, *THIRDS) == pytest.approx([1.0, 2.0, 0.0])


def test_boxes_that_poke_out_count_where_they_lie_in_the_picture(tools):
    mask = Painted(Still(HALF))
    positions = [[-0.5, -0.5], [0.75, 0.5], [1.2, 0.0], [-0.5, 0.0]]
    assert shares(tools, mask, positions, [[1.0, 1.0]] * 3 + [[0.4, 0.4]]) == pytest.approx(
        [0.0, 2.0, 0.0, 0.0]
    )


def test_box_means_are_exact_to_a_fraction_of_a_pixel():
    rng = torch.Generator().manual_seed(0)
    mask = torch.rand(6, 9, generator=rng)
    positions = torch.rand(50, 2, generator=rng) * 0.7
    sizes = torch.rand(50, 2, generator=rng) * 0.3
    fine = mask.repeat_interleave(50, 0).repeat_interleave(50, 1)  # 300 by 450
    starts = (positions * torch.tensor([450, 300])).round()
    stops = ((positions + sizes) * torch.tensor([450, 300])).round()
    stops = torch.maximum(stops, starts + 1)
    scale = torch.tensor([450.0, 300.0])
    means = box_means(area_table(mask), starts / scale, (stops - starts) / scale)
    for mean, (x0, y0), (x1, y1) in zip(
        means, starts.long().tolist(), stops.long().tolist(), strict=True
    ):
        assert mean.item() == pytest.approx(fine[y0:y1, x0:x1].mean().item(), abs=2e-5)


def test_dithering_is_the_older_rule_with_whole_boxes():
    # The middle box sees 0.5 and leaves ±√(0.25 / 3) behind in the pixels that it covers.
    left = math.sqrt(0.25 / 3)
    means = diffused(HALF, torch.tensor(THIRDS[0]), torch.tensor(THIRDS[1]))
    assert means.tolist() == pytest.approx([0.5, -left / 2, 1 + left / 2])


def test_dithered_shares_are_not_negative_and_start_anew(tools):
    mask = Painted(Still(HALF), dither=True)
    wanted = [0.70711, 0.0, (1 + math.sqrt(0.25 / 3) / 2) / math.sqrt(0.5)]
    for _ in range(2):
        assert shares(tools, mask, *THIRDS) == pytest.approx(wanted, abs=1e-5)


def test_a_glance_gets_its_part_of_the_steps_shares(tools):
    for dither in (False, True):
        mask = Painted(Still(HALF), dither=dither)
        whole = shares(tools, mask, *THIRDS)
        assert shares(tools, mask, *THIRDS, part=slice(1, 3)) == whole[1:]


class Reel:
    """A mask source of ready masks that holds its last one."""

    def __init__(self, masks):
        self.masks = masks

    def frame(self, index):
        return self.masks[min(index, len(self.masks) - 1)]


def test_a_film_advances_by_its_stride_with_the_frames(tools):
    frames = [torch.zeros(4, 4) for _ in range(5)]
    for i, frame in enumerate(frames[:4]):
        frame[..., i] = 1  # column i is white
    frames[4][..., 0] = 1
    mask = Painted(Reel(frames), stride=2)
    columns = [[i / 4, 0.0] for i in range(4)], [[0.25, 1.0]] * 4
    for frame, white in ((0, 0), (1, 2), (2, 0), (9, 0)):
        got = shares(tools, mask, *columns, moment=tools.moment_at(frame=frame))
        assert got == pytest.approx([4.0 * (i == white) for i in range(4)], abs=1e-5)


def test_the_cutoff_of_a_letter_follows_time(tools):
    mask = Place("r", lambda v: v["t"])
    for t, floor in ((0.3, -math.inf), (0.7, math.inf)):
        look = tools.Given(
            torch.zeros(1, 2), [[0.4, 0.0]], [[0.2, 0.2]], moment=tools.moment_at(t=t)
        )
        assert mask(look, None)[0].tolist() == [floor]


@pytest.mark.parametrize("mode", ["clamp", "mirror", "wrap", "black", "smear", "tile"])
def test_the_share_is_of_what_the_box_shows_past_the_edge_too(mode, tools):
    """A picture that is the mask shows each cutout's mean, whatever lies beyond the edge."""
    mask = torch.zeros(24, 32)
    mask[:, :9], mask[:5, 20:] = 1.0, 0.5
    past = {"tile": (True, True)} if mode == "tile" else {"border_mode": mode}
    cutouts = Cutouts(60, power=1, border=0.5, augmentation="none", **past)
    look = tools.look_at(tools.Pixels((32, 24)), cutouts=cutouts)
    eye = tools.Projection(size=24)
    share = Painted(Still(mask))(look, eye)[1]
    cuts = look.cuts(eye)
    shown = cuts.crop(mask.expand(1, 3, 24, 32)).mean((1, 2, 3))
    if mode == "black":  # of what is black nothing counts
        there = cuts.crop(torch.ones(1, 3, 24, 32)).mean((1, 2, 3))
        shown = torch.where(there > 0.02, shown / there.clamp_min(0.02), share * mask.mean())
    torch.testing.assert_close(share * mask.mean(), shown, atol=0.03, rtol=0)
